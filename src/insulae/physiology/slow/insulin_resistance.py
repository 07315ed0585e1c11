"""Insulin sensitivity of periphery and liver: own level, weight, liver fat, age and chronic glucose.

    liver fat      F' = (C/(1 + (T/BMI)^n) exp(-deficit) - F)/time
    hepatic        (1 + F1/Fh)/(1 + F/Fh)
    peripheral     (BMI/24)^-1.5, slowly less with age
    relief         of sensitivity by weight: change of both since enrollment, their geometric mean

Liver fat saturates at C and falls away below a threshold T of body mass index that is the person's own
(Taylor and Holman 2015): whose liver holds most fat at a given index has the lowest threshold. T follows from
the index and the liver fat at enrollment. Under an energy deficit it falls within weeks, before weight has.
Pancreas fat is taken to go with it. Lasting hyperglycemia lowers both sensitivities within weeks and lets
them recover, as after islet transplantation in type 1 diabetes. Not modelled: visceral fat, lipids, fibrosis.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import relax, saturation, square_root
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
    liver_fat: Array = parameter("%")
    liver_fat_exponent: Array = parameter("dimensionless")
    liver_fat_ceiling: Array = parameter("%")
    liver_fat_steepness: Array = parameter("dimensionless")
    largest_share: Array = parameter("dimensionless")
    healthy_liver_fat: Array = parameter("%")
    half_liver_fat: Array = parameter("%")
    deficit_scale: Array = parameter("kcal/d")
    deficit_limit: Array = parameter("dimensionless")
    fat_time: Array = parameter("d")
    glucose_loss: Array = parameter("dimensionless")
    glucose_threshold: Array = parameter("mg/dL")
    glucose_half: Array = parameter("mg/dL")
    glucose_time: Array = parameter("d")
    days_per_year: Array = parameter("d/year")
    fat_threshold: Array = derived("kg/m2")


@pytree
class State:
    """Liver fat (%), sensitivity left by chronic glucose, and age."""

    liver_fat: Array
    glucose_share: Array
    age: Array


def personal_threshold(parameters: Parameters, body_mass_index: Array) -> Array:
    """Return the index (kg/m2) at which a liver holds half of the most fat, from that at enrollment."""
    p = parameters
    fat = p.liver_fat * (body_mass_index / p.reference_bmi) ** p.liver_fat_exponent
    share = (fat / p.liver_fat_ceiling).clip(max=p.largest_share)
    return body_mass_index * (1 / share - 1) ** (1 / p.liver_fat_steepness)


def balanced_fat(parameters: Parameters, body_mass_index: Array) -> Array:
    """Return the liver fat (%) a body settles at for a given index (kg/m2) when energy is in balance."""
    p = parameters
    room = 1 + (p.fat_threshold / body_mass_index) ** p.liver_fat_steepness
    return p.liver_fat_ceiling / room


def fat_target(parameters: Parameters, body_mass_index: Array, energy_deficit: Array) -> Array:
    """Return the liver fat (%) a body settles at for a given index (kg/m2) and energy deficit (kcal/d)."""
    p = parameters
    restriction = jnp.clip(energy_deficit / p.deficit_scale, 0, p.deficit_limit)
    return balanced_fat(p, body_mass_index) * jnp.exp(-restriction)


def hepatic_share(parameters: Parameters, liver_fat: Array) -> Array:
    """Return the hepatic sensitivity that liver fat (%) leaves; 1 at healthy liver fat."""
    p = parameters
    return (p.half_liver_fat + p.healthy_liver_fat) / (p.half_liver_fat + liver_fat)


def relief(parameters: Parameters, body_mass_index: Array, usual: Array, liver_fat: Array) -> Array:
    """Return by which factor weight and liver fat (%) have changed sensitivity since enrollment; 1 there."""
    p = parameters
    periphery = (usual / body_mass_index) ** p.weight_exponent
    liver = hepatic_share(p, liver_fat) / hepatic_share(p, balanced_fat(p, usual))
    return square_root(periphery * liver)


def glucose_target(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return the share of sensitivity that a lasting mean glucose (mg/dL) leaves; 1 at normal glucose."""
    p = parameters
    excess = (mean_glucose - p.glucose_threshold).clip(0)
    return 1 - p.glucose_loss * saturation(excess, p.glucose_half)


def outputs(state: State, parameters: Parameters, signals: SlowSignals, effects: Effects) -> SlowSignals:
    """Publish liver fat (%), the two sensitivities (1 = healthy), and their relief by weight."""
    p = parameters
    by_weight = (signals.body_mass_index / p.reference_bmi) ** (-p.weight_exponent)
    by_age = jnp.exp(-p.age_slope * (state.age - p.reference_age))
    return replace(
        signals,
        liver_fat=state.liver_fat,
        peripheral_sensitivity=p.peripheral * by_weight * by_age * state.glucose_share,
        hepatic_sensitivity=p.hepatic * hepatic_share(p, state.liver_fat) * state.glucose_share,
        relief=relief(p, signals.body_mass_index, signals.usual_body_mass_index, state.liver_fat),
    )


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Move liver fat and the glucose share towards their targets and let the patient age."""
    fat = fat_target(parameters, signals.body_mass_index, signals.energy_deficit) * effects.liver_fat
    share = glucose_target(parameters, signals.mean_glucose)
    return State(
        liver_fat=relax(state.liver_fat, fat, parameters.fat_time, days),
        glucose_share=relax(state.glucose_share, share, parameters.glucose_time, days),
        age=state.age + days / parameters.days_per_year,
    )
