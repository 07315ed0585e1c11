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
LETTERS = 74
"""Letters of the footer below one panel."""


def write(title: str, found: Plain, path: Path) -> None:
    """Write the figure as PNG."""
    panels = found["panels"]
    with mpl.rc_context(STYLE):
        canvas = Figure(figsize=(WIDTH * len(panels), HEIGHT), dpi=DPI, layout="constrained")
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


def _colors(panels: list[Plain]) -> dict[str, tuple[str, Any]]:
    """Return color and dash of every arm, the same in all panels."""
    arms = list(dict.fromkeys(arm for panel in panels for arm in panel.get("lines", ())))
    dashes = (dash for dash in DASHES for _ in COLORS)
    return dict(zip(arms, zip(cycle(COLORS), dashes, strict=False), strict=False))


def _footer(found: Plain) -> str:
    """Say what is drawn and that it is simulated."""
    has_course = any(panel["draw"] == "course" for panel in found["panels"])
    center = "Median" if has_course else "Mean"
    return (
        f"Simulated; not medical advice. {center} and 5th to 95th percentile of {found['size']} people; "
        "of yes or no, the share. Diamonds: published; a cross: missed; a dot: not judged."
    )


def _course(axes: Axes, panel: Plain, colors: dict[str, tuple[str, Any]]) -> None:
    """Draw center and band of each arm over the weeks, and what was reported."""
    for arm, line in panel["lines"].items():
        tint, dash = colors[arm]
        weeks, center, low, high = (_floats(line[name]) for name in ("weeks", "center", "low", "high"))
        if not panel["is_share"]:
            axes.fill_between(weeks, low, high, color=tint, alpha=0.16, linewidth=0)
        axes.plot(weeks, center, color=tint, linestyle=dash, linewidth=2)
    last = max(line["weeks"][-1] for line in panel["lines"].values())
    for one in panel["reported"]:
        _diamond(axes, last if one["at"] is None else one["at"], one["value"], colors[one["arm"]][0], one)
    axes.set_xlabel(WEEKS)
    axes.set_ylabel(_folded(panel["label"]))
    if panel["is_share"]:
        axes.set_ylim(-3, 103)


def _folded(label: str) -> str:
    return textwrap.fill(label, LONGEST_LABEL)


def _floats(column: list[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in column]


def _diamond(axes: Axes, x: float, y: float, tint: str, one: Plain) -> None:
    """Draw a published value, with a cross where it was missed and a dot where no rule judges it."""
    over: dict[str, Any] = {"clip_on": False, "zorder": 5, "linestyle": "none"}
    axes.plot(x, y, "D", color="white", markeredgecolor=tint, markersize=8, markeredgewidth=1.8, **over)
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
            _diamond(axes, one["value"], names.index(one["at"]) + 0.22, COLORS[1], one)
    axes.set_yticks(range(len(names)), [] if is_repeated else [str(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel(_folded(panel["label"]))
    axes.set_ylabel(_folded(panel["axis"]))
    axes.xaxis.set_major_locator(MaxNLocator(TICKS))
    if not panel["is_share"]:
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
    axes.set_ylabel(_folded(panel["label"]))
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(TICKS - 1))
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
