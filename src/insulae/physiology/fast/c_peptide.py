"""C-peptide kinetics: two compartments after Van Cauter 1992, clearance in part by the kidney."""

from insulae.core.jax_later import Array
from insulae.core.parameters import derived, parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of C-peptide kinetics."""

    elimination_rate: Array = parameter("1/min")
    outward_rate: Array = parameter("1/min")
    inward_rate: Array = parameter("1/min")
    renal_fraction: Array = parameter("dimensionless")
    reference_egfr: Array = parameter("mL/min/1.73m2")
    weight_per_volume: Array = derived("kg/L")


@pytree
class State:
    """C-peptide in plasma and in the peripheral compartment."""

    plasma: Array
    peripheral: Array


def initial(parameters: Parameters) -> State:
    """Return no C-peptide; it fills within two hours."""
    empty = 0 * parameters.elimination_rate
    return State(plasma=empty, peripheral=empty)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Lower the renal part of the elimination with the kidney function and take the body's volume."""
    p = parameters
    kidney = 1 - p.renal_fraction + p.renal_fraction * signals.egfr / p.reference_egfr
    per_volume = signals.metabolic_weight / signals.c_peptide_volume
    return replace(p, elimination_rate=p.elimination_rate * kidney, weight_per_volume=per_volume)


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute (pmol/L/min)."""
    p = parameters
    secreted = signals.insulin_secretion_rate * p.weight_per_volume
    returned = p.inward_rate * state.peripheral
    leaving = (p.elimination_rate + p.outward_rate) * state.plasma
    return State(plasma=secreted - leaving + returned, peripheral=p.outward_rate * state.plasma - returned)
