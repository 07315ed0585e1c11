"""Insulin sensitivity of periphery and liver: the patient's own level, weight, ectopic fat, age.

Peripheral sensitivity falls with a power of body mass index and slowly with age; hepatic sensitivity falls with ectopic fat,
which follows body mass index within days and drops at once under caloric restriction (twin-cycle view of Taylor).
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import relax
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of insulin sensitivity; 1 is a healthy person at the reference index and age."""

    peripheral: Array = parameter("dimensionless")
    hepatic: Array = parameter("dimensionless")
    reference_bmi: Array = parameter("kg/m2")
    reference_age: Array = parameter("year")
    weight_exponent: Array = parameter("dimensionless")
    age_slope: Array = parameter("1/year")
    fat_exponent: Array = parameter("dimensionless")
    fat_sensitivity_exponent: Array = parameter("dimensionless")
    deficit_scale: Array = parameter("kcal/d")
    deficit_limit: Array = parameter("dimensionless")
    fat_time: Array = parameter("d")
    days_per_year: Array = parameter("d/year")


@pytree
class State:
    """Ectopic fat (1 at the reference body mass index) and age."""

    ectopic_fat: Array
    age: Array


def fat_target(parameters: Parameters, body_mass_index: Array, energy_deficit: Array) -> Array:
    """Return the ectopic fat a body settles at for a given index and energy deficit."""
    p = parameters
    restriction = jnp.clip(energy_deficit / p.deficit_scale, 0, p.deficit_limit)
    return (body_mass_index / p.reference_bmi) ** p.fat_exponent * jnp.exp(-restriction)


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish ectopic fat and the two sensitivities (1 = healthy)."""
    p = parameters
    by_weight = (signals.body_mass_index / p.reference_bmi) ** (-p.weight_exponent)
    by_age = jnp.exp(-p.age_slope * (state.age - p.reference_age))
    return replace(
        signals,
        ectopic_fat=state.ectopic_fat,
        peripheral_sensitivity=p.peripheral * by_weight * by_age,
        hepatic_sensitivity=p.hepatic * state.ectopic_fat ** (-p.fat_sensitivity_exponent),
    )


def advance(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array) -> State:
    """Move ectopic fat towards its target and let the patient age."""
    target = fat_target(parameters, signals.body_mass_index, signals.energy_deficit)
    return State(
        ectopic_fat=relax(state.ectopic_fat, target, parameters.fat_time, days),
        age=state.age + days / parameters.days_per_year,
    )
