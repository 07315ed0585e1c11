"""Insulin pen: basal once a day, meal bolus by counted carbohydrate and correction, varying absorption.

The bolus covers the counted carbohydrate plus what corrects glucose towards a target; no bolus is given
between meals.
"""

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import Value, pytree

N_NORMALS = 2


@pytree
class Parameters:
    """The bolus rule and the variation of absorption from one injection to the next."""

    target_glucose: Array = parameter("mg/dL")
    correction: Array = parameter("g per mg/dL")
    lowest_correction: Array = parameter("mg/dL")
    highest_correction: Array = parameter("mg/dL")
    basal_hour: Array = parameter("h")
    absorption_variation: Array = parameter("dimensionless")
    lability: Array = derived("dimensionless")


def plan(parameters: Parameters, normals: Array) -> Array:
    """Return absorption factors of the day's rapid and basal injections [2, patient] from normal draws."""
    p = parameters
    sigma = jnp.sqrt(jnp.log1p((p.absorption_variation * p.lability) ** 2))
    return jnp.exp(sigma * normals - sigma**2 / 2)


def bolus(
    parameters: Parameters, counted: Array, interstitial_glucose: Array, per_carbohydrate: Value
) -> Array:
    """Return the bolus (U) for counted carbohydrate (g) at a dose per gram (U/g); zero without a meal."""
    p = parameters
    excess = jnp.clip(interstitial_glucose - p.target_glucose, p.lowest_correction, p.highest_correction)
    dose = per_carbohydrate * (counted + p.correction * excess)
    return jnp.where(counted > 0, jnp.maximum(dose, 0), 0)


def basal(parameters: Parameters, step: Array, dose: Value) -> Array:
    """Return the basal insulin (U) injected at this step: the whole day's dose at the usual hour."""
    at = jnp.round(parameters.basal_hour * MINUTES_PER_HOUR / STEP_MINUTES)
    return jnp.where(step == at, dose, 0)
