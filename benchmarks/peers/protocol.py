"""The worker's side: an engine in its own process answers lines of JSON, so that engines can take turns.

`{"do": "prepare", ...}` builds, tunes and runs once; `{"do": "repeat"}` runs for a while and gives the time;
`{"do": "finish"}` gives the peak memory and ends. Uses numpy and the standard library only.
"""

import dataclasses
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

KIB_PER_MIB = 1024
BYTES_PER_MIB = 1024 * KIB_PER_MIB
CALLS = 5
"""Calls by which candidates are compared."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be integrated, see `benchmarks/task.py`; tuned engines come at least as near as `error`."""

    folder: Path
    patients: int
    glucose: int
    minutes: float
    sizes: dict[str, int]
    error: float
    day: dict[str, Any]

    @property
    def equations(self) -> str:
        """The source of `rates(state, parameters, inputs)`."""
        return (self.folder / "rhs.py").read_text(encoding="utf-8")

    def distance(self, glucose: Any) -> float:
        """Return the largest deviation from the reference in mg/dL; infinite where numbers broke."""
        apart = np.abs(np.asarray(glucose, np.float64) - self.day["reference"])
        return float(apart.max()) if np.isfinite(apart).all() else float("inf")


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An engine ready to run: one call, what it does, what was chosen; `error` is None for another model."""

    run: Callable[[], Any]
    patient_days: float
    first_call: float
    error: float | None = None
    settings: str = ""


Build = Callable[[Task, dict[str, Any]], Prepared]


def read_task(folder: Path, error: float) -> Task:
    """Read a task from its folder."""
    facts = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    with np.load(folder / "day.npz") as arrays:
        day = dict(arrays)
    return Task(folder, day=day, error=error, **facts)


def first(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long the first call takes, compilation included, and its answer."""
    begin = time.perf_counter()
    answer = run()
    return time.perf_counter() - begin, answer


def ready(task: Task, run: Callable[[], Any], settings: str = "") -> Prepared:
    """Call once, and compare with the reference."""
    seconds, glucose = first(run)
    return Prepared(run, task.patients, seconds, task.distance(glucose), settings)


def fastest(candidates: Iterable[Prepared], error: float) -> Prepared:
    """Return the fastest candidate that is accurate enough; the most accurate one when none is.

    Each candidate is timed by its best of a few calls right after it was made.
    """
    best: Prepared | None = None
    speed = 0.0
    nearest: Prepared | None = None
    for candidate in candidates:
        if nearest is None or _error(candidate) < _error(nearest):
            nearest = candidate
        if _error(candidate) <= error:
            rate = candidate.patient_days / min(first(candidate.run)[0] for _ in range(CALLS))
            best, speed = (candidate, rate) if rate > speed else (best, speed)
    if nearest is None:
        raise ValueError("there is nothing to choose from")
    return best or nearest


def _error(candidate: Prepared) -> float:
    return float("inf") if candidate.error is None else candidate.error


def peak_memory() -> float:
    """Return the peak resident memory of this process in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would give the parent's peak where that was higher
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / KIB_PER_MIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (BYTES_PER_MIB if sys.platform == "darwin" else KIB_PER_MIB)


def _pin(core: int | None) -> None:
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


class _Worker:
    """Keeps what was prepared between the requests."""

    def __init__(self, build: Build, packages: Iterable[str]) -> None:
        self._build, self._packages = build, packages
        self._prepared: Prepared | None = None
        self._calls = 1

    def prepare(self, request: dict[str, Any]) -> dict[str, Any]:
        _pin(request["core"])
        task = read_task(Path(request["task"]), request["error"])
        self._prepared = self._build(task, request["options"])
        self._calls = max(1, round(request["seconds"] / first(self._prepared.run)[0]))
        facts = {f: getattr(self._prepared, f) for f in ("first_call", "error", "settings", "patient_days")}
        return facts | {"versions": {name: metadata.version(name) for name in self._packages}}

    def repeat(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._prepared is None:
            raise RuntimeError("asked to repeat before anything was prepared")
        begin = time.perf_counter()
        for _ in range(self._calls):
            self._prepared.run()
        seconds = time.perf_counter() - begin
        return {"patient_days_per_second": self._calls * self._prepared.patient_days / seconds}

    def finish(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"peak_memory": peak_memory()}


def serve(build: Build, packages: Iterable[str] = ()) -> None:
    """Answer requests until there are no more; what the engine prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = _Worker(build, packages)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request["do"])(request)
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
