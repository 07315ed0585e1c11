"""Experiments on one person as differentiable functions of the fast body: nights, tests, clamps, days.

What is done to a person is a `Schedule`, plain arrays over steps; schedules are joined one after the other
(a night before a test). `live` follows a body through it and returns the course `[time, ...]`, whose first
row is the beginning. Constants (`person.constants`) may have any trailing axes, for example one for draws;
the schedule is the same for all. In double precision where JAX has it enabled.

    schedule = joined(night(), oral_test(75.0, 180))
    course = live(constants, fasting(constants, 95.0), schedule)
    glucose = at(course.glucose, schedule, [0, 30, 60, 120])

A clamp infuses glucose so that plasma glucose follows a wanted course: what the body would lose at this
moment, plus what the wanted course asks for, plus a share of the distance per minute; never below zero.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import ArrayLike

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.pytree import map_leaves, pytree, replace
from insulae.core.units import MG_PER_G, PMOL_PER_UNIT
from insulae.physiology import body, day
from insulae.physiology.component import positive_part
from insulae.physiology.effects import Inputs
from insulae.populations.routine import TEST_MEAL_STEPS

FASTING_HOURS = 12
MORNING = 8.0
"""Tests begin at 08:00 after twelve hours without food, as the meal test of `populations/routine.py`."""
HOURS_PER_DAY = 24
CLAMP_STEP_MINUTES = 2.5
APPROACH = 0.1
"""Share of the distance to the wanted glucose that a clamp removes per minute."""
SMALLEST_INFUSION = 0.05
"""Rounding of the corner at no infusion, mg/kg/min."""
MU_PER_UNIT = 1000.0


@pytree
class Schedule:
    """What is done, [step]: inputs, length of the step (min), time of its end (min after the test begins),
    wanted plasma glucose (mg/dL), its slope (mg/dL/min) and 1 where glucose is clamped, else 0."""

    inputs: Inputs
    minutes: Array
    end: Array
    wanted: Array
    slope: Array
    clamped: Array


@pytree
class Course:
    """What can be measured, [time, ...]: plasma and interstitial glucose (mg/dL), insulin and C-peptide
    (pmol/L), glucose infusion (mg/kg/min, per metabolic weight)."""

    glucose: Array
    interstitial: Array
    insulin: Array
    c_peptide: Array
    infusion: Array


def rest(steps: int, first: float = 0.0, minutes: float = STEP_MINUTES, hour: float = MORNING) -> Schedule:
    """Return steps of somebody who neither eats nor injects; the first begins `first` minutes after the hour
    of the day that the test begins at."""
    zero: Any = np.zeros(steps)
    begins: Any = first + np.arange(steps) * minutes
    names = [f.name for f in dataclasses.fields(Inputs)]
    neutral: dict[str, Any] = dict.fromkeys(names, zero)
    neutral |= dict.fromkeys(("rapid_absorption", "basal_absorption", "sensitivity"), zero + 1)
    hours = (hour + begins / MINUTES_PER_HOUR) % HOURS_PER_DAY
    return Schedule(
        inputs=Inputs(**(neutral | {"hour": hours})),
        minutes=zero + minutes,
        end=begins + minutes,
        wanted=zero,
        slope=zero,
        clamped=zero,
    )


def joined(*schedules: Schedule) -> Schedule:
    """Return schedules one after the other."""
    return map_leaves(lambda *leaves: np.concatenate(leaves), *schedules)


def padded(schedule: Schedule, steps: int) -> Schedule:
    """Return a schedule with steps of no length before it, so that many have one shape and compile once."""
    missing = steps - len(schedule.minutes)
    return joined(rest(missing, float(schedule.end[0] - schedule.minutes[0]), 0.0), schedule)


def night(hours: float = FASTING_HOURS, hour: float = MORNING) -> Schedule:
    """Return the hours without food before a test."""
    steps = round(hours * MINUTES_PER_HOUR / STEP_MINUTES)
    return rest(steps, -steps * float(STEP_MINUTES), hour=hour)


def _drunk(kind: str, carbohydrate: float, minutes: float) -> Schedule:
    """Return something drunk (g) within ten minutes, and what follows."""
    schedule = rest(int(np.ceil(minutes / STEP_MINUTES)))
    rate: Any = np.zeros(len(schedule.minutes))
    rate[:TEST_MEAL_STEPS] = carbohydrate * MG_PER_G / (TEST_MEAL_STEPS * STEP_MINUTES)
    return replace(schedule, inputs=replace(schedule.inputs, **{kind: rate}))


def oral_test(glucose: float, minutes: float) -> Schedule:
    """Return an oral glucose test: glucose in water (g) and what follows."""
    return _drunk("glucose_drink", glucose, minutes)


def mixed_meal_test(carbohydrate: float, minutes: float) -> Schedule:
    """Return a test with a liquid mixed meal: its carbohydrate (g) and what follows."""
    return _drunk("liquid_carbohydrate", carbohydrate, minutes)


def clamp(minutes: float, times: ArrayLike, glucose: ArrayLike, insulin: ArrayLike) -> Schedule:
    """Return a clamp on straight lines through wanted glucose (mg/dL) at some minutes.

    `insulin` (pmol/kg/min) is what is infused: one number, or one for each step of 2.5 minutes.
    """
    schedule = rest(int(np.ceil(minutes / CLAMP_STEP_MINUTES)), minutes=CLAMP_STEP_MINUTES)
    begins: Any = schedule.end - schedule.minutes
    now: Any = np.interp(begins, np.asarray(times), np.asarray(glucose))
    then = np.interp(schedule.end, np.asarray(times), np.asarray(glucose))
    infused: Any = np.broadcast_to(np.asarray(insulin, float), begins.shape)
    return replace(
        schedule,
        inputs=replace(schedule.inputs, intravenous_insulin=infused),
        wanted=now,
        slope=(then - now) / CLAMP_STEP_MINUTES,
        clamped=np.ones_like(begins),
    )


def insulin_infusion(minutes: float, start: float, rate: float, surface: float, weight: float) -> Any:
    """Return an infusion in pmol/kg/min for each step of a clamp: `rate` (mU/m2/min) from a minute on."""
    begins = np.arange(int(np.ceil(minutes / CLAMP_STEP_MINUTES))) * CLAMP_STEP_MINUTES
    return (begins >= start) * rate * PMOL_PER_UNIT / MU_PER_UNIT * surface / weight


def hyperglycemic_euglycemic(surface: float, weight: float) -> Schedule:
    """Return the clamp of the Kobe studies (ohashi2018) as planned: 200 mg/dL for 90 minutes, then insulin at
    40 mU/m2/min until minute 220 with glucose at 90 mg/dL. Surface in m2, metabolic weight in kg."""
    insulin = insulin_infusion(220.0, 90.0, 40.0, surface, weight)
    return clamp(220.0, [0, 10, 90, 92.5], [95, 200, 200, 90], insulin)


def days(steps: int, first: float = 0.0) -> Schedule:
    """Return days in five-minute steps from some minutes after a midnight on; see `eat` and `inject`."""
    return rest(steps, first, hour=0.0)


def eat(
    schedule: Schedule, minutes: Sequence[float], carbohydrate: Sequence[float], lasting: float
) -> Schedule:
    """Return a schedule with solid meals (g) eaten from some minutes on, each within `lasting` minutes."""
    solid: Any = np.array(schedule.inputs.solid_carbohydrate)
    begins: Any = schedule.end - schedule.minutes
    for minute, grams in zip(minutes, carbohydrate, strict=True):
        shared = np.minimum(schedule.end, minute + lasting) - np.maximum(begins, minute)
        lengths = np.where(schedule.minutes > 0, schedule.minutes, 1)
        solid += grams * MG_PER_G / lasting * np.maximum(shared, 0) / lengths
    return replace(schedule, inputs=replace(schedule.inputs, solid_carbohydrate=solid))


def inject(
    schedule: Schedule, kind: str, minutes: Sequence[float], units: Sequence[float], weight: float
) -> Schedule:
    """Return a schedule with injections (U) of `rapid_insulin` or `basal_insulin` at some minutes."""
    rate: Any = np.array(getattr(schedule.inputs, kind))
    for minute, dose in zip(minutes, units, strict=True):
        place = int(np.searchsorted(schedule.end, minute, side="right"))
        if place < len(rate) and minute >= schedule.end[0] - schedule.minutes[0]:
            rate[place] += dose * PMOL_PER_UNIT / weight / schedule.minutes[place]
    return replace(schedule, inputs=replace(schedule.inputs, **{kind: rate}))


def infuse(schedule: Schedule, minutes: ArrayLike, rates: ArrayLike, weight: float) -> Schedule:
    """Return a schedule with the basal rates of a pump (U/h), each from a minute until the next one.

    Nothing is infused before the first minute. A step gets the mean of the rates within it.
    """
    times, units = np.asarray(minutes, float), np.asarray(rates, float)
    given = np.concatenate([[0.0], np.cumsum(np.diff(times) * units[:-1])])

    def until(minute: Any) -> Any:
        """Return what was infused until a minute (U/h min)."""
        place = np.clip(np.searchsorted(times, minute, side="right") - 1, 0, None)
        return given[place] + units[place] * np.maximum(minute - times[place], 0)

    lengths = np.where(schedule.minutes > 0, schedule.minutes, 1)
    mean = (until(schedule.end) - until(schedule.end - schedule.minutes)) / lengths
    rate: Any = schedule.inputs.rapid_insulin + mean * PMOL_PER_UNIT / MINUTES_PER_HOUR / weight
    return replace(schedule, inputs=replace(schedule.inputs, rapid_insulin=rate))


def fasting(
    constants: body.FastParameters, glucose: Any, basal_insulin: Any = 0.0, pump_rate: Any = 0.0
) -> body.FastState:
    """Return a body near a plasma glucose (mg/dL) to begin a night with.

    `basal_insulin` (pmol/kg/min) is what daily injections bring on average, `pump_rate` what a pump infuses;
    the depots begin full of it.
    """
    p, depot = constants.glucose, constants.injected_insulin
    first = body.initial(constants)
    plasma = p.volume * glucose
    tissue = 0.5 * p.plasma_to_tissue_rate * plasma / p.tissue_to_plasma_rate
    held = depot.bioavailability * basal_insulin / depot.basal_absorption_rate
    infused = depot.bioavailability * pump_rate / (depot.dissociation_rate + depot.early_absorption_rate)
    deeper = depot.dissociation_rate * infused / depot.late_absorption_rate
    state = replace(
        first,
        glucose=replace(first.glucose, plasma=plasma, tissue=tissue, interstitial=glucose + 0 * plasma),
        injected_insulin=replace(
            first.injected_insulin,
            rapid_first=infused,
            rapid_second=deeper,
            basal_first=held,
            basal_second=held,
        ),
    )
    leaves: list[Any] = []
    map_leaves(leaves.append, (state, constants))
    shape = jnp.broadcast_shapes(*(jnp.shape(leaf) for leaf in leaves))
    return map_leaves(lambda leaf: jnp.broadcast_to(jnp.asarray(leaf, float), shape), state)


def _seen(state: body.FastState, constants: body.FastParameters, infusion: Any) -> Course:
    glucose = state.glucose.plasma / constants.glucose.volume
    return Course(
        glucose=glucose,
        interstitial=state.glucose.interstitial,
        insulin=state.insulin.plasma / constants.insulin.volume,
        c_peptide=state.c_peptide.plasma,
        infusion=infusion + 0 * glucose,
    )


def _infusion(state: body.FastState, constants: body.FastParameters, step: Schedule) -> Array:
    """Return the glucose infusion (mg/kg/min) that brings glucose towards what is wanted."""
    signals = body.fast_signals(state, constants, step.inputs)
    slope = step.slope + APPROACH * (step.wanted - signals.glucose)
    needed = constants.glucose.volume * (slope - signals.glucose_rate)
    return step.clamped * positive_part(needed, jnp.asarray(SMALLEST_INFUSION))


def live(constants: body.FastParameters, state: body.FastState, schedule: Schedule) -> Course:
    """Follow a body through a schedule, [1 + step, ...]."""

    def one(now: body.FastState, step: Schedule) -> tuple[body.FastState, Course]:
        infusion = _infusion(now, constants, step)
        inputs = replace(step.inputs, intravenous_glucose=infusion)
        after = day.step(now, constants, inputs, step.minutes)  # type: ignore[arg-type]
        return after, _seen(after, constants, infusion)

    _, later = lax.scan(one, state, map_leaves(jnp.asarray, schedule))
    first = _seen(state, constants, 0.0)
    return map_leaves(lambda begin, more: jnp.concatenate([begin[None], more]), first, later)


def places(schedule: Schedule, minutes: ArrayLike) -> tuple[Any, Any]:
    """Return the rows of a course below some minutes of the test, and the share of the way to the next."""
    wanted = np.asarray(minutes, float)
    times = np.concatenate([[schedule.end[0] - schedule.minutes[0]], schedule.end])
    below = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    length = np.where(times[below + 1] > times[below], times[below + 1] - times[below], 1)
    return below, np.clip((wanted - times[below]) / length, 0, 1)


def at(series: Array, schedule: Schedule, minutes: ArrayLike) -> Array:
    """Return one quantity of a course at some minutes of the test, along straight lines between steps."""
    below, share = places(schedule, minutes)
    share = share.reshape(-1, *[1] * (series.ndim - 1))
    return (1 - share) * series[below] + share * series[below + 1]
