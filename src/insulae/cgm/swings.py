"""Swings of glucose from one turning point to the next, the small ones left out.

A turning point counts once glucose has moved away from it by more than a limit. Crossing out the smallest
swings, each together with its two turning points, until only swings above the limit are left, finds the
same turning points as walking along the record, for all windows at once. The first and the last swing of a
window are not crossed out; what is left of small ones leads to these, and does not count.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insulae.cgm.readings import Floats, Readings


class Swings(NamedTuple):
    """Swings of many windows one after another: the change of glucose (mg/dL) and the window of each."""

    change: Floats
    window: NDArray[np.integer[Any]]


def swings_above(readings: Readings, limit: Floats) -> Swings:
    """Swings that exceed the limit [window] of their window, in the order of time."""
    points = np.concatenate([_turning_points(part) for part in readings.parts])
    limits = limit[np.cumsum(np.isnan(points)) - 1]
    while True:
        kept = np.flatnonzero(~_smallest(points, limits))
        if len(kept) == len(points):
            break
        points, limits = points.take(kept), limits.take(kept)
    change = points[1:] - points[:-1]
    large = np.flatnonzero(np.abs(change) > limits[:-1])
    return Swings(change[large], np.cumsum(np.isnan(points))[large] - 1)


def _turning_points(readings: Readings) -> Floats:
    """Readings where a rise begins or ends and the last of each window, which begins with NaN as a wall."""
    windows, length = readings.rows.shape
    walled = np.full((windows, length + 1), np.nan, readings.rows.dtype)
    walled[:, 1:] = readings.rows
    glucose = walled.reshape(-1)
    if not readings.is_complete:
        is_there = np.ones(walled.shape, dtype=bool)
        is_there[:, 1:] = ~readings.missing
        glucose = walled[is_there]
    before, after = glucose[:-1], glucose[1:]
    rises, falls = after > before, after <= before  # neither beside a wall
    turns = np.ones(glucose.shape, dtype=bool)
    turns[1:-1] = ~((rises[1:] & rises[:-1]) | (falls[1:] & falls[:-1]))
    return glucose.take(np.flatnonzero(turns)).astype(float)


def _smallest(points: Floats, limits: Floats) -> NDArray[np.bool_]:
    """Mark both ends of swings up to the limit that are smaller than their neighbors within the window."""
    size = np.abs(points[1:] - points[:-1])  # NaN beside a wall, where no comparison holds
    inner = size[1:-1]
    is_smallest = (inner <= size[:-2]) & (inner < size[2:]) & (inner <= limits[1:-2])
    marked = np.zeros(points.shape, dtype=bool)
    marked[1:-2] = is_smallest
    marked[2:-1] |= is_smallest
    return marked
