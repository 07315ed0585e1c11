"""Small drawings written as SVG: bands, lines, marks and words over two axes; lengths in points.

The figures of a run are drawn so: a plotting library would take longer to load than a small study to run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from markupsafe import escape

from insulae.report.axis import Axis, Floats, Tick

INK, GRID = "#222222", "#ececec"
WIDTH, HEIGHT = 360.0, 237.6
LETTERS = 10.5
FONT = "system-ui, 'DejaVu Sans', sans-serif"
EDGE, TICK, PAD = 3.0, 3.5, 3.5
"""Room at the edge of the drawing, length of a mark of an axis, room between it and its words."""
LINE_HEIGHT, WIDE, BOLD = 1.2, 0.62, 0.7
"""Distance of two lines and width of a letter, as shares of the size of the letters."""
ABOVE, BELOW, MIDDLE = 0.78, 0.24, 0.36
"""How far letters reach above and below the line they stand on, and to their middle."""
BENEATH, FILLED, DRAWN, WRITTEN, MARKED = range(5)
"""What lies upon what."""

Side = Literal["start", "middle", "end"]
Level = Literal["top", "center", "bottom"]


def wide(text: str, size: float, letter: float = WIDE) -> float:
    """Return about how wide a text is at most; of several lines, the longest."""
    return max(len(line) for line in text.split("\n")) * size * letter


@dataclass(frozen=True)
class Frame:
    """Where the axes lie in the drawing."""

    left: float
    top: float
    width: float
    height: float

    def x(self, share: Any) -> Floats:
        """Return where shares of the width lie."""
        return self.left + self.width * np.asarray(share, float)

    def y(self, share: Any) -> Floats:
        """Return where shares of the height lie, counted upwards."""
        return self.top + self.height * (1 - np.asarray(share, float))


@dataclass(frozen=True)
class Place:
    """A place of a text or a mark: of the data, or of the axes where a share of them is given."""

    x: float | None = None
    y: float | None = None
    across: float | None = None
    up: float | None = None


Part = Callable[[Frame], str]


@dataclass
class Panel:
    """One drawing: what is drawn is kept, and written when the limits of the axes are known."""

    width: float = WIDTH
    height: float = HEIGHT
    x: Axis = field(default_factory=Axis)
    y: Axis = field(default_factory=Axis)
    right: tuple[str, Sequence[Tick]] = ("", ())
    """Name and marks of an axis on the right, at values of the left one."""
    legend: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Names and colors, written above."""
    _parts: list[tuple[int, bool, Part]] = field(default_factory=list[tuple[int, bool, Part]])
    _beyond: dict[str, float] = field(default_factory=lambda: {"right": 0.0, "top": 0.0})

    def stripe(self, low: float, high: float, tint: str) -> None:
        """Fill all between two heights."""
        self.y.see([low, high])

        def part(f: Frame) -> str:
            bottom, top = (f.y([height, height]) for height in self.y.share([low, high]))
            return _area(f.x([0, 1]), bottom, top, tint)

        self._add(BENEATH, part)

    def band(self, x: Any, low: Any, high: Any, tint: str, opacity: float) -> None:
        """Fill all between two curves, wherever both are known."""
        x, low, high = (np.asarray(values, float) for values in (x, low, high))
        self.x.see(x)
        self.y.see([low, high])

        def part(f: Frame) -> str:
            across, bottom, top = f.x(self.x.share(x)), f.y(self.y.share(low)), f.y(self.y.share(high))
            runs = _known(across, bottom, top)
            return "".join(_area(across[run], bottom[run], top[run], tint, opacity) for run in runs)

        self._add(FILLED, part)

    def line(self, x: Any, y: Any, tint: str, width: float = 2.0, dash: str = "") -> None:
        """Draw a line through points; it breaks where one is missing."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        self.x.see(x)
        self.y.see(y)

        def part(f: Frame) -> str:
            places = f.x(self.x.share(x)), f.y(self.y.share(y))
            lines = [_path(*(values[run] for values in places)) for run in _known(*places)]
            return _stroke(" ".join(lines), tint, width, dash) if lines else ""

        self._add(DRAWN, part)

    def steps(self, x: Any, y: Any, tint: str, width: float = 2.0) -> None:
        """Draw a line that keeps each height until the next point."""
        self.line(np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1], tint, width)

    def upright(self, x: float, tint: str, width: float = 1.4) -> None:
        """Draw a dashed line from bottom to top."""
        self.x.see(x)
        self._add(
            DRAWN, lambda f: _stroke(_path(f.x([self.x.share(x)] * 2), f.y([0, 1])), tint, width, "5 2")
        )

    def mark(
        self, place: Place, shape: str, tint: str, size: float, fill: str = "", edge: float = 0.0
    ) -> None:
        """Draw a mark, over the edge of the axes too; `fill` with an `edge` of the color makes it open.

        Shapes: o dot, D diamond, ^ and v arrowheads, x cross, of about `size` points.
        """
        self._see(place)

        def part(f: Frame) -> str:
            look = f'fill="{fill or tint}"' + (f' stroke="{tint}" stroke-width="{edge:g}"' if edge else "")
            return _shape(shape, *self._at(place, f), size, look, tint, edge)

        self._add(MARKED, part, is_clipped=False)

    def marks(self, x: Any, y: Any, tint: str, size: float) -> None:
        """Draw a dot at every point that is known."""
        points = [(float(a), float(b)) for a, b in zip(np.ravel(x), np.ravel(y), strict=True)]
        for a, b in points:
            if np.isfinite(a) and np.isfinite(b):
                self.mark(Place(a, b), "o", tint, size)

    def note(
        self,
        text: str,
        place: Place,
        tint: str = INK,
        size: float = LETTERS,
        side: Side = "start",
        level: Level = "center",
        is_bold: bool = False,
    ) -> None:
        """Write a text, in lines where it is broken; beyond the axes it gets the room it needs."""
        self._see(place)
        if place.across is not None and place.across >= 1:
            self._need("right", wide(text, size, BOLD if is_bold else WIDE) + 2 * PAD)
        if place.up is not None and place.up >= 1:
            self._need("top", LINE_HEIGHT * size * len(text.split("\n")) + PAD)
        weight = "bold" if is_bold else ""
        self._add(
            WRITTEN, lambda f: _words(text, *self._at(place, f), size, tint, (side, level), weight), False
        )

    def _see(self, place: Place) -> None:
        """Give a place along the axis room; its height is its own matter, as the names at lines' ends."""
        if place.x is not None:
            self.x.see(place.x)

    def _need(self, where: str, room: float) -> None:
        self._beyond[where] = max(self._beyond[where], room)

    def _add(self, order: int, part: Part, is_clipped: bool = True) -> None:
        self._parts.append((order, is_clipped, part))

    def _at(self, place: Place, f: Frame) -> tuple[float, float]:
        across = place.across if place.x is None else self.x.share(place.x)
        up = place.up if place.y is None else self.y.share(place.y)
        return float(f.x(across)), float(f.y(up))

    def svg(self, key: str, title: str) -> str:
        """Return the drawing; the key keeps its identifiers apart from those of other drawings."""
        f = self._frame()
        clip = f"{key}-clip"
        defined = f'<clipPath id="{clip}"><rect {_box(f)}/></clipPath>'
        parts = sorted([*self._parts, (DRAWN, False, self._axes), (BENEATH, True, self._grid)], key=_order)
        drawn = "".join(f'<g clip-path="url(#{clip})">{p(f)}</g>' if cut else p(f) for _, cut, p in parts)
        start = f'<svg role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg"'
        view = f'viewBox="0 0 {self.width:g} {self.height:g}" style="font-family: {FONT}"'
        return f"{start} {view}><defs>{defined}</defs>{drawn}{self._named(f)}</svg>"

    def _frame(self) -> Frame:
        """Return where the axes lie: they get all room that words leave."""
        row = LINE_HEIGHT * LETTERS
        name, marks = self.right
        labels = max((wide(text, self.y.size) for _, text in self.y.shown()), default=0.0)
        ends = max((wide(text, self.x.size) for _, text in self.x.shown()), default=0.0) / 2
        left = max(EDGE + (row if self.y.name else 0) + labels + TICK + 2 * PAD, ends)
        other = max((wide(text, LETTERS) for _, text in marks), default=-TICK - PAD) + TICK + PAD
        right = EDGE + max(self._beyond["right"], other + (row + PAD if name else 0), ends)
        bottom = EDGE + TICK + PAD + row + (row if self.x.name else 0)
        top = EDGE + max(self._beyond["top"], row / 2, row * ((len(self.legend) + 1) // 2) + PAD)
        return Frame(left, top, self.width - left - right, self.height - top - bottom)

    def _grid(self, f: Frame) -> str:
        lines = [_path(f.x([s, s]), f.y([0, 1])) for s in self._shares(self.x) if self.x.has_grid]
        lines += [_path(f.x([0, 1]), f.y([s, s])) for s in self._shares(self.y) if self.y.has_grid]
        return _stroke(" ".join(lines), GRID, 0.8) if lines else ""

    @staticmethod
    def _shares(axis: Axis) -> list[float]:
        return [float(axis.share(value)) for value, _ in axis.shown()]

    def _axes(self, f: Frame) -> str:
        """Return the two lines of the axes and their marks."""
        lines = [_path(f.x([0, 0, 1]), f.y([1, 0, 0]))]
        floor, wall = float(f.y(0)), float(f.x(0))
        lines += [_path(f.x([s, s]), np.array([floor, floor + TICK])) for s in self._shares(self.x)]
        lines += [_path(np.array([wall, wall - TICK]), f.y([s, s])) for s in self._shares(self.y)]
        if self.right[1]:
            far = float(f.x(1))
            lines.append(_path(f.x([1, 1]), f.y([0, 1])))
            heights = [float(self.y.share(value)) for value, _ in self.right[1]]
            lines += [_path(np.array([far, far + TICK]), f.y([s, s])) for s in heights]
        return _stroke(" ".join(lines), INK, 0.8)

    def _named(self, f: Frame) -> str:
        """Return all words beside the axes."""
        floor, wall, far = float(f.y(0)), float(f.x(0)), float(f.x(1))
        written = [
            _words(text, float(f.x(self.x.share(v))), floor + TICK + PAD, self.x.size, INK, ("middle", "top"))
            for v, text in self.x.shown()
        ]
        for ticks, place, side in (
            (self.y.shown(), wall - TICK - PAD, "end"),
            (self.right[1], far + TICK + PAD, "start"),
        ):
            for value, text in ticks:
                height = float(f.y(self.y.share(value)))
                written.append(_words(text, place, height, self.y.size, INK, (side, "center")))
        middle = float(f.x(0.5)), float(f.y(0.5))
        written.append(_words(self.x.name, middle[0], self.height - EDGE, LETTERS, INK, ("middle", "bottom")))
        for name, place in (
            (self.y.name, EDGE + ABOVE * LETTERS),
            (self.right[0], self.width - EDGE - BELOW * LETTERS),
        ):
            written.append(_turned(name, place, middle[1]))
        return "".join([*written, *self._legend(f)])

    def _legend(self, f: Frame) -> list[str]:
        """Return the names of the colors above the axes, in two columns."""
        row = LINE_HEIGHT * LETTERS
        parts = list[str]()
        for number, (text, tint) in enumerate(self.legend):
            x = float(f.x(0.5 * (number % 2) if len(self.legend) > 1 else 0.25))
            y = EDGE + row * (number // 2 + 0.5)
            parts.append(_stroke(_path(np.array([x, x + 18]), np.array([y, y])), tint, 1.6))
            parts.append(_shape("o", x + 9, y, 6, f'fill="{tint}"', tint, 0))
            parts.append(_words(text, x + 18 + 2 * PAD, y, 9, INK, ("start", "center")))
        return parts


def _order(part: tuple[int, bool, Part]) -> int:
    return part[0]


def _text(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _known(*values: Floats) -> list[slice]:
    """Return the stretches in which all values are known."""
    finite = np.concatenate([[False], np.isfinite(np.stack(values)).all(axis=0), [False]])
    edges = np.flatnonzero(finite[1:] != finite[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _path(x: Floats, y: Floats) -> str:
    points = [f"{_text(float(a))} {_text(float(b))}" for a, b in zip(x, y, strict=True)]
    return "M" + "L".join(points)


def _area(x: Floats, low: Floats, high: Floats, tint: str, opacity: float = 1.0) -> str:
    outline = _path(np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]]))
    return f'<path d="{outline}Z" fill="{tint}" fill-opacity="{opacity:g}"/>'


def _stroke(path: str, tint: str, width: float, dash: str = "") -> str:
    broken = f' stroke-dasharray="{dash}"' if dash else ""
    pen = f'stroke="{tint}" stroke-width="{width:g}" stroke-linejoin="round"{broken}'
    return f'<path d="{path}" fill="none" {pen}/>'


def _box(f: Frame) -> str:
    return " ".join(
        f'{name}="{_text(value)}"'
        for name, value in (("x", f.left), ("y", f.top), ("width", f.width), ("height", f.height))
    )


OUTLINES = {
    "D": ((0, -0.7), (0.7, 0), (0, 0.7), (-0.7, 0)),
    "^": ((0, -0.5), (0.5, 0.5), (-0.5, 0.5)),
    "v": ((0, 0.5), (0.5, -0.5), (-0.5, -0.5)),
}


def _shape(shape: str, x: float, y: float, size: float, look: str, tint: str, edge: float) -> str:
    """Return a mark around a point."""
    if shape == "o":
        return f'<circle cx="{_text(x)}" cy="{_text(y)}" r="{_text(size / 2)}" {look}/>'
    if shape == "x":
        r = np.array([-size / 2, size / 2])
        return _stroke(f"{_path(x + r, y + r)} {_path(x + r, y - r)}", tint, edge)
    corners = size * np.array(OUTLINES[shape])
    return f'<path d="{_path(x + corners[:, 0], y + corners[:, 1])}Z" {look}/>'


def _words(
    text: str, x: float, y: float, size: float, tint: str, how: tuple[Any, Any], weight: str = ""
) -> str:
    """Return a text, each line of it by itself; `how` is its side and its level."""
    lines = text.split("\n") if text else []
    side, level = how
    row = LINE_HEIGHT * size
    above = {"top": ABOVE * size, "center": MIDDLE * size - row * (len(lines) - 1) / 2}
    first = y + above.get(level, -BELOW * size - row * (len(lines) - 1))
    look = f'font-size="{size:g}" fill="{tint}" text-anchor="{side}"'
    look += f' font-weight="{weight}"' if weight else ""
    return "".join(
        f'<text x="{_text(x)}" y="{_text(first + row * i)}" {look}>{escape(line)}</text>'
        for i, line in enumerate(lines)
    )


def _turned(text: str, x: float, y: float) -> str:
    """Return a text that is read from below."""
    where = f'transform="translate({_text(x)} {_text(y)}) rotate(-90)"'
    look = f'font-size="{LETTERS:g}" fill="{INK}" text-anchor="middle"'
    return f"<text {where} {look}>{escape(text)}</text>" if text else ""
