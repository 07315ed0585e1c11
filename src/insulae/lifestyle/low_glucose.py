"""Low glucose as people treat it: noticed below a personal threshold, by chance, hardly ever asleep.

Every quarter of an hour a person whose plasma glucose is below the own threshold of symptoms may notice it
and eat carbohydrate; so an unnoticed low lasts. Who wears a sensor, alone or in a closed loop, is also woken
by its alarm, and sees its alert before symptoms begin. Known: the threshold of symptoms (mitrakou1991), that
one of sixteen people with type 1 diabetes woke up within an hour of low glucose (schultes2007), the
carbohydrate eaten (hypotreatment2020), the fixed alarm of the sensor. Fitted: the chance to eat at an alert.
Assumed: the chance to notice while awake and to answer an alarm. Not modelled: awareness that fades with many
lows and returns without them, people without a sensor who treat before symptoms, glucagon, help by others.
"""

from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES
from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import Value, pytree


@pytree
class Parameters:
    """When low glucose is noticed and what is eaten then; chances are for each look."""

    symptom_glucose: Array = parameter("mg/dL")
    alarm_glucose: Array = parameter("mg/dL")
    alert_glucose: Array = parameter("mg/dL")
    look_time: Array = parameter("min")
    noticed_awake: Array = parameter("dimensionless")
    noticed_asleep: Array = parameter("dimensionless")
    alarm_answered: Array = parameter("dimensionless")
    alert_answered: Array = parameter("dimensionless")
    carbohydrate: Array = parameter("g")
    sleep_hour: Array = parameter("h")
    wake_hour: Array = parameter("h")


def _chance(parameters: Parameters, glucose: Array, reading: Array, alarmed: Value, step: Array) -> Array:
    """Return the chance to notice at this look."""
    p, hour = parameters, step * STEP_MINUTES / MINUTES_PER_HOUR
    is_asleep = (hour < p.wake_hour) | (hour >= p.sleep_hour)
    by_symptoms = jnp.where(is_asleep, p.noticed_asleep, p.noticed_awake) * (glucose < p.symptom_glucose)
    by_alarm = alarmed * p.alarm_answered * (reading < p.alarm_glucose)
    by_alert = alarmed * p.alert_answered * (reading < p.alert_glucose)
    return jnp.maximum(by_symptoms, jnp.maximum(by_alarm, by_alert))


def may_notice(parameters: Parameters, glucose: Array, reading: Array, step: Array) -> Array:
    """Tell who looks in a step and is so low, in plasma or on a sensor (mg/dL), that it may be noticed."""
    p = parameters
    is_look = step % jnp.round(p.look_time / STEP_MINUTES) == 0
    return is_look & (
        (glucose < p.symptom_glucose) | (reading < p.alarm_glucose) | (reading < p.alert_glucose)
    )


def treated(
    parameters: Parameters, glucose: Array, reading: Array, alarmed: Value, step: Array, draw: Array
) -> Array:
    """Return the carbohydrate (g/min) eaten against low glucose in a step.

    `glucose` is in plasma, `reading` what the sensor shows (mg/dL); `alarmed` is the share of time in which
    an alarm is on; `draw` is uniform.
    """
    p = parameters
    is_noticed = draw < _chance(p, glucose, reading, alarmed, step)
    may = may_notice(p, glucose, reading, step)
    return jnp.where(may & is_noticed, p.carbohydrate / STEP_MINUTES, 0)
