"""Exercise: raises the uptake of glucose during a session, and insulin sensitivity for hours afterwards.

    lasting' = rise intensity (1 - lasting) - recovery lasting
    factor   = 1 + acute_gain intensity + lasting_gain lasting

The factor multiplies the action of insulin on uptake, as in the models that have a short and a long effect
(dallaman2009). So where insulin can fall, as in health, glucose hardly does. The gains are fitted to the fall
during half an hour and to the time in range of the day that follows (riddell2023). Not modelled: uptake
without any insulin, what exercise does to the liver, adrenaline of hard exercise, blood flow at the
site of an injection.
"""

from insulae.core.jax_later import Array
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree, replace
from insulae.physiology.effects import Effects, Inputs
from insulae.physiology.signals import Signals, SlowSignals


@pytree
class Parameters:
    """Sizes and rates of the two effects."""

    acute_gain: Array = parameter("dimensionless")
    lasting_gain: Array = parameter("dimensionless")
    rise_rate: Array = parameter("1/min")
    recovery_rate: Array = parameter("1/min")


@pytree
class State:
    """How far the lasting effect has developed (0 to 1)."""

    lasting: Array


def initial(parameters: Parameters) -> State:
    """Return a rested body."""
    return State(lasting=0 * parameters.rise_rate)


def today(parameters: Parameters, signals: SlowSignals, effects: Effects) -> Parameters:
    """Return the constants unchanged: nothing in the model acts on them."""
    return parameters


def signals(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> Signals:
    """Publish the factor of insulin's action on uptake (1 at rest)."""
    p = parameters
    return replace(signals, exercise=1 + p.acute_gain * inputs.exercise + p.lasting_gain * state.lasting)


def derivative(state: State, parameters: Parameters, signals: Signals, inputs: Inputs) -> State:
    """Return the rates of change per minute."""
    p = parameters
    rise = p.rise_rate * inputs.exercise * (1 - state.lasting)
    return State(lasting=rise - p.recovery_rate * state.lasting)
