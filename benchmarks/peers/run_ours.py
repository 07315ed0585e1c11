"""Our simulator as an engine: the whole closed day, or its recorded inputs with fixed steps."""

from typing import Any

from benchmarks import ours
from benchmarks.peers.protocol import Prepared, Task, ready, serve


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Compile the day by one of our engines, or the replay of its recorded inputs (`work: recorded`)."""
    engine = options["engine"]
    if options.get("work") != "recorded":
        return ready(task, ours.closed(task.patients, engine), ours.settings(engine))
    names = ("state", "parameters", "inputs", "reference")
    day = ours.Recorded(**{name: task.day[name] for name in names})
    run = {"native": ours.native_open_loop, "xla": ours.open_loop}[engine](day)
    return ready(task, run, ours.settings(engine))


if __name__ == "__main__":
    serve(build, ("jax", "jaxlib", "llvmlite", "numpy"))
