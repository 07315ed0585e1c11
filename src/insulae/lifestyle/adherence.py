"""Insulin as people give it: carbohydrate miscounted, boluses forgotten or late, basal doses missed.

The counted amount is that of the meal times a lognormal error and a power of its size: small meals are
overestimated, large ones underestimated (kawamura2015). A forgotten bolus is not made up for; a late one
comes between the first bite and twice the mean delay, with what glucose has risen to by then corrected too.
Basal insulin is missed on some days; a pump does not forget it.

Known: how often a bolus is missed at each meal (ampudiablasco2024), how many people miss how many basal doses
(brod2012), the share of people who inject during or after meals (schaper2017). Assumed: the power of the
size, how much people differ in forgetting boluses, that each dose is missed by itself. A lasting bias of
counting has no row: the insulin per gram that a patient is found to inject makes up for it. Not modelled:
weekends, basal doses at another hour, boluses before the meal, corrections between meals.
"""

from insulae.core.clock import STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree
from insulae.lifestyle import meals
from insulae.lifestyle.meals import MEALS, lognormal

N_NORMALS = len(MEALS)
N_UNIFORMS = len(MEALS)


@pytree
class Parameters:
    """Errors of counting, and chances to miss or delay a bolus."""

    counting_error: Array = parameter("dimensionless")
    counting_exponent: Array = parameter("dimensionless")
    counting_reference: Array = parameter("g")
    missed_breakfast: Array = parameter("dimensionless")
    missed_lunch: Array = parameter("dimensionless")
    missed_snack: Array = parameter("dimensionless")
    missed_dinner: Array = parameter("dimensionless")
    forgetfulness: Array = parameter("dimensionless")
    late_share: Array = parameter("dimensionless")
    late_time: Array = parameter("min")
    missed_basal: Array = parameter("dimensionless")


@pytree
class Day:
    """The boluses of one day: their steps, and the counted carbohydrate in g, zero if forgotten;
    [meal, patient]."""

    step: Array
    counted: Array


def plan(parameters: Parameters, eaten: meals.Day, normals: Array, uniforms: Array) -> Day:
    """Return the day's boluses from standard normal and uniform draws, each [4, patient].

    A uniform draw below the chance to miss is a forgotten bolus; where it lies above that, up to the share of
    late ones, tells the delay.
    """
    p = parameters
    missed = jnp.stack([getattr(p, f"missed_{meal}") for meal in MEALS]) * p.forgetfulness
    is_given, late = uniforms >= missed, (1 - missed) * p.late_share
    is_late = is_given & (uniforms < missed + late)
    delay = jnp.where(is_late, 2 * p.late_time * (uniforms - missed) / late, 0)
    size = (eaten.carbohydrate / p.counting_reference) ** (-p.counting_exponent)
    counted = eaten.carbohydrate * size * lognormal(normals, p.counting_error)
    return Day(
        step=eaten.first_step + jnp.round(delay / STEP_MINUTES),
        counted=jnp.where(is_given, counted, 0),
    )


def counted(day: Day, step: Array) -> Array:
    """Return the carbohydrate counted for a bolus at this step (g), zero when none is given."""
    return jnp.sum(jnp.where(day.step == step, day.counted, 0), axis=0)


def basal_taken(parameters: Parameters, uniform: Array) -> Array:
    """Return 1 on a day whose basal insulin is given, 0 when it is missed, from a uniform draw."""
    return jnp.where(uniform < parameters.missed_basal, 0.0, 1.0)
