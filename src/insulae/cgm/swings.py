"""Swings of glucose from one turning point to the next, the small ones left out.

A turning point counts once glucose has moved away from it by more than a limit. Crossing out the smallest
swings, each together with its two turning points, until only swings above the limit are left, finds the
same turning points as walking along the record, for all windows at once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.cgm.readings import Floats, Readings


@dataclass(frozen=True)
class Points:
    """Turning points of many windows one after another: the glucose and the window of each."""

    glucose: Floats
    window: NDArray[np.integer[Any]]

    def swings(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Change from each point to the next, and whether both are of the same window."""
        return np.diff(self.glucose), self.window[1:] == self.window[:-1]


def swings_above(readings: Readings, limit: Floats) -> Points:
    """Turning points, both ends included, whose swings exceed the limit [window] of their window."""
    points = _turning_points(readings)
    while True:
        dropped = _smallest(points, limit)
        if not dropped.any():
            return points
        points = Points(points.glucose[~dropped], points.window[~dropped])


def _turning_points(readings: Readings) -> Points:
    """Readings where a rise begins or ends, and the first and last of each window; missing ones skipped."""
    number = readings.number.reshape(-1)
    glucose = readings.rows.reshape(-1) if readings.is_complete else readings.glucose[~readings.missing]
    stop = np.cumsum(number)
    is_rising = glucose[1:] > glucose[:-1]
    kept = np.zeros(glucose.shape, dtype=bool)
    kept[1:-1] = is_rising[1:] != is_rising[:-1]
    kept[(stop - number)[number > 0]] = True
    kept[stop[number > 0] - 1] = True
    place = np.flatnonzero(kept)
    points_of_each = np.diff(np.searchsorted(place, stop), prepend=0)
    return Points(glucose[place].astype(float), np.repeat(np.arange(len(stop)), points_of_each))


def _smallest(points: Points, limit: Floats) -> NDArray[np.bool_]:
    """Mark both ends of swings up to the limit that are smaller than their neighbors.

    The first and the last swing of a window have one neighbor only; of them the outer end goes.
    """
    change, is_inside = points.swings()
    size = np.where(is_inside, np.abs(change), np.inf)
    before, after = np.append(np.inf, size[:-1]), np.append(size[1:], np.inf)
    is_small = (size <= limit[points.window[:-1]]) & (size <= before) & (size < after)
    is_first, is_last = np.isinf(before), np.isinf(after)
    dropped = np.zeros(points.glucose.shape, dtype=bool)
    dropped[:-1] = is_small & (is_first | ~is_last)
    dropped[1:] |= is_small & ~is_first
    return dropped
