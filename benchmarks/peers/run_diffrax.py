"""diffrax on recorded inputs: its own solvers, fixed or adaptive, restarted at each change of inputs.

The inputs of a step are handed in as constants of that step: looked up inside the equations, the stages at
its end would read those of the next step. Of the solvers and tolerances accurate enough, the fastest is kept.
"""

from collections.abc import Callable, Iterator
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers.protocol import Prepared, Task, fastest, ready, serve

FIXED = (
    (diffrax.Heun, 3),
    (diffrax.Ralston, 3),
    (diffrax.Ralston, 5),
    (diffrax.Bosh3, 2),
    (diffrax.Dopri5, 1),
    (diffrax.Tsit5, 1),
    (diffrax.Tsit5, 2),
)
"""Solvers and steps per five minutes."""
ADAPTIVE = tuple(
    (solver, tolerance)
    for solver in (diffrax.Bosh3, diffrax.Tsit5, diffrax.Dopri5)
    for tolerance in (1e-1, 1e-2, 1e-3)
)
OPTIONS = {"xla_cpu_prefer_vector_width": 512}

Run = Callable[[Any, Any, Any], Any]


def _rates(task: Task) -> Any:
    names: dict[str, Any] = {n: getattr(jnp, n) for n in ("exp", "sqrt", "maximum", "minimum", "where")}
    exec(task.equations, names)
    return names["rates"]


def _term(task: Task) -> diffrax.ODETerm:
    rates = _rates(task)
    return diffrax.ODETerm(lambda t, state, args: rates(state, *args))


def _fixed(task: Task, solver: Any, parts: int) -> Run:
    """Step by step with all patients side by side in one state."""
    term, length = _term(task), task.minutes / parts

    def run(state: Any, parameters: Any, inputs: Any) -> Any:
        def one(state: Any, now: Any) -> Any:
            args = (parameters, now)
            memory = solver.init(term, 0.0, length, state, args)
            for part in range(parts):
                begin, end = part * length, (part + 1) * length
                state, _, _, memory, _ = solver.step(term, begin, end, state, args, memory, made_jump=False)
            return state, state[task.glucose]

        return lax.scan(one, state, inputs)[1]

    return run


def _largest(tree: Any) -> Any:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree_util.tree_leaves(tree)]))


def _solved(task: Task, solver: Any, controller: Any) -> Run:
    """Solve each five minutes anew with a step size controller."""
    term, end = _term(task), float(task.minutes)

    def run(state: Any, parameters: Any, inputs: Any) -> Any:
        def one(state: Any, now: Any) -> Any:
            args = (parameters, now)
            found = diffrax.diffeqsolve(
                term, solver, 0.0, end, end, state, args, stepsize_controller=controller, max_steps=None
            )
            state = tuple(value[0] for value in found.ys)
            return state, state[task.glucose]

        return lax.scan(one, state, inputs)[1]

    return run


def _together(task: Task, solver: Any, tolerance: float) -> Run:
    """One step size for all patients, with the worst of them inside the tolerance."""
    return _solved(task, solver, diffrax.PIDController(rtol=tolerance, atol=tolerance, norm=_largest))


def _each_alone(task: Task, solver: Any, tolerance: float) -> Run:
    """Every patient with step sizes of its own."""
    alone = _solved(task, solver, diffrax.PIDController(rtol=tolerance, atol=tolerance))
    return jax.vmap(alone, in_axes=(0, 0, 1), out_axes=1)


def _ready(task: Task, run: Run, settings: str) -> Prepared:
    def single(values: Any) -> tuple[Any, ...]:
        return tuple(jnp.asarray(value, jnp.float32) for value in values)

    day = task.day
    arguments = single(day["state"]), single(day["parameters"]), single(np.moveaxis(day["inputs"], 1, 0))
    compiled = jax.jit(run, compiler_options=OPTIONS)
    return ready(task, lambda: jax.block_until_ready(compiled(*arguments)), settings)


def _candidates(task: Task, steps: str) -> Iterator[Prepared]:
    if steps == "fixed":
        for solver, parts in FIXED:
            label = f"{solver.__name__}, {task.minutes / parts:.3g} min, f32"
            yield _ready(task, _fixed(task, solver(), parts), label)
        return
    for solver, tolerance in ADAPTIVE:
        label = f"{solver.__name__}, rtol {tolerance:g}, f32"
        yield _ready(task, _together(task, solver(), tolerance), f"{label}, one step size")
    yield _ready(task, _each_alone(task, diffrax.Tsit5(), 1e-2), "Tsit5, rtol 0.01, f32, each patient alone")


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Try solvers (`steps: fixed` or `adaptive`) and keep the fastest that is accurate enough."""
    return fastest(_candidates(task, options["steps"]), task.error)


if __name__ == "__main__":
    serve(build, ("diffrax", "equinox", "jax", "jaxlib", "numpy"))
