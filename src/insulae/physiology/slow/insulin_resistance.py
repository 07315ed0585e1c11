"""Insulin sensitivity of periphery and liver: own level, weight, ectopic fat, age and chronic glucose.

Peripheral sensitivity falls with a power of body mass index and slowly with age; hepatic sensitivity falls
with ectopic fat, which follows body mass index within days and drops at once under caloric restriction
(twin-cycle view of Taylor). Lasting hyperglycemia lowers both within weeks and lets them recover, as after
islet transplantation in type 1 diabetes.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import relax, saturation
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
    glucose_loss: Array = parameter("dimensionless")
    glucose_threshold: Array = parameter("mg/dL")
    glucose_half: Array = parameter("mg/dL")
    glucose_time: Array = parameter("d")
    days_per_year: Array = parameter("d/year")


@pytree
class State:
    """Ectopic fat (1 at the reference body mass index), sensitivity left by chronic glucose, and age."""

    ectopic_fat: Array
    glucose_share: Array
    age: Array


def fat_target(parameters: Parameters, body_mass_index: Array, energy_deficit: Array) -> Array:
    """Return the ectopic fat a body settles at for a given index and energy deficit."""
    p = parameters
    restriction = jnp.clip(energy_deficit / p.deficit_scale, 0, p.deficit_limit)
    return (body_mass_index / p.reference_bmi) ** p.fat_exponent * jnp.exp(-restriction)


def glucose_target(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return the share of sensitivity that a lasting mean glucose (mg/dL) leaves; 1 at normal glucose."""
    p = parameters
    excess = jnp.maximum(mean_glucose - p.glucose_threshold, 0)
    return 1 - p.glucose_loss * saturation(excess, p.glucose_half)


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish ectopic fat and the two sensitivities (1 = healthy)."""
    p = parameters
    by_weight = (signals.body_mass_index / p.reference_bmi) ** (-p.weight_exponent)
    by_fat = state.ectopic_fat ** (-p.fat_sensitivity_exponent)
    by_age = jnp.exp(-p.age_slope * (state.age - p.reference_age))
    return replace(
        signals,
        ectopic_fat=state.ectopic_fat,
        peripheral_sensitivity=p.peripheral * by_weight * by_age * state.glucose_share,
        hepatic_sensitivity=p.hepatic * by_fat * state.glucose_share,
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Move ectopic fat and the glucose share towards their targets and let the patient age."""
    fat = fat_target(parameters, signals.body_mass_index, signals.energy_deficit) * effects.ectopic_fat
    share = glucose_target(parameters, signals.mean_glucose)
    return State(
        ectopic_fat=relax(state.ectopic_fat, fat, parameters.fat_time, days),
        glucose_share=relax(state.glucose_share, share, parameters.glucose_time, days),
        age=state.age + days / parameters.days_per_year,
    )
