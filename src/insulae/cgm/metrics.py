"""CGM metrics of the consensus reports: levels, times in ranges, variability and risk indices.

Every function takes interstitial glucose in mg/dL with time as the last axis, at a fixed interval, and
reduces that axis. Missing readings are NaN and are ignored; a window without any reading gives NaN. Ranges
include both ends (70-180, 70-140); `below` and `above` are strict, so times below, in and above a range sum
to 100 %. Readings of a record in mmol/L are judged by the limits in mmol/L (`limits.py`). To compute several
metrics of one window, pass `Readings` of it, which remember what is shared.
Sources: Battelino 2023 (doi:10.1016/S2213-8587(22)00319-9) unless a function names another.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from insulae.cgm.readings import Floats, Readings
from insulae.cgm.risk import symmetric_scale
from insulae.cgm.swings import swings_above


class Level(NamedTuple):
    """Mean and standard deviation of each window, mg/dL."""

    mean: Floats
    deviation: Floats


class Times(NamedTuple):
    """Percent of the readings of each window below and above the limits."""

    below_54: Floats
    below_70: Floats
    in_70_140: Floats
    in_70_180: Floats
    above_180: Floats
    above_250: Floats


class Risks(NamedTuple):
    """Low and high blood glucose index of each window."""

    low: Floats
    high: Floats


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Divide; NaN where the denominator is zero or negative."""
    bottom = np.asarray(denominator, dtype=float)
    return np.asarray(numerator) / np.where(bottom > 0, bottom, np.nan)


def mean_of_present(values: ArrayLike) -> Floats:
    """Mean over the last axis of the values that are not NaN; NaN when there are none."""
    array = np.ascontiguousarray(values, dtype=float)
    present = ~np.isnan(array)
    return _ratio(np.sum(array, axis=-1, where=present), present.sum(axis=-1))


def _level(readings: Readings) -> Level:
    values = readings.glucose.astype(float)
    mean = _ratio(readings.total(values), readings.number)
    values -= mean[..., np.newaxis]
    values *= values
    return Level(mean, np.sqrt(_ratio(readings.total(values), readings.number - 1)))


def _times(readings: Readings) -> Times:
    """Count once for each limit; what is in a range is neither below nor above it."""
    glucose, count, limits = readings.glucose, readings.count, readings.limits
    below_54, below_70 = count(glucose < limits.level_2_low), count(glucose < limits.level_1_low)
    above_140 = count(glucose > limits.tight_high)
    above_180, above_250 = count(glucose > limits.level_1_high), count(glucose > limits.level_2_high)
    in_70_140 = readings.number - below_70 - above_140
    in_70_180 = readings.number - below_70 - above_180
    numbers = np.stack((below_54, below_70, in_70_140, in_70_180, above_180, above_250))
    return Times(*(100.0 * _ratio(numbers, readings.number)))


def _risks(readings: Readings) -> Risks:
    """Mean of 10 f^2 over all readings, the negative f of low and the positive f of high readings apart."""
    f = symmetric_scale(readings.glucose)
    zero = np.zeros_like(f)  # an array, as numpy takes three times as long to compare with one number
    low, high = np.fmin(f, zero), np.fmax(f, zero, out=f)  # zero where a reading is missing
    sums = (np.square(side, out=side).sum(axis=-1) for side in (low, high))
    return Risks(*(_ratio(10.0 * total, readings.number) for total in sums))


def mean_glucose(glucose: ArrayLike) -> Floats:
    """Mean of the readings, mg/dL.

    >>> float(mean_glucose([100.0, 140.0, float("nan")]))
    120.0
    """
    return Readings.of(glucose).in_parts(_level).mean


def standard_deviation(glucose: ArrayLike) -> Floats:
    """Standard deviation of the readings, mg/dL, with n - 1 in the denominator; NaN for a single reading.

    >>> float(standard_deviation([90.0, 100.0, 110.0]))
    10.0
    """
    return Readings.of(glucose).in_parts(_level).deviation


def coefficient_of_variation(glucose: ArrayLike) -> Floats:
    """Standard deviation over mean, percent; 36 % divides stable from unstable glucose (Monnier 2017)."""
    level = Readings.of(glucose).in_parts(_level)
    return 100.0 * _ratio(level.deviation, level.mean)


def time_in_range(glucose: ArrayLike) -> Floats:
    """Readings from 70 to 180 mg/dL (3.9-10.0 mmol/L), percent.

    >>> float(time_in_range([60.0, 70.0, 180.0, 181.0]))
    50.0
    """
    return Readings.of(glucose).once(_times).in_70_180


def time_in_tight_range(glucose: ArrayLike) -> Floats:
    """Readings from 70 to 140 mg/dL (3.9-7.8 mmol/L), percent."""
    return Readings.of(glucose).once(_times).in_70_140


def time_below_range(glucose: ArrayLike) -> Floats:
    """Readings below 70 mg/dL (3.9 mmol/L), percent; includes those below 54."""
    return Readings.of(glucose).once(_times).below_70


def time_below_54(glucose: ArrayLike) -> Floats:
    """Readings below 54 mg/dL (3.0 mmol/L), percent."""
    return Readings.of(glucose).once(_times).below_54


def time_above_range(glucose: ArrayLike) -> Floats:
    """Readings above 180 mg/dL (10.0 mmol/L), percent; includes those above 250."""
    return Readings.of(glucose).once(_times).above_180


def time_above_250(glucose: ArrayLike) -> Floats:
    """Readings above 250 mg/dL (13.9 mmol/L), percent."""
    return Readings.of(glucose).once(_times).above_250


def glucose_management_indicator(glucose: ArrayLike) -> Floats:
    """HbA1c expected from mean glucose, %: 3.31 + 0.02392 mean (Bergenstal 2018, doi:10.2337/dc18-1581).

    >>> round(float(glucose_management_indicator([150.0])), 3)
    6.898
    """
    return 3.31 + 0.02392 * mean_glucose(glucose)


def low_blood_glucose_index(glucose: ArrayLike) -> Floats:
    """Mean of 10 f^2 over all readings, counting f < 0 only (Kovatchev 2006, doi:10.2337/dc06-1085)."""
    return Readings.of(glucose).in_parts(_risks).low


def high_blood_glucose_index(glucose: ArrayLike) -> Floats:
    """Mean of 10 f^2 over all readings, counting f > 0 only (Kovatchev 2006, doi:10.2337/dc06-1085)."""
    return Readings.of(glucose).in_parts(_risks).high


def glycemia_risk_index(glucose: ArrayLike) -> Floats:
    """Glycemia risk index, 0-100 (Klonoff 2022, doi:10.1177/19322968221085273).

    3.0 (< 54) + 2.4 (54 to < 70) + 1.6 (> 250) + 0.8 (> 180 to 250), each in percent of readings, at most
    100.
    """
    times = Readings.of(glucose).once(_times)
    low, high = times.below_70 - times.below_54, times.above_180 - times.above_250
    return np.minimum(3.0 * times.below_54 + 2.4 * low + 1.6 * times.above_250 + 0.8 * high, 100.0)


def mage(glucose: ArrayLike) -> Floats:
    """Mean amplitude of glycemic excursions, mg/dL (Service 1970, doi:10.2337/diab.19.9.644).

    A peak counts once glucose has fallen by more than one standard deviation (of the whole window)
    from it, a nadir once glucose has risen by as much, so every swing between neighboring turning points
    exceeds one standard deviation. The result is the average of the mean rise and the mean fall; NaN without
    any such swing. The last swing ends with the record. Readings are not smoothed and missing ones are
    skipped, whereas the R package iglu finds turning points by crossing moving averages (`crossings.py`,
    which reports of sensor files show first); the two differ by some percent.

    >>> float(mage([100.0, 200.0, 100.0, 200.0, 100.0]))
    100.0
    """
    readings = Readings.of(glucose)
    change, window = swings_above(readings, readings.in_parts(_level).deviation.reshape(-1))
    sums, numbers = (
        np.bincount(2 * window + (change > 0), weights=weights, minlength=2 * len(readings.rows))
        for weights in (np.abs(change), None)
    )
    rise_and_fall = _ratio(sums, numbers).reshape(*readings.windows, 2)
    return mean_of_present(rise_and_fall)
