"""What people do within a day: boluses missed, late and miscounted, exercise, lows, and what a sensor
shows."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtri

from insulae.core import counted_noise, random
from insulae.core.parameters import values
from insulae.core.pytree import map_leaves, replace
from insulae.devices import controller, pump, sensor
from insulae.lifestyle import activity, adherence, low_glucose, meals
from insulae.physiology.effects import Effects
from insulae.physiology.fast import exercise
from insulae.physiology.signals import Signals
from insulae.populations import routine
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies

N = 20_000
DRAWS = np.random.default_rng(1).random((12, N), np.float32)
EATEN = meals.Day(
    first_step=jnp.broadcast_to(jnp.array([84, 150, 186, 222])[:, None], (4, N)),
    carbohydrate=jnp.broadcast_to(jnp.array([50.0, 65.0, 15.0, 70.0])[:, None], (4, N)),
)


def boluses() -> adherence.Day:
    p = map_leaves(lambda leaf: np.full(N, leaf, np.float32), values(adherence.Parameters))
    return adherence.plan(p, EATEN, ndtri(DRAWS[:4]), DRAWS[4:8])


def test_boluses_are_missed_as_often_as_published_at_each_meal():
    missed = np.mean(np.asarray(boluses().counted) == 0, axis=1)
    assert missed == pytest.approx([0.075, 0.122, 0.194, 0.111], abs=0.006)


def test_late_boluses_come_after_the_first_bite_and_as_often_as_published():
    made = boluses()
    delay = np.asarray(made.step - EATEN.first_step)
    given = np.asarray(made.counted) > 0
    assert delay.min() == 0 and delay.max() * 5 <= 40
    # The first twentieth of the delays rounds to no step at all.
    assert np.mean(delay[given] > 0) == pytest.approx(0.24 * 15 / 16, abs=0.01)


def test_small_meals_are_overestimated_and_large_ones_underestimated():
    ratio = np.asarray(boluses().counted / EATEN.carbohydrate)
    typical = [np.median(row[row > 0]) for row in ratio]
    assert typical[2] > 1.2 and typical[3] < 1.0
    error = np.abs(ratio[0][ratio[0] > 0] / typical[0] - 1)
    assert error.mean() == pytest.approx(0.209, abs=0.015)


def test_a_bolus_is_counted_once_and_in_its_step_only():
    made = boluses()
    total = sum(np.asarray(adherence.counted(made, step)) for step in range(288))
    np.testing.assert_allclose(total, np.asarray(made.counted).sum(axis=0), rtol=1e-5)


def test_basal_insulin_is_missed_on_its_share_of_days():
    p = values(adherence.Parameters)
    taken = np.asarray(adherence.basal_taken(p, DRAWS[0]))
    assert 1 - taken.mean() == pytest.approx(float(p.missed_basal), abs=0.003)


def test_a_session_lasts_half_an_hour_on_its_share_of_days_and_is_in_the_waking_day():
    p = values(activity.Parameters)
    day = activity.plan(p, DRAWS[8:10])
    active = np.stack([np.asarray(activity.intensity(day, step)) for step in range(288)])
    assert set(active.sum(axis=0).astype(int)) == {0, 6}
    assert np.mean(active.sum(axis=0) > 0) == pytest.approx(float(p.session_share), abs=0.01)
    steps = np.flatnonzero(active.any(axis=1))
    assert steps.min() == 84 and steps.max() == 240 + 5


def test_exercise_acts_at_once_and_fades_over_the_night():
    p = values(exercise.Parameters)
    body, inputs = exercise.initial(p), _Exercising(1.0)
    at_rest = exercise.signals(body, p, Signals(), _Exercising(0.0)).exercise
    assert at_rest == 1
    for _ in range(30):
        rate = exercise.derivative(body, p, Signals(), inputs)
        body = exercise.State(lasting=body.lasting + rate.lasting)
    during = exercise.signals(body, p, Signals(), inputs).exercise
    after = exercise.signals(body, p, Signals(), _Exercising(0.0)).exercise
    assert during > after + 1 > 2
    for _ in range(600):
        rate = exercise.derivative(body, p, Signals(), _Exercising(0.0))
        body = exercise.State(lasting=body.lasting + rate.lasting)
    left = exercise.signals(body, p, Signals(), _Exercising(0.0)).exercise - 1
    assert left / (after - 1) == pytest.approx(np.exp(-1), abs=0.01)


@dataclasses.dataclass
class _Exercising:
    exercise: float


def eaten_against_low(
    step: int, glucose: float = 50.0, reading: float = 90.0, alarmed: float = 0.0
) -> np.ndarray:
    p = values(low_glucose.Parameters, "type1")
    return np.asarray(low_glucose.treated(p, glucose, reading, alarmed, jnp.asarray(step), DRAWS[10]))


def test_lows_are_noticed_by_day_hardly_asleep_and_by_alarm():
    noon, night = 144, 36
    assert np.mean(eaten_against_low(noon) > 0) == pytest.approx(0.5, abs=0.01)
    assert np.mean(eaten_against_low(night) > 0) == pytest.approx(0.016, abs=0.003)
    assert np.mean(eaten_against_low(night, reading=50.0, alarmed=1.0) > 0) == pytest.approx(0.5, abs=0.01)
    alerted = eaten_against_low(night, glucose=65.0, reading=65.0, alarmed=1.0)
    assert np.mean(alerted > 0) == pytest.approx(0.19, abs=0.01)
    assert not eaten_against_low(noon, glucose=72.0, reading=72.0, alarmed=1.0).any()
    assert not eaten_against_low(noon, glucose=60.0, reading=60.0).any()
    assert not eaten_against_low(noon + 1).any()
    assert eaten_against_low(noon).max() * 5 == pytest.approx(25.9)


def readings(glucose: float = 160.0) -> np.ndarray:
    p = values(sensor.Parameters)
    day = sensor.plan(p, ndtri(DRAWS[11]), counted_noise.key(jnp.asarray(DRAWS[0])))
    return np.stack([np.asarray(sensor.shown(p, day, glucose, jnp.asarray(s)).glucose) for s in range(60)])


def test_the_noise_of_a_sensor_is_as_published():
    gain = sensor.plan(values(sensor.Parameters), ndtri(DRAWS[11]), jnp.asarray(0)).gain
    noise = readings() - 160 * np.asarray(gain)
    assert noise.std() == pytest.approx(8.0, rel=0.02)

    def correlation(steps: int) -> float:
        return float(np.mean(noise[steps:] * noise[:-steps]) / noise.var())

    assert correlation(2) == pytest.approx(0.75, abs=0.06)
    assert correlation(4) == pytest.approx(0.43, abs=0.06)
    assert abs(correlation(12)) < 0.02


def test_the_gain_of_a_sensor_spreads_around_one_and_readings_stay_in_range():
    gain = readings().mean(axis=0) / 160
    assert gain.mean() == pytest.approx(1, abs=0.002)
    assert gain.std() == pytest.approx(0.093, abs=0.006)
    assert readings(30.0).min() == 40 and readings(500.0).max() == 400


def test_the_trend_of_the_noise_is_the_slope_of_the_readings():
    p = replace(values(sensor.Parameters), gain_spread=0.0)
    day = sensor.plan(p, ndtri(DRAWS[11]), counted_noise.key(jnp.asarray(DRAWS[0])))
    first, second = (sensor.shown(p, day, 160.0, jnp.asarray(s)) for s in (10, 11))
    slope = (second.glucose - first.glucose) / 5
    np.testing.assert_allclose(np.asarray(first.noise_trend), np.asarray(slope), atol=1e-3)


def test_numbers_within_the_day_are_uniform_and_neighbors_independent():
    keys = counted_noise.key(jnp.asarray(np.arange(4000, dtype=np.float32) / 4000))
    drawn = np.stack([np.asarray(counted_noise.uniform(keys, i)) for i in range(200)])
    assert 0 < drawn.min() and drawn.max() < 1
    counts = np.histogram(drawn, 50, (0, 1))[0]
    assert ((counts - counts.mean()) ** 2 / counts.mean()).sum() < 95  # chi-square of 49, about one in 10,000
    centered = drawn - 0.5
    for lag in (1, 2, 5):
        assert abs(np.mean(centered[lag:] * centered[:-lag])) * 12 < 0.006
        assert abs(np.mean(centered[:, lag:] * centered[:, :-lag])) * 12 < 0.006
    bell = np.stack([np.asarray(counted_noise.bell(keys, i)) for i in range(200)])
    assert (bell.mean(), bell.std()) == (pytest.approx(0, abs=0.005), pytest.approx(1, abs=0.005))


def test_a_sensor_is_worn_for_ten_days_and_everything_else_is_new_each_day():
    draws = routine.day_draws(7, np.arange(5))
    for drawn in (draws.even, draws.independent):
        days = np.stack([drawn(day) for day in range(20)])
        assert (days[:10, -1] == days[0, -1]).all() and (days[10:, -1] == days[10, -1]).all()
        assert (days[0, -1] != days[10, -1]).all()
        assert (np.diff(days[:, :-1], axis=0) != 0).all()


def test_the_wear_of_a_sensor_does_not_depend_on_who_else_is_simulated():
    everybody, one = random.DayDraws, routine.day_draws(7, np.array([3]))
    assert isinstance(one, everybody)
    np.testing.assert_array_equal(routine.day_draws(7, np.arange(5)).even(11)[:, [3]], one.even(11))


def test_a_day_shows_sensor_and_true_glucose_and_they_differ_as_sensors_do(type1: Start):
    draws = routine.day_draws(1, type1.cohort.ids)
    bodies = Bodies(type1.cohort.parameters, type1.state, draws)
    effects = bodies.packed(_doses(type1))
    lived = [bodies.live(effects, day, 0, is_even=False).trace for day in range(4)]
    glucose, shown = (np.concatenate([getattr(t, n) for t in lived]) for n in ("glucose", "sensor"))
    error = shown[1:] / glucose[:-1] - 1
    assert 0.02 < np.abs(error).mean() < 0.2
    assert np.abs(error).max() < 1


def test_people_without_insulin_are_not_touched_by_missed_boluses(type1: Start):
    """Two people who differ in forgetting alone live the same day where nothing is injected."""
    forgetful = replace(
        type1.cohort.parameters,
        habits=replace(
            type1.cohort.parameters.habits,
            adherence=map_leaves(lambda leaf: 3 * leaf, type1.cohort.parameters.habits.adherence),
        ),
    )
    draws, day = routine.day_draws(1, type1.cohort.ids), []
    for parameters in (type1.cohort.parameters, forgetful):
        bodies = Bodies(parameters, type1.state, draws)
        day.append(bodies.live(bodies.packed(Effects()), 0, 0, is_even=False).trace)
    np.testing.assert_array_equal(day[0].glucose, day[1].glucose)


def _doses(start: Start) -> Effects:
    return Effects(
        basal_insulin=start.enrolled.basal_dose, bolus_per_carbohydrate=start.enrolled.bolus_per_carbohydrate
    )


def test_an_infusion_set_fails_on_its_share_of_days_for_some_hours():
    p = values(pump.Parameters)
    whether, when = jnp.asarray(DRAWS[0]), jnp.asarray(DRAWS[1])
    steps = [np.asarray(pump.arrives(p, jnp.asarray(s), (whether, when))) for s in range(288)]
    lost = 288 - np.stack(steps).sum(axis=0)
    assert set(lost.astype(int)) == {0, 96}
    assert np.mean(lost > 0) == pytest.approx(float(p.failure_share), abs=0.002)


def test_a_loop_runs_for_its_share_of_the_day_in_one_piece():
    start = jnp.asarray(DRAWS[0])
    on = np.stack([np.asarray(controller.is_on(0.9, jnp.asarray(s), start)) for s in range(288)])
    assert on.mean(axis=0) == pytest.approx(0.9, abs=0.005)
    changes = np.abs(np.diff(np.vstack([on, on[:1]]), axis=0)).sum(axis=0)
    assert set(changes.astype(int)) == {2}
    never = np.stack([np.asarray(controller.is_on(0.0, jnp.asarray(s), start)) for s in range(288)])
    assert not never.any()
