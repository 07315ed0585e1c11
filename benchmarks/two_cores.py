"""What a second core of this machine can give at most: days lived on one core, and on two at the same time.

The C++ loop shares nothing between its processes but the machine: memory, cache, clock, and the host's other
guests. What it gains no program gains more of; what a whole run gains less is starting, merging, reporting.
"""

import contextlib
import dataclasses
import shutil
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.peers.__main__ import C_LOOP, OURS
from benchmarks.peers.environments import Missing
from benchmarks.peers.rounds import Turns
from benchmarks.peers.worker import Engine, Worker
from benchmarks.results import SCRATCH, first_cores, say

PATIENTS = 128
CORES = 2


def gains(turns: Turns) -> list[dict[str, Any]]:
    """Return how many times as many days the C++ loop and our compiled day live on two cores as on one."""
    from benchmarks.task import write_task

    task = write_task(SCRATCH / "two_cores_0", PATIENTS)
    other = SCRATCH / "two_cores_1"  # each process compiles for itself
    shutil.copytree(task, other, dirs_exist_ok=True)
    return [_gain(engine, (task, other), turns) for engine in (C_LOOP, OURS)]


def _gain(engine: Engine, tasks: tuple[Path, Path], turns: Turns) -> dict[str, Any]:
    say(f"  {engine.label} on one core and on two")
    described = {"name": engine.name, "label": engine.label}
    with contextlib.ExitStack() as stack:
        try:
            workers = [
                Worker(dataclasses.replace(engine, name=f"{engine.name}_{n}")) for n in range(len(tasks))
            ]
            for worker in workers:
                stack.callback(worker.close)
            for worker, task, core in zip(workers, tasks, first_cores(CORES), strict=True):
                worker.prepare(task, float("inf"), turns.seconds, engine.options, core)
            found = [_round(workers) for _ in range(turns.rounds)]
        except Missing as missing:
            return described | {"missing": str(missing)}
    return described | {"gains": found, "gain": statistics.median(found)}


def _round(workers: list[Worker]) -> float:
    """Return how many times as fast all are together as each of them is alone, one after the other."""
    alone = [_rate(worker) for worker in workers]
    with ThreadPoolExecutor(len(workers)) as pool:
        together = list(pool.map(_rate, workers))
    return sum(together) / statistics.mean(alone)


def _rate(worker: Worker) -> float:
    return worker.ask("repeat")["patient_days_per_second"]
