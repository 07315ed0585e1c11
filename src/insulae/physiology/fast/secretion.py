"""Insulin secretion: one law per unit of functional mass, shared by native and transplanted islets.

Static secretion follows a delayed sigmoid of glucose, amplified by the gut (incretins) while a meal is
absorbed. The sigmoid begins at a threshold, below which islets are silent, in people and in a dish
(schultes2000, henquin2006); grafted islets are silenced as well (rickels2005low). Dynamic secretion follows
the rise of glucose (first phase), up to a fastest rise that is still answered: what can be released at once
is finite. Structure after the oral C-peptide minimal model (static + dynamic). The weaker first phase and
incretin response of type 2 diabetes belong to the native islets, not to grafted ones. Immature grafted
islets leak at a constant rate instead of sensing glucose; a drug that closes the channels adds secretion
that does not ask for glucose. Insulin of islets in a device reaches the blood after a first-order delay,
that of bare islets at once. Not modelled: amino acids, the delay with which glucose reaches islets in a
device.
"""

from insulae.core.jax_later import Array, jnp, lax
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.component import hill4, positive_part, saturation
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of secretion per unit functional mass, and the day's functional masses."""

    maximal: Array = parameter("pmol/kg/min")
    threshold_glucose: Array = parameter("mg/dL")
    threshold_width: Array = parameter("mg/dL")
    half_glucose: Array = parameter("mg/dL")
    delay_rate: Array = parameter("1/min")
    dynamic_gain: Array = parameter("pmol/kg per mg/dL")
    rise_width: Array = parameter("mg/dL/min")
    fastest_rise: Array = parameter("mg/dL/min")
    incretin_gain: Array = parameter("dimensionless")
    incretin_half_appearance: Array = parameter("mg/kg/min")
    smallest_capacity: Array = parameter("dimensionless")
    shortest_delay: Array = parameter("min")
    native_capacity: Array = derived("dimensionless")
    native_first_phase: Array = derived("dimensionless")
    graft_capacity: Array = derived("dimensionless")
    graft_first_phase: Array = derived("dimensionless")
    graft_leak: Array = derived("pmol/kg/min")
    portal_fraction: Array = derived("dimensionless")
    enclosure: Array = derived("dimensionless")
    release_rate: Array = derived("1/min")
    independent: Array = derived("pmol/kg/min")


@pytree
class State:
    """Static secretion per unit functional mass, and what comes out of a device around grafted islets."""

    static: Array
    released: Array


def initial(parameters: Parameters) -> State:
    """Return no secretion; it fills within minutes."""
    return State(static=0 * parameters.maximal, released=0 * parameters.maximal)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Take the day's functional masses, their mean incretin response and drugs that act on every islet."""
    gain = effects.secretion_capacity
    native, graft = signals.native_capacity, signals.graft_capacity
    share = (native * signals.native_incretin + graft) / jnp.maximum(
        native + graft, parameters.smallest_capacity
    )
    return replace(
        parameters,
        incretin_gain=parameters.incretin_gain * share * effects.incretin_response,
        independent=0 * gain + effects.independent_secretion,
        native_capacity=signals.native_capacity * gain,
        native_first_phase=signals.native_first_phase * gain,
        graft_capacity=signals.graft_capacity * gain,
        graft_first_phase=signals.graft_first_phase * gain,
        graft_leak=signals.graft_leak,
        portal_fraction=signals.graft_portal_fraction,
        enclosure=signals.graft_enclosure,
        release_rate=1 / jnp.maximum(signals.graft_delay, parameters.shortest_delay),
    )


def opened(parameters: Parameters, glucose: Array) -> Array:
    """Return the share of maximal static secretion at a lasting glucose (mg/dL)."""
    p = parameters
    above = positive_part(glucose - p.threshold_glucose, p.threshold_width)
    is_open = saturation(above * above, p.threshold_width * p.threshold_width)
    return is_open * hill4(glucose, p.half_glucose)


def _secreted(state: State, parameters: Parameters, glucose_rate: Array) -> tuple[Array, Array]:
    """Return what native and grafted islets secrete at this instant."""
    p = parameters
    rise = positive_part(glucose_rate, p.rise_width)
    dynamic = p.dynamic_gain * rise * lax.rsqrt(1 + (rise / p.fastest_rise) ** 2)
    static = state.static + p.independent
    native = p.native_capacity * static + p.native_first_phase * dynamic
    return native, p.graft_capacity * static + p.graft_first_phase * dynamic + p.graft_leak


def signals(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> Signals:
    """Publish insulin of native and grafted islets as it enters the portal vein and the systemic blood."""
    p = parameters
    native, secreted = _secreted(state, p, signals.glucose_rate)
    graft = (1 - p.enclosure) * secreted + p.enclosure * state.released
    return replace(
        signals,
        native_secretion=native,
        graft_secretion=graft,
        portal_secretion=native + p.portal_fraction * graft,
        systemic_secretion=(1 - p.portal_fraction) * graft,
        insulin_secretion_rate=native + graft,
    )


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rate of change per minute."""
    p = parameters
    incretin = 1 + p.incretin_gain * saturation(signals.meal_appearance, p.incretin_half_appearance)
    target = p.maximal * opened(p, signals.glucose) * incretin
    _, secreted = _secreted(state, p, signals.glucose_rate)
    return State(
        static=p.delay_rate * (target - state.static), released=p.release_rate * (secreted - state.released)
    )
