"""Readings that several metrics share: the same answers as from the array, each computed once."""

from typing import NamedTuple

import numpy as np
import pytest

from insulae.cgm import metrics, readings
from insulae.cgm.episodes import count_episodes, episodes_per_week
from insulae.cgm.readings import Floats, Readings

SHARED = [
    metrics.mean_glucose,
    metrics.coefficient_of_variation,
    metrics.time_in_range,
    metrics.glycemia_risk_index,
    metrics.low_blood_glucose_index,
    metrics.mage,
    count_episodes,
    episodes_per_week,
]


def windows(number: int) -> Floats:
    """Rough glucose in single precision, every tenth reading missing."""
    generator = np.random.default_rng(11)
    glucose = generator.normal(130.0, 50.0, (number, 288)).clip(10.0, 400.0).astype(np.float32)
    return np.where(generator.random(glucose.shape) < 0.1, np.float32(np.nan), glucose)


def test_metrics_answer_the_same_from_readings_as_from_the_array():
    glucose = windows(5)
    shared = Readings.of(glucose)
    for metric in SHARED:
        np.testing.assert_array_equal(metric(shared), metric(glucose))


def test_single_precision_is_kept_and_whole_numbers_become_floats():
    assert Readings.of(np.ones((2, 3), np.float32)).glucose.dtype == np.float32
    assert Readings.of([100, 120]).glucose.dtype == float


def test_numpy_takes_readings_for_their_array():
    glucose = windows(2)
    np.testing.assert_array_equal(np.asarray(Readings.of(glucose)), glucose)
    np.testing.assert_array_equal(Readings.of(np.asfortranarray(glucose)).glucose, glucose)


def test_what_is_known_is_not_computed_again():
    calls: list[Readings] = []
    shared = Readings.of(windows(2))
    assert shared.once(calls.append) is shared.once(calls.append) is None
    assert calls == [shared]


class Number(NamedTuple):
    """What the function below returns."""

    number: Floats


def test_windows_taken_a_few_at_a_time_are_joined_in_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readings, "READINGS_AT_ONCE", 2 * 288)
    sizes: list[int] = []

    def first(some: Readings) -> Number:
        sizes.append(len(some.rows))
        return Number(some.glucose[:, 0])

    glucose = windows(8)
    shared = Readings.of(glucose.reshape(2, 4, 288))
    answer = shared.in_parts(first)
    assert shared.in_parts(first) is answer and sizes == [3, 3, 2]
    np.testing.assert_array_equal(answer.number, glucose[:, 0].reshape(2, 4))


def test_no_window_and_no_reading_are_answered():
    assert metrics.mean_glucose(np.zeros((0, 288))).shape == (0,)
    assert np.isnan(metrics.mage(np.zeros((3, 0)))).all()
    assert count_episodes([]) == 0
