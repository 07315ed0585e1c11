"""`python -m benchmarks.peers`: our day beside every other engine on the same equations and accuracy."""

from typing import Any

from benchmarks.peers.rounds import Turns, measure
from benchmarks.peers.worker import Engine
from benchmarks.results import SCRATCH, Effort, command

CLOSED = "whole day: meals and insulin decided in each step, five-minute traces, daily summary"
OPEN = "recorded inputs of the same day, constant within each five minutes"
OWN = "its own model, meals and insulin given"

RECORDED = {"work": "recorded"}
OURS = Engine("ours", "Insulae", "run_ours", None, CLOSED, {"engine": "native"})
C_LOOP = Engine("c", "C++ loop", "run_c", None, CLOSED)
ENGINES = (
    OURS,
    C_LOOP,
    Engine("ours_xla", "Insulae through JAX", "run_ours", None, CLOSED, {"engine": "xla"}),
    Engine(
        "ours_native_open",
        "Insulae, recorded inputs",
        "run_ours",
        None,
        OPEN,
        RECORDED | {"engine": "native"},
    ),
    Engine(
        "ours_open",
        "Insulae through JAX, recorded inputs",
        "run_ours",
        None,
        OPEN,
        RECORDED | {"engine": "xla"},
    ),
    Engine("diffrax_fixed", "diffrax, fixed step", "run_diffrax", "diffrax", OPEN, {"steps": "fixed"}),
    Engine("diffrax_adaptive", "diffrax, adaptive", "run_diffrax", "diffrax", OPEN, {"steps": "adaptive"}),
    Engine("numbalsoda", "numbalsoda (LSODA)", "run_numbalsoda", "numbalsoda", OPEN),
    Engine("libroadrunner", "libroadrunner (CVODE)", "run_libroadrunner", "libroadrunner", OPEN),
    Engine("simglucose", "simglucose", "run_simglucose", "simglucose", OWN),
)
PATIENTS = 128


def main(effort: Effort) -> dict[str, Any]:
    """Measure; about ten minutes, plus the installation of the peers the first time."""
    from benchmarks.task import write_task

    is_quick = effort is Effort.QUICK
    patients, turns = (16, Turns(2, 0.05)) if is_quick else (PATIENTS, Turns(effort.rounds(9), 0.5))
    task = write_task(SCRATCH / "task", patients)
    engines = [_shortened(engine) if is_quick else engine for engine in ENGINES]
    return {"patients": patients, "rounds": turns.rounds, "engines": measure(engines, task, turns)}


def _shortened(engine: Engine) -> Engine:
    """Return the engine with less than a day to do, where it takes one patient minute by minute."""
    options = {**engine.options, "minutes": 60}
    return Engine(engine.name, engine.label, engine.module, engine.peer, engine.work, options)


if __name__ == "__main__":
    command("peers", main)
