"""Experiments on one person: a clamp holds glucose, gradients are right, draws do not touch one another."""

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from insulae.core.parameters import values
from insulae.core.pytree import replace
from insulae.inference import experiments as e
from insulae.inference import person
from insulae.physiology import course
from insulae.physiology.effects import Effects
from insulae.physiology.fast import injected_insulin, secretion
from insulae.physiology.signals import Signals
from insulae.populations.baseline import starting
from insulae.populations.patient import ClinicNumbers

NUMBERS = {"age": (50.0, 50.0), "male": (1.0, 1.0), "height": (1.75, 1.75), "weight": (75.0, 75.0)}


@pytest.fixture(scope="module")
def people() -> tuple[person.Known, np.ndarray]:
    start = starting(ClinicNumbers("healthy", NUMBERS), [], 1, np.arange(64))
    return person.known(start, "healthy", Effects()), person.effective(start, "healthy")


@pytest.fixture(scope="module")
def compiled() -> Any:
    """Glucose drinks, clamps and days of one length run through one compiled function."""

    def course(known: person.Known, logarithms: Any, schedule: e.Schedule, glucose: float) -> e.Course:
        constants = person.constants(known, person.exponential(logarithms))
        return e.live(constants, e.fasting(constants, glucose), schedule)

    ready = jax.jit(course)

    def run(people: Any, schedule: e.Schedule, glucose: float = 95.0) -> e.Course:
        known, logarithms = people
        with jax.enable_x64(True):
            made = ready(known, jnp.asarray(logarithms), e.padded(schedule, 432), glucose)
            return jax.tree_util.tree_map(np.asarray, made)

    return run


@pytest.fixture(scope="module")
def clamp(people: Any) -> e.Schedule:
    known = people[0]
    planned = e.hyperglycemic_euglycemic(float(known.surface), float(known.signals.metabolic_weight))
    return e.padded(e.joined(e.night(), planned), 432)


@pytest.fixture(scope="module")
def clamped(people: Any, compiled: Any, clamp: e.Schedule) -> e.Course:
    return compiled(people, clamp)


def test_a_clamp_holds_what_is_wanted(clamped: e.Course, clamp: e.Schedule):
    # Infusions are set every two and a half minutes; between them glucose drifts by about a percent.
    np.testing.assert_allclose(e.at(clamped.glucose, clamp, [30, 60, 90]), 200, atol=3)
    # Healthy people under 40 mU/m2/min need glucose to stay at 90 mg/dL.
    np.testing.assert_allclose(e.at(clamped.glucose, clamp, [210, 220]), 90, atol=2)
    assert (e.at(clamped.infusion, clamp, [220]) > 1).all()


def test_the_clamp_shows_two_phases(clamped: e.Course, clamp: e.Schedule):
    first, trough, late = e.at(clamped.insulin, clamp, [10, 17.5, 90])
    assert np.mean(first > trough) > 0.9 and np.mean(late > trough) > 0.9


def test_who_is_sensitive_needs_more_glucose(people: Any, clamped: e.Course):
    assert np.corrcoef(people[1][0], clamped.infusion[-1])[0, 1] > 0.8


def test_a_night_forgets_where_it_began(people: Any, compiled: Any):
    ends = [compiled(people, e.night(), begun).glucose[-1] for begun in (80.0, 130.0)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=0.005)


def test_a_drink_raises_glucose_and_insulin(people: Any, compiled: Any):
    schedule = e.padded(e.joined(e.night(), e.oral_test(75.0, 180)), 432)
    course = compiled(people, schedule)
    before, after = e.at(course.glucose, schedule, [0, 45])
    assert (after > before + 20).all()
    assert (e.at(course.insulin, schedule, [45])[0] > e.at(course.insulin, schedule, [0])[0]).all()


def test_glucose_in_water_rises_earlier_than_a_mixed_meal(people: Any, compiled: Any):
    """The same carbohydrate: higher at half an hour in water; either way all of it is absorbed in the end."""
    both = [e.joined(e.night(), test(75.0, 420)) for test in (e.oral_test, e.mixed_meal_test)]
    water, meal = [compiled(people, schedule) for schedule in both]
    early = [e.at(c.glucose, e.padded(s, 432), [30])[0] for c, s in zip((water, meal), both, strict=True)]
    assert (early[0] > early[1] + 5).all()
    late = [e.at(c.glucose, e.padded(s, 432), [420])[0] for c, s in zip((water, meal), both, strict=True)]
    np.testing.assert_allclose(late[0], late[1], atol=5)


def test_days_with_meals_and_insulin(people: Any, compiled: Any):
    """What is eaten and injected enters whole; insulin lowers glucose; bread raises it."""
    weight = float(people[0].signals.metabolic_weight)
    plain = e.days(288)
    fed = e.eat(plain, [420.0, 1111.0], [50.0, 70.0], 15.0)
    both = e.inject(fed, "rapid_insulin", [422.0], [6.0], weight)
    assert np.sum(fed.inputs.solid_carbohydrate * fed.minutes) == pytest.approx(120e3)
    assert np.sum(both.inputs.rapid_insulin * both.minutes) * weight == pytest.approx(36e3)
    outside = e.inject(fed, "rapid_insulin", [5000.0, -5.0], [6.0, 6.0], weight)
    assert not outside.inputs.rapid_insulin.any()
    courses = [compiled(people, schedule) for schedule in (plain, fed, both)]
    at_eight = [
        e.at(c.interstitial, e.padded(s, 432), [480.0])[0]
        for c, s in zip(courses, (plain, fed, both), strict=True)
    ]
    assert (at_eight[1] > at_eight[0] + 10).all() and (at_eight[2] < at_eight[1]).all()


def test_fitted_values_secrete_what_the_patients_secrete():
    """What a unit of mass secretes differs between patients and is not fitted: capacity must hold it."""
    start = starting(ClinicNumbers("healthy", NUMBERS), [], 1, np.arange(16))
    fast = start.cohort.parameters.fast.secretion
    _, signals = course.morning(start.state, start.cohort.parameters.slow, Effects())
    known = person.known(start, "healthy", Effects())
    found = person.constants(known, person.exponential(person.effective(start, "healthy"))).secretion
    assert np.std(np.asarray(fast.maximal)) > 1
    static = np.asarray(fast.maximal) * np.asarray(signals.native_capacity)
    np.testing.assert_allclose(found.maximal * np.asarray(found.native_capacity), static, rtol=1e-5)
    dynamic = np.asarray(fast.dynamic_gain) * np.asarray(signals.native_first_phase)
    mine = np.asarray(found.dynamic_gain) * np.asarray(found.native_first_phase)
    np.testing.assert_allclose(mine, dynamic, rtol=1e-5)


def test_a_pump_that_has_long_run_begins_in_balance(people: Any):
    """The depots take in what they give off; a rate changed within a step counts by the minutes of each."""
    known, logarithms = people
    constants = person.constants(known, person.exponential(logarithms))
    state = e.fasting(constants, 100.0, pump_rate=0.9).injected_insulin
    inputs = SimpleNamespace(rapid_insulin=0.9, basal_insulin=0.0, rapid_absorption=1.0, basal_absorption=1.0)
    change = injected_insulin.derivative(state, constants.injected_insulin, None, inputs)  # type: ignore[arg-type]
    for leaf, held in ((change.rapid_first, state.rapid_first), (change.rapid_second, state.rapid_second)):
        assert (np.asarray(held) > 1).all()
        np.testing.assert_allclose(leaf, 0, atol=1e-5)
    infused = e.infuse(e.days(3), [0, 6], [0.6, 1.2], 60.0).inputs.rapid_insulin
    np.testing.assert_allclose(infused * 60 * 60 / 6000, [0.6, 0.6 * 0.2 + 1.2 * 0.8, 1.2])


def test_nobody_touches_anybody(people: Any, compiled: Any, clamp: e.Schedule, clamped: e.Course):
    known, logarithms = people
    others = compiled((known, np.roll(logarithms, 3, axis=1)), clamp)
    np.testing.assert_array_equal(others.glucose[:, 10], clamped.glucose[:, 7])
    np.testing.assert_array_equal(others.infusion[:, 10], clamped.infusion[:, 7])


def test_the_gradient_is_that_of_differences(people: Any):
    known, logarithms = people
    way = np.random.default_rng(1).normal(size=logarithms.shape)
    schedule = e.oral_test(75.0, 120)

    def glucose(x: jax.Array) -> jax.Array:
        constants = person.constants(known, person.exponential(x))
        return e.live(constants, e.fasting(constants, 95.0), schedule).glucose

    with jax.enable_x64(True):
        along = jax.jit(lambda x, v: jax.jvp(glucose, (x,), (v,)))
        x, v, step = jnp.asarray(logarithms), jnp.asarray(way), 1e-5
        _, exact = along(x, v)
        moved = (along(x + step * v, v)[0] - along(x - step * v, v)[0]) / (2 * step)
    np.testing.assert_allclose(exact, moved, rtol=1e-4, atol=1e-3)


def test_the_first_phase_answers_meals_in_full_and_infusions_in_part():
    """At a rise as after a meal hardly anything is missing; ten times as fast is not ten times as much."""
    with jax.enable_x64(True):
        one = jnp.ones(4)
        p = replace(values(secretion.Parameters), dynamic_gain=one, incretin_gain=one, portal_fraction=one)
        p = replace(p, enclosure=0 * one, independent=0 * one, graft_capacity=0 * one)
        p = replace(p, graft_first_phase=0 * one, graft_leak=0 * one, release_rate=one)
        p = replace(p, native_capacity=one, native_first_phase=one)
        rate = jnp.array([1.0, 2.0, 20.0, -5.0])
        made = secretion.signals(
            secretion.State(static=0 * one, released=0 * one), p, Signals(glucose_rate=rate), None
        )  # type: ignore[arg-type]
    slow, meal, fast, falling = np.asarray(made.insulin_secretion_rate)
    assert slow == pytest.approx(1.0, rel=0.03) and meal == pytest.approx(2.0, rel=0.06)
    assert meal < fast < 8 and falling < 0.01
