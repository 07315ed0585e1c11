"""Harm in numbers: patients affected, events, rates per 100 patient-years with exact intervals, deaths.

Rates hold the events of an arm against the time its patients lived in the study; the interval is the exact
one for a Poisson count, too narrow where few patients have many events. The interval of a share of patients
is Clopper and Pearson's.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import special  # not `stats`, whose import takes longer than many a run

from insulae.core.adverse_events import FATAL, adverse_event
from insulae.core.clock import DAYS_PER_YEAR
from insulae.runs.arrow import coded, numbers

TAIL = 0.025
PER_YEARS = 100
SEVERE = 3
"""Grades 3 and more are severe."""
EVERYTHING = "everything"


def rate_interval(events: int, years: float) -> tuple[float, float]:
    """Return the exact 95 % interval of a rate per 100 patient-years.

    >>> [round(x, 2) for x in rate_interval(10, 100)]
    [4.8, 18.39]
    """
    low = float(special.gammaincinv(events, TAIL)) if events else 0.0
    high = float(special.gammaincinv(events + 1, 1 - TAIL))
    return PER_YEARS * low / years, PER_YEARS * high / years


def share_interval(patients: int, size: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share of patients in percent.

    >>> [round(x, 1) for x in share_interval(2, 14)]
    [1.8, 42.8]
    """
    low = float(special.betaincinv(patients, size - patients + 1, TAIL)) if patients else 0.0
    high = float(special.betaincinv(patients + 1, size - patients, 1 - TAIL)) if patients < size else 1.0
    return 100 * low, 100 * high


@dataclasses.dataclass
class _Arm:
    """What is counted of one arm; keys of the counters are (event, category or everything, what)."""

    counts: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)
    deaths: int = 0
    days_lost: float = 0.0


class SafetyCounts:
    """Counts the events of a study as its chunks go by; every patient is in one chunk only."""

    def __init__(self, arms: Sequence[str], patients: int, days: float) -> None:
        """Begin for some arms of as many patients, each watched for some days unless death comes first."""
        self._arms = {arm: _Arm() for arm in arms}
        self._patients, self._days = patients, days

    def add(self, table: pa.Table) -> None:
        """Count the events of a chunk, columns as in `events.parquet`."""
        rows = {name: numbers(table[name]) for name in ("patient", "day", "grade", "serious")}
        (arms, arm), (events, event) = coded(table["arm"]), coded(table["event"])
        kinds = [adverse_event(name) for name in events]
        sorts = (
            [f"event/{kind.name}" for kind in kinds],
            [f"category/{kind.category}" for kind in kinds],
            [EVERYTHING] * len(kinds),
        )
        for place, name in enumerate(arms):
            one = {column: values[arm == place] for column, values in rows.items()}
            counted, is_fatal = self._arms[name], one["grade"] == FATAL
            counted.deaths += int(is_fatal.sum())
            counted.days_lost += float((self._days - one["day"][is_fatal]).sum())
            for keys in sorts:
                counted.counts.update(_counted(one, keys, event[arm == place]))

    def summary(self) -> dict[str, Any]:
        """Return what `summary.json` says of each arm."""
        return {name: self._of(arm) for name, arm in self._arms.items()}

    def _of(self, arm: _Arm) -> dict[str, Any]:
        years = (self._patients * self._days - arm.days_lost) / DAYS_PER_YEAR
        names = sorted(key for (key, what), count in arm.counts.items() if what == "events" and count)
        rows = {name: self._row(arm, name, years) for name in names}
        events = {n.split("/")[1]: r for n, r in rows.items() if n.startswith("event/")}
        return {
            "patients": self._patients,
            "patient_years": years,
            "deaths": arm.deaths,
            "any": self._row(arm, EVERYTHING, years),
            "events": {n: {"label": adverse_event(n).label, **row} for n, row in events.items()},
            "categories": {n.split("/")[1]: r for n, r in rows.items() if n.startswith("category/")},
        }

    def _row(self, arm: _Arm, name: str, years: float) -> dict[str, Any]:
        counted = {
            what: arm.counts[name, what] for what in ("events", "patients", "serious", "severe", "fatal")
        }
        rate_low, rate_high = rate_interval(counted["events"], years)
        share_low, share_high = share_interval(counted["patients"], self._patients)
        return {
            **counted,
            "rate": PER_YEARS * counted["events"] / years,
            "rate_low": rate_low,
            "rate_high": rate_high,
            "share": 100 * counted["patients"] / self._patients,
            "share_low": share_low,
            "share_high": share_high,
        }


def _counted(
    rows: dict[str, NDArray[Any]], keys: list[str], event: NDArray[np.int32]
) -> Counter[tuple[str, str]]:
    """Count the events of an arm by key: `keys` holds that of each kind, `event` the kind of each event."""
    names, key_of_kind = np.unique(keys, return_inverse=True)
    key, n = key_of_kind[event], len(names)
    affected = np.unique(rows["patient"].astype(np.int64) * n + key) % n
    chosen = {
        "events": key,
        "patients": affected,
        "serious": key[rows["serious"]],
        "severe": key[rows["grade"] >= SEVERE],
        "fatal": key[rows["grade"] == FATAL],
    }
    counts = {what: np.bincount(some, minlength=n).tolist() for what, some in chosen.items()}
    return Counter(
        {(str(name), what): count[i] for what, count in counts.items() for i, name in enumerate(names)}
    )
