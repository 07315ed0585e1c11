"""Insulin pump: delivers rapid insulin at a rate between nothing and the highest it can, step by step.

Not modelled: infusion sets that fail, the smallest increment of delivery, changes of the reservoir.
"""

import jax.numpy as jnp
from jax import Array

from insulae.core.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.parameters import parameter
from insulae.core.pytree import Value, pytree


@pytree
class Parameters:
    """What the device can deliver."""

    highest_rate: Array = parameter("U/h")


def programmed(dose: Value) -> Array:
    """Return the rate (U/min) that spreads a basal dose (U/d) evenly over the day."""
    return jnp.asarray(dose) / MINUTES_PER_DAY


def delivered(parameters: Parameters, rate: Array) -> Array:
    """Return the insulin (U) of one step at an asked rate (U/min), within the limits of the device."""
    return STEP_MINUTES * jnp.clip(rate, 0, parameters.highest_rate / MINUTES_PER_HOUR)
