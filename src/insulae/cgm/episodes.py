"""Episodes of low and of high glucose by the international consensus.

Battelino 2023, doi:10.1016/S2213-8587(22)00319-9. An episode begins with at least 15 consecutive minutes
below the threshold (level 1: 70 mg/dL, level 2: 54 mg/dL) and ends with at least 15 consecutive minutes at
or above it. A level 1 episode may reach level 2 and is then counted at both levels. Missing readings (NaN)
interrupt the 15 minutes; a gap of 45 minutes or more ends an open episode. Episodes of high glucose mirror
this above 180 and 250 mg/dL.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insulae.cgm.limits import Limits
from insulae.cgm.readings import Readings

MINUTES_TO_COUNT = 15
MINUTES_OF_GAP = 45
MINUTES_PER_WEEK = 7 * 24 * 60
NOT_LOW, LOW, MISSING = 0, 1, 2  # kinds of readings


@dataclass(frozen=True)
class _Runs:
    """Unbroken runs of one kind of readings: kind, first reading (counted through all windows), window."""

    kind: NDArray[np.int8]
    start: NDArray[np.integer[Any]]
    window: NDArray[np.integer[Any]]

    def opens(self) -> NDArray[np.bool_]:
        """True where a run of low readings does not merely go on with the episode of the run before it."""
        opens = self.kind == LOW
        opens[1:] &= ~(opens[:-1] & (self.window[1:] == self.window[:-1]))
        return opens


def _threshold(limits: Limits, level: int) -> float:
    return {1: limits.level_1_low, 2: limits.level_2_low}[level]


def _lasting_runs(readings: Readings, threshold: float, interval: int) -> _Runs:
    """The runs that are long enough to begin or to end an episode, in the order of time."""
    kind = (readings.rows < threshold).astype(np.int8)  # LOW or NOT_LOW
    if not readings.is_complete:
        kind[readings.missing.reshape(kind.shape)] = MISSING
    begins = np.ones(kind.shape, dtype=bool)
    np.not_equal(kind[:, 1:], kind[:, :-1], out=begins[:, 1:])
    start = np.flatnonzero(begins)
    length = np.diff(start, append=kind.size)
    kind = kind.reshape(-1)[start]
    minutes = np.where(kind == MISSING, MINUTES_OF_GAP, MINUTES_TO_COUNT)
    lasts = length * interval >= minutes
    return _Runs(kind[lasts], start[lasts], start[lasts] // readings.rows.shape[-1])


def count_episodes(glucose: ArrayLike, level: int = 1, interval: int = 5) -> NDArray[np.integer[Any]]:
    """Number of hypoglycemic episodes of one level (1 or 2); `interval` is the minutes between readings.

    >>> int(count_episodes([90, 65, 65, 65, 90, 65, 90, 90, 90, 65, 65, 65]))
    2
    """
    readings = Readings.of(glucose)
    return _count(readings, _threshold(readings.limits, level), interval)


def count_high_episodes(glucose: ArrayLike, level: int = 1, interval: int = 5) -> NDArray[np.integer[Any]]:
    """Number of hyperglycemic episodes of one level (1: above 180 mg/dL, 2: above 250), by the same rules.

    >>> int(count_high_episodes([150, 190, 190, 190, 150, 150, 150, 190]))
    1
    """
    readings = Readings.of(glucose)
    limit = {1: readings.limits.level_1_high, 2: readings.limits.level_2_high}[level]
    return _count(Readings.of(-readings.glucose), -limit, interval)


def _count(readings: Readings, threshold: float, interval: int) -> NDArray[np.integer[Any]]:
    runs = _lasting_runs(readings, threshold, interval)
    number = np.bincount(runs.window[runs.opens()], minlength=len(readings.rows))
    return number.reshape(readings.windows)


def episodes_per_week(glucose: ArrayLike, level: int = 1, interval: int = 5) -> NDArray[np.floating[Any]]:
    """Hypoglycemic episodes per week of sensor readings; NaN without any reading."""
    readings = Readings.of(glucose)
    weeks = readings.number * interval / MINUTES_PER_WEEK
    number = count_episodes(readings, level, interval).astype(float)
    return np.divide(number, weeks, out=np.full(np.shape(weeks), np.nan), where=weeks > 0)


def find_episodes(glucose: ArrayLike, level: int = 1, interval: int = 5) -> list[tuple[int, int]]:
    """First minute and end of each episode in one series, in minutes since its first reading.

    An episode runs from its first reading below the threshold to the first reading of the 15 minutes that end
    it (the start of the gap, or the end of the series, when that comes first).

    >>> find_episodes([90, 65, 65, 65, 90, 90, 90])
    [(5, 20)]
    """
    readings = Readings.of(glucose)
    runs = _lasting_runs(readings, _threshold(readings.limits, level), interval)
    starts = runs.start[runs.opens()]
    closings = np.append(runs.start[runs.kind != LOW], readings.glucose.size)
    stops = closings[np.searchsorted(closings, starts)]
    is_low = np.flatnonzero(readings.glucose < _threshold(readings.limits, level))
    ends = is_low[np.searchsorted(is_low, stops) - 1] + 1
    return [(int(start) * interval, int(end) * interval) for start, end in zip(starts, ends, strict=True)]
