"""LSODA of numbalsoda on recorded inputs, the equations compiled by numba; restarted where inputs change."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import carray, cfunc, njit
from numbalsoda import lsoda, lsoda_sig

from benchmarks.peers.protocol import Prepared, Task, fastest, ready, serve

TOLERANCES = (1e-2, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6)


def _compiled(task: Task) -> Any:
    """Return the function (state, parameters, inputs, tolerance) -> glucose; one patient after another."""
    names: dict[str, Any] = {"exp": math.exp, "sqrt": math.sqrt, "maximum": max, "minimum": min}
    exec(task.equations, names)
    rates = njit(fastmath=True)(names["rates"])
    n, p, q = (task.sizes[group] for group in ("state", "parameters", "inputs"))
    glucose, minutes = task.glucose, float(task.minutes)

    @cfunc(lsoda_sig)
    def derivative(t: float, state: Any, change: Any, data: Any) -> None:
        constants, out = carray(data, (p + q,)), carray(change, (n,))
        place = 0
        for rate in rates(carray(state, (n,)), constants[:p], constants[p:]):
            out[place] = rate
            place += 1

    address = derivative.address

    @njit
    def run(state: Any, parameters: Any, inputs: Any, tolerance: float) -> Any:
        found = np.empty((inputs.shape[0], state.shape[0]))
        span, data = np.array([0.0, minutes]), np.empty(p + q)
        for patient in range(state.shape[0]):
            now = state[patient].copy()
            data[:p] = parameters[patient]
            for step in range(inputs.shape[0]):
                data[p:] = inputs[step, :, patient]
                solution, _ = lsoda(address, now, span, data, tolerance, tolerance)
                now = solution[1].copy()
                found[step, patient] = now[glucose]
        return found

    return run


def _candidates(task: Task) -> Iterator[Prepared]:
    run = _compiled(task)
    state, parameters = (np.ascontiguousarray(task.day[n].T, np.float64) for n in ("state", "parameters"))
    inputs = task.day["inputs"].astype(np.float64)

    def at(tolerance: float) -> Prepared:
        label = f"LSODA, rtol {tolerance:g}, f64"
        return ready(task, lambda: run(state, parameters, inputs, tolerance), label)

    compiling = at(TOLERANCES[0])
    for tolerance in TOLERANCES:
        found = at(tolerance)
        yield Prepared(found.run, found.patient_days, compiling.first_call, found.error, found.settings)


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Keep the fastest tolerance that is accurate enough."""
    return fastest(_candidates(task), task.error)


if __name__ == "__main__":
    serve(build, ("numbalsoda", "numba", "numpy"))
