"""Simulated people whose truth is known, and the discrepancy between two tests of the same people."""

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from twins import cases, discrepancy
from twins.clamp import of_quantity

from insulae.inference.evidence import number_of_values, stacked
from insulae.inference.measurement_error import QUANTITIES, error_table
from insulae.inference.predictive import expected
from insulae.inference.prior import believed
from insulae.inference.sensor_days import READ_EVERY
from insulae.populations.patient import ClinicNumbers


@functools.cache
def beliefs(seed: int) -> Any:
    """The prior of 64 patients instead of 512, of one seed whatever is asked."""
    assert seed > 0
    return believed(ClinicNumbers("type2", {k: (v, v) for k, v in cases.NUMBERS.items()}), [], 1, 64)


@pytest.fixture(autouse=True)
def few_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "beliefs", beliefs)


def errors_of(case: cases.Case) -> np.ndarray:
    """Return the deviations of measured values from those of the truth, in units of the expected error."""
    evidence = stacked(case.experiments, error_table())
    exact = expected(evidence, case.known, case.truth[:, None])[:, 0]
    n = number_of_values(evidence)
    offset = np.asarray(evidence.offset)[:n]
    away = np.asarray(evidence.logarithm)[:n] - np.log(exact + offset)
    return away / np.asarray(evidence.error)[:n]


def test_a_meal_test_is_that_of_its_truth_with_the_expected_error():
    case = cases.meal_test(3)
    (test,) = case.experiments
    assert [s.quantity for s in test.series] == list(cases.IN_TEST)
    assert test.first_glucose == test.series[0].values[0]
    # The first glucose is given to the night before, so the truth begins at what was measured.
    away = errors_of(case)
    assert 0.3 < away.std() < 1.8 and np.abs(away).max() < 4.5


def test_the_same_seed_gives_the_same_person_and_another_seed_another():
    first, again, other = (cases.meal_test(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.truth, again.truth)
    np.testing.assert_array_equal(
        first.experiments[0].series[1].values, again.experiments[0].series[1].values
    )
    assert np.abs(first.truth - other.truth).max() > 0.05


def test_sensor_days_are_noted_otherwise_than_eaten():
    """Readings follow what was eaten; with meals as noted the truth is further from them than its error."""
    case = cases.sensor_record(2, 3)
    assert len(case.experiments) == 2 and case.name == "2 days of sensor glucose"
    day = case.experiments[1]
    assert len(day.series[0].values) == 1440 // READ_EVERY and day.clock == 1440
    assert np.isfinite(day.series[0].values).all() and day.meals
    noted = float(np.sum(day.schedule.inputs.solid_carbohydrate * day.schedule.minutes)) / 1000
    assert 100 < noted < 400
    assert errors_of(case).std() > 0.5


def predictions(tau: float, number: int, seed: int = 1) -> list[Any]:
    """People whose four values of insulin were predicted within 10 % and lie off by an own factor."""
    random = np.random.default_rng(seed)
    kind = np.full(4, QUANTITIES.index("insulin"))
    found = []
    for name in range(number):
        exact = np.full(4, 100.0) * np.exp(0.1 * random.standard_normal())
        draws = 100.0 * np.exp(0.1 * random.standard_normal(400))[None, :] * np.ones((4, 1))
        values = draws * np.exp(0.05 * random.standard_normal((4, 400)))
        seen = exact * np.exp(tau * random.standard_normal() + 0.05 * random.standard_normal(4))
        seen[1] = np.nan if name == 0 else seen[1]
        subject = SimpleNamespace(name=str(name))
        found.append(SimpleNamespace(subject=subject, quantity=kind, values=values, observed=seen))
    return found


def test_a_discrepancy_is_found_and_widens_the_intervals_of_others_to_what_they_say():
    people = predictions(0.4, 200)
    learned, judged = discrepancy.halves(people)
    size = discrepancy.tau(learned, "insulin")
    assert size == pytest.approx(0.4, rel=0.2)
    narrow = discrepancy.coverage(judged, "insulin", 0.0)[0]
    share, number = discrepancy.coverage(judged, "insulin", size)
    assert narrow < 60 and 82 < share < 97 and number == 400


def test_there_is_no_discrepancy_where_the_prediction_is_right():
    people = predictions(0.0, 80)
    assert discrepancy.tau(people, "insulin") < 0.06
    assert discrepancy.coverage(people, "insulin", 0.0)[1] == 319  # one value was not measured
    assert of_quantity(people[0], "insulin").all() and not of_quantity(people[0], "glucose").any()
