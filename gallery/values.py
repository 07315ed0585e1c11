"""From the results of a run to the few numbers a figure shows, as plain data that is kept beside the page."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gallery.families import Family, Panel
from insulae.core.errors import InsulaeError, RunError
from insulae.core.units import quantity
from insulae.report.comparison import Comparison, compare
from insulae.report.reading import Results, Series, Values, arm_specs
from insulae.report.words import unit_text

Floats = NDArray[np.float64]
Plain = dict[str, Any]
DIGITS = 5
OF_HEALTHY = ("graft_mass", "graft_function", "native_mass")
"""Endpoints without a unit that are told against a healthy person."""


def values(family: Family, results: Results) -> Plain:
    """Return everything the figure and the page need of a run."""
    compared = compare(results)
    panels = [_panel(results, panel, compared) for panel in family.panels]
    return {
        "study": family.study,
        "size": results.size,
        "panels": panels,
        "misses": [_told(c) for c in compared if c.verdict == "miss"],
        "hits": sum(c.verdict == "hit" for c in compared),
    }


def _rounded(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def _told(comparison: Comparison) -> Plain:
    """Return a reported value beside the simulated interval it missed or hit."""
    reported = comparison.reported
    return {
        "endpoint": reported.endpoint,
        "label": comparison.series.label if comparison.series else reported.endpoint,
        "arm": reported.arm,
        "week": _rounded(comparison.week if comparison.week is not None else math.nan),
        "reported": reported.text,
        "simulated": [_rounded(v) for v in (comparison.low, comparison.center, comparison.high)],
        "unit": comparison.series.unit if comparison.series else "",
        "source": reported.source,
    }


def _panel(results: Results, panel: Panel, compared: Sequence[Comparison]) -> Plain:
    arms = list(panel.arms or results.arms)
    series = _series(results, arms[0], panel.endpoint)
    found: Plain = {"draw": panel.draw, "label": _label(panel, series), "is_share": series.kind == "yes_no"}
    if panel.draw == "course":
        lines = {arm: _line(_series(results, arm, panel.endpoint)) for arm in arms}
        return found | {"lines": lines, "reported": _reported(panel, compared, arms)}
    rows = {"arms": _arm_rows, "dose": _dose_rows, "classes": _class_rows}[panel.draw](results, panel, arms)
    is_plain = not (panel.change or panel.against) and panel.draw != "classes"
    reported = _at_week(results, panel, compared) if is_plain else []
    published = [{"at": one.at, "value": one.value, "verdict": "not judged"} for one in panel.published]
    return found | {"rows": list(rows), "reported": reported + published, "axis": _axis(results, panel)}


def _series(results: Results, arm: str, endpoint: str) -> Series:
    series = results.series(arm, endpoint)
    if series is None:
        raise RunError(f"the run holds no '{endpoint}' for the arm '{arm}'", "See families.yaml")
    return series


def _label(panel: Panel, series: Series) -> str:
    """Name the vertical axis: what, in which unit, when."""
    unit = unit_text(series.unit)
    when = f", week {panel.week:g}" if panel.week is not None and panel.draw != "course" else ""
    if panel.change or panel.against:
        unit = "percentage points" if unit == "%" else unit
        what = f"{series.label}, {'change' if panel.change else ''}"
        what = what.removesuffix(", ") + (f" against “{panel.against}”" if panel.against else "")
        return f"{what}{when} ({unit})"
    if series.kind == "yes_no":
        return f"{series.label}{when} (% of patients)"
    unit = unit or ("1 = healthy" if panel.endpoint in OF_HEALTHY else "")
    return f"{series.label}{when}{f' ({unit})' if unit else ''}"


def _axis(results: Results, panel: Panel) -> str:
    """Name what the rows are."""
    if panel.draw == "dose":
        return f"{panel.over.replace('_', ' ').replace('.', ': ')}{_unit(results, panel)}"
    if panel.draw == "classes":
        series = _series(results, next(iter(results.arms)), panel.by)
        return f"{series.label}{', change' if panel.by_change else ''} ({unit_text(series.unit)})"
    return ""


def _unit(results: Results, panel: Panel) -> str:
    """Return the unit of the number over which a dose panel goes, as the first arm with it writes it."""
    kind, _, field = panel.over.partition(".")
    for arm in arm_specs(results.study).values():
        for therapy in arm.get("therapies") or ():
            if therapy.get("kind") == kind and field in therapy:
                return f" ({str(therapy[field]).split(maxsplit=1)[-1]})"
    return ""


def _line(series: Series) -> Plain:
    """Return weeks, center and band of one arm."""
    center = series.statistics["mean" if series.kind == "yes_no" else "p50"]
    bounds = (series.statistics["p05"], series.statistics["p95"])
    low, high = bounds if series.kind != "yes_no" else (center, center)
    return {
        name: [_rounded(float(v)) for v in column]
        for name, column in (("weeks", series.weeks), ("center", center), ("low", low), ("high", high))
    }


def _reported(panel: Panel, compared: Sequence[Comparison], arms: Sequence[str]) -> list[Plain]:
    return [
        {"at": c.reported.week, "arm": c.reported.arm, "value": c.reported.value, "verdict": c.verdict}
        for c in compared
        if c.reported.endpoint == panel.endpoint
        and c.reported.arm in arms
        and math.isfinite(c.reported.value)
    ]


def _at_week(results: Results, panel: Panel, compared: Sequence[Comparison]) -> list[Plain]:
    """Return what was reported at the week of a panel, at the arm or at the arm's dose."""
    specs = arm_specs(results.study) if panel.draw == "dose" else {}

    def place(arm: str) -> Any:
        return _number(specs.get(arm, {}), panel.over) if panel.draw == "dose" else arm

    found = [
        {"at": place(c.reported.arm), "value": c.reported.value, "verdict": c.verdict}
        for c in compared
        if c.reported.endpoint == panel.endpoint and c.week == panel.week
    ]
    return [one for one in found if one["at"] is not None]


def _of_patients(results: Results, panel: Panel, arm: str) -> Values:
    """Return one number for each patient of an arm: a value, a change or a difference."""
    week = panel.week if panel.week is not None else float(_series(results, arm, panel.endpoint).weeks[-1])
    found = results.values(arm, panel.endpoint, week)
    if panel.change:
        found = found.less(results.values(arm, panel.endpoint, 0.0))
    if panel.against:
        other = panel.model_copy(update={"against": ""})
        found = found.less(_of_patients(results, other, panel.against))
    return found


def _row(at: str | float, found: Floats, is_share: bool) -> Plain:
    """Return mean and band of some patients; a share has no band of patients."""
    if not len(found):
        return {"at": at, "n": 0, "center": None, "low": None, "high": None}
    low, high = (math.nan, math.nan) if is_share else np.percentile(found, (5, 95))
    numbers = {"center": float(np.mean(found)), "low": float(low), "high": float(high)}
    return {"at": at, "n": len(found), **{name: _rounded(value) for name, value in numbers.items()}}


def _arm_rows(results: Results, panel: Panel, arms: Sequence[str]) -> Iterator[Plain]:
    for arm in arms:
        series = _series(results, arm, panel.endpoint)
        yield _row(arm, _of_patients(results, panel, arm).present, series.kind == "yes_no")


def _dose_rows(results: Results, panel: Panel, arms: Sequence[str]) -> Iterator[Plain]:
    """Yield a row for each arm that gives the therapy, at the number in its field."""
    specs = arm_specs(results.study)
    for arm, row in zip(arms, _arm_rows(results, panel, arms), strict=True):
        number = _number(specs.get(arm, {}), panel.over)
        if number is not None:
            yield row | {"at": number, "arm": arm}


def _number(arm: Plain, path: str) -> float | None:
    """Return the number in a field of a therapy, without its unit; None where the arm does not give it."""
    kind, _, field = path.partition(".")
    for therapy in arm.get("therapies") or ():
        if therapy.get("kind") == kind and field in therapy:
            text = str(therapy[field])
            try:
                return quantity(text, text.split(maxsplit=1)[1])
            except (IndexError, InsulaeError) as error:
                raise RunError(f"'{path}' is no number with a unit: {text}", "See families.yaml") from error
    return None


def _class_rows(results: Results, panel: Panel, arms: Sequence[str]) -> Iterator[Plain]:
    """Yield a row for each class of patients, all arms of the panel together."""
    grouping = panel.model_copy(update={"endpoint": panel.by, "change": panel.by_change, "against": ""})
    is_share = _series(results, arms[0], panel.endpoint).kind == "yes_no"
    pairs = [(_of_patients(results, grouping, arm), _of_patients(results, panel, arm)) for arm in arms]
    groups, numbers = (
        np.concatenate(side) for side in zip(*(by.paired(of) for by, of in pairs), strict=True)
    )
    borders = (-math.inf, *panel.cuts, math.inf)
    for low, high in itertools.pairwise(borders):
        yield _row(_class(low, high), numbers[(groups >= low) & (groups < high)], is_share)


def _class(low: float, high: float) -> str:
    """Write a class: below 5, 5 to 10, 10 or more.

    >>> _class(-15, -10), _class(-math.inf, -15)
    ('-15 to -10', 'below -15')
    """
    if math.isinf(low):
        return f"below {high:g}"
    return f"{low:g} or more" if math.isinf(high) else f"{low:g} to {high:g}"
