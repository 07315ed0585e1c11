"""What must hold for any glucose record."""

from itertools import pairwise, product
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from insulae.cgm import metrics
from insulae.cgm.episodes import count_episodes, episodes_per_week, find_episodes
from insulae.cgm.metrics import Floats
from insulae.cgm.profile import percentiles_of_present

readings = st.one_of(st.just(float("nan")), st.floats(20.0, 600.0))
records = arrays(float, st.tuples(st.integers(1, 5), st.integers(2, 60)), elements=readings)
OF_ONE_WINDOW = [
    metrics.mean_glucose,
    metrics.standard_deviation,
    metrics.time_in_range,
    metrics.glycemia_risk_index,
    metrics.low_blood_glucose_index,
    metrics.high_blood_glucose_index,
    metrics.mage,
    episodes_per_week,
]


def mage_by_walking(record: Floats) -> float:
    """Mean amplitude of one record, turning point by turning point along its readings."""
    glucose, limit = record[~np.isnan(record)], float(metrics.standard_deviation(record))
    turns, extreme, direction = [], glucose[:1], 0
    for number, reading in enumerate(glucose):
        if direction == 0:
            so_far = glucose[: number + 1]
            direction = int(reading - so_far.min() > limit) or -int(so_far.max() - reading > limit)
            turns = [so_far.min() if direction > 0 else so_far.max()] if direction else []
            extreme = reading
        elif direction * (reading - extreme) > 0:
            extreme = reading
        elif direction * (extreme - reading) > limit:
            turns.append(extreme)
            extreme, direction = reading, -direction
    swings = np.diff([*turns, extreme]) if turns else np.array([])
    means = [np.mean(np.abs(side)) for side in (swings[swings < 0], swings[swings > 0]) if side.size]
    return float(np.mean(means)) if means else np.nan


@given(records)
def test_times_below_in_and_above_sum_to_100(glucose: Floats):
    below, above = metrics.time_below_range(glucose), metrics.time_above_range(glucose)
    total = below + metrics.time_in_range(glucose) + above
    has_readings = ~np.isnan(glucose).all(axis=-1)
    np.testing.assert_allclose(total[has_readings], 100.0, rtol=1e-12)
    assert np.isnan(total[~has_readings]).all()


@given(records)
def test_narrower_ranges_hold_less_time(glucose: Floats):
    with_readings = glucose[~np.isnan(glucose).all(axis=-1)]
    assert (metrics.time_below_54(with_readings) <= metrics.time_below_range(with_readings)).all()
    assert (metrics.time_above_250(with_readings) <= metrics.time_above_range(with_readings)).all()
    assert (metrics.time_in_tight_range(with_readings) <= metrics.time_in_range(with_readings)).all()


@given(records, st.randoms(use_true_random=False))
def test_permuting_patients_permutes_results(glucose: Floats, random: Random):
    order = list(range(len(glucose)))
    random.shuffle(order)
    for metric in OF_ONE_WINDOW:
        np.testing.assert_array_equal(metric(glucose[order]), metric(glucose)[order])


@given(records)
def test_missing_readings_at_the_ends_change_nothing(glucose: Floats):
    padded = np.pad(glucose, ((0, 0), (3, 4)), constant_values=np.nan)
    for metric in OF_ONE_WINDOW:
        np.testing.assert_allclose(metric(padded), metric(glucose), rtol=1e-9, atol=1e-9)


@given(records)
@settings(max_examples=50)
def test_each_episode_counted_is_found(glucose: Floats):
    for row, number in zip(glucose, count_episodes(glucose), strict=True):
        found = find_episodes(row)
        assert len(found) == number
        assert all(end - start >= 15 for start, end in found)
        assert all(a[1] <= b[0] for a, b in pairwise(found))


@given(records)
def test_mage_is_between_one_standard_deviation_and_the_span(glucose: Floats):
    value, deviation = metrics.mage(glucose), metrics.standard_deviation(glucose)
    for swing, limit, row in zip(value, deviation, glucose, strict=True):
        if not np.isnan(swing):
            # Both limits up to rounding.
            assert limit * (1 - 1e-12) <= swing <= np.nanmax(row) - np.nanmin(row) + 1e-9


@given(records)
def test_mage_is_that_of_a_walk_along_each_record(glucose: Floats):
    expected = [mage_by_walking(record) for record in glucose]
    np.testing.assert_allclose(metrics.mage(glucose), expected, rtol=1e-12)  # sums in another order


@given(records)
def test_a_window_does_not_see_those_beside_it(glucose: Floats):
    for metric, precision in product(OF_ONE_WINDOW, (np.float64, np.float32)):
        windows = glucose.astype(precision)
        alone = [float(metric(record)) for record in windows]
        np.testing.assert_array_equal(metric(windows), alone)
        np.testing.assert_array_equal(metric(np.asfortranarray(windows)), alone)


@given(arrays(float, array_shapes(min_dims=1, max_dims=2, max_side=20), elements=readings))
def test_percentiles_rise_and_stay_within_the_readings(values: Floats):
    curves = percentiles_of_present(values, [0, 25, 50, 100])
    present = ~np.isnan(values).all(axis=-1)
    assert (np.diff(curves[present], axis=-1) >= -1e-9).all()
    if present.any():
        assert np.nanmin(curves) == np.nanmin(values) and np.nanmax(curves) == np.nanmax(values)
