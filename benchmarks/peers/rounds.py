"""Engines in turn: every round times each of them once, so that a slower minute of the machine hits all."""

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import Missing
from benchmarks.peers.worker import Engine, Worker
from benchmarks.results import say


@dataclasses.dataclass(frozen=True)
class Turns:
    """How long: number of rounds, and seconds that one repeat of an engine should take."""

    rounds: int
    seconds: float


@dataclasses.dataclass
class _Entry:
    """An engine, its process, and what is known of it so far."""

    engine: Engine
    worker: Worker | None
    facts: dict[str, Any]
    rates: list[float] = dataclasses.field(default_factory=list)


def measure(engines: Sequence[Engine], task: Path, turns: Turns) -> list[dict[str, Any]]:
    """Return one record per engine; the first engine is ours, the second the one in C++.

    Tuned engines have to come as near to the reference as ours. An engine that fails is kept with the reason.
    """
    entries: list[_Entry] = []
    error = float("inf")
    for engine in engines:
        entry = _started(engine, task, error, turns)
        entries.append(entry)
        error = entries[0].facts.get("error") or error
    for number in range(turns.rounds):
        say(f"  round {number + 1} of {turns.rounds}")
        for entry in entries:
            _repeat(entry)
    for entry in entries:
        _finish(entry)
    return [_record(entry, entries) for entry in entries]


def _started(engine: Engine, task: Path, error: float, turns: Turns) -> _Entry:
    say(f"  preparing {engine.label}")
    worker = None
    try:
        worker = Worker(engine)
        return _Entry(engine, worker, worker.prepare(task, error, turns.seconds, engine.options))
    except Missing as missing:
        if worker is not None:
            worker.close()
        return _failed(_Entry(engine, None, {}), missing)


def _failed(entry: _Entry, missing: Missing) -> _Entry:
    say(f"  {entry.engine.label} is missing: {missing}")
    entry.worker, entry.facts["missing"] = None, str(missing)
    return entry


def _repeat(entry: _Entry) -> None:
    if entry.worker is None:
        return
    try:
        entry.rates.append(entry.worker.ask("repeat")["patient_days_per_second"])
    except Missing as missing:
        _failed(entry, missing)


def _finish(entry: _Entry) -> None:
    if entry.worker is None:
        return
    try:
        entry.facts |= entry.worker.ask("finish")
    except Missing as missing:
        _failed(entry, missing)
    else:
        entry.worker.close()


def _record(entry: _Entry, entries: Sequence[_Entry]) -> dict[str, Any]:
    engine = entry.engine
    described = {"name": engine.name, "label": engine.label, "work": engine.work, **entry.facts}
    if "missing" in entry.facts:
        return described
    ours, c = (other.rates for other in entries[:2])
    return described | {
        "rates": entry.rates,
        "rate": statistics.median(entry.rates),
        "ours_over_it": _ratio(ours, entry.rates),
        "of_c": _ratio(entry.rates, c),
    }


def _ratio(above: Sequence[float], below: Sequence[float]) -> float | None:
    """Return the median of the ratios of the same round; None where one of them did not run."""
    if not above or len(above) != len(below):
        return None
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
