"""Exercise sessions: on some days one, at an hour of the waking day, for half an hour.

Known: about three in ten adults with type 1 diabetes are as active as recommended, and what a session does to
glucose (riddell2023; `physiology/fast/exercise.py`). Assumed: that recommended means a session on three days
of the week, that people differ as a logit-normal, the hours. Not modelled: carbohydrate or less insulin
before a session as such - the fall of glucose that was fitted is the one people have with what they do about
it -, work, sports of hours, sprints that raise glucose.
"""

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree

N_UNIFORMS = 2


@pytree
class Parameters:
    """How often a person exercises, when and for how long."""

    session_share: Array = parameter("dimensionless")
    earliest_hour: Array = parameter("h")
    latest_hour: Array = parameter("h")
    session_time: Array = parameter("min")


@pytree
class Day:
    """The session of one day: its first step, and how many steps it takes (0 for none); [patient]."""

    first_step: Array
    steps: Array


def plan(parameters: Parameters, uniforms: Array) -> Day:
    """Return the day's session from two uniform draws [2, patient]: whether, and when."""
    p = parameters
    hour = p.earliest_hour + (p.latest_hour - p.earliest_hour) * uniforms[1]
    steps = jnp.round(p.session_time / STEP_MINUTES)
    return Day(
        first_step=jnp.round(hour * MINUTES_PER_HOUR / STEP_MINUTES),
        steps=jnp.where(uniforms[0] < p.session_share, steps, 0),
    )


def intensity(day: Day, step: Array) -> Array:
    """Return how hard the person exercises during a step, 0 to 1 (a session as studied)."""
    since = step - day.first_step
    return jnp.where((since >= 0) & (since < day.steps), 1.0, 0.0)
