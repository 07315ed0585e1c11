"""What is read at a visit: of mean one, as variable as the table says, the same for any chunk."""

import dataclasses

import numpy as np
import pytest

from insulae.core.parameters import value
from insulae.endpoints.base import Visit
from insulae.trials.readings import Readings

N = 20_000
READ = ("hba1c", "fasting_glucose", "fasting_glucose_again", "meal_test_c_peptide", "egfr", "body_weight")


def visit(n: int) -> Visit:
    names = [f.name for f in dataclasses.fields(Visit) if f.name != "week"]
    shapes = {"meal_test_c_peptide": (n, 5), "meal_test_glucose": (n, 5)}
    return Visit(week=1.0, **{name: np.full(shapes.get(name, n), 8.0) for name in names})


@pytest.mark.parametrize("name", READ)
def test_means_are_kept(name: str):
    read = getattr(Readings(1, np.arange(N)).of(visit(N), 7), name)
    # Four standard errors of a variation of 14 %, the largest.
    assert np.mean(read) == pytest.approx(8, rel=4 * 0.14 / np.sqrt(N))
    assert not np.all(read == 8)


def test_hba1c_varies_by_assay_and_person():
    read = Readings(1, np.arange(N)).hba1c(np.full(N, 8.0), 7)
    expected = np.hypot(value("readings.hba1c_assay"), value("readings.hba1c_person"))
    assert np.std(read) / 8 == pytest.approx(expected, rel=0.03)


def test_samples_of_a_meal_test_share_the_person():
    read = Readings(1, np.arange(N)).of(visit(N), 7).meal_test_c_peptide
    between = value("readings.c_peptide_person") ** 2
    expected = between / (between + value("readings.c_peptide_assay") ** 2)
    assert np.corrcoef(read[:, 0], read[:, 1])[0, 1] == pytest.approx(expected, abs=0.03)


def test_readings_do_not_depend_on_who_is_read_together():
    whole = Readings(1, np.arange(40)).of(visit(40), 7)
    part = Readings(1, np.arange(20, 40)).of(visit(20), 7)
    for name in READ:
        np.testing.assert_array_equal(getattr(whole, name)[20:], getattr(part, name))


def test_the_value_at_enrollment_is_read_once():
    readings = Readings(1, np.arange(9))
    first, later = readings.of(visit(9), 0), readings.of(visit(9), 84)
    np.testing.assert_array_equal(first.hba1c, later.enrolled_hba1c)
    np.testing.assert_array_equal(first.body_weight, later.enrolled_weight)
    assert not np.any(first.hba1c == later.hba1c)


def test_two_tests_of_fasting_glucose_err_apart():
    read = Readings(1, np.arange(N)).of(visit(N), 7)
    assert abs(np.corrcoef(read.fasting_glucose, read.fasting_glucose_again)[0, 1]) < 0.03


def test_two_drinks_err_apart_and_widely():
    read = Readings(1, np.arange(N)).of(visit(N), 7)
    assert abs(np.corrcoef(read.two_hour_glucose, read.two_hour_glucose_again)[0, 1]) < 0.03
    expected = np.hypot(value("readings.glucose_assay"), value("readings.two_hour_glucose_person"))
    assert np.std(read.two_hour_glucose) / 8 == pytest.approx(expected, rel=0.03)
