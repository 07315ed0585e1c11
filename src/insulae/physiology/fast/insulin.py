"""Plasma insulin, its extraction by the liver, and its delayed action on periphery and liver.

Liver insulin is quasi-steady: the liver sees the systemic concentration plus the portal secretion diluted in
portal flow, so that insulin from a portal site acts on the liver more than the same amount from a systemic
site.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of insulin kinetics and action."""

    volume: Array = parameter("L/kg")
    clearance_rate: Array = parameter("1/min")
    renal_fraction: Array = parameter("dimensionless")
    reference_egfr: Array = parameter("mL/min/1.73m2")
    hepatic_extraction: Array = parameter("dimensionless")
    extraction_half_secretion: Array = parameter("pmol/kg/min")
    portal_flow: Array = parameter("L/kg/min")
    portal_weight: Array = parameter("dimensionless")
    peripheral_action_rate: Array = parameter("1/min")
    hepatic_action_rate: Array = parameter("1/min")


@pytree
class State:
    """Plasma insulin (amount per weight) and its two delayed actions."""

    plasma: Array
    peripheral_action: Array
    hepatic_action: Array


def initial(parameters: Parameters) -> State:
    """Return no insulin; it fills within an hour."""
    empty = 0 * parameters.volume
    return State(plasma=empty, peripheral_action=empty, hepatic_action=empty)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Lower the renal part of the clearance with the kidney function of the day."""
    p = parameters
    kidney = 1 - p.renal_fraction * (1 - jnp.minimum(signals.egfr / p.reference_egfr, 1))
    return replace(p, clearance_rate=p.clearance_rate * kidney)


def outputs(state: State, parameters: Parameters, signals: Signals) -> Signals:
    """Publish plasma insulin and its actions (pmol/L)."""
    return replace(
        signals,
        insulin=state.plasma / parameters.volume,
        peripheral_action=state.peripheral_action,
        hepatic_action=state.hepatic_action,
    )


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute."""
    p = parameters
    extracted = p.hepatic_extraction / (1 + signals.portal_secretion / p.extraction_half_secretion)
    secreted = (1 - extracted) * signals.portal_secretion + signals.systemic_secretion
    entering = secreted + signals.injected_appearance + inputs.intravenous_insulin
    liver = signals.insulin + p.portal_weight * signals.portal_secretion / p.portal_flow
    return State(
        plasma=entering - p.clearance_rate * state.plasma,
        peripheral_action=p.peripheral_action_rate * (signals.insulin - state.peripheral_action),
        hepatic_action=p.hepatic_action_rate * (liver - state.hepatic_action),
    )
