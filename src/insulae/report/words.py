"""Numbers and findings in plain words: sensible rounding, weeks, units, and the sentences of the answer."""

import math
import re

import numpy as np

from insulae.report.reading import Results, Series

NEVER = "never"
CLOSE_TO_THE_END = 5.0
"""Percentages nearer than this to 0 or 100 get a decimal."""
ONE_DECIMAL = ("hba1c", "hba1c_change", "glucose_management_indicator")
_DECIMALS = {
    "%": 0,
    "mg/dL": 0,
    "pmol/L": 0,
    "pmol/L*min": 0,
    "mL/min/1.73 m2": 0,
    "week": 0,
    "dimensionless": 2,
}
_UNITS = {
    "dimensionless": "",
    "U/d": "U/day",
    "1/week": "per week",
    "pmol/L*min": "pmol/L·min",
    "mL/min/1.73 m2": "mL/min/1.73 m²",
}


def unit_text(unit: str) -> str:
    """Return a unit as people write it; a dimensionless quantity has none.

    >>> unit_text("U/d")
    'U/day'
    """
    return _UNITS.get(unit, unit)


def plain_units(text: str) -> str:
    """Return text of a study file with its units as people write them.

    >>> plain_units("20 to 30 U/d"), plain_units("1 year")
    ('20 to 30 U/day', '1 year')
    """
    text = re.sub(r"\bU/d\b", "U/day", text).replace("m2", "m²")
    return text if re.match(r"1 (year|week)$", text) else re.sub(r"\b(year|week)$", r"\1s", text)


def endpoint_unit(unit: str, endpoint: str) -> str:
    """Return the unit of an endpoint in words; what changes by percents changes by percentage points.

    >>> endpoint_unit("%", "hba1c_change"), endpoint_unit("%", "hba1c")
    ('percentage points', '%')
    """
    return "percentage points" if unit == "%" and endpoint.endswith("_change") else unit_text(unit)


def number(value: float, unit: str, endpoint: str = "") -> str:
    """Return a number rounded as its unit deserves, without the unit.

    >>> number(4.87, "%", "hba1c"), number(93.4, "%"), number(float("inf"), "week")
    ('4.9', '93', 'never')
    """
    if math.isnan(value):
        return "no value"
    if math.isinf(value):
        return NEVER
    decimals = 1 if endpoint in ONE_DECIMAL else _DECIMALS.get(unit, 1)
    if unit == "%" and 0 < min(value, 100 - value) < CLOSE_TO_THE_END:
        decimals = max(decimals, 1)
    text = f"{value:,.{decimals}f}"
    return "0" if text.strip("-0.") == "" else text


def quantity(value: float, unit: str, endpoint: str = "") -> str:
    """Return a number with its unit; weeks read 'week 11'.

    >>> quantity(11.2, "week"), quantity(23.4, "U/d")
    ('week 11', '23.4 U/day')
    """
    text = number(value, unit, endpoint)
    if not math.isfinite(value):
        return text
    return f"week {text}" if unit == "week" else f"{text} {endpoint_unit(unit, endpoint)}".strip()


def between(low: float, high: float, unit: str, endpoint: str = "") -> str:
    """Return an interval without the name of its limits, unit once.

    >>> between(4.6, 5.43, "%", "hba1c"), between(7, float("inf"), "week")
    ('4.6 to 5.4 %', 'week 7 to never')
    """
    if not (math.isfinite(low) or math.isfinite(high)) and low == high:
        return NEVER
    if unit == "week" and math.isfinite(low):
        return f"week {number(low, unit)} to {number(high, unit)}"
    ends = f"{number(low, unit, endpoint)} to {number(high, unit, endpoint)}"
    return f"{ends} {endpoint_unit(unit, endpoint)}".strip()


def median_text(series: Series, visit: int) -> str:
    """Return median and 5-95 % interval at one visit in brief; of yes/no endpoints the share of patients."""
    if series.kind == "yes_no":
        share = series.at("mean", visit)
        return "no value" if math.isnan(share) else f"{number(share, '%')} % of patients"
    center, low, high = (series.at(s, visit) for s in ("p50", "p05", "p95"))
    return brief(low, center, high, series.unit, series.name)


def week_text(week: float) -> str:
    """Return a week of the study in words.

    >>> week_text(0), week_text(113)
    ('week 0', 'week 113')
    """
    return f"week {week:.0f}" if abs(week - round(week)) < 0.05 else f"week {week:.1f}"


def brief(low: float, center: float, high: float, unit: str, endpoint: str = "") -> str:
    """Return a middle value with its interval in brackets, or alone when all agree.

    >>> brief(6.3, 6.61, 7.0, "%", "hba1c"), brief(9, 11.2, float("inf"), "week"), brief(0, 0, 0, "U/d")
    ('6.6 % (6.3 to 7.0)', 'week 11 (9 to never)', '0 U/day')
    """
    ends = number(low, unit, endpoint), number(high, unit, endpoint)
    middle = quantity(center, unit, endpoint)
    return (
        middle
        if ends[0] == ends[1] == number(center, unit, endpoint)
        else f"{middle} ({ends[0]} to {ends[1]})"
    )


def answer(results: Results, arm: str, others: list[str]) -> list[str]:
    """Return the answer: two paragraphs for the main arm; for each other arm its own and the differences."""
    paragraphs = [f"“{arm}”: {_drugs(results, arm)}", _glucose(results, arm)]
    for other in others:
        paragraphs.append(f"“{other}”: {_drugs(results, other)} {_glucose(results, other)}")
        paragraphs.append(_against(results, arm, other))
    return (
        paragraphs
        if others
        else [*paragraphs, "The study has one arm, so nothing is compared with other care."]
    )


def _drugs(results: Results, arm: str) -> str:
    dose = _change(results, arm, "insulin_dose", "the insulin dose went")
    return f"{_insulin(results, arm)} {_tablets(results, arm)} {dose}"


def _glucose(results: Results, arm: str) -> str:
    return " ".join(_change(results, arm, endpoint, phrase) for endpoint, phrase in _CHANGES.items())


_CHANGES = {
    "hba1c": "HbA1c went",
    "time_in_tight_range": "time in tight range (70–140 mg/dL, 3.9–7.8 mmol/L) went",
    "time_in_range": "time in range (70–180 mg/dL, 3.9–10 mmol/L) went",
    "time_below_range": "time below 70 mg/dL (3.9 mmol/L) went",
    "hypoglycemia_episodes": "episodes of glucose below 70 mg/dL went",
}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _change(results: Results, arm: str, endpoint: str, phrase: str) -> str:
    series = results.series(arm, endpoint)
    name = phrase.rsplit(" ", 1)[0]
    if series is None or series.is_empty:
        return f"{_capital(name)}: not in this run."
    if len(series.weeks) == 1:
        return f"{_capital(name)} at {week_text(series.weeks[0])}: {median_text(series, 0)}."
    start, end = median_text(series, 0), median_text(series, -1)
    if start == end:
        return f"{_capital(name)} stayed at {end}."
    return f"{_capital(phrase)} from {start} to {end}."


def _insulin(results: Results, arm: str) -> str:
    """Return how many came off insulin and when."""
    free, stopped = results.series(arm, "insulin_free"), results.series(arm, "weeks_to_insulin_free")
    dose = results.series(arm, "insulin_dose")
    if dose and not dose.is_empty and dose.at("p95", 0) == 0:
        return "hardly anyone injected insulin at the first visit, so there is no insulin to come off."
    if free is None or free.is_empty:
        return "the share off insulin is not in this run."
    share, week = free.at("mean", -1), week_text(free.weeks[-1])
    if share == 0:
        return f"none of the simulated patients was off insulin at {week}."
    text = f"{number(share, '%')} % of the simulated patients were off insulin at {week}"
    if stopped is None:
        return f"{text}; the week in which they stopped is not in this run."
    return f"{text}; {_stop_week(results, arm, stopped)}."


def _stop_week(results: Results, arm: str, stopped: Series) -> str:
    values = results.values(arm, stopped.name, float(stopped.weeks[-1])).numbers
    stoppers = values[np.isfinite(values)]
    if not len(stoppers):
        return f"the last insulin, median of all patients: {median_text(stopped, -1)}"
    low, middle, high = np.percentile(stoppers, (5, 50, 95))
    return (
        f"those who stopped had their last insulin, restarts counted, in {brief(low, middle, high, 'week')}"
    )


def _tablets(results: Results, arm: str) -> str:
    first, last = (results.series(arm, f"weeks_to_{which}_tablet_stopped") for which in ("first", "last"))
    if first is None and last is None:
        return "When tablets were stopped is not in this run."
    parts = [_event(results, arm, s, which) for s, which in ((first, "first"), (last, "last")) if s]
    if all(part.startswith("nobody") for part in parts):
        return "Nobody stopped a tablet, or none was taken."
    return _capital("; ".join(parts)) + "."


def _event(results: Results, arm: str, series: Series, which: str) -> str:
    values = results.values(arm, series.name, float(series.weeks[-1])).numbers
    happened = values[np.isfinite(values)]
    if not len(values):
        return f"the {which} tablet was stopped: {median_text(series, -1)}"
    if not len(happened):
        return f"nobody stopped the {which} tablet"
    low, middle, high = np.percentile(happened, (5, 50, 95))
    share = number(100 * len(happened) / len(values), "%")
    return f"{share} % stopped the {which} tablet, in {brief(low, middle, high, 'week')}"


def _against(results: Results, arm: str, other: str) -> str:
    """Return the differences of the same simulated patients at the last visit, main arm minus the other."""
    parts = [_difference(results, arm, other, e) for e in ("hba1c", "time_in_tight_range", "insulin_dose")]
    found = [part for part in parts if part]
    if not found:
        return "Differences between the arms in the same patients are not in this run."
    return f"“{arm}” against “{other}” in the same simulated patients, at the last visit: {'; '.join(found)}."


def _difference(results: Results, arm: str, other: str, endpoint: str) -> str:
    mine, theirs = results.series(arm, endpoint), results.series(other, endpoint)
    if mine is None or theirs is None:
        return ""
    week = float(mine.weeks[-1])
    first, second = results.values(arm, endpoint, week).paired(results.values(other, endpoint, week))
    if not len(first):
        return ""
    low, middle, high = np.percentile(first - second, (5, 50, 95))
    unit = "percentage points" if mine.unit == "%" else unit_text(mine.unit)
    low, middle, high = (_signed(value, mine.unit, endpoint) for value in (low, middle, high))
    interval = "" if low == middle == high else f" ({low} to {high})"
    return f"{mine.label} {middle} {unit}{interval}"


def _signed(value: float, unit: str, endpoint: str) -> str:
    text = (
        number(abs(value), unit, endpoint) if endpoint in ONE_DECIMAL or unit != "%" else f"{abs(value):.0f}"
    )
    sign = "" if text == "0" else ("+" if value > 0 else "−")
    return f"{sign}{text}"
