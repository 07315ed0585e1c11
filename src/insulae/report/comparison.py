"""Hold values reported from real patients against the simulated ones, by one fixed rule for each statistic.

One patient (`patient`): a hit when the value lies within the 5th to 95th percentile of the simulated
patients. `mean`, `median` and `percent` of n patients: a hit when the value lies within the 90 % prediction
interval for a trial of n patients like the simulated ones. `at_least` and `at_most` are hits when the
interval reaches the bound. The interval of a mean is normal, of a median from order statistics, of a share
beta-binomial with a Jeffreys prior; mean and share thereby also count the limited number of simulated
patients.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from insulae.core.errors import InsulaeError
from insulae.core.units import quantity
from insulae.report.reading import Results, Series, arm_specs, known_endpoints

HIT, MISS, NOT_JUDGED = "hit", "miss", "not judged"
TAILS = (0.05, 0.95)
NEAREST_VISIT_WEEKS = 2.0
BOUNDS = ("at_least", "at_most")
ONE_PATIENT = ("patient", "value")


@dataclass(frozen=True)
class Reported:
    """One value from real patients as the study file states it; `bound` is at_least, at_most or empty."""

    arm: str
    endpoint: str
    week: float | None
    value: float
    text: str
    statistic: str
    n: int
    bound: str
    source: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """A reported value beside the simulated median, mean or percent and the interval it was judged by."""

    reported: Reported
    series: Series | None
    week: float | None
    center: float
    low: float
    high: float
    verdict: str
    reason: str


def main_arm(results: Results) -> str:
    """Return the arm the study is about: the first that gives cells, otherwise the first."""
    specs = arm_specs(results.study)
    cells = [name for name in results.arms if "islet" in str(specs.get(name, {}).get("therapies", ""))]
    return (cells or [*results.arms, ""])[0]


def compare(results: Results) -> list[Comparison]:
    """Judge every reported value of the study; misses first, then those that cannot be judged, then hits."""
    records = results.study.get("reported") or []
    judged = [_judge(results, _reported(record, results)) for record in records]
    return sorted(judged, key=lambda c: (MISS, NOT_JUDGED, HIT).index(c.verdict))


def _reported(record: Mapping[str, Any], results: Results) -> Reported:
    """Read one record of the study file; its value is text with a unit."""
    endpoint, arm = str(record["endpoint"]), str(record.get("arm") or main_arm(results))
    bound, value = str(record.get("kind", "value")), str(record["value"])
    sign = {"at_least": "≥ ", "at_most": "≤ "}.get(bound, "")
    week = record.get("week")
    return Reported(
        arm=arm,
        endpoint=endpoint,
        week=None if week is None else float(week),
        value=_number(value, _unit(results, arm, endpoint)),
        text=sign + value.replace(" dimensionless", ""),
        statistic=str(record.get("statistic", "patient")),
        n=int(record.get("n", 1)),
        bound=bound if bound in BOUNDS else "",
        source=str(record.get("source", "")),
        note=". ".join(str(record[k]) for k in ("locator", "note") if record.get(k)),
    )


def _unit(results: Results, arm: str, endpoint: str) -> str:
    series, member = results.series(arm, endpoint), known_endpoints().get(endpoint)
    return series.unit if series else (member.unit if member else "dimensionless")


def _number(value: str, unit: str) -> float:
    """Return the value in the endpoint's unit, NaN when it cannot be read."""
    substance = {"mg/dL": "glucose", "pmol/L": "c_peptide"}.get(unit, "")
    try:
        return quantity(value, unit, substance)
    except InsulaeError:
        return math.nan


def _judge(results: Results, reported: Reported) -> Comparison:
    series = results.series(reported.arm, reported.endpoint)
    if series is None or not len(series.weeks):
        return _unjudged(reported, f"the run holds no '{reported.endpoint}' for the arm '{reported.arm}'")
    visit = series.nearest(reported.week)
    week = float(series.weeks[visit])
    if reported.week is not None and abs(week - reported.week) > NEAREST_VISIT_WEEKS:
        return _unjudged(
            reported, f"no simulated visit within {NEAREST_VISIT_WEEKS:g} weeks of week {reported.week:g}"
        )
    if math.isnan(reported.value):
        return _unjudged(reported, f"'{reported.text}' cannot be read in {series.unit}")
    center, low, high, obstacle = _interval(results, reported, series, visit)
    if obstacle:
        return _unjudged(reported, obstacle)
    verdict = HIT if _is_within(reported, low, high) else MISS
    return Comparison(reported, series, week, center, low, high, verdict, "")


def _unjudged(reported: Reported, reason: str) -> Comparison:
    return Comparison(reported, None, None, math.nan, math.nan, math.nan, NOT_JUDGED, reason)


def _is_within(reported: Reported, low: float, high: float) -> bool:
    if reported.bound == "at_least":
        return high >= reported.value
    if reported.bound == "at_most":
        return low <= reported.value
    return low <= reported.value <= high


def _interval(
    results: Results, reported: Reported, series: Series, visit: int
) -> tuple[float, float, float, str]:
    """Return the simulated center, the interval to judge by, and what forbids a judgment."""
    statistic = "percent" if series.kind == "yes_no" and reported.statistic == "mean" else reported.statistic
    if statistic in ONE_PATIENT:
        found = _one_patient(series, visit)
    elif statistic == "mean":
        found = _mean(series, visit, reported.n)
    elif statistic == "percent":
        found = _share(series, visit, reported.n)
    elif statistic == "median":
        found = _median(results, reported, series, visit)
    else:
        return math.nan, math.nan, math.nan, f"the statistic '{statistic}' has no rule"
    missing = "the simulated values are missing, or some patients never have the event"
    return *found, missing if any(math.isnan(number) for number in found) else ""


def _one_patient(series: Series, visit: int) -> tuple[float, float, float]:
    """Return median and percentiles; of yes/no the percent with yes and the answers no rarer than 1 in 20."""
    if series.kind != "yes_no":
        return series.at("p50", visit), series.at("p05", visit), series.at("p95", visit)
    percent = series.at("mean", visit)
    return percent, 0.0 if percent <= 100 * TAILS[1] else 100.0, 100.0 if percent >= 100 * TAILS[0] else 0.0


def _mean(series: Series, visit: int, n: int) -> tuple[float, float, float]:
    mean, sd, simulated = (series.at(s, visit) for s in ("mean", "sd", "n"))
    if not math.isfinite(mean):
        return math.nan, math.nan, math.nan
    half = float(special.ndtri(TAILS[1])) * sd * math.sqrt(1 / n + 1 / simulated)
    return mean, mean - half, mean + half


def _share(series: Series, visit: int, n: int) -> tuple[float, float, float]:
    percent, simulated = series.at("mean", visit), series.at("n", visit)
    if not math.isfinite(percent):
        return math.nan, math.nan, math.nan
    yes = percent / 100 * simulated
    low, high = (_beta_binomial(tail, n, yes + 0.5, simulated - yes + 0.5) for tail in TAILS)
    return percent, 100 * low / n, 100 * high / n


def _beta_binomial(share: float, n: int, a: float, b: float) -> int:
    """Return a quantile of the number of n whose common chance is beta distributed."""
    count = np.arange(n + 1)
    ways = special.betaln(count + a, n - count + b) - special.betaln(n - count + 1, count + 1)
    chances = np.exp(ways - special.betaln(a, b)) / (n + 1)
    return int(np.searchsorted(np.cumsum(chances), share))


def _median(results: Results, reported: Reported, series: Series, visit: int) -> tuple[float, float, float]:
    values = results.values(reported.arm, series.name, float(series.weeks[visit])).numbers
    values = values[~np.isnan(values)]
    if not len(values):
        return math.nan, math.nan, math.nan
    middle = (reported.n + 1) / 2
    places = special.betaincinv(middle, middle, TAILS)
    low, high = (float(v) for v in np.quantile(values, places, method="closest_observation"))
    return series.at("p50", visit), low, high
