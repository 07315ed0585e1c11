"""Our simulator as an engine: the whole closed day, or its recorded inputs with fixed steps."""

from typing import Any

from benchmarks import ours
from benchmarks.peers.protocol import Prepared, Task, ready, serve


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Compile the day (`loop: closed`) or the replay of its inputs (`loop: open`)."""
    if options["loop"] == "closed":
        run = ours.closed(task.patients)
        ours.forget_compiled()
        return ready(task, run, ours.SETTINGS)
    names = ("state", "parameters", "inputs", "reference")
    return ready(task, ours.open_loop(ours.Recorded(**{name: task.day[name] for name in names})), ours.SETTINGS)


if __name__ == "__main__":
    serve(build, ("jax", "jaxlib", "numpy"))
