"""Meals: usual times and carbohydrate, and how they vary from day to day.

A day is four meals; each is eaten at a constant rate for a quarter of an hour. Not modelled: fat, protein,
alcohol, fasting.
"""

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jnp
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
    lability: Array = derived("dimensionless")
    intake: Array = derived("dimensionless")


@pytree
class Day:
    """The meals of one day: first step and carbohydrate in g; [meal, patient]."""

    first_step: Array
    carbohydrate: Array


N_NORMALS = 2 * len(MEALS)


def lognormal(normal: Array, variation: Array) -> Array:
    """Return a factor of mean 1 and the given coefficient of variation from a standard normal draw."""
    sigma = jnp.sqrt(jnp.log1p(variation**2))
    return jnp.exp(sigma * normal - sigma**2 / 2)


def plan(parameters: Parameters, normals: Array) -> Day:
    """Return the day's meals from standard normal draws [8, patient]."""
    p, n = parameters, len(MEALS)
    hours = jnp.stack([getattr(p, f"{meal}_hour") for meal in MEALS])
    usual = jnp.stack([getattr(p, meal) for meal in MEALS]) * p.scale * p.intake
    minutes = hours * MINUTES_PER_HOUR + p.time_variation * p.lability * normals[:n]
    carbohydrate = usual * lognormal(normals[n : 2 * n], p.size_variation * p.lability)
    return Day(first_step=jnp.round(minutes / STEP_MINUTES), carbohydrate=carbohydrate)


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
