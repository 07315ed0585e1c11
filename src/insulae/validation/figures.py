"""Figures of the page: observed against simulated in each domain, and where values fall in the draws."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.report.figures import COLORS, GRAY, INK, Figure
from insulae.report.panel import draw_panel

Plain = Mapping[str, Any]
SIZE = (4.4, 3.9)
FEWEST = 2
"""Values from which a panel is worth drawing by itself; the rest share one, in percent of the observed."""
GROUPS: tuple[tuple[str, str, Callable[[Plain], bool]], ...] = (
    ("HbA1c", "%", lambda v: v["kind"] == "hba1c"),
    ("change of HbA1c", "percentage points", lambda v: v["kind"] == "hba1c change"),
    ("share of people", "%", lambda v: v["kind"] == "share"),
    ("change of weight", "kg", lambda v: v["kind"] == "body_weight change"),
    ("time in range, variation of glucose", "%", lambda v: v["kind"].startswith(("time_", "coefficient_"))),
    ("glucose", "mg/dL", lambda v: v["unit"] == "mg/dL"),
)
MARKS = {"hit": "o", "accepted": "s", "miss": "X"}


def of_domain(domain: str, values: Sequence[Plain]) -> list[Figure]:
    """Return the panels of a domain, one for each sort of number."""
    left = [v for v in values if v["domain"] == domain and v["simulated"] is not None and not v["bound"]]
    found: list[Figure] = []
    for title, unit, is_in in GROUPS:
        chosen = [v for v in left if is_in(v)]
        if len(chosen) >= FEWEST:
            found.append(_panel(domain, title, unit, chosen, relative=False))
            left = [v for v in left if not is_in(v)]
    others = [v for v in left if v["observed"]]
    return [*found, *([_panel(domain, "other numbers", "% of observed", others, True)] if others else [])]


def _panel(domain: str, title: str, unit: str, values: Sequence[Plain], relative: bool) -> Figure:
    key = f"{domain}-{title}".replace(" ", "-").replace(",", "")
    draw = (lambda axes: _ratios(axes, values)) if relative else (lambda axes: _against(axes, values, unit))
    return Figure(key, f"{domain}: {title}", draw_panel(key, title, draw, SIZE), "", f"{len(values)} values.")


def _color(value: Plain) -> str:
    if value["role"] == "calibration":
        return COLORS[1]
    return COLORS[0] if value["verified"] else GRAY


def _point(axes: Axes, x: float, y: float, value: Plain) -> None:
    style: dict[str, Any] = {"color": _color(value), "markeredgecolor": "white", "markeredgewidth": 0.7}
    axes.plot(x, y, MARKS[value["verdict"]], markersize=7.5, zorder=3, **style)


def _against(axes: Axes, values: Sequence[Plain], unit: str) -> None:
    """Draw simulated with its interval from left to right, observed upward, and the line of agreement."""
    for value in values:
        span = (value["low"], value["high"])
        if None not in span:
            axes.plot(span, [value["observed"]] * 2, color=_color(value), alpha=0.45, linewidth=2.4)
        _point(axes, value["simulated"], value["observed"], value)
    numbers = [v[k] for v in values for k in ("observed", "simulated", "low", "high") if v[k] is not None]
    low, high = min(numbers), max(numbers)
    room = 0.06 * (high - low) or 1.0
    ends = np.array([low - room, high + room])
    band = float(np.median([v["band"] for v in values]))
    axes.fill_between(ends, ends - band, ends + band, color=GRAY, alpha=0.15, linewidth=0)
    axes.plot(ends, ends, color=INK, linewidth=1)
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_xlabel(f"simulated ({unit})")
    axes.set_ylabel(f"observed ({unit})")


def _ratios(axes: Axes, values: Sequence[Plain]) -> None:
    """Draw simulated numbers of many sorts in percent of what was observed, a row each."""
    for place, value in enumerate(values):
        scale = 100 / value["observed"]
        span = [value["low"], value["high"]]
        if None not in span:
            axes.plot([scale * s for s in span], [place] * 2, color=_color(value), alpha=0.45, linewidth=2.4)
        _point(axes, scale * value["simulated"], place, value)
    axes.axvline(100, color=INK, linewidth=1)
    axes.set_yticks(range(len(values)), [_short(v) for v in values], fontsize=7)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlabel("simulated, % of observed")


def _short(value: Plain) -> str:
    text = f"{value['study']}: {value['endpoint']}"
    return text if len(text) <= 46 else f"{text[:45]}…"


def places(layer: Plain) -> Figure:
    """Return how often observed values fall into each tenth of a layer's draws; even where it is honest."""
    name = str(layer["layer"])
    key = "places-" + name.replace(",", "").replace(" ", "-")

    def draw(axes: Axes) -> None:
        counts = layer["places"]
        middle = (np.arange(len(counts)) + 0.5) * 100 / len(counts)
        axes.bar(middle, counts, width=90 / len(counts), color=COLORS[0])
        axes.axhline(sum(counts) / len(counts), color=INK, linewidth=1, linestyle="--")
        axes.set_xlabel("place of the observed value among the draws (%)")
        axes.set_ylabel("values")

    caption = (
        "Dashed: where all bars would end if the intervals were right. Ends: observed outside the draws."
    )
    title = f"Where observed values fall: {name}"
    return Figure(key, title, draw_panel(key, "places", draw, SIZE), "", caption)
