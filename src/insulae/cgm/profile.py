"""The ambulatory glucose profile: percentiles of glucose by time of day over all days of the window.

Layout as in the consensus report (Battelino 2019, doi:10.2337/dci19-0028): the 5th, 25th, 50th, 75th and 95th
percentiles. The curves are not smoothed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

PERCENTILES = (5, 25, 50, 75, 95)
MINUTES_PER_DAY = 24 * 60

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class GlucoseProfile:
    """Glucose by time of day: `minute` [slot] since midnight, `glucose` [..., percentile, slot] in mg/dL."""

    minute: NDArray[np.integer[Any]]
    glucose: Floats
    percentiles: tuple[int, ...] = PERCENTILES


def percentiles_of_present(values: ArrayLike, percentiles: ArrayLike) -> Floats:
    """Percentiles over the last axis with linear interpolation, ignoring NaN; returns [..., percentile].

    All-NaN input gives NaN. Equal to `numpy.percentile` where nothing is missing.

    >>> percentiles_of_present([1.0, 3.0, float("nan")], [50]).tolist()
    [2.0]
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=-1)  # NaN goes last
    last = (~np.isnan(ordered)).sum(axis=-1, keepdims=True) - 1
    place = np.asarray(percentiles, dtype=float) / 100.0 * np.maximum(last, 0)
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(last, 0))
    low = np.take_along_axis(ordered, below, axis=-1)
    return low + (place - below) * (np.take_along_axis(ordered, above, axis=-1) - low)


def ambulatory_glucose_profile(glucose: ArrayLike, interval: int = 5) -> GlucoseProfile:
    """Profile of series of whole days that start at midnight, `interval` minutes between readings.

    glucose [..., time] gives one profile per leading index; to pool patients, ravel an array [patient, time]
    first. Raises `ValueError` when the series is not a whole number of days.
    """
    array = np.asarray(glucose, dtype=float)
    slots = MINUTES_PER_DAY // interval
    if array.shape[-1] == 0 or array.shape[-1] % slots:
        raise ValueError(f"{array.shape[-1]} readings are not whole days of {slots} readings")
    by_slot = np.swapaxes(array.reshape(*array.shape[:-1], -1, slots), -1, -2)
    curves = np.swapaxes(percentiles_of_present(by_slot, PERCENTILES), -1, -2)
    return GlucoseProfile(minute=np.arange(slots) * interval, glucose=curves)


def pooled_profile(by_day: ArrayLike, minutes: int = 15) -> GlucoseProfile:
    """Profile of one person: the readings of all days that fall into the same quarter of an hour, together.

    by_day [day, time] holds whole days, NaN where missing; `minutes` must be a multiple of the step.
    """
    array = np.asarray(by_day, dtype=float)
    slots = MINUTES_PER_DAY // minutes
    together = array.reshape(array.shape[0], slots, -1).swapaxes(0, 1).reshape(slots, -1)
    return GlucoseProfile(np.arange(slots) * minutes, percentiles_of_present(together, PERCENTILES).T)
