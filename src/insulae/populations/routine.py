"""An ordinary day of a patient: meals, injections, sensitivity, put together into the one compiled day.

This is the only place where the kernel is compiled: effects, doses, patients and arms are data.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtri

from insulae.core import random
from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.pytree import map_leaves, replace
from insulae.core.units import MG_PER_G, PMOL_PER_UNIT
from insulae.devices import pen
from insulae.lifestyle import meals, sensitivity
from insulae.physiology import body, course
from insulae.physiology.day import Control, DaySummary, Trace, simulate_day
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.slow import body_weight
from insulae.populations.patient import Habits, Parameters

N_NORMALS = meals.N_NORMALS + sensitivity.N_NORMALS + pen.N_NORMALS
N_DRAWS = N_NORMALS + meals.N_UNIFORMS

TEST_MEAL_STEP = 8 * MINUTES_PER_HOUR // STEP_MINUTES
TEST_MEAL_STEPS = 2
TEST_STEPS = 4 * MINUTES_PER_HOUR // STEP_MINUTES
"""The drink is taken over ten minutes and followed for four hours."""


class DayPlan(NamedTuple):
    """What chance brings on one day."""

    meals: meals.Day
    sensitivity: Array
    absorption: Array


def plan(habits: Habits, keys: Array, day: Array, even: Array) -> DayPlan:
    """Draw one day; `even` chooses draws that spread evenly over days, for days that stand for several."""
    spread = random.even_uniforms(keys, day, N_DRAWS)
    uniform = jnp.where(even, spread, random.independent_uniforms(keys, day, N_DRAWS))
    normal = ndtri(uniform[:N_NORMALS])
    first, second = meals.N_NORMALS, meals.N_NORMALS + sensitivity.N_NORMALS
    return DayPlan(
        meals=meals.plan(habits.meals, normal[:first], uniform[N_NORMALS:]),
        sensitivity=sensitivity.plan(habits.sensitivity, normal[first:second]),
        absorption=pen.plan(habits.pen, normal[second:]),
    )


def control(habits: Habits, today: DayPlan, effects: Effects, weight: Array) -> Control:
    """Return the day's control law: eat, inject, rescue, as inputs per minute."""
    per_minute = PMOL_PER_UNIT / weight / STEP_MINUTES

    def inputs(step: Array, state: body.FastState) -> Inputs:
        glucose = state.glucose.interstitial
        counted = meals.counted(today.meals, step)
        bolus = pen.bolus(habits.pen, counted, glucose, effects.bolus_per_carbohydrate)
        return Inputs(
            solid_carbohydrate=MG_PER_G * meals.eaten(habits.meals, today.meals, step),
            liquid_carbohydrate=MG_PER_G * meals.rescue(habits.meals, glucose, step),
            rapid_insulin=per_minute * bolus,
            basal_insulin=per_minute * pen.basal(habits.pen, step, effects.basal_insulin),
            rapid_absorption=today.absorption[0],
            basal_absorption=today.absorption[1],
            sensitivity=sensitivity.at(habits.sensitivity, today.sensitivity, step),
            hour=step * STEP_MINUTES / MINUTES_PER_HOUR,
        )

    return inputs


def _advance(
    state: course.State,
    parameters: Parameters,
    effects: Effects,
    keys: Array,
    day: Array,
    days: Array,
    even: Array,
) -> tuple[course.State, DaySummary, Trace]:
    slow = parameters.slow
    weight = body_weight.metabolic_weight(state.slow.body_weight.weight, slow.body_weight)
    intake = parameters.habits.meals.intake * effects.carbohydrate_intake
    habits = replace(parameters.habits, meals=replace(parameters.habits.meals, intake=intake))
    law = control(habits, plan(habits, keys, day, even), effects, weight)
    return course.advance(state, (parameters.fast, slow), effects, law, days)


def as_arrays(effects: Effects, n: int) -> Effects:
    """Give every effect the patient axis and one floating type, so that all calls share one compilation.

    In numpy, which is many times faster here than JAX and leaves other threads alone.
    """
    return map_leaves(lambda leaf: np.full(n, leaf, np.float32), effects)


def ordinary(day: int, days: int = 0, even: bool = True) -> tuple[np.int32, np.int32, np.bool_]:
    """Return the arguments of a compiled day: its number, days it stands for, whether draws spread evenly."""
    return np.int32(day), np.int32(days), np.bool_(even)


def _meal_test(
    state: course.State, parameters: Parameters, effects: Effects, carbohydrate: Array
) -> tuple[Array, Array, Array]:
    """Give a liquid meal at 08:00 after the night, with basal insulin as usual and no bolus."""
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

    _, _, trace = simulate_day(state.fast, fast_parameters, inputs)
    window = slice(TEST_MEAL_STEP - 1, TEST_MEAL_STEP + TEST_STEPS)
    return trace.glucose[window], trace.insulin[window], trace.c_peptide[window]


@functools.cache
def compiled_meal_test() -> "jax.stages.Wrapped":
    """Return the compiled test: `(state, parameters, effects, carbohydrate) -> glucose, insulin, c_peptide`.

    Each is [step, patient], every five minutes from the fasting value before the drink to four hours after.
    """
    return jax.jit(_meal_test)


@functools.cache
def compiled_advance() -> "jax.stages.Wrapped":
    """Return the day: `(state, parameters, effects, keys, day, days, even) -> (state, summary, trace)`."""
    return jax.jit(_advance, compiler_options={"xla_cpu_prefer_vector_width": 512})
