"""One panel of a figure: drawn with matplotlib, given as SVG for the inside of a page; text stays text."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

INK = "#222222"
SIZE = (5.0, 3.3)
POINTS_PER_INCH, MARGIN = 72, 3.0
LEFT, BOTTOM, TOP = 60.0, 42.0, 16.0
"""Points around the axes of a usual panel: for five digits and a label, weeks or hours, a note above."""
LABELS = (44.0, 22.0)
"""Points between the axes of a usual panel and their labels, on the left and below."""
INTERVALS = 5
"""Intervals of an axis at most: ticks, with their lines and numbers, take most of the time of a drawing."""
AXES: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#ececec",
}
"""How axes look on every page."""
_STYLE: dict[Any, Any] = AXES | {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "path.simplify": True,
}


def draw_panel(
    key: str,
    title: str,
    draw: Callable[[Axes], None],
    size: tuple[float, float] = SIZE,
    right: float | None = None,
) -> str:
    """Draw one panel and return it as SVG without header, with identifiers of its own.

    With room for so many points on the `right`, axes and labels stand where those of all such panels do;
    without, the labels are measured, which takes as long as half the drawing.
    """
    with mpl.rc_context({**_STYLE, "svg.hashsalt": key}):
        canvas = Canvas(figsize=size, dpi=POINTS_PER_INCH)
        axes = canvas.add_subplot()
        axes.locator_params(nbins=INTERVALS)
        for patch in (canvas.patch, axes.patch):
            patch.set_alpha(0)
        draw(axes)
        if right is None:
            _fit(canvas, axes)
        else:
            _place(canvas, axes, right)
        buffer = io.StringIO()
        # Not `savefig`, which draws everything twice.
        FigureCanvasSVG(canvas).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), key, title)


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
