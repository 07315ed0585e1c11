"""Closed-form cases of the CGM metrics and the glucose profile."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike

from insulae.cgm import metrics
from insulae.cgm.profile import PERCENTILES, ambulatory_glucose_profile, percentiles_of_present

Metric = Callable[[ArrayLike], metrics.Floats]
EVERY_METRIC: list[Metric] = [
    metrics.mean_glucose,
    metrics.standard_deviation,
    metrics.coefficient_of_variation,
    metrics.time_in_range,
    metrics.time_in_tight_range,
    metrics.time_below_range,
    metrics.time_below_54,
    metrics.time_above_range,
    metrics.time_above_250,
    metrics.glucose_management_indicator,
    metrics.low_blood_glucose_index,
    metrics.high_blood_glucose_index,
    metrics.glycemia_risk_index,
    metrics.mage,
]
# One reading in each band and on each limit.
LADDER = np.array([53.9, 54.0, 69.9, 70.0, 140.0, 140.1, 180.0, 180.1, 250.0, 250.1])


@pytest.mark.parametrize(
    ("metric", "percent"),
    [
        (metrics.time_below_54, 10),
        (metrics.time_below_range, 30),
        (metrics.time_in_tight_range, 20),
        (metrics.time_in_range, 40),
        (metrics.time_above_range, 30),
        (metrics.time_above_250, 10),
    ],
)
def test_limits_belong_to_the_range_and_not_to_the_times_outside(metric: Metric, percent: float):
    assert metric(LADDER) == pytest.approx(percent)


def test_limits_are_as_sharp_in_single_precision():
    limits = np.array([54.0, 70.0, 140.0, 180.0, 250.0], dtype=np.float32)
    assert metrics.time_below_54(limits) == 0.0
    assert metrics.time_below_range(limits) == pytest.approx(20.0)  # 54
    assert metrics.time_in_tight_range(limits) == pytest.approx(40.0)  # 70 and 140
    assert metrics.time_above_range(limits) == pytest.approx(20.0)  # 250
    assert metrics.time_above_250(limits) == 0.0


def test_glycemia_risk_index_weighs_each_band_once():
    # 10 % very low, 20 % low, 20 % high, 10 % very high: 30 + 48 + 16 + 16 = 110, capped at 100.
    assert metrics.glycemia_risk_index(LADDER) == 100.0
    mild = np.concatenate([LADDER, np.full(90, 100.0)])
    assert metrics.glycemia_risk_index(mild) == pytest.approx(11.0)


def test_gmi_of_bergenstals_table():
    # Bergenstal 2018, table 1: mean 100, 150, 200, 250, 300 mg/dL, printed to one decimal.
    means = np.array([[100.0], [150.0], [200.0], [250.0], [300.0]])
    gmi = metrics.glucose_management_indicator(means)
    assert np.round(gmi, 1).tolist() == [5.7, 6.9, 8.1, 9.3, 10.5]


def test_risk_indices_vanish_at_the_neutral_glucose_and_take_one_side_each():
    neutral = float(np.exp(5.381 ** (1 / 1.084)))
    assert neutral == pytest.approx(112.5, abs=0.1)
    assert metrics.low_blood_glucose_index([neutral]) == pytest.approx(0.0, abs=1e-12)
    assert metrics.high_blood_glucose_index([60.0]) == 0.0
    assert metrics.low_blood_glucose_index([200.0]) == 0.0
    # The scale is symmetric: risk 100 at both ends, 20 and 600 mg/dL (Kovatchev 1997).
    assert metrics.low_blood_glucose_index([20.0]) == pytest.approx(100.0, abs=0.3)
    assert metrics.high_blood_glucose_index([600.0]) == pytest.approx(100.0, abs=0.3)


def test_mage_of_a_wave_is_its_swing():
    minutes = np.arange(0, 14 * 1440, 5)
    wave = 150.0 + 40.0 * np.sin(2 * np.pi * minutes / 360.0)
    assert metrics.mage(wave) == pytest.approx(80.0, rel=0.01)


def test_mage_ignores_ripples_below_one_standard_deviation():
    minutes = np.arange(0, 14 * 1440, 5)
    wave = 150.0 + 40.0 * np.sin(2 * np.pi * minutes / 360.0)
    ripple = 5.0 * np.sin(2 * np.pi * minutes / 25.0)
    assert metrics.mage(wave + ripple) == pytest.approx(90.0, rel=0.03)


def test_mage_averages_rises_and_falls():
    # Rises 100 -> 200 and 130 -> 250 (mean 110), one fall 200 -> 130.
    series = np.concatenate([np.full(20, 100.0), [200.0, 130.0, 250.0]])
    assert metrics.standard_deviation(series) < 70.0
    assert metrics.mage(series) == pytest.approx((110.0 + 70.0) / 2)


def test_mage_of_constant_glucose_is_not_a_number():
    assert np.isnan(metrics.mage(np.full(288, 110.0)))


@pytest.mark.parametrize("metric", EVERY_METRIC)
def test_without_readings_the_answer_is_not_a_number(metric: Metric):
    glucose = np.stack([np.full(288, np.nan), 120.0 + 60.0 * np.sin(np.arange(288) / 20.0)])
    answer = metric(glucose)
    assert np.isnan(answer[0]) and np.isfinite(answer[1])


@pytest.mark.parametrize("metric", EVERY_METRIC)
def test_leading_axes_are_kept_and_single_precision_is_enough(metric: Metric):
    glucose = np.random.default_rng(7).normal(150.0, 45.0, (2, 3, 288))
    answer = metric(glucose)
    assert answer.shape == (2, 3)
    assert answer[1, 2] == pytest.approx(metric(glucose[1, 2]))
    # A reading within single precision of a limit may change sides: one of 288 readings.
    assert metric(glucose.astype(np.float32)) == pytest.approx(answer, rel=1e-4, abs=100 / 288)


def test_percentiles_equal_numpy_when_nothing_is_missing():
    values = np.random.default_rng(3).normal(size=(4, 17))
    ours = percentiles_of_present(values, PERCENTILES)
    assert ours == pytest.approx(np.percentile(values, PERCENTILES, axis=-1).T)


def test_percentiles_of_nothing_are_not_a_number():
    assert np.isnan(percentiles_of_present(np.full((2, 5), np.nan), PERCENTILES)).all()


def test_profile_pools_days_by_time_of_day():
    day = 100.0 + np.arange(288.0)
    days = np.stack([day, day + 10.0, day + 20.0])
    days[1, 5] = np.nan
    profile = ambulatory_glucose_profile(days.reshape(1, -1))
    assert profile.glucose.shape == (1, 5, 288)
    assert profile.minute[:3].tolist() == [0, 5, 10]
    assert profile.glucose[0, 2] == pytest.approx(day + 10.0)
    assert profile.glucose[0, :, 7] == pytest.approx(day[7] + 10.0 + np.array([-9.0, -5.0, 0.0, 5.0, 9.0]))


def test_profile_wants_whole_days():
    with pytest.raises(ValueError, match="whole days"):
        ambulatory_glucose_profile(np.full(300, 100.0))
