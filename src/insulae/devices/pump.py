"""Insulin pump: delivers rapid insulin at a rate between nothing and the highest it can, step by step.

On some days an infusion set fails: from an hour on nothing arrives, neither basal insulin nor boluses, until
high glucose is noticed and the set changed. Known: how often sets are removed early with lasting high glucose
in adults (kanapka2022). Assumed: for how long nothing arrives, that all else of a set is perfect. Not
modelled: the ketoacidosis of a set that failed, the smallest increment of delivery, changes of the reservoir.
"""

from insulae.core.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR, STEP_MINUTES, STEPS_PER_DAY
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import Value, pytree


@pytree
class Parameters:
    """What the device can deliver, on which share of days its set fails, and for how long."""

    highest_rate: Array = parameter("U/h")
    failure_share: Array = parameter("dimensionless")
    failure_time: Array = parameter("h")


def programmed(dose: Value) -> Array:
    """Return the rate (U/min) that spreads a basal dose (U/d) evenly over the day."""
    return jnp.asarray(dose) / MINUTES_PER_DAY


def delivered(parameters: Parameters, rate: Array) -> Array:
    """Return the insulin (U) of one step at an asked rate (U/min), within the limits of the device."""
    return STEP_MINUTES * jnp.clip(rate, 0, parameters.highest_rate / MINUTES_PER_HOUR)


def arrives(parameters: Parameters, step: Array, uniforms: tuple[Array, Array]) -> Array:
    """Return 1 while insulin of the pump arrives at this step, 0 while a failed set is in place.

    Of the uniform draws of the day one tells whether the set fails, the other from which hour on; what lasts
    beyond midnight stands in the early hours of the same day.
    """
    p, whether = parameters, uniforms[0]
    steps = jnp.round(p.failure_time * MINUTES_PER_HOUR / STEP_MINUTES)
    since = (step - jnp.floor(uniforms[1] * STEPS_PER_DAY)) % STEPS_PER_DAY
    return jnp.where((whether < p.failure_share) & (since < steps), 0.0, 1.0)
