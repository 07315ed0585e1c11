"""One panel of a figure: drawn with matplotlib, given as SVG for the inside of a page; text stays text."""

import functools
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.transforms import Bbox

INK = "#222222"
SIZE = (5.0, 3.3)
POINTS_PER_INCH, MARGIN = 72, 3.0
LEFT, BOTTOM, TOP = 60.0, 42.0, 16.0
"""Points around the axes of a usual panel: for five digits and a label, weeks or hours, a note above."""
LABELS = (44.0, 22.0)
"""Points between the axes of a usual panel and their labels, on the left and below."""
INTERVALS = 5
"""Intervals of an axis at most: ticks, with their lines and numbers, take most of the time of a drawing."""
AROUND = 0.05
"""Share of an axis that lines keep free at its ends, unless a panel says otherwise."""
AXES: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.xmargin": AROUND,
    "axes.ymargin": AROUND,
    "grid.color": "#ececec",
}
"""How axes look on every page."""
_STYLE: dict[Any, Any] = AXES | {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "path.simplify": True,
}


class Easel:
    """Axes on which panels of one kind are drawn, one after the other.

    To make axes and their ticks takes a quarter of a usual drawing. All panels of an easel have the same
    scales, ticks and grid, if they set any; nothing else of one is left for the next.
    """

    def __init__(self, size: tuple[float, float] = SIZE) -> None:
        """Make empty axes of a size in inches, on the paper of the page."""
        with mpl.rc_context(_STYLE):
            self._canvas = Canvas(figsize=size, dpi=POINTS_PER_INCH)
            self._axes = self._canvas.add_subplot()
            self._axes.locator_params(nbins=INTERVALS)
            for patch in (self._canvas.patch, self._axes.patch):
                patch.set_alpha(0)

    def panel(self, key: str, title: str, draw: Callable[[Axes], None], right: float) -> str:
        """Draw one panel with room for so many points on the right; see `draw_panel`.

        Axes and labels stand where those of all such panels do: to measure labels takes as long as half the
        drawing.
        """
        self._wipe()
        return self.drawn(key, title, draw, functools.partial(_place, right=right))

    def drawn(
        self, key: str, title: str, draw: Callable[[Axes], None], place: Callable[[Canvas, Axes], None]
    ) -> str:
        """Return what is drawn on empty axes that are then put in their place."""
        with mpl.rc_context({**_STYLE, "svg.hashsalt": key}):
            draw(self._axes)
            place(self._canvas, self._axes)
            buffer = io.StringIO()
            # Not `savefig`, which draws everything twice.
            FigureCanvasSVG(self._canvas).print_svg(buffer, metadata={"Date": None, "Creator": None})
        return _inline(buffer.getvalue(), key, title)

    def _wipe(self) -> None:
        """Take away what was drawn, and the limits, margins and words that it asked for."""
        axes = self._axes
        for drawn in (*axes.lines, *axes.collections, *axes.texts, *axes.patches, *axes.child_axes):
            drawn.remove()
        axes.set(title="", xlabel="", ylabel="", xlim=(0, 1), ylim=(0, 1), prop_cycle=None)
        axes.margins(AROUND)
        axes.dataLim, axes.ignore_existing_data_limits = Bbox.null(), True
        axes.autoscale()


def draw_panel(key: str, title: str, draw: Callable[[Axes], None], size: tuple[float, float] = SIZE) -> str:
    """Draw one panel and return it as SVG without header, with identifiers of its own."""
    return Easel(size).drawn(key, title, draw, _fit)


def _fit(canvas: Canvas, axes: Axes) -> None:
    """Give the axes all room that their labels leave; a constrained layout would measure everything twice."""
    outer = axes.get_tightbbox(FigureCanvasAgg(canvas).get_renderer())
    inner, whole = axes.get_window_extent(), canvas.bbox
    if outer is None:
        return
    left, bottom = inner.x0 - outer.x0 + MARGIN, inner.y0 - outer.y0 + MARGIN
    right, top = outer.x1 - inner.x1 + MARGIN, outer.y1 - inner.y1 + MARGIN
    canvas.subplots_adjust(
        left / whole.width, bottom / whole.height, 1 - right / whole.width, 1 - top / whole.height
    )


def _place(canvas: Canvas, axes: Axes, right: float) -> None:
    """Give the axes and their labels the places of a usual panel."""
    width, height = canvas.bbox.width, canvas.bbox.height
    canvas.subplots_adjust(LEFT / width, BOTTOM / height, 1 - right / width, 1 - TOP / height)
    axes.yaxis.set_label_coords(-LABELS[0] / axes.bbox.width, 0.5)
    axes.xaxis.set_label_coords(0.5, -LABELS[1] / axes.bbox.height)


def _inline(svg: str, key: str, title: str) -> str:
    """Strip what only a separate file needs and keep identifiers apart from those of other figures."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    svg = re.sub(r'href="#', f'href="#{key}-', svg)
    svg = re.sub(r"'DejaVu Sans'", "system-ui, 'DejaVu Sans', sans-serif", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1)
    svg = re.sub(r'<svg ([^>]*?)height="[^"]*"', r"<svg \1", svg, count=1)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
