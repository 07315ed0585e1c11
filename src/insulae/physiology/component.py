"""The contract of a component of the body, and the smooth functions that components share.

A component is one file in `fast/` or `slow/` with

* `Parameters`: constants of one patient, declared with `parameter(unit)`, values in `tables/parameters.csv`;
* `State`: what is integrated, one row each in `tables/variables.csv`;
* `initial(...) -> State`;
* `outputs(state, parameters, signals) -> Signals`: what others may know of the state alone (phase 1);
* `signals(state, parameters, signals, inputs) -> Signals`: algebraic quantities, in the order of `body.py`
  (phase 2);
* fast: `today(parameters, signals, effects) -> Parameters`, the constants of one day after slow state and
  effects, and `derivative(state, parameters, signals, inputs) -> State` per minute (phase 3);
* slow: `advance(state, parameters, signals, effects, days) -> State`, an exponential step over a fraction of
  a day.

Every function is elementwise over any leading axes: no component knows about batches.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from insulae.core.jax_later import Array, jnp, lax
from insulae.core.pytree import map_leaves

Result = TypeVar("Result")


def positive_part(x: Array, width: Array) -> Array:
    """Return a smooth max(0, x); `width` is the rounding at the corner, where the value is width/2."""
    return 0.5 * (x + jnp.sqrt(x * x + width * width))


def square_root(x: Array) -> Array:
    """Return the square root, of numbers outside of the compiled day in their own precision."""
    return np.sqrt(x) if isinstance(x, np.ndarray) else jnp.sqrt(x)  # type: ignore[return-value]


def saturation(x: Array, half: Array) -> Array:
    """Return x / (half + x), the saturable fraction of a rate."""
    return x / (half + x)


def hill4(x: Array, half: Array) -> Array:
    """Return the sigmoid x^4 / (half^4 + x^4)."""
    ratio = (x / half) ** 4
    return ratio / (1 + ratio)


def relax(value: Array, target: Array | float, time_constant: Array, days: Array) -> Array:
    """Move a value towards a target for some days at a first-order rate, exactly."""
    return target + (value - target) * jnp.exp(-days / time_constant)


def where_needed(is_needed: Array, compute: Callable[[], Result], otherwise: Result) -> Result:
    """Return what is computed where it is needed, and `otherwise` elsewhere.

    Nothing is computed where nobody needs it. The results have the shape of `is_needed`; nobody's result
    depends on whether others need one.
    """

    def computed() -> Result:
        return map_leaves(lambda new, old: jnp.where(is_needed, new, old), compute(), otherwise)

    return lax.cond(jnp.any(is_needed), computed, lambda: otherwise)
