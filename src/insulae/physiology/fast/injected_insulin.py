"""Injected insulin from the depot to the blood: rapid analog (two compartments) and basal (two in series).

Rapid: S1' = dose - (kd + ka1) S1, S2' = kd S1 - ka2 S2, appearance ka1 S1 + ka2 S2 (Dalla Man 2007). The
basal depot is a chain of two equal stages. Not modelled: injection site, lipohypertrophy, exercise.
"""

from insulae.core.jax_later import Array
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Constants of subcutaneous absorption."""

    dissociation_rate: Array = parameter("1/min")
    early_absorption_rate: Array = parameter("1/min")
    late_absorption_rate: Array = parameter("1/min")
    basal_absorption_rate: Array = parameter("1/min")
    bioavailability: Array = parameter("dimensionless")


@pytree
class State:
    """Insulin in the depots."""

    rapid_first: Array
    rapid_second: Array
    basal_first: Array
    basal_second: Array


def initial(parameters: Parameters) -> State:
    """Return empty depots."""
    empty = 0 * parameters.dissociation_rate
    return State(rapid_first=empty, rapid_second=empty, basal_first=empty, basal_second=empty)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Return the constants unchanged: nothing in the model acts on the depot."""
    return parameters


def outputs(state: State, parameters: Parameters, signals: Signals) -> Signals:
    """Publish the appearance of injected insulin in plasma (pmol/kg/min)."""
    p = parameters
    rapid = p.early_absorption_rate * state.rapid_first + p.late_absorption_rate * state.rapid_second
    return replace(signals, injected_appearance=rapid + p.basal_absorption_rate * state.basal_second)


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute."""
    p = parameters
    leaving = (p.dissociation_rate + p.early_absorption_rate) * state.rapid_first
    return State(
        rapid_first=p.bioavailability * inputs.rapid_absorption * inputs.rapid_insulin - leaving,
        rapid_second=p.dissociation_rate * state.rapid_first - p.late_absorption_rate * state.rapid_second,
        basal_first=p.bioavailability * inputs.basal_absorption * inputs.basal_insulin
        - p.basal_absorption_rate * state.basal_first,
        basal_second=p.basal_absorption_rate * (state.basal_first - state.basal_second),
    )
