"""Body weight by energy balance, and the sizes that follow from it.

Weight moves with intake minus a maintenance need that grows with weight (Hall 2011, linearized); glucose lost
in urine is lost energy, partly eaten again. All quantities per kilogram of the fast model refer to a
metabolic weight that grows with a power of weight below 1. Not modelled: body composition, adaptive
thermogenesis.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of energy balance; `height` and `set_point` belong to the patient."""

    height: Array = derived("m")
    set_point: Array = derived("kg")
    energy_per_weight: Array = parameter("kcal/kg")
    maintenance: Array = parameter("kcal/d/kg")
    energy_per_glucose: Array = parameter("kcal/g")
    urinary_loss_share: Array = parameter("dimensionless")
    urinary_loss_limit: Array = parameter("g/d")
    reference_bmi: Array = parameter("kg/m2")
    metabolic_exponent: Array = parameter("dimensionless")
    area_constant: Array = parameter("kg cm/m4")
    volume_per_area: Array = parameter("L/m2")
    volume_offset: Array = parameter("L")


@pytree
class State:
    """Body weight."""

    weight: Array


def metabolic_weight(weight: Array, parameters: Parameters) -> Array:
    """Return the weight that per-kilogram quantities refer to (kg)."""
    reference = parameters.reference_bmi * parameters.height**2
    return reference * (weight / reference) ** parameters.metabolic_exponent


def urinary_energy(parameters: Parameters, urinary_glucose: Array) -> Array:
    """Return the energy lost with glucose in the urine and not eaten again (kcal/d)."""
    p = parameters
    lost = jnp.minimum(urinary_glucose, p.urinary_loss_limit)
    return p.urinary_loss_share * p.energy_per_glucose * lost


def _surplus(state: State, parameters: Parameters, urinary_glucose: Array, effects: Effects) -> Array:
    p = parameters
    needed = p.maintenance * (state.weight - p.set_point)
    return jnp.asarray(effects.energy_intake) - urinary_energy(p, urinary_glucose) - needed


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish body mass index, metabolic weight, C-peptide volume and the day's energy deficit."""
    p = parameters
    area = jnp.sqrt(state.weight * p.height * 100 / p.area_constant)
    return replace(
        signals,
        body_mass_index=state.weight / p.height**2,
        metabolic_weight=metabolic_weight(state.weight, p),
        c_peptide_volume=p.volume_per_area * area + p.volume_offset,
        energy_deficit=jnp.maximum(-_surplus(state, p, signals.urinary_glucose, effects), 0),
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Move the weight by the energy surplus of some days."""
    surplus = _surplus(state, parameters, signals.urinary_glucose, effects)
    return State(weight=state.weight + days * surplus / parameters.energy_per_weight)
