"""Hypoglycemic episodes by the international consensus (Battelino 2023, doi:10.1016/S2213-8587(22)00319-9).

An episode begins with at least 15 consecutive minutes below the threshold (level 1: 70 mg/dL, level 2: 54
mg/dL) and ends with at least 15 consecutive minutes at or above it. A level 1 episode may reach level 2 and
is then counted at both levels. Missing readings (NaN) interrupt the 15 minutes; a gap of 45 minutes or more
ends an open episode.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insulae.cgm.metrics import LEVEL_1_LOW, LEVEL_2_LOW

THRESHOLDS = {1: LEVEL_1_LOW, 2: LEVEL_2_LOW}  # mg/dL
MINUTES_TO_COUNT = 15
MINUTES_OF_GAP = 45
MINUTES_PER_WEEK = 7 * 24 * 60


def _completed_runs(condition: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Mark every place that completes `length` consecutive true values along the last axis."""
    size = condition.shape[-1]
    completed = np.zeros_like(condition)
    if size >= length:
        shifted = [condition[..., k : size - length + 1 + k] for k in range(length)]
        completed[..., length - 1 :] = np.logical_and.reduce(shifted)
    return completed


def _state(glucose: ArrayLike, threshold: float, interval: int) -> NDArray[np.int8]:
    """+1 while an episode is confirmed and open, -1 once it is over, 0 before the first; along time."""
    array = np.asarray(glucose)
    length = -(-MINUTES_TO_COUNT // interval)
    begins = _completed_runs(array < threshold, length)
    ends = _completed_runs(array >= threshold, length)
    ends |= _completed_runs(np.isnan(array), -(-MINUTES_OF_GAP // interval))
    mark = begins.astype(np.int8) - ends.astype(np.int8)
    place = np.where(mark != 0, np.arange(array.shape[-1]), 0)
    return np.take_along_axis(mark, np.maximum.accumulate(place, axis=-1), axis=-1)


def _openings(state: NDArray[np.int8]) -> NDArray[np.bool_]:
    before = np.concatenate([np.zeros_like(state[..., :1]), state[..., :-1]], axis=-1)
    return (state == 1) & (before != 1)


def count_episodes(glucose: ArrayLike, level: int = 1, interval: int = 5) -> NDArray[np.integer[Any]]:
    """Number of hypoglycemic episodes of one level (1 or 2); `interval` is the minutes between readings.

    >>> int(count_episodes([90, 65, 65, 65, 90, 65, 90, 90, 90, 65, 65, 65]))
    2
    """
    return _openings(_state(glucose, THRESHOLDS[level], interval)).sum(axis=-1)


def episodes_per_week(glucose: ArrayLike, level: int = 1, interval: int = 5) -> NDArray[np.floating[Any]]:
    """Hypoglycemic episodes per week of sensor readings; NaN without any reading."""
    weeks = (~np.isnan(np.asarray(glucose))).sum(axis=-1) * interval / MINUTES_PER_WEEK
    number = np.asarray(count_episodes(glucose, level, interval), dtype=float)
    return np.divide(number, weeks, out=np.full(np.shape(weeks), np.nan), where=weeks > 0)


def find_episodes(glucose: ArrayLike, level: int = 1, interval: int = 5) -> list[tuple[int, int]]:
    """First minute and end of each episode in one series, in minutes since its first reading.

    An episode runs from its first reading below the threshold to the first reading of the 15 minutes that end
    it (the start of the gap, or the end of the series, when that comes first).

    >>> find_episodes([90, 65, 65, 65, 90, 90, 90])
    [(5, 20)]
    """
    array = np.asarray(glucose, dtype=float)
    state = _state(array, THRESHOLDS[level], interval)
    length = -(-MINUTES_TO_COUNT // interval)
    starts = np.flatnonzero(_openings(state)) - (length - 1)
    is_low = np.flatnonzero(array < THRESHOLDS[level])
    episodes = []
    for start in starts:
        closed = np.flatnonzero(state[start + length - 1 :] != 1)
        stop = start + length - 1 + closed[0] if closed.size else array.size
        last_low = is_low[(is_low >= start) & (is_low < stop)][-1]
        episodes.append((int(start) * interval, int(last_low + 1) * interval))
    return episodes
