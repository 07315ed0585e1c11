"""The whole closed day as a C++ loop made of the same traced step."""

import time
from typing import Any

import numpy as np

from benchmarks import c_loop
from benchmarks.peers.protocol import Prepared, Task, ready, serve


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Compile and load the day."""
    begin = time.perf_counter()
    library = c_loop.compile_day(task.folder)
    seconds = time.perf_counter() - begin
    with np.load(task.folder / "step.npz") as step:
        day = c_loop.load_day(library, step["carried"], step["constants"])
    settings = f"RK4 {task.minutes:g} min, f32, {day.lanes} lanes; {c_loop.compiler_version()}"
    found = ready(task, lambda: day.run()[0], settings)
    return Prepared(found.run, found.patient_days, seconds + found.first_call, found.error, found.settings)


if __name__ == "__main__":
    serve(build, ("numpy",))
