"""How insulin sensitivity varies: a lognormal factor for each day and one for each part of the day."""

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree

N_PARTS = 4
N_NORMALS = 1 + N_PARTS


@pytree
class Parameters:
    """Spread of sensitivity between days and between parts of a day, and where the parts end."""

    day_variation: Array = parameter("dimensionless")
    part_variation: Array = parameter("dimensionless")
    lability: Array = derived("dimensionless")
    morning_end: Array = parameter("h")
    noon_end: Array = parameter("h")
    afternoon_end: Array = parameter("h")


def plan(parameters: Parameters, normals: Array) -> Array:
    """Return the sensitivity factors of one day [part, patient] from standard normal draws [5, patient]."""
    p = parameters
    variation = jnp.stack([p.day_variation, *[p.part_variation] * N_PARTS]) * p.lability
    sigma = jnp.sqrt(jnp.log1p(variation**2))
    factors = jnp.exp(sigma * normals - sigma**2 / 2)
    return factors[0] * factors[1:]


def at(parameters: Parameters, factors: Array, step: Array) -> Array:
    """Return the sensitivity factor at a step of the day."""
    p, hour = parameters, step * STEP_MINUTES / MINUTES_PER_HOUR
    late = jnp.where(hour < p.afternoon_end, factors[2], factors[3])
    return jnp.where(hour < p.morning_end, factors[0], jnp.where(hour < p.noon_end, factors[1], late))
