"""An ordinary day of a patient: meals, injections, sensitivity, put together into the one compiled day.

This is the only place where the kernel is compiled: effects, doses, patients and arms are data.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri

from insulae.core import random
from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.pytree import replace, skeleton
from insulae.core.units import MG_PER_G, PMOL_PER_UNIT
from insulae.devices import controller, pen, pump
from insulae.engine.kernel import Kernel, compiled
from insulae.lifestyle import meals, sensitivity
from insulae.physiology import body, course
from insulae.physiology.day import Control, DaySummary, Trace, simulate_day
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import body_weight
from insulae.populations.patient import Habits, Parameters

N_NORMALS = meals.N_NORMALS + sensitivity.N_NORMALS + pen.N_NORMALS
N_DRAWS = N_NORMALS + meals.N_UNIFORMS

SMALL_CAPACITY = 0.05
"""Secretory capacity (1 = healthy) below which its relative changes matter less and less."""

TEST_MEAL_STEP = 8 * MINUTES_PER_HOUR // STEP_MINUTES
TEST_MEAL_STEPS = 2
TEST_STEPS = 4 * MINUTES_PER_HOUR // STEP_MINUTES
"""The drink is taken over ten minutes and followed for four hours."""


def day_draws(seed: int, patients: random.Patients) -> random.DayDraws:
    """Return the draws behind the days of some patients, the same in every arm."""
    return random.DayDraws(random.patient_keys(seed, "day", patients), N_DRAWS)


class DayPlan(NamedTuple):
    """What chance brings on one day."""

    meals: meals.Day
    sensitivity: Array
    absorption: Array


def plan(habits: Habits, uniform: Array) -> DayPlan:
    """Return one day from its uniform draws [25, ...]."""
    normal = ndtri(uniform[:N_NORMALS])
    first, second = meals.N_NORMALS, meals.N_NORMALS + sensitivity.N_NORMALS
    return DayPlan(
        meals=meals.plan(habits.meals, normal[:first], uniform[N_NORMALS:]),
        sensitivity=sensitivity.plan(habits.sensitivity, normal[first:second]),
        absorption=pen.plan(habits.pen, normal[second:]),
    )


def _reading(state: body.FastState, fast: body.FastParameters, per_unit: Array) -> controller.Reading:
    """Return what a closed loop knows: an exact sensor, and insulin as if absorbed at its usual rate.

    `per_unit` is what a unit of injected insulin brings into the depot today (pmol/kg).
    """
    depot, glucose = state.injected_insulin, state.glucose
    p = fast.injected_insulin
    leaving = p.early_absorption_rate * depot.rapid_first + p.late_absorption_rate * depot.rapid_second
    rise = glucose.plasma / fast.glucose.volume - glucose.interstitial
    return controller.Reading(
        glucose=glucose.interstitial,
        trend=rise / fast.glucose.interstitial_delay,
        on_board=(depot.rapid_first + depot.rapid_second) / per_unit,
        absorption=leaving / per_unit,
    )


def _setting(habits: Habits, fast: body.FastParameters, effects: Effects) -> controller.Setting:
    """Return a closed loop's settings from the patient's doses and usual absorption."""
    p = fast.injected_insulin
    first = 1 / (p.dissociation_rate + p.early_absorption_rate)
    return controller.Setting(
        basal_rate=pump.programmed(effects.basal_insulin),
        correction=habits.pen.correction * effects.bolus_per_carbohydrate,
        residence_time=first * (1 + p.dissociation_rate / p.late_absorption_rate),
    )


def control(parameters: Parameters, today: DayPlan, effects: Effects, weight: Array) -> Control:
    """Return the day's control law: eat, inject or pump, rescue, as inputs per minute.

    The automated share of the basal dose is given by a pump that a closed loop steers, the rest by pen.
    """
    habits, fast = parameters.habits, parameters.fast
    per_minute = PMOL_PER_UNIT / weight / STEP_MINUTES
    per_unit = PMOL_PER_UNIT / weight * fast.injected_insulin.bioavailability * today.absorption[0]
    setting, automated = _setting(habits, fast, effects), effects.automated_insulin
    by_pen = effects.basal_insulin * (1 - automated)

    def inputs(step: Array, state: body.FastState) -> Inputs:
        glucose = state.glucose.interstitial
        counted = meals.counted(today.meals, step)
        bolus = pen.bolus(habits.pen, counted, glucose, effects.bolus_per_carbohydrate)
        asked = controller.rate(habits.controller, _reading(state, fast, per_unit), setting)
        pumped = automated * pump.delivered(habits.pump, asked)
        return Inputs(
            solid_carbohydrate=MG_PER_G * meals.eaten(habits.meals, today.meals, step),
            liquid_carbohydrate=MG_PER_G * meals.rescue(habits.meals, glucose, step),
            rapid_insulin=per_minute * (bolus + pumped),
            basal_insulin=per_minute * pen.basal(habits.pen, step, by_pen),
            rapid_absorption=today.absorption[0],
            basal_absorption=today.absorption[1],
            sensitivity=sensitivity.at(habits.sensitivity, today.sensitivity, step),
            hour=step * STEP_MINUTES / MINUTES_PER_HOUR,
        )

    return inputs


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


def ordinary_day(
    state: course.State, parameters: Parameters, effects: Effects, uniform: Array, days: Array
) -> tuple[course.State, DaySummary, Trace, Array]:
    """Live one day that stands for `days`; also return the slow clock's `movement` meanwhile."""
    slow = parameters.slow
    weight = body_weight.metabolic_weight(state.slow.body_weight.weight, slow.body_weight)
    share = body_weight.carbohydrate_share(state.slow.body_weight, slow.body_weight, effects)
    intake = parameters.habits.meals.intake * share
    habits = replace(parameters.habits, meals=replace(parameters.habits.meals, intake=intake))
    law = control(replace(parameters, habits=habits), plan(habits, uniform), effects, weight)
    after, summary, trace = course.advance(state, (parameters.fast, slow), effects, law, days)
    _, before = course.morning(state, slow, effects)
    moved = movement(before, body.slow_signals(after.slow, slow, after.averages, effects))
    return after, summary, trace, moved


def meal_test(
    state: course.State, parameters: Parameters, effects: Effects, carbohydrate: Array
) -> tuple[Trace]:
    """Give a liquid meal (g) at 08:00 after the night, with basal insulin as before and no bolus."""
    _, signals = course.morning(state, parameters.slow, effects)
    fast_parameters = body.today(parameters.fast, signals, effects)
    one = jnp.ones_like(carbohydrate)
    rate = carbohydrate * MG_PER_G / (TEST_MEAL_STEPS * STEP_MINUTES)

    def inputs(step: Array, state: body.FastState) -> Inputs:
        is_drinking = (step >= TEST_MEAL_STEP) & (step < TEST_MEAL_STEP + TEST_MEAL_STEPS)
        return Inputs(
            solid_carbohydrate=0 * one,
            liquid_carbohydrate=jnp.where(is_drinking, rate, 0),
            rapid_insulin=0 * one,
            basal_insulin=0 * one,
            rapid_absorption=one,
            basal_absorption=one,
            sensitivity=one,
            hour=step * STEP_MINUTES / MINUTES_PER_HOUR,
        )

    return (simulate_day(state.fast, fast_parameters, inputs)[2],)


@functools.cache
def compiled_day() -> Kernel:
    """Return the kernel `(state, parameters, effects, uniforms), (days,) -> state, summary, trace, moved`."""
    records = [skeleton(course.State), skeleton(Parameters), skeleton(Effects), np.zeros(N_DRAWS)]
    return compiled(ordinary_day, records, n_integers=1)


@functools.cache
def compiled_meal_test() -> Kernel:
    """Return the meal test: `(state, parameters, effects, carbohydrate) -> trace` of the whole day."""
    records = [skeleton(course.State), skeleton(Parameters), skeleton(Effects), 0.0]
    return compiled(meal_test, records)
