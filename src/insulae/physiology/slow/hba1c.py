"""Glycated hemoglobin: follows mean glucose through the life of the red cells.

One state relaxing to the ADAG line, HbA1c = (mean glucose + 46.7)/28.7, times the person's own red-cell
factor, which carries the glucose-independent variation (red-cell life, glycation rate).
"""

from insulae.core.jax_later import Array
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree
from insulae.physiology.component import relax
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals


@pytree
class Parameters:
    """Constants of glycation."""

    slope: Array = parameter("mg/dL per %")
    offset: Array = parameter("mg/dL")
    time_constant: Array = parameter("d")
    red_cell_factor: Array = parameter("dimensionless")


@pytree
class State:
    """HbA1c."""

    value: Array


def equilibrium(parameters: Parameters, mean_glucose: Array) -> Array:
    """Return the HbA1c (%) that a constant mean glucose (mg/dL) leads to."""
    return parameters.red_cell_factor * (mean_glucose + parameters.offset) / parameters.slope


def mean_glucose(parameters: Parameters, value: Array) -> Array:
    """Return the constant mean glucose (mg/dL) behind an HbA1c (%)."""
    return value / parameters.red_cell_factor * parameters.slope - parameters.offset


def advance(
    state: State, parameters: Parameters, signals: SlowSignals, effects: Effects, days: Array
) -> State:
    """Move HbA1c towards its equilibrium."""
    target = equilibrium(parameters, signals.mean_glucose)
    return State(value=relax(state.value, target, parameters.time_constant, days))
