"""Kovatchev's scale in single precision against double, and outside what sensors show."""

import numpy as np

from insulae.cgm.risk import symmetric_scale


def test_single_precision_is_enough():
    glucose = np.geomspace(10.0, 1000.0, 200_000).astype(np.float32)
    scale = symmetric_scale(glucose)
    assert scale.dtype == np.float32
    # Powers up to 8 are told apart by 5e-7 and then multiplied by 1.5; logarithm and power round before.
    assert np.abs(scale - symmetric_scale(glucose.astype(float))).max() < 3e-6


def test_double_precision_is_that_of_the_formula():
    glucose = np.linspace(20.0, 600.0, 1000)
    formula = 1.509 * (np.log(glucose) ** 1.084 - 5.381)
    np.testing.assert_array_equal(symmetric_scale(glucose), formula)


def test_what_no_sensor_shows_has_a_scale_too():
    scale = symmetric_scale(np.array([0.0, 1.0, np.inf]))
    assert scale[0] == scale[1] == -1.509 * 5.381
    assert scale[2] == np.inf


def test_a_missing_reading_stays_missing_and_changes_no_other():
    glucose = np.array([40.0, np.nan, 112.5, 2000.0], dtype=np.float32)
    scale = symmetric_scale(glucose)
    assert np.isnan(scale).tolist() == [False, True, False, False]
    assert scale[[0, 2]].tolist() == symmetric_scale(glucose[[0, 2]]).tolist()
