"""Fixed-step solvers for the fast clock; `insulae.trials.accuracy` checks them with an adaptive solver.

The barriers between stages keep the compiler from computing earlier stages again; they change no number.
"""

from collections.abc import Callable
from typing import TypeVar

from insulae.core.jax_later import Array, lax
from insulae.core.pytree import map_leaves

S = TypeVar("S")


def _step(state: S, rate: S, length: Array | float) -> S:
    return map_leaves(lambda x, dx: x + length * dx, state, rate)


def runge_kutta_4(derivative: Callable[[S], S], state: S, step: Array | float) -> S:
    """Advance a state by one classical Runge-Kutta step; fourth order in the step."""
    k1 = lax.optimization_barrier(derivative(state))
    k2 = lax.optimization_barrier(derivative(_step(state, k1, 0.5 * step)))
    k3 = lax.optimization_barrier(derivative(_step(state, k2, 0.5 * step)))
    k4 = derivative(_step(state, k3, step))
    return map_leaves(lambda x, a, b, c, d: x + step * (a + 2 * (b + c) + d) / (2 * 3), state, k1, k2, k3, k4)
