"""Meals: usual times and carbohydrate, daily variation, counting for the bolus, rescue carbohydrate.

A day is four meals; each is eaten at a constant rate for a quarter of an hour. Not modelled: fat, protein,
alcohol, fasting.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree

MEALS = ("breakfast", "lunch", "snack", "dinner")


@pytree
class Parameters:
    """Usual meals and how they vary; `scale` multiplies every meal, `lability` every variation."""

    breakfast_hour: Array = parameter("h")
    lunch_hour: Array = parameter("h")
    snack_hour: Array = parameter("h")
    dinner_hour: Array = parameter("h")
    breakfast: Array = parameter("g")
    lunch: Array = parameter("g")
    snack: Array = parameter("g")
    dinner: Array = parameter("g")
    scale: Array = parameter("dimensionless")
    eating_time: Array = parameter("min")
    size_variation: Array = parameter("dimensionless")
    time_variation: Array = parameter("min")
    counting_error: Array = parameter("dimensionless")
    missed_bolus: Array = parameter("dimensionless")
    lability: Array = derived("dimensionless")
    rescue_glucose: Array = parameter("mg/dL")
    rescue_carbohydrate: Array = parameter("g")
    intake: Array = derived("dimensionless")


@pytree
class Day:
    """The meals of one day: first step, carbohydrate and counted carbohydrate in g; [meal, patient]."""

    first_step: Array
    carbohydrate: Array
    counted: Array


N_NORMALS = 3 * len(MEALS)
N_UNIFORMS = len(MEALS)


def lognormal(normal: Array, variation: Array) -> Array:
    """Return a factor of mean 1 and the given coefficient of variation from a standard normal draw."""
    sigma = jnp.sqrt(jnp.log1p(variation**2))
    return jnp.exp(sigma * normal - sigma**2 / 2)


def plan(parameters: Parameters, normals: Array, uniforms: Array) -> Day:
    """Return the day's meals from standard normal draws [12, patient] and uniform draws [4, patient]."""
    p, n = parameters, len(MEALS)
    hours = jnp.stack([getattr(p, f"{meal}_hour") for meal in MEALS])
    usual = jnp.stack([getattr(p, meal) for meal in MEALS]) * p.scale * p.intake
    minutes = hours * MINUTES_PER_HOUR + p.time_variation * p.lability * normals[:n]
    carbohydrate = usual * lognormal(normals[n : 2 * n], p.size_variation * p.lability)
    is_covered = uniforms >= p.missed_bolus * p.lability
    counted = carbohydrate * lognormal(normals[2 * n :], p.counting_error * p.lability) * is_covered
    return Day(first_step=jnp.round(minutes / STEP_MINUTES), carbohydrate=carbohydrate, counted=counted)


def usual_carbohydrate(parameters: Parameters) -> Array:
    """Return the carbohydrate of a usual day (g/d)."""
    p = parameters
    return sum(getattr(p, meal) for meal in MEALS) * p.scale * p.intake


def eaten(parameters: Parameters, day: Day, step: Array) -> Array:
    """Return the carbohydrate eaten during a step (g/min)."""
    since = step - day.first_step
    steps = jnp.round(parameters.eating_time / STEP_MINUTES)
    is_eating = (since >= 0) & (since < steps)
    return jnp.sum(jnp.where(is_eating, day.carbohydrate / (steps * STEP_MINUTES), 0), axis=0)


def counted(day: Day, step: Array) -> Array:
    """Return the carbohydrate counted for a bolus at this step (g), zero between meals."""
    return jnp.sum(jnp.where(day.first_step == step, day.counted, 0), axis=0)


def rescue(parameters: Parameters, interstitial_glucose: Array, step: Array) -> Array:
    """Return rescue carbohydrate (g/min): a portion when glucose is low, looked at every quarter hour."""
    p = parameters
    is_checked = step % jnp.round(p.eating_time / STEP_MINUTES) == 0
    is_low = interstitial_glucose < p.rescue_glucose
    return jnp.where(is_low & is_checked, p.rescue_carbohydrate / STEP_MINUTES, 0)
