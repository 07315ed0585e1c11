"""Plasma, tissue and interstitial glucose: hepatic production, uptake with and without insulin.

Two compartments after Dalla Man 2007 in absolute form (no basal reference), so that the same equations hold
before and after a transplant. The fractional uptake of the tissue pool is capped smoothly; the cap bites only
at extreme insulin and keeps the five-minute step stable. Not modelled: lactate, separate splanchnic uptake.
"""

from insulae.core.jax_later import Array, jnp, lax
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import positive_part, saturation
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of glucose kinetics."""

    volume: Array = parameter("dL/kg")
    plasma_to_tissue_rate: Array = parameter("1/min")
    tissue_to_plasma_rate: Array = parameter("1/min")
    insulin_independent_uptake: Array = parameter("mg/kg/min")
    insulin_independent_half: Array = parameter("mg/dL")
    reference_glucose: Array = parameter("mg/dL")
    basal_uptake: Array = parameter("mg/kg/min")
    insulin_uptake: Array = parameter("mg/kg/min per pmol/L")
    uptake_half_mass: Array = parameter("mg/kg")
    maximal_uptake_rate: Array = parameter("1/min")
    systemic_resistance: Array = parameter("dimensionless")
    hepatic_production: Array = parameter("mg/kg/min")
    hepatic_half_insulin: Array = parameter("pmol/L")
    glucose_effect: Array = parameter("dL/mg")
    glucagon_effect: Array = parameter("dimensionless")
    reference_glucagon: Array = parameter("pg/mL")
    counterregulation: Array = parameter("dL/kg/min")
    hypoglycemia_glucose: Array = parameter("mg/dL")
    hypoglycemia_width: Array = parameter("mg/dL")
    dawn_rise: Array = parameter("dimensionless")
    dawn_hour: Array = parameter("h")
    dawn_width: Array = parameter("h")
    interstitial_delay: Array = parameter("min")


@pytree
class State:
    """Glucose in plasma and tissue (mass per weight) and in the interstitium (concentration)."""

    plasma: Array
    tissue: Array
    interstitial: Array


def initial(parameters: Parameters) -> State:
    """Return the reference concentration with the tissue in exchange equilibrium."""
    p = parameters
    plasma = p.volume * p.reference_glucose
    tissue = p.plasma_to_tissue_rate * plasma / p.tissue_to_plasma_rate
    return State(plasma=plasma, tissue=0.5 * tissue, interstitial=p.reference_glucose)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Apply the day's insulin sensitivity and the drugs that act on the liver and the muscle.

    Muscle resists the insulin of a graft that drains past the liver, in full from a healthy capacity on.
    """
    p = parameters
    past_the_liver = jnp.minimum((1 - signals.graft_portal_fraction) * signals.graft_capacity, 1)
    systemic = 1 / (1 + p.systemic_resistance * past_the_liver)
    peripheral = signals.peripheral_sensitivity * effects.peripheral_sensitivity * systemic
    hepatic = signals.hepatic_sensitivity * effects.hepatic_sensitivity
    return replace(
        p,
        insulin_uptake=p.insulin_uptake * peripheral,
        hepatic_half_insulin=p.hepatic_half_insulin / hepatic,
        hepatic_production=p.hepatic_production * effects.hepatic_production,
    )


def outputs(state: State, parameters: Parameters, signals: Signals) -> Signals:
    """Publish plasma glucose, and by how much it is below the threshold of counter-regulation (mg/dL)."""
    p, glucose = parameters, state.plasma / parameters.volume
    below = positive_part(p.hypoglycemia_glucose - glucose, p.hypoglycemia_width)
    return replace(signals, glucose=glucose, hypoglycemia=below)


def of_dawn(parameters: Parameters, hour: Array) -> Array:
    """Return how far a clock hour belongs to the dawn: a bell, 1 at its hour, that has faded by midnight."""
    return jnp.exp(-0.5 * ((hour - parameters.dawn_hour) / parameters.dawn_width) ** 2)


def _production(parameters: Parameters, signals: Signals, inputs: Inputs) -> Array:
    """Return endogenous glucose production (mg/kg/min)."""
    p = parameters
    dawn = 1 + p.dawn_rise * of_dawn(p, inputs.hour)
    glucagon = 1 + p.glucagon_effect * (signals.glucagon / p.reference_glucagon - 1)
    by_glucose = jnp.exp(-p.glucose_effect * (signals.glucose - p.reference_glucose))
    by_insulin = 1 + signals.hepatic_action * inputs.sensitivity / p.hepatic_half_insulin
    by_hypoglycemia = p.counterregulation * signals.hypoglycemia
    # What is divided does not wait for the exponential.
    return p.hepatic_production * dawn * glucagon / by_insulin * by_glucose + by_hypoglycemia


def _independent_uptake(parameters: Parameters, glucose: Array) -> Array:
    """Return uptake without insulin (mg/kg/min); falls only in deep hypoglycemia."""
    p = parameters
    at_reference = saturation(p.reference_glucose, p.insulin_independent_half)
    return p.insulin_independent_uptake * saturation(glucose, p.insulin_independent_half) / at_reference


def _uptake_rate(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> Array:
    """Return the fractional uptake of tissue glucose (1/min), capped smoothly at the fourth power."""
    p = parameters
    action = signals.peripheral_action * inputs.sensitivity * signals.exercise
    rate = (p.basal_uptake + p.insulin_uptake * action) / (p.uptake_half_mass + state.tissue)
    square = (rate / p.maximal_uptake_rate) ** 2
    return rate * lax.rsqrt(jnp.sqrt(1 + square * square))


def signals(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> Signals:
    """Publish hepatic production (mg/kg/min) and the rate of change of plasma glucose (mg/dL/min)."""
    p = parameters
    production = _production(p, signals, inputs)
    lost = _independent_uptake(p, signals.glucose) + signals.renal_excretion
    exchanged = p.plasma_to_tissue_rate * state.plasma - p.tissue_to_plasma_rate * state.tissue
    others = signals.meal_appearance + inputs.intravenous_glucose - lost - exchanged
    rate = (production + others) / p.volume
    return replace(signals, hepatic_production=production, glucose_rate=rate)


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute."""
    p = parameters
    entering = p.plasma_to_tissue_rate * state.plasma - p.tissue_to_plasma_rate * state.tissue
    return State(
        plasma=signals.glucose_rate * p.volume,
        tissue=entering - _uptake_rate(state, p, signals, inputs) * state.tissue,
        interstitial=(signals.glucose - state.interstitial) / p.interstitial_delay,
    )
