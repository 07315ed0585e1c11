"""Native beta cells: mass, and a function that adapts, tires and recovers.

Function follows (within weeks) compensation under mild hyperglycemia x reversible glucotoxicity x ectopic
fat, and rests when mean glucose is low; mass is lost to glucose-driven and autoimmune death and hardly grows.
Three speeds after Ha and Sherman 2016; glucotoxicity has a floor, without which a type 2 patient falls off a
cliff. Mass is nominal: histological mass times inherited capacity per cell.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import hill4, relax
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of adaptation and loss."""

    compensation: Array = parameter("dimensionless")
    compensation_glucose: Array = parameter("mg/dL")
    compensation_half: Array = parameter("mg/dL")
    rest: Array = parameter("dimensionless")
    rest_half: Array = parameter("mg/dL")
    toxicity_floor: Array = parameter("dimensionless")
    toxicity_glucose: Array = parameter("mg/dL")
    fat_exponent: Array = parameter("dimensionless")
    fat_floor: Array = parameter("dimensionless")
    function_time: Array = parameter("d")
    first_phase_share: Array = parameter("dimensionless")
    incretin_share: Array = parameter("dimensionless")
    growth_rate: Array = parameter("1/d")
    growth_capacity: Array = parameter("dimensionless")
    death_rate: Array = parameter("1/d")
    death_glucose: Array = parameter("mg/dL")
    autoimmune_death_rate: Array = parameter("1/d")


@pytree
class State:
    """Native mass (1 = healthy reference) and function per mass (1 = healthy at normal glucose)."""

    mass: Array
    function: Array


def compensation_demand(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return how far islets use their reserve, 0 at normal and 1 at high mean glucose (mg/dL)."""
    excess = jnp.maximum(mean_glucose - parameters.compensation_glucose, 0) ** 2
    return excess / (parameters.compensation_half**2 + excess)


def functional_share(parameters: Parameters, mean_glucose: Array, ectopic_fat: Array) -> Array:
    """Return the share of function left by glucotoxicity, ectopic fat, and rest at low mean glucose."""
    p = parameters
    toxic = p.toxicity_floor + (1 - p.toxicity_floor) * (1 - hill4(mean_glucose, p.toxicity_glucose))
    spare = jnp.maximum(p.compensation_glucose - mean_glucose, 0) ** 2
    rested = 1 - p.rest * spare / (p.rest_half**2 + spare)
    return rested * toxic * jnp.maximum(ectopic_fat, p.fat_floor) ** (-p.fat_exponent)


def functional_target(parameters: Parameters, mean_glucose: Array, ectopic_fat: Array) -> Array:
    """Return the function that native islets settle at for a mean glucose (mg/dL) and ectopic fat."""
    compensated = 1 + (parameters.compensation - 1) * compensation_demand(parameters, mean_glucose)
    return compensated * functional_share(parameters, mean_glucose, ectopic_fat)


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish native mass and capacity, and what glucose and fat do to any islet."""
    capacity = state.mass * state.function
    return replace(
        signals,
        compensation_demand=compensation_demand(parameters, signals.mean_glucose),
        functional_share=functional_share(parameters, signals.mean_glucose, signals.ectopic_fat),
        function_time=parameters.function_time,
        glucotoxic_stress=hill4(signals.mean_glucose, parameters.death_glucose),
        native_mass=state.mass,
        native_capacity=capacity,
        native_first_phase=capacity * jnp.minimum(state.function, 1) * parameters.first_phase_share,
        native_incretin=parameters.incretin_share,
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Adapt the function and lose or grow mass over some days."""
    p = parameters
    stress = p.death_rate * signals.glucotoxic_stress * effects.beta_cell_stress
    death = stress + p.autoimmune_death_rate * signals.autoimmunity
    room = jnp.maximum(p.growth_capacity - state.mass, 0)
    growth = p.growth_rate * room * state.mass + effects.beta_cell_neogenesis
    target = functional_target(p, signals.mean_glucose, signals.ectopic_fat)
    return State(
        mass=state.mass * jnp.exp(-days * death) + days * growth,
        function=relax(state.function, target, p.function_time, days),
    )
