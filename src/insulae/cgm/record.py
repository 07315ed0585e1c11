"""One person's sensor record: readings as measured, and on an even grid where a measure needs one.

Percentages, means and indices of risk use the readings as they are. Episodes need even steps, and the profile
needs times of day: for these the readings are interpolated to the usual step, never across a gap of more than
45 minutes, where the grid has NaN.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.cgm.limits import MG_PER_DL, Limits
from insulae.cgm.profile import MINUTES_PER_DAY
from insulae.cgm.readings import Floats, Readings
from insulae.core.sensor_steps import LONGEST_STEP, usual_step


@dataclass(frozen=True, eq=False)
class SensorRecord:
    """Readings in mg/dL with their time in minutes, evenly counted, and by the clock since a midnight.

    `minute` must rise; two readings at the same time are an error of the caller.
    """

    minute: Floats
    clock: Floats
    glucose: Floats
    limits: Limits = MG_PER_DL

    def __post_init__(self) -> None:
        if not self.minute.size or (np.diff(self.minute) <= 0).any():
            raise ValueError("a record needs readings whose times rise")

    @cached_property
    def step(self) -> int:
        """Usual minutes between readings."""
        return usual_step(self.minute)

    @cached_property
    def readings(self) -> Readings:
        """The readings as measured."""
        return Readings.of(self.glucose, self.limits)

    @property
    def days(self) -> float:
        """Length of the record in days, the last step included."""
        return float(self.minute[-1] - self.minute[0] + self.step) / MINUTES_PER_DAY

    @property
    def completeness(self) -> float:
        """Readings there are, in percent of those a sensor without a gap would have given; at most 100."""
        return min(100.0 * self.minute.size * self.step / (self.days * MINUTES_PER_DAY), 100.0)

    @cached_property
    def grid_start(self) -> float:
        """Minute of the first point of the even grid."""
        return float(np.ceil(self.minute[0] / self.step) * self.step)

    @cached_property
    def even(self) -> Readings:
        """Glucose on the even grid, a point each step; NaN in gaps."""
        stop = np.floor(self.minute[-1] / self.step) * self.step
        grid = np.arange(self.grid_start, stop + self.step / 2.0, self.step)
        return Readings.of(on_grid(self.minute, self.glucose, grid), self.limits)

    @cached_property
    def by_day(self) -> Floats:
        """Glucose by the clock, [day, step of the day], whole days from midnight; NaN where there is none."""
        clock, first = np.unique(self.clock, return_index=True)
        start = np.floor(clock[0] / MINUTES_PER_DAY) * MINUTES_PER_DAY
        days = int(np.floor(clock[-1] / MINUTES_PER_DAY) - start / MINUTES_PER_DAY) + 1
        grid = start + np.arange(0, days * MINUTES_PER_DAY, self.step)
        return on_grid(clock, self.glucose[first], grid).reshape(days, -1)

    @property
    def first_day(self) -> int:
        """Day of the first reading by the clock, counted from the midnight of `clock`."""
        return int(np.floor(self.clock.min() / MINUTES_PER_DAY))

    def last_days(self, days: int) -> "SensorRecord":
        """Return the readings of the last days, 24 hours each, that end with the last reading."""
        keep = self.minute > self.minute[-1] - days * MINUTES_PER_DAY
        return SensorRecord(self.minute[keep], self.clock[keep], self.glucose[keep], self.limits)


def on_grid(minute: Floats, glucose: Floats, grid: Floats) -> Floats:
    """Interpolate between neighboring readings; NaN outside the record and in gaps above 45 minutes.

    >>> minute, glucose = np.array([0.0, 10.0, 70.0]), np.array([100.0, 110.0, 90.0])
    >>> on_grid(minute, glucose, np.array([5.0, 10.0, 40.0])).tolist()
    [105.0, 110.0, nan]
    """
    values = np.interp(grid, minute, glucose, left=np.nan, right=np.nan)
    if minute.size > 1:
        values[_in_gap(minute, grid)] = np.nan
    return values


def _in_gap(minute: Floats, grid: Floats) -> NDArray[np.bool_]:
    after = np.searchsorted(minute, grid).clip(1, minute.size - 1)
    is_reading: NDArray[Any] = np.isin(grid, minute)
    return (np.diff(minute)[after - 1] > LONGEST_STEP) & ~is_reading
