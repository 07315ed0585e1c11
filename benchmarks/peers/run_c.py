"""The whole closed day as a C++ loop made of the same traced step."""

import time
from typing import Any

from benchmarks import c_loop, ours
from benchmarks.peers.protocol import Prepared, Task, ready, serve


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Translate, compile and load the day."""
    step = ours.whole_step(task.patients)
    carried = len(step.carried)
    begin = time.perf_counter()
    library = c_loop.compile_day(step.program, carried, task.folder / "c")
    seconds = time.perf_counter() - begin
    traces = c_loop.sizes(step.program, carried).traces
    day = c_loop.load_day(library, step.carried, step.constants, traces)
    found = ready(task, lambda: day.run()[0], f"RK4 5 min, f32, {day.lanes} lanes, {' '.join(c_loop.FLAGS)}")
    return Prepared(found.run, found.patient_days, seconds + found.first_call, found.error, found.settings)


if __name__ == "__main__":
    serve(build)
