"""diffrax on recorded inputs: its own solvers with fixed or adaptive steps, restarted at each change of inputs.

The inputs of a step are handed in as constants of that step: looked up inside the equations, the stages at its
end would read those of the next step.
"""

from collections.abc import Iterator
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers.protocol import Prepared, Task, loosest, ready, serve

FIXED = ((diffrax.Bosh3, 1), (diffrax.Tsit5, 1), (diffrax.Bosh3, 2), (diffrax.Tsit5, 2), (diffrax.Tsit5, 4))
"""Solvers and steps per five minutes, from the cheapest to the dearest."""
TOLERANCES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6)


def rates_of(task: Task) -> Any:
    """Return the equations on tuples of numbers."""
    names: dict[str, Any] = {n: getattr(jnp, n) for n in ("exp", "sqrt", "maximum", "minimum", "where")}
    exec(task.equations, names)
    return names["rates"]


def _fixed(task: Task, solver: Any, parts: int) -> Prepared:
    """All patients side by side in one state; a scan over the steps."""
    rates, length = rates_of(task), task.minutes / parts
    term = diffrax.ODETerm(lambda t, y, args: rates(y, *args))

    def cross(state: Any, inputs: Any) -> Any:
        return state

    def run(state: Any, parameters: Any, inputs: Any) -> Any:
        def one(state: Any, now: Any) -> Any:
            args = (parameters, now)
            memory = solver.init(term, 0.0, length, state, args)
            for part in range(parts):
                begin, end = part * length, (part + 1) * length
                state, _, _, memory, _ = solver.step(term, begin, end, state, args, memory, made_jump=False)
            return state, state[task.glucose]

        return lax.scan(one, state, inputs)[1]

    return _ready(task, run, f"{type(solver).__name__}, {length:g} min, f32")
