"""How far to trust a mean, on the page: chance, doubt about values, and how published numbers like it missed.

Chance is that of the simulated people. Doubt is there for studies that ask for it (`population.doubt`). The
third is the discrepancy of its kind (`core/discrepancy.py`): by how much published numbers missed what was
simulated. Each as the half width of a 90 % interval, 1.64 standard deviations; together they add as squares.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.core.discrepancy import IDENTITY, family_of, table
from insulae.report.comparison import main_arm
from insulae.report.figures import COLORS, INK, Figure
from insulae.report.panel import draw_panel
from insulae.report.reading import Results, Series
from insulae.report.words import unit_text

SHOWN = (
    *("hba1c", "hba1c_change", "hba1c_below_7", "fasting_glucose", "time_in_range", "time_below_range"),
    *("insulin_dose", "insulin_free", "insulin_independence", "remission", "fasting_c_peptide"),
    *("stimulated_c_peptide", "meal_c_peptide_90", "body_weight", "body_weight_change", "egfr"),
)
HALF_WIDTH = 1.645
NOT_ASKED, NOT_KNOWN, BORROWED = "not asked", "not known", " *"
DRAWN = ("hba1c", "insulin_independence", "insulin_free", "stimulated_c_peptide", "hba1c_change")
"""Endpoints whose rows are drawn, as far as they are in the run; at most `MOST_FIGURES`."""
MOST_FIGURES = 3


@dataclass(frozen=True)
class TrustRow:
    """One mean at the last visit as the page prints it."""

    label: str
    arm: str
    mean: str
    chance: str
    doubt: str
    missed: str
    together: str


@dataclass(frozen=True)
class Trust:
    """What the page tells of trust: rows of means and of differences to the first arm, rows that matter."""

    first: str
    groups: int
    means: list[TrustRow]
    differences: list[TrustRow]
    matters: list[str]
    figures: list[Figure]


def trust(results: Results) -> Trust:
    """Return how far the means of the last visit can be trusted."""
    text = (results.directory / "summary.json").read_text(encoding="utf-8")
    doubt: dict[str, Any] = json.loads(text).get("doubt", {})
    means = [
        row
        for name in SHOWN
        for arm in results.arms
        if (row := _mean(results.series(arm, name), arm, doubt.get("arms", {}))) is not None
    ]
    apart = doubt.get("differences", {})
    differences = [
        row
        for name in SHOWN
        for arm in apart
        if (row := _difference(results.series(arm, name), arm, apart)) is not None
    ]
    return Trust(
        first=next(iter(results.arms), ""),
        groups=int(doubt.get("groups", 0)),
        means=means,
        differences=differences,
        matters=_matters(doubt),
        figures=_figures(results, doubt),
    )


def _at_end(record: dict[str, Any], arm: str, name: str) -> dict[str, float] | None:
    """Return mean, chance and doubt at the last visit; None where one is missing."""
    found = {key: values[-1] for key, values in record.get(arm, {}).get(name, {}).items()}
    return None if not found or None in found.values() else found


def _mean(series: Series | None, arm: str, doubted: dict[str, Any]) -> TrustRow | None:
    if series is None or not len(series.weeks) or not math.isfinite(mean := series.at("mean", -1)):
        return None
    n, spread = series.at("n", -1), series.at("sd", -1)
    known = _at_end(doubted, arm, series.name)
    chance = spread / math.sqrt(n) if n > 1 and math.isfinite(spread) else math.nan
    found = known or {"mean": mean, "chance": chance, "doubt": math.nan, "resolution": 0.0}
    return _row(series, arm, found, _missed(series, mean))


def _difference(series: Series | None, arm: str, apart: dict[str, Any]) -> TrustRow | None:
    known = _at_end(apart, arm, series.name) if series else None
    if series is None or known is None or series.name.endswith("_change"):
        return None
    family = family_of(kind_of(series))
    missed = _missed(series, known["mean"]) if family.scale == IDENTITY else (math.nan, False)
    return _row(series, arm, known, missed)


def _row(series: Series, arm: str, found: dict[str, float], off: tuple[float, bool]) -> TrustRow:
    missed, is_borrowed = off
    mean, chance, doubt = (found[key] for key in ("mean", "chance", "doubt"))
    drowned = f"below {_text(HALF_WIDTH * found['resolution'])}" if doubt < found["resolution"] else ""
    parts = [part for part in (chance, doubt, missed) if math.isfinite(part)]
    unit = unit_text(series.unit)
    return TrustRow(
        label=series.label,
        arm=arm,
        mean=f"{_text(mean)} {unit}".strip(),
        chance=_width(chance, NOT_KNOWN),
        doubt=drowned or _width(doubt, NOT_ASKED),
        missed=_width(missed, NOT_KNOWN) + BORROWED * (is_borrowed and math.isfinite(missed)),
        together=_width(math.hypot(*parts), NOT_KNOWN) if math.isfinite(missed) else NOT_KNOWN,
    )


def _width(deviation: float, otherwise: str) -> str:
    return f"± {_text(HALF_WIDTH * deviation)}" if math.isfinite(deviation) else otherwise


def _text(value: float) -> str:
    """Write a number with two digits, more where it is large.

    >>> _text(0.0821), _text(7.36), _text(1274.0), _text(-0.0004)
    ('0.082', '7.4', '1,274', '0')
    """
    if abs(value) < 0.001:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", "−")


def kind_of(series: Series) -> str:
    """Return the kind of number that an endpoint is, as the table of discrepancies knows it."""
    if series.kind == "yes_no":
        return "share"
    return series.name.removesuffix("_change") + " change" * series.name.endswith("_change")


def _missed(series: Series, mean: float) -> tuple[float, bool]:
    """Return the standard deviation of the discrepancy at a mean, and whether all kinds together tell it."""
    row = table().get(family_of(kind_of(series)).name)
    return (math.nan, False) if row is None else (row.deviation(mean), row.is_borrowed)


def _matters(doubt: dict[str, Any]) -> list[str]:
    """Return sentences on the rows that go along with an endpoint more than chance would let them."""
    beyond, found = doubt.get("chance_correlation", 1.0), list[str]()
    for arm, endpoints in doubt.get("influence", {}).items():
        for name in (n for n in SHOWN if n in endpoints):
            rows = [f"{row} ({_text(r)})" for row, r in endpoints[name].items() if abs(r) > beyond]
            if rows:
                found.append(f"{name.replace('_', ' ')}, {arm}: {', '.join(rows)}")
    return found


def _figures(results: Results, doubt: dict[str, Any]) -> list[Figure]:
    influence = doubt.get("influence", {}).get(main_arm(results), {})
    names = [name for name in DRAWN if influence.get(name)][:MOST_FIGURES]
    return [_tornado(name, influence[name], doubt["chance_correlation"]) for name in names]


def _tornado(name: str, rows: dict[str, float], beyond: float) -> Figure:
    key, title = f"doubt-{name.replace('_', '-')}", f"Which values {name.replace('_', ' ')} depends on"

    def draw(axes: Axes) -> None:
        places = np.arange(len(rows))
        strong = [COLORS[1] if abs(r) > beyond else COLORS[0] for r in rows.values()]
        axes.barh(places, list(rows.values()), color=strong)
        axes.set_yticks(places, list(rows), fontsize=8)
        axes.invert_yaxis()
        for x in (-beyond, beyond):
            axes.axvline(x, color=INK, linewidth=1, linestyle="--")
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlim(-1, 1)
        axes.set_xlabel("rank correlation over groups (dimensionless)")

    caption = "Beyond the dashed lines a row without influence comes in one of twenty runs."
    return Figure(key, title, draw_panel(key, title, draw), "", caption)
