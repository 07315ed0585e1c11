"""Insulin and glucose into a vein: clamps, in many people at once.

A clamp keeps plasma glucose by infusing, each minute, what is missing; what a vein brings is added between
one-minute steps of the same equations that studies run on. Nobody eats or injects meanwhile. Secretion
that answers the rise of glucose does not see what is infused: a hyperglycemic clamp begins too low.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.pytree import replace
from insulae.physiology import body
from insulae.physiology.day import step
from insulae.physiology.effects import Inputs

Floats = NDArray[np.floating[Any]]

MORNING = 8 * MINUTES_PER_HOUR
MINUTES, END = 120, 30
"""Length of an insulin clamp, and of its end, over which it is read."""
HYPERGLYCEMIC_MINUTES = 180
EUGLYCEMIA, HYPERGLYCEMIA = 90.0, 300.0
INSULIN_RATE = 40 * 6.0
"""Insulin of the clamp in pmol per m2 and minute: 40 mU, at 6 pmol to the mU."""


def _nothing_taken(like: Array, minute: Array) -> Inputs:
    zero, one = 0 * like, 1 + 0 * like
    return Inputs(
        solid_carbohydrate=zero,
        liquid_carbohydrate=zero,
        rapid_insulin=zero,
        basal_insulin=zero,
        rapid_absorption=one,
        basal_absorption=one,
        sensitivity=one,
        exercise=zero,
        hour=minute / MINUTES_PER_HOUR + zero,
    )


@jax.jit
def after_night(state: body.FastState, fast: body.FastParameters) -> body.FastState:
    """Return the state in the morning after a night without food."""

    def one(index: Array, now: body.FastState) -> body.FastState:
        return step(now, fast, _nothing_taken(now.glucose.plasma, index * STEP_MINUTES))

    return lax.fori_loop(0, MORNING // STEP_MINUTES, one, state)


def _kept(state: body.FastState, fast: body.FastParameters, target: float) -> tuple[body.FastState, Array]:
    """Return the state with plasma glucose brought to the target, and what was infused for it (mg/kg)."""
    plasma = state.glucose.plasma
    missing = jnp.maximum(target * fast.glucose.volume - plasma, 0)
    return replace(state, glucose=replace(state.glucose, plasma=plasma + missing)), missing


def insulin_clamp(state: body.FastState, fast: body.FastParameters, insulin: Floats) -> tuple[Floats, Floats]:
    """Return glucose infused (mg/kg/min) and insulin (pmol/L) at the end; insulin is given in pmol/kg/min."""
    infused, level, _ = _clamped(state, fast, insulin, EUGLYCEMIA, MINUTES)
    return np.asarray(infused)[-END:].mean(axis=0), np.asarray(level)[-END:].mean(axis=0)


def hyperglycemic_clamp(state: body.FastState, fast: body.FastParameters) -> Floats:
    """Return the insulin secreted while glucose is kept high (pmol/kg)."""
    nothing = np.zeros_like(state.glucose.plasma)
    secreted = _clamped(state, fast, nothing, HYPERGLYCEMIA, HYPERGLYCEMIC_MINUTES)[2]
    return np.asarray(secreted).sum(axis=0)


@functools.partial(jax.jit, static_argnums=4)
def _clamped(
    state: body.FastState, fast: body.FastParameters, insulin: Array, target: float, minutes: int
) -> tuple[Array, Array, Array]:
    """Return glucose infused, insulin and secretion of each minute, [minute, patient]."""

    def one(now: body.FastState, index: Array) -> tuple[body.FastState, tuple[Array, Array, Array]]:
        inputs = _nothing_taken(now.glucose.plasma, MORNING + index)
        after = step(now, fast, inputs, 1.0)
        after = replace(after, insulin=replace(after.insulin, plasma=after.insulin.plasma + insulin))
        after, missing = _kept(after, fast, target)
        secretion = body.fast_signals(after, fast, inputs).insulin_secretion_rate
        return after, (missing, after.insulin.plasma / fast.insulin.volume, secretion)

    return lax.scan(one, state, jnp.arange(minutes))[1]
