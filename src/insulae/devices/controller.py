"""Hybrid closed loop: sets the pump's basal rate every five minutes from the sensor and insulin on board.

The law of the OpenAPS reference design (Lewis and Leibrand 2016): where glucose will end,

    eventual = G - S IOB + h (dG/dt + S A)

with the sensitivity S, insulin on board IOB and its action A beyond what the programmed basal rate brings,
and the deviation of glucose from what insulin explains lasting a further time h. What is needed to reach the
target, (eventual - target)/S, is added to the basal rate over a delivery time, never less than nothing nor
more than a multiple of the basal rate; below a limit of glucose delivery is suspended. It has no memory.

The meals are covered by the patient's own bolus (`pen.py`). Known: the form of the law and its safety limits.
Assumed: the controller knows insulin on board exactly, except how fast today's insulin is absorbed; its
sensitivity, a setting of the user, is off by a personal error. Its sensor errs as all do (`sensor.py`). The
loop is off for some hours of each day, in a row, in which the pump gives the programmed rate. Not modelled:
announced carbohydrate on board, automatic correction boluses, targets for exercise, learning of the settings.
"""

from typing import NamedTuple

from insulae.core.clock import STEPS_PER_DAY
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import Value, pytree


@pytree
class Parameters:
    """Target, horizon, safety limits, and how far the user's correction is from what it should be."""

    target_glucose: Array = parameter("mg/dL")
    suspend_glucose: Array = parameter("mg/dL")
    deviation_time: Array = parameter("min")
    delivery_time: Array = parameter("min")
    highest_share: Array = parameter("dimensionless")
    setting_error: Array = parameter("dimensionless")


class Reading(NamedTuple):
    """What the controller knows now: glucose (mg/dL) and its trend (mg/dL/min), insulin on board (U) and its
    absorption (U/min)."""

    glucose: Array
    trend: Array
    on_board: Array
    absorption: Array


class Setting(NamedTuple):
    """The patient's settings: basal rate (U/min), correction (U per mg/dL), and for how long insulin stays on
    board on average (min)."""

    basal_rate: Array
    correction: Array
    residence_time: Array


def needed(parameters: Parameters, reading: Reading, setting: Setting) -> Array:
    """Return the insulin (U) beyond the programmed basal that would bring glucose to the target."""
    p = parameters
    on_board = reading.on_board - setting.basal_rate * setting.residence_time
    action = reading.absorption - setting.basal_rate
    excess = reading.glucose + p.deviation_time * reading.trend - p.target_glucose
    return setting.correction * excess - on_board + p.deviation_time * action


def rate(parameters: Parameters, reading: Reading, setting: Setting) -> Array:
    """Return the rate (U/min) to ask of the pump for the next step."""
    p = parameters
    asked = setting.basal_rate + needed(p, reading, setting) / p.delivery_time
    safe = jnp.clip(asked, 0, p.highest_share * setting.basal_rate)
    return jnp.where(reading.glucose < p.suspend_glucose, 0, safe)


def is_on(use: Value, step: Array, uniform: Array) -> Array:
    """Return 1 while the loop runs, 0 in the hours without it; these begin at a uniform draw of the day."""
    since = (step / STEPS_PER_DAY - uniform) % 1
    return jnp.where(since < use, 1.0, 0.0)
