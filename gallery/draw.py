"""Draw the figure of a family from its kept values: panels side by side, color-blind safe."""

import textwrap
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from insulae.report.figures import COLORS, GRAY, INK
from insulae.report.panel import AXES

Plain = dict[str, Any]
WIDTH, HEIGHT, DPI = 4.6, 4.1, 110
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
STYLE: dict[Any, Any] = AXES | {"font.size": 10}
WEEKS = "weeks since enrollment"
LONGEST_LABEL, TICKS, COLUMNS = 44, 6, 4
LONGEST_UPRIGHT = 36
"""Letters of a label along the vertical axis, which is shorter."""
ROW, ROWS = 0.3, 9
"""Inches that each row takes from the number of rows on that no longer fits the usual height."""
MOST_BANDS = 2
"""Arms of a course up to which the bands of all weeks are drawn; of more, the band of the last week alone."""
STEPS = (1, 2, 2.5, 5, 10)
LETTERS = 74
"""Letters of the footer below one panel."""


def write(title: str, found: Plain, path: Path) -> None:
    """Write the figure as PNG."""
    panels = found["panels"]
    with mpl.rc_context(STYLE):
        size = (WIDTH * len(panels), HEIGHT + ROW * _rows_too_many(panels))
        canvas = Figure(figsize=size, dpi=DPI, layout="constrained")
        FigureCanvasAgg(canvas)
        canvas.suptitle(title, x=0.01, ha="left", fontweight="bold")
        colors = _colors(panels)
        for place, panel in enumerate(panels):
            axes = canvas.add_subplot(1, len(panels), place + 1)
            _course(axes, panel, colors) if panel["draw"] == "course" else _rows(
                axes, panel, place > 0 and _names(panel) == _names(panels[place - 1])
            )
        _legend(canvas, panels, colors)
        footer = textwrap.fill(_footer(found), LETTERS * len(panels))
        canvas.supxlabel(footer, fontsize=8.5, color=INK, x=0.01, ha="left")
        canvas.savefig(path, metadata={"Software": None})


def _rows_too_many(panels: list[Plain]) -> int:
    """Return how many rows do not fit the usual height."""
    most = max((len(panel.get("rows", ())) for panel in panels if panel["draw"] != "dose"), default=0)
    return max(most - ROWS, 0)


def _colors(panels: list[Plain]) -> dict[str, tuple[str, Any]]:
    """Return color and dash of every arm, the same in all panels."""
    arms = list(dict.fromkeys(arm for panel in panels for arm in panel.get("lines", ())))
    dashes = (dash for dash in DASHES for _ in COLORS)
    return dict(zip(arms, zip(cycle(COLORS), dashes, strict=False), strict=False))


def _footer(found: Plain) -> str:
    """Say what is drawn and that it is simulated."""
    has_course = any(panel["draw"] == "course" for panel in found["panels"])
    center = "Median" if has_course else "Mean"
    published = [one for panel in found["panels"] for one in panel["reported"]]
    marks = "Diamonds: published; a cross: missed; a dot: not judged." if published else ""
    is_crowded = any(_is_crowded(panel) for panel in found["panels"])
    band = "5th to 95th percentile" + (" (at the last week, where there are many arms)" if is_crowded else "")
    drawn = f"{center} and {band} of {found['size']} people; of yes or no, the share."
    return f"Simulated; not medical advice. {drawn} {marks}".strip()


def _is_crowded(panel: Plain) -> bool:
    """Whether the bands of all arms would hide one another."""
    return panel["draw"] == "course" and not panel["is_share"] and len(panel["lines"]) > MOST_BANDS


def _course(axes: Axes, panel: Plain, colors: dict[str, tuple[str, Any]]) -> None:
    """Draw center and band of each arm over the weeks, and what was reported."""
    last = max(line["weeks"][-1] for line in panel["lines"].values())
    for place, (arm, line) in enumerate(panel["lines"].items()):
        tint, dash = colors[arm]
        weeks, center, low, high = (_floats(line[name]) for name in ("weeks", "center", "low", "high"))
        if _is_crowded(panel):
            _ending(axes, last * (1.03 + 0.025 * place), (low[-1], center[-1], high[-1]), tint)
        elif not panel["is_share"]:
            axes.fill_between(weeks, low, high, color=tint, alpha=0.16, linewidth=0)
        axes.plot(weeks, center, color=tint, linestyle=dash, linewidth=2)
    for one in panel["reported"]:
        _diamond(axes, last if one["at"] is None else one["at"], one["value"], colors[one["arm"]][0], one)
    axes.set_xlabel(WEEKS)
    axes.set_ylabel(_folded(panel["label"], LONGEST_UPRIGHT))
    _ticks(axes, last)
    if panel["is_share"]:
        axes.set_ylim(-3, 103)


def _ending(axes: Axes, x: float, ends: tuple[float, float, float], tint: str) -> None:
    """Draw the band of the last week as a bar beside the lines."""
    low, center, high = ends
    axes.plot([x, x], [low, high], color=tint, linewidth=4, alpha=0.35, solid_capstyle="butt")
    axes.plot(x, center, "o", color=tint, markersize=4)


def _ticks(axes: Axes, last: float) -> None:
    """Mark quarters, halves or whole years: the weeks that visits fall on."""
    step = next((one for one in (4, 13, 26, 52, 104) if last / one <= TICKS), 260)
    axes.set_xticks(range(0, int(last) + 1, step))


def _folded(label: str, longest: int = LONGEST_LABEL) -> str:
    """Break a long label; its unit stays on one line."""
    what, _, unit = label.rpartition(" (") if label.endswith(")") else (label, "", "")
    lines = textwrap.wrap(what, longest)
    unit = f"({unit}" if unit else ""
    if unit and len(lines[-1]) + len(unit) < longest:
        return "\n".join([*lines[:-1], f"{lines[-1]} {unit}"])
    return "\n".join([*lines, unit] if unit else lines)


def _floats(column: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in column]


def _diamond(axes: Axes, x: float, y: float, tint: str, one: Plain) -> None:
    """Draw a published value, with a cross where it was missed and a dot where no rule judges it."""
    over: dict[str, Any] = {"clip_on": False, "zorder": 5, "linestyle": "none"}
    axes.plot(x, y, "D", color="white", markeredgecolor=tint, markersize=7, markeredgewidth=1.8, **over)
    if one["verdict"] == "miss":
        axes.plot(x, y, "x", color=INK, markersize=11, markeredgewidth=2, **over)
    if one["verdict"] == "not judged":
        axes.plot(x, y, ".", color=GRAY, markersize=5, **over)


BAND: dict[str, Any] = {"linewidth": 5, "alpha": 0.35, "solid_capstyle": "butt"}


def _names(panel: Plain) -> list[Any]:
    return [row["at"] for row in panel["rows"]] if panel["draw"] in ("arms", "classes") else []


def _rows(axes: Axes, panel: Plain, is_repeated: bool) -> None:
    """Draw one point for each row: over a number from left to right, over names from top to bottom."""
    if panel["draw"] == "dose":
        _over_number(axes, panel)
        return
    names = _names(panel)
    for place, row in enumerate(panel["rows"]):
        if row["center"] is None:
            axes.annotate("nobody", (0, place), va="center", color=GRAY)
            continue
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place] * 2, color=COLORS[0], **BAND)
        axes.plot(row["center"], place, "o", color=COLORS[0], markersize=8)
    for one in panel["reported"]:
        if one["at"] in names:
            _diamond(axes, one["value"], names.index(one["at"]) + 0.28, COLORS[1], one)
    axes.set_yticks(range(len(names)), [] if is_repeated else [str(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(_folded(panel["label"]))
    axes.set_ylabel(_folded(panel["axis"], LONGEST_UPRIGHT))
    axes.xaxis.set_major_locator(MaxNLocator(TICKS, steps=STEPS))
    if panel["is_share"]:
        axes.set_xlim(-3, 103)
    else:
        axes.axvline(0, color=GRAY, linewidth=1)


def _over_number(axes: Axes, panel: Plain) -> None:
    """Draw a dose and its effect: points joined by a line, the band of patients behind."""
    rows = sorted((row for row in panel["rows"] if row["center"] is not None), key=lambda row: row["at"])
    x = [row["at"] for row in rows]
    if not panel["is_share"]:
        low, high = (_floats([row[name] for row in rows]) for name in ("low", "high"))
        axes.fill_between(x, low, high, color=COLORS[0], alpha=0.16, linewidth=0)
    axes.plot(x, [row["center"] for row in rows], "o-", color=COLORS[0], linewidth=2, markersize=7)
    for one in panel["reported"]:
        _diamond(axes, float(one["at"]), one["value"], COLORS[1], one)
    axes.set_xlabel(panel["axis"])
    axes.set_ylabel(_folded(panel["label"], LONGEST_UPRIGHT))
    axes.set_xlim(left=0)
    if panel["is_share"]:
        axes.set_ylim(-3, 103)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS - 1, steps=STEPS))
    axes.xaxis.set_major_formatter("{x:,.0f}")


def _legend(canvas: Figure, panels: list[Plain], colors: dict[str, tuple[str, Any]]) -> None:
    """Name the arms of courses above the panels."""
    if not colors:
        return
    handles = [
        Line2D([], [], color=tint, linestyle=dash, linewidth=2, label=arm)
        for arm, (tint, dash) in colors.items()
    ]
    columns = COLUMNS if len(panels) > COLUMNS // 2 else COLUMNS // 2
    canvas.legend(handles=handles, loc="outside upper right", ncols=columns, frameon=False)
