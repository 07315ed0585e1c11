"""CGM metrics of the consensus reports: levels, times in ranges, variability and risk indices.

Every function takes interstitial glucose in mg/dL with time as the last axis, at a fixed interval, and
reduces that axis. Missing readings are NaN and are ignored; a window without any reading gives NaN. Ranges
include both ends (70-180, 70-140); `below` and `above` are strict, so times below, in and above a range sum
to 100 %. Sources: Battelino 2023 (doi:10.1016/S2213-8587(22)00319-9) unless a function names another.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]

LEVEL_1_LOW, LEVEL_2_LOW = 70.0, 54.0  # mg/dL, hypoglycemia
LEVEL_1_HIGH, LEVEL_2_HIGH = 180.0, 250.0  # mg/dL, hyperglycemia
TIGHT_HIGH = 140.0  # mg/dL, 7.8 mmol/L


def _ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Divide; NaN where the denominator is zero or negative."""
    top, bottom = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def mean_of_present(values: ArrayLike) -> Floats:
    """Mean over the last axis of the values that are not NaN; NaN when there are none."""
    array = np.asarray(values)
    present = ~np.isnan(array)
    return _ratio(np.sum(array, axis=-1, where=present, dtype=float), present.sum(axis=-1))


def _percent_of_readings(glucose: ArrayLike, low: float = -np.inf, high: float = np.inf) -> Floats:
    """Percent of the readings with low <= reading <= high."""
    array = np.asarray(glucose)
    within = (array >= low) & (array <= high)  # false for NaN
    return 100.0 * _ratio(within.sum(axis=-1), (~np.isnan(array)).sum(axis=-1))


def _just_below(limit: float) -> float:
    return float(np.nextafter(limit, -np.inf))


def _just_above(limit: float) -> float:
    return float(np.nextafter(limit, np.inf))


def mean_glucose(glucose: ArrayLike) -> Floats:
    """Mean of the readings, mg/dL.

    >>> float(mean_glucose([100.0, 140.0, float("nan")]))
    120.0
    """
    return mean_of_present(glucose)


def standard_deviation(glucose: ArrayLike) -> Floats:
    """Standard deviation of the readings, mg/dL, with n - 1 in the denominator; NaN for a single reading.

    >>> float(standard_deviation([90.0, 100.0, 110.0]))
    10.0
    """
    array = np.asarray(glucose, dtype=float)
    present = ~np.isnan(array)
    deviation = array - mean_glucose(array)[..., np.newaxis]
    return np.sqrt(_ratio(np.sum(deviation**2, axis=-1, where=present), present.sum(axis=-1) - 1))


def coefficient_of_variation(glucose: ArrayLike) -> Floats:
    """Standard deviation over mean, percent; 36 % divides stable from unstable glucose (Monnier 2017)."""
    return 100.0 * _ratio(standard_deviation(glucose), mean_glucose(glucose))


def time_in_range(glucose: ArrayLike) -> Floats:
    """Readings from 70 to 180 mg/dL (3.9-10.0 mmol/L), percent.

    >>> float(time_in_range([60.0, 70.0, 180.0, 181.0]))
    50.0
    """
    return _percent_of_readings(glucose, LEVEL_1_LOW, LEVEL_1_HIGH)


def time_in_tight_range(glucose: ArrayLike) -> Floats:
    """Readings from 70 to 140 mg/dL (3.9-7.8 mmol/L), percent."""
    return _percent_of_readings(glucose, LEVEL_1_LOW, TIGHT_HIGH)


def time_below_range(glucose: ArrayLike) -> Floats:
    """Readings below 70 mg/dL (3.9 mmol/L), percent; includes those below 54."""
    return _percent_of_readings(glucose, high=_just_below(LEVEL_1_LOW))


def time_below_54(glucose: ArrayLike) -> Floats:
    """Readings below 54 mg/dL (3.0 mmol/L), percent."""
    return _percent_of_readings(glucose, high=_just_below(LEVEL_2_LOW))


def time_above_range(glucose: ArrayLike) -> Floats:
    """Readings above 180 mg/dL (10.0 mmol/L), percent; includes those above 250."""
    return _percent_of_readings(glucose, low=_just_above(LEVEL_1_HIGH))


def time_above_250(glucose: ArrayLike) -> Floats:
    """Readings above 250 mg/dL (13.9 mmol/L), percent."""
    return _percent_of_readings(glucose, low=_just_above(LEVEL_2_HIGH))


def glucose_management_indicator(glucose: ArrayLike) -> Floats:
    """HbA1c expected from mean glucose, %: 3.31 + 0.02392 mean (Bergenstal 2018, doi:10.2337/dc18-1581).

    >>> round(float(glucose_management_indicator([150.0])), 3)
    6.898
    """
    return 3.31 + 0.02392 * mean_glucose(glucose)


def _symmetrized(glucose: ArrayLike) -> Floats:
    """Kovatchev's scale f = 1.509 (ln(G)^1.084 - 5.381), zero at 112.5 mg/dL; 1 mg/dL at the least."""
    return 1.509 * (np.log(np.maximum(np.asarray(glucose, dtype=float), 1.0)) ** 1.084 - 5.381)


def low_blood_glucose_index(glucose: ArrayLike) -> Floats:
    """Mean of 10 f^2 over all readings, counting f < 0 only (Kovatchev 2006, doi:10.2337/dc06-1085)."""
    return mean_of_present(10.0 * np.minimum(_symmetrized(glucose), 0.0) ** 2)


def high_blood_glucose_index(glucose: ArrayLike) -> Floats:
    """Mean of 10 f^2 over all readings, counting f > 0 only (Kovatchev 2006, doi:10.2337/dc06-1085)."""
    return mean_of_present(10.0 * np.maximum(_symmetrized(glucose), 0.0) ** 2)


def glycemia_risk_index(glucose: ArrayLike) -> Floats:
    """Glycemia risk index, 0-100 (Klonoff 2022, doi:10.1177/19322968221085273).

    3.0 (< 54) + 2.4 (54 to < 70) + 1.6 (> 250) + 0.8 (> 180 to 250), each in percent of readings, at most
    100.
    """
    very_low, very_high = time_below_54(glucose), time_above_250(glucose)
    low, high = time_below_range(glucose) - very_low, time_above_range(glucose) - very_high
    return np.minimum(3.0 * very_low + 2.4 * low + 1.6 * very_high + 0.8 * high, 100.0)


def mage(glucose: ArrayLike) -> Floats:
    """Mean amplitude of glycemic excursions, mg/dL (Service 1970, doi:10.2337/diab.19.9.644).

    A peak counts once glucose has fallen by more than one standard deviation (of the whole window)
    from it, a nadir once glucose has risen by as much, so every swing between neighboring turning points
    exceeds one standard deviation. The result is the average of the mean rise and the mean fall; NaN without
    any such swing. The last swing ends with the record. Readings are not smoothed and missing ones are
    skipped, whereas the default of the R package iglu finds turning points by crossing moving averages; the
    two differ by some percent.

    >>> float(mage([100.0, 200.0, 100.0, 200.0, 100.0]))
    100.0
    """
    array = np.asarray(glucose, dtype=float)
    series = array.reshape(-1, array.shape[-1])
    total, count = _excursions(_turning_points(series), standard_deviation(series))
    return mean_of_present(_ratio(total, count)).reshape(array.shape[:-1])


def _turning_points(series: Floats) -> Floats:
    """Keep the local extremes of each row with both ends, missing readings skipped; NaN fills up the rows."""
    place = np.where(np.isnan(series), 0, np.arange(series.shape[-1]))
    held = np.take_along_axis(series, np.maximum.accumulate(place, axis=-1), axis=-1)
    slope = np.sign(np.diff(held, axis=-1, append=np.nan))
    place = np.where(slope == 0, 0, np.arange(series.shape[-1]))
    slope = np.take_along_axis(slope, np.maximum.accumulate(place, axis=-1), axis=-1)
    kept = np.ones(series.shape, dtype=bool)
    kept[:, 1:] = slope[:, 1:] != slope[:, :-1]
    points = np.full((len(series), int(kept.sum(axis=-1).max(initial=1))), np.nan)
    rows, columns = np.nonzero(kept)
    points[rows, (np.cumsum(kept, axis=-1) - 1)[rows, columns]] = held[rows, columns]
    return points


def _excursions(series: Floats, threshold: Floats) -> tuple[Floats, Floats]:
    """Sum and number of falls (column 0) and rises (column 1) above each row's threshold.

    Walks once along time for all rows together. `turn` is the last turning point, `extreme` the furthest
    value since then in the present direction (+1 up, -1 down; 0 until the first swing exceeds
    the threshold, and then both are NaN).
    """
    rows = np.arange(len(series))
    total, count = np.zeros((len(series), 2)), np.zeros((len(series), 2))
    direction = np.zeros(len(series), dtype=int)
    lowest, highest = np.full(len(series), np.inf), np.full(len(series), -np.inf)
    turn, extreme = np.full(len(series), np.nan), np.full(len(series), np.nan)
    for value in np.ascontiguousarray(series.T):
        waiting = direction == 0
        lowest, highest = np.fmin(lowest, value), np.fmax(highest, value)
        first_up = waiting & (value - lowest > threshold)
        first_down = waiting & ~first_up & (highest - value > threshold)
        turn = np.where(first_up, lowest, np.where(first_down, highest, turn))
        extreme = np.where(first_up | first_down, value, extreme)
        extended = ~waiting & (direction * (value - extreme) > 0)
        reversed_ = ~waiting & (direction * (extreme - value) > threshold)
        _add(total, count, rows[reversed_], direction[reversed_], np.abs(extreme - turn)[reversed_])
        turn = np.where(reversed_, extreme, turn)
        extreme = np.where(extended | reversed_, value, extreme)
        direction = np.where(
            reversed_, -direction, np.where(first_up, 1, np.where(first_down, -1, direction))
        )
    last = direction != 0
    _add(total, count, rows[last], direction[last], np.abs(extreme - turn)[last])
    return total, count


def _add(
    total: Floats, count: Floats, rows: NDArray[np.intp], direction: NDArray[Any], height: Floats
) -> None:
    """Book one swing per row: falls in column 0, rises in column 1."""
    column = (direction > 0).astype(int)
    total[rows, column] += height
    count[rows, column] += 1
