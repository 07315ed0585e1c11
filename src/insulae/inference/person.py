"""What of one person is fitted, and how fitted values become the constants of the fast body.

The fitted quantities are the effective ones of today, after weight, age, ectopic fat and chronic glucose:
a test or a fortnight of sensor glucose sees nothing else. Everything that is not fitted stays at the central
value of the parameter table. Every function takes values with any trailing axes, `[...]` or `[draw]`.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from insulae.core import parameters as table
from insulae.core.pytree import map_leaves, pytree, replace
from insulae.physiology import body, course
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals
from insulae.populations.baseline import Start

FITTED = (
    "peripheral_sensitivity",
    "hepatic_sensitivity",
    "capacity",
    "first_phase",
    "half_glucose",
    "incretin_gain",
    "hepatic_production",
    "emptying_rate",
    "insulin_clearance",
    "c_peptide_elimination",
)
"""Names of the fitted quantities, in the order of every vector of logarithms."""


@pytree
class Values:
    """The fitted quantities: sensitivities and secretory capacity (health is 1), gain of the first phase
    (pmol/kg per mg/dL at capacity 1), and constants of the parameter table in its units.

    Capacity is functional mass times what a unit of it can secrete, against the table's central value: no
    measurement tells the two apart.
    """

    peripheral_sensitivity: Array
    hepatic_sensitivity: Array
    capacity: Array
    first_phase: Array
    half_glucose: Array
    incretin_gain: Array
    hepatic_production: Array
    emptying_rate: Array
    insulin_clearance: Array
    c_peptide_elimination: Array


@pytree
class Known:
    """What is not fitted: the table's constants, slow signals of the person, and the day's treatment."""

    fast: body.FastParameters
    signals: SlowSignals
    effects: Effects
    body_weight: Array
    surface: Array


def exponential(logarithms: Array) -> Values:
    """Return the values of a vector of logarithms, [fitted, ...]."""
    return Values(**dict(zip(FITTED, jnp.exp(jnp.asarray(logarithms)), strict=True)))


def constants(known: Known, values: Values) -> body.FastParameters:
    """Return the constants of the fast body today; leaves are scalars or have the axes of the values."""
    v, fast = values, known.fast
    signals = replace(
        known.signals,
        peripheral_sensitivity=v.peripheral_sensitivity,
        hepatic_sensitivity=v.hepatic_sensitivity,
        native_capacity=v.capacity,
        native_first_phase=v.capacity,
    )
    secretion = replace(
        fast.secretion,
        dynamic_gain=v.first_phase,
        half_glucose=v.half_glucose,
        incretin_gain=v.incretin_gain,
    )
    personal = replace(
        fast,
        secretion=secretion,
        glucose=replace(fast.glucose, hepatic_production=v.hepatic_production),
        absorption=replace(fast.absorption, emptying_rate=v.emptying_rate),
        insulin=replace(fast.insulin, clearance_rate=v.insulin_clearance),
        c_peptide=replace(fast.c_peptide, elimination_rate=v.c_peptide_elimination),
    )
    return body.today(personal, signals, known.effects)


def unit_secretion(fast: body.FastParameters, phenotype: str) -> Any:
    """Return what a unit of functional mass can secrete, in central values of the table, [patient]."""
    return np.asarray(fast.secretion.maximal, np.float64) / table.value("secretion.maximal", phenotype)


@functools.cache
def _compiled_signals() -> Any:
    return jax.jit(lambda state, slow, effects: course.morning(state, slow, effects)[1])


def morning_signals(state: course.State, slow: body.SlowParameters, effects: Effects) -> SlowSignals:
    """Return what the slow state tells the fast body in the morning, compiled once for each shape."""
    return _compiled_signals()(state, slow, effects)


def effective(start: Start, phenotype: str) -> np.ndarray:
    """Return the logarithms of the fitted quantities of solved virtual patients, [fitted, patient]."""
    fast = start.cohort.parameters.fast
    signals = morning_signals(start.state, start.cohort.parameters.slow, Effects())
    incretin: Any = fast.secretion.incretin_gain
    capacity: Any = np.asarray(signals.native_capacity) * unit_secretion(fast, phenotype)
    values = Values(
        peripheral_sensitivity=signals.peripheral_sensitivity,
        hepatic_sensitivity=signals.hepatic_sensitivity,
        capacity=capacity,
        first_phase=fast.secretion.dynamic_gain * signals.native_first_phase / capacity,
        half_glucose=fast.secretion.half_glucose,
        incretin_gain=incretin,
        hepatic_production=fast.glucose.hepatic_production,
        emptying_rate=fast.absorption.emptying_rate,
        insulin_clearance=fast.insulin.clearance_rate,
        c_peptide_elimination=fast.c_peptide.elimination_rate,
    )
    return np.log(np.stack([np.asarray(getattr(values, name), np.float64) for name in FITTED]))


def known(start: Start, phenotype: str, effects: Effects) -> Known:
    """Return what is not fitted, for people whose size, age and kidney function are given.

    Constants are central values of the table; slow signals are medians of the virtual patients.
    """
    parameters = start.cohort.parameters
    signals = morning_signals(start.state, parameters.slow, effects)
    middle = map_leaves(lambda leaf: float(np.median(np.asarray(leaf))), signals)
    fields = dataclasses.fields(body.FastParameters)
    central = {f.name: table.values(f.type, phenotype) for f in fields}  # type: ignore[arg-type]
    weight, height = (np.asarray(getattr(start.cohort.traits, name)) for name in ("weight", "height"))
    area = np.sqrt(weight * height * 100 / table.value("body_weight.area_constant"))
    return Known(
        fast=body.FastParameters(**central),
        signals=middle,
        effects=effects,
        body_weight=jnp.asarray(float(np.median(weight))),
        surface=jnp.asarray(float(np.median(area))),
    )
