"""Our simulator as an engine: the whole closed day, or its recorded inputs with fixed steps."""

from typing import Any

from benchmarks import ours
from benchmarks.peers.protocol import Prepared, Task, ready, serve


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Compile the day by one of our engines, or the replay of its inputs by JAX (`engine: replay`)."""
    engine = options["engine"]
    if engine != "replay":
        return ready(task, ours.closed(task.patients, engine), ours.settings(engine))
    names = ("state", "parameters", "inputs", "reference")
    day = ours.Recorded(**{name: task.day[name] for name in names})
    return ready(task, ours.open_loop(day), ours.settings(engine))


if __name__ == "__main__":
    serve(build, ("jax", "jaxlib", "llvmlite", "numpy"))
