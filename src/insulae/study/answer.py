"""The answer of a study in a few plain sentences, made from its summary alone."""

import math
from typing import Any

from insulae.endpoints import base as endpoints
from insulae.study.results import SIMULATED
from insulae.study.spec import Reported, Study

Record = dict[str, Any]

_SHOWN = {
    "hba1c": ("HbA1c", "{:.1f}"),
    "time_in_range": ("time in range", "{:.0f}"),
    "insulin_dose": ("insulin", "{:.0f}"),
}
"""Endpoints told of at the last visit, with their decimals."""


def answer(study: Study, summary: Record) -> list[str]:
    """Return two to five sentences: one for each arm, the reported values, what the numbers are."""
    sentences = [_of_arm(name, arm) for name, arm in summary["arms"].items()]
    return [*sentences, *_of_reported(study, summary), SIMULATED]


def _of_arm(name: str, arm: Record) -> str:
    told = [part for part in (_off_insulin(arm), *(_at_end(arm, endpoint) for endpoint in _SHOWN)) if part]
    if not told:
        first = next(iter(arm))
        told = [_value(arm[first], -1, "{:.3g}", arm[first]["label"])]
    weeks = next(iter(arm.values()))["weeks"]
    return f"{name}, at week {weeks[-1]:g}: {'; '.join(told)}."


def _off_insulin(arm: Record) -> str:
    """Return how many are off insulin at the end, and when the median patient stopped."""
    free, stopped = arm.get("insulin_free"), arm.get("weeks_to_insulin_free")
    if free is None or free["mean"][-1] is None:
        return ""
    text = f"{free['mean'][-1]:.0f} % of patients off insulin"
    if stopped is None or stopped["p05"][-1] is None:
        return text
    middle, low, high = (_week(stopped[s][-1]) for s in ("p50", "p05", "p95"))
    if stopped["p50"][-1] is None:
        return f"{text}; half or more inject it to the end"
    return f"{text}, last insulin in week {middle} (90 % interval {low} to {high})"


def _week(number: float | None) -> str:
    return "never" if number is None else f"{number:.0f}"


def _at_end(arm: Record, endpoint: str) -> str:
    record = arm.get(endpoint)
    if record is None or record["p50"][-1] is None:
        return ""
    label, form = _SHOWN[endpoint]
    return _value(record, -1, form, label)


def _value(record: Record, visit: int, form: str, label: str) -> str:
    numbers = [record[s][visit] for s in ("p50", "p05", "p95")]
    middle, low, high = ("never" if n is None else form.format(n) for n in numbers)
    return f"{label} {middle} {record['unit']} ({low} to {high})"


def _of_reported(study: Study, summary: Record) -> list[str]:
    """Return how many values of single patients lie within the simulated 5 to 95 % interval."""
    verdicts = [is_inside(one, summary) for one in study.reported if one.statistic == "value"]
    judged = [verdict for verdict in verdicts if verdict is not None]
    if not judged:
        return []
    inside, total = sum(judged), len(judged)
    return [
        f"Of {total} reported values of the patient, {inside} lie within the simulated 5 to 95 % interval."
    ]


def is_inside(reported: Reported, summary: Record) -> bool | None:
    """Tell whether a value lies in the simulated 5 to 95 % interval at its visit; None without such a visit.

    A bound (`at_least`, `at_most`) is met when the interval reaches it.
    """
    record = summary["arms"].get(reported.arm, {}).get(reported.endpoint)
    if record is None:
        return None
    week = record["weeks"][-1] if reported.week is None else reported.week
    visits = [i for i, there in enumerate(record["weeks"]) if abs(there - week) < 0.5 / 7]
    if not visits:
        return None
    unknown = math.inf if endpoints.get(reported.endpoint).kind == "event_week" else math.nan
    low, high = (unknown if (n := record[s][visits[0]]) is None else n for s in ("p05", "p95"))
    value = reported.number()
    return (reported.kind == "at_least" or low <= value) and (reported.kind == "at_most" or value <= high)


def precision(summary: Record) -> list[str]:
    """Return how far the means of the last visit may move with another seed: twice their standard errors."""
    lines: list[str] = []
    for name, arm in summary["arms"].items():
        for endpoint in ("insulin_free", *_SHOWN):
            error = standard_error(arm.get(endpoint, {}))
            if error is not None:
                record = arm[endpoint]
                mean, unit = record["mean"][-1], record["unit"]
                lines.append(f"{name}: mean of {record['label']} {mean:.3g} +- {2 * error:.2g} {unit}")
    return lines


def standard_error(record: Record) -> float | None:
    """Return the standard error of the mean at the last visit, None where there is none."""
    if not record or record["sd"][-1] is None:
        return None
    return record["sd"][-1] / math.sqrt(record["n"][-1])
