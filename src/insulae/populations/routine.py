"""An ordinary day of a patient: meals, injections, sensitivity, put together into the one compiled day.

This is the only place where the kernel is compiled: effects, doses, patients and arms are data.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from insulae.core import counted_noise, random
from insulae.core.clock import DAYS_PER_WEEK, MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jax, jnp, lax
from insulae.core.parameters import value
from insulae.core.pytree import map_leaves, replace, skeleton
from insulae.core.units import MG_PER_G, PMOL_PER_UNIT
from insulae.devices import controller, pen, pump, sensor
from insulae.engine.kernel import Kernel, compiled
from insulae.lifestyle import activity, adherence, lability, low_glucose, meals, sensitivity
from insulae.physiology import body, course
from insulae.physiology.component import where_needed
from insulae.physiology.day import Control, DaySummary, Sensor, Trace, simulate_day
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import body_weight
from insulae.populations.patient import Habits, Parameters

NORMALS = (meals.N_NORMALS, adherence.N_NORMALS, sensitivity.N_NORMALS, pen.N_NORMALS)
UNIFORMS = (adherence.N_UNIFORMS, activity.N_UNIFORMS, 1, sensor.N_WEAR_UNIFORMS)
"""Draws of a day in their order: normal ones, uniform ones; the last but one is the key of what is drawn
within the day, the last stays for as long as a sensor is worn."""
N_DRAWS = sum(NORMALS) + sum(UNIFORMS)
NOTICES = 1000
"""Where the counts of the chance to notice low glucose begin; those before belong to the sensor."""
BASAL_DOSE = 2000
"""The count of the chance to miss the day's basal insulin."""
LOOP_OFF, SET_FAILS, SET_FAILS_AT = 2001, 2002, 2003
"""The counts of when the loop is off, whether an infusion set fails, and when."""

SMALL_CAPACITY = 0.05
"""Secretory capacity (1 = healthy) below which its relative changes matter less and less."""

TEST_MEAL_STEP = 8 * MINUTES_PER_HOUR // STEP_MINUTES
TEST_MEAL_STEPS = 2
TEST_STEPS = 4 * MINUTES_PER_HOUR // STEP_MINUTES
"""The drink is taken over ten minutes and followed for four hours."""


def day_draws(seed: int, patients: random.Patients) -> random.DayDraws:
    """Return the draws behind the days of some patients, the same in every arm."""
    wear = random.DayDraws(random.patient_keys(seed, "sensor", patients), sensor.N_WEAR_UNIFORMS)
    keys, days = random.patient_keys(seed, "day", patients), round(value("sensor.wear_time"))
    return random.DayDraws(keys, N_DRAWS - sensor.N_WEAR_UNIFORMS, wear, days)


class DayPlan(NamedTuple):
    """What chance brings on one day."""

    meals: meals.Day
    boluses: adherence.Day
    session: activity.Day
    sensitivity: Array
    absorption: Array
    sensor: sensor.Day
    key: Array


def _cut(rows: Array, sizes: tuple[int, ...]) -> list[Array]:
    """Return consecutive rows of some numbers."""
    ends = np.cumsum(sizes)
    return [rows[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def plan(habits: Habits, uniform: Array) -> DayPlan:
    """Return one day from its uniform draws [27, ...]."""
    n, last = sum(NORMALS), N_DRAWS - 1
    normal = jax.scipy.special.ndtri(jnp.concatenate([uniform[:n], uniform[last:]]))
    eating, counting, day, absorbing, wear = _cut(normal, (*NORMALS, 1))
    giving, exercising, within, _ = _cut(uniform[n:], UNIFORMS)
    eaten, key = meals.plan(habits.meals, eating), counted_noise.key(within[0])
    return DayPlan(
        meals=eaten,
        boluses=adherence.plan(habits.adherence, eaten, counting, giving),
        session=activity.plan(habits.activity, exercising),
        sensitivity=sensitivity.plan(habits.sensitivity, day),
        absorption=pen.plan(habits.pen, absorbing),
        sensor=sensor.plan(habits.sensor, wear[0], key),
        key=key,
    )


def _reading(
    shown: sensor.Shown, state: body.FastState, fast: body.FastParameters, per_unit: Array
) -> controller.Reading:
    """Return what a closed loop knows: what its sensor shows, and insulin as if absorbed at its usual rate.

    `per_unit` is what a unit of injected insulin brings into the depot today (pmol/kg).
    """
    depot, glucose = state.injected_insulin, state.glucose
    p = fast.injected_insulin
    leaving = p.early_absorption_rate * depot.rapid_first + p.late_absorption_rate * depot.rapid_second
    rise = glucose.plasma / fast.glucose.volume - glucose.interstitial
    return controller.Reading(
        glucose=shown.glucose,
        trend=rise / fast.glucose.interstitial_delay + shown.noise_trend,
        on_board=(depot.rapid_first + depot.rapid_second) / per_unit,
        absorption=leaving / per_unit,
    )


def _setting(habits: Habits, fast: body.FastParameters, effects: Effects) -> controller.Setting:
    """Return a closed loop's settings from the patient's doses and usual absorption."""
    p = fast.injected_insulin
    first = 1 / (p.dissociation_rate + p.early_absorption_rate)
    return controller.Setting(
        basal_rate=pump.programmed(effects.basal_insulin),
        correction=habits.controller.setting_error * habits.pen.correction * effects.bolus_per_carbohydrate,
        residence_time=first * (1 + p.dissociation_rate / p.late_absorption_rate),
    )


def control(parameters: Parameters, today: DayPlan, effects: Effects, weight: Array) -> Control:
    """Return the day's control law: eat, inject or pump, exercise, treat lows, as inputs per minute.

    Who wears a closed loop gets all insulin from a pump, which the loop steers for its share of the day; all
    others inject.
    """
    habits, fast = parameters.habits, parameters.fast
    per_minute = PMOL_PER_UNIT / weight / STEP_MINUTES
    per_unit = PMOL_PER_UNIT / weight * fast.injected_insulin.bioavailability * today.absorption[0]
    setting, chance = _setting(habits, fast, effects), functools.partial(counted_noise.uniform, today.key)
    aim = replace(habits.controller, target_glucose=habits.controller.target_glucose + effects.loop_target)
    has_pump = jnp.where(jnp.asarray(effects.automated_insulin) > 0, 1.0, 0.0)
    taken = adherence.basal_taken(habits.adherence, chance(BASAL_DOSE))
    by_pen = effects.basal_insulin * (1 - has_pump) * taken

    def inputs(step: Array, state: body.FastState) -> Inputs:
        glucose, counted = state.glucose.interstitial, adherence.counted(today.boluses, step)
        is_on = controller.is_on(effects.automated_insulin, step, chance(LOOP_OFF))
        alarmed = jnp.maximum(is_on, effects.sensor_alerts)
        shown = where_needed(
            (counted > 0) | (alarmed > 0) | (has_pump > 0),
            lambda: sensor.shown(habits.sensor, today.sensor, glucose, step),
            sensor.Shown(glucose=glucose, noise_trend=0 * glucose),
        )
        bolus = pen.bolus(habits.pen, counted, shown.glucose, effects.bolus_per_carbohydrate)
        plasma = state.glucose.plasma / fast.glucose.volume

        def against_low() -> Array:
            draw, p = chance(NOTICES + step), habits.low_glucose
            return low_glucose.treated(p, plasma, shown.glucose, alarmed, step, draw)

        def through_pump() -> Array:
            steered = controller.rate(aim, _reading(shown, state, fast, per_unit), setting)
            asked = jnp.where(is_on > 0, steered, setting.basal_rate)
            arrives = pump.arrives(habits.pump, step, (chance(SET_FAILS), chance(SET_FAILS_AT)))
            return arrives * (bolus + pump.delivered(habits.pump, asked))

        rapid = where_needed(has_pump > 0, through_pump, bolus)
        may_eat = low_glucose.may_notice(habits.low_glucose, plasma, shown.glucose, step)
        eaten_low = where_needed(may_eat, against_low, 0 * plasma)
        return Inputs(
            solid_carbohydrate=MG_PER_G * meals.eaten(habits.meals, today.meals, step),
            liquid_carbohydrate=MG_PER_G * eaten_low,
            rapid_insulin=per_minute * rapid,
            basal_insulin=per_minute * pen.basal(habits.pen, step, by_pen),
            rapid_absorption=today.absorption[0],
            basal_absorption=today.absorption[1],
            sensitivity=sensitivity.at(habits.sensitivity, today.sensitivity, step),
            exercise=activity.intensity(today.session, step),
            hour=step * STEP_MINUTES / MINUTES_PER_HOUR,
        )

    return inputs


def _sensor(habits: Habits, today: DayPlan) -> Sensor:
    """Return the day's sensor."""

    def reading(step: Array, state: body.FastState) -> Array:
        return sensor.shown(habits.sensor, today.sensor, state.glucose.interstitial, step).glucose

    return reading


def movement(before: SlowSignals, after: SlowSignals) -> Array:
    """Return the relative changes of what the slow clock tells the fast one, [3, ...]: secretory capacity,
    peripheral and hepatic insulin sensitivity."""
    capacities = [s.native_capacity + s.graft_capacity for s in (before, after)]
    pairs = (
        (capacities[0] + SMALL_CAPACITY, capacities[1] + SMALL_CAPACITY),
        (before.peripheral_sensitivity, after.peripheral_sensitivity),
        (before.hepatic_sensitivity, after.hepatic_sensitivity),
    )
    return jnp.stack([(new - old) / old for old, new in pairs])


def steadied(habits: Habits, effects: Effects, weight: Array, capacity: Array) -> Habits:
    """Return the day's habits: what differs from day to day does so less where own insulin takes over."""
    doses = effects.basal_insulin + effects.bolus_per_carbohydrate * meals.usual_carbohydrate(habits.meals)
    factor = lability.factor(habits.lability, jnp.asarray(doses / weight), capacity)
    return replace(
        habits,
        meals=replace(habits.meals, lability=habits.meals.lability * factor),
        sensitivity=replace(habits.sensitivity, lability=habits.sensitivity.lability * factor),
        pen=replace(habits.pen, lability=habits.pen.lability * factor),
    )


def of_the_day(
    state: course.State, parameters: Parameters, effects: Effects
) -> tuple[Parameters, Array, SlowSignals]:
    """Return the parameters with the habits of the day, the weight that doses are for (kg), and what the slow
    clock tells in the morning."""
    slow = parameters.slow
    _, signals = course.morning(state, slow, effects)
    weight = body_weight.metabolic_weight(state.slow.body_weight.weight, slow.body_weight)
    share = body_weight.carbohydrate_share(state.slow.body_weight, slow.body_weight, effects)
    eating = replace(parameters.habits.meals, intake=parameters.habits.meals.intake * share)
    capacity = signals.native_capacity + signals.graft_capacity
    habits = steadied(replace(parameters.habits, meals=eating), effects, weight, capacity)
    return replace(parameters, habits=habits), weight, signals


def ordinary_day(
    state: course.State, parameters: Parameters, effects: Effects, uniform: Array, days: Array
) -> tuple[course.State, DaySummary, Trace, Array]:
    """Live one day that stands for `days` of each patient; also return the `movement` of the slow clock."""
    slow = parameters.slow
    parameters, weight, before = of_the_day(state, parameters, effects)
    today = plan(parameters.habits, uniform)
    law = control(parameters, today, effects, weight), _sensor(parameters.habits, today)
    after, summary, trace = course.advance(state, (parameters.fast, slow), effects, law, days)
    moved = movement(before, body.slow_signals(after.slow, slow, after.averages, effects))
    return after, summary, trace, moved


def ordinary_days(
    state: course.State, parameters: Parameters, effects: Effects, uniforms: Array, days: Array
) -> tuple[course.State, DaySummary, Array]:
    """Live some days one after another, [day, ...] each; who stands for none on a day passes it over.

    Return the state at the end, and the summary and the `movement` of each day.
    """

    def one(now: course.State, given: tuple[Effects, Array, Array]) -> tuple[course.State, Any]:
        today, uniform, length = given

        def lived() -> tuple[course.State, DaySummary, Array]:
            after, summary, _, moved = ordinary_day(now, parameters, today, uniform, length)
            return after, summary, moved

        zero = 0 * length
        nothing = map_leaves(lambda _: zero, skeleton(DaySummary))
        after, *found = where_needed(length > 0, lived, (now, nothing, jnp.stack([zero, zero, zero])))
        return after, tuple(found)

    state, (summaries, moved) = lax.scan(one, state, (effects, uniforms, days))
    return state, summaries, moved


def meal_test(
    state: course.State, parameters: Parameters, effects: Effects, carbohydrate: Array, glucose: Array
) -> tuple[Trace]:
    """Give a liquid meal or glucose in water (g) at 08:00 after the night, with basal insulin as before and
    no bolus."""
    _, signals = course.morning(state, parameters.slow, effects)
    fast_parameters = body.today(parameters.fast, signals, effects)
    one = jnp.ones_like(carbohydrate)
    per_minute = MG_PER_G / (TEST_MEAL_STEPS * STEP_MINUTES)

    def inputs(step: Array, state: body.FastState) -> Inputs:
        is_drinking = (step >= TEST_MEAL_STEP) & (step < TEST_MEAL_STEP + TEST_MEAL_STEPS)
        return Inputs(
            solid_carbohydrate=0 * one,
            liquid_carbohydrate=jnp.where(is_drinking, carbohydrate * per_minute, 0),
            rapid_insulin=0 * one,
            basal_insulin=0 * one,
            rapid_absorption=one,
            basal_absorption=one,
            sensitivity=one,
            exercise=0 * one,
            hour=step * STEP_MINUTES / MINUTES_PER_HOUR,
            glucose_drink=jnp.where(is_drinking, glucose * per_minute, 0),
        )

    return (simulate_day(state.fast, fast_parameters, inputs)[2],)


def day_records() -> list[Any]:
    """Return an example of each record that `ordinary_day` takes."""
    return [skeleton(course.State), skeleton(Parameters), skeleton(Effects), np.zeros(N_DRAWS), 0.0]


def days_records() -> list[Any]:
    """Return an example of each record that `ordinary_days` takes."""
    state, parameters, *daily = day_records()
    return [state, parameters, *map_leaves(lambda leaf: np.zeros((DAYS_PER_WEEK, *np.shape(leaf))), daily)]


@functools.cache
def compiled_day() -> Kernel:
    """Return the kernel `(state, parameters, effects, uniforms, days) -> state, summary, trace, moved`."""
    return compiled(ordinary_day, day_records())


@functools.cache
def compiled_days() -> Kernel:
    """Return the kernel `(state, parameters, effects, uniforms, days) -> state, summaries, moved` of up to a
    week's days, [day, ...] each."""
    return compiled(ordinary_days, days_records())


@functools.cache
def compiled_meal_test() -> Kernel:
    """Return the meal test: `(state, parameters, effects, carbohydrate, glucose) -> trace` of the day."""
    records = [skeleton(course.State), skeleton(Parameters), skeleton(Effects), 0.0, 0.0]
    return compiled(meal_test, records)
