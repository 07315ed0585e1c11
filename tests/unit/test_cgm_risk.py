"""Kovatchev's scale from the table against its formula."""

import numpy as np

from insulae.cgm.risk import FIRST, LAST, STEPS, scale_by_formula, symmetric_scale


def test_the_table_is_exact_between_its_values_and_at_them():
    steps = np.arange(FIRST, LAST, 1.0 / STEPS)
    for shift in (0.0, 0.1, 0.5, 0.9):
        glucose = steps + shift / STEPS
        error = np.abs(symmetric_scale(glucose) - scale_by_formula(glucose))
        # The cubic leaves at most 2e-13 at 16 mg/dL with 64 steps; from 40 on only rounding is left.
        assert error.max() < 1e-12
        assert error[glucose > 40.0].max() < 2e-14


def test_readings_outside_the_table_are_computed():
    outside = np.array([0.0, 1.0, 3.0, np.nextafter(FIRST, 0), LAST, 5000.0, np.inf])
    np.testing.assert_array_equal(symmetric_scale(outside), scale_by_formula(outside))


def test_a_missing_reading_stays_missing_and_changes_no_other():
    glucose = np.array([40.0, np.nan, 112.5, 2000.0], dtype=np.float32)
    scale = symmetric_scale(glucose)
    assert np.isnan(scale).tolist() == [False, True, False, False]
    assert scale[[0, 2]].tolist() == symmetric_scale(glucose[[0, 2]]).tolist()
