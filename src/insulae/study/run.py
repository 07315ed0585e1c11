"""The one pipeline: plan -> chunks on any workers -> tables -> summary and manifest, all in one place.

Every chunk leaves its files before the next begins, so the same command goes on where a killed run stopped
and ends with the same bytes. The report is not written here: see `insulae.report.page`.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from insulae.core.errors import InvalidStudy, RunError
from insulae.runs import chunks, executors, manifest, store
from insulae.runs.workers import Workers, finished
from insulae.study import doubting, merging, recruiting
from insulae.study.checks import mistakes
from insulae.study.job import START_STEPS, Done, Job, file_of, simulate
from insulae.study.load import to_yaml
from insulae.study.plan import Plan, plan
from insulae.study.results import Results, load_results, summarize
from insulae.study.sources import references_of
from insulae.study.spec import Study

OnProgress = Callable[[int, int], None]


class _Progress:
    """Counts steps of chunks, from any thread; one whose worker does not tell them counts at its end."""

    def __init__(self, count: int, steps: int, on_progress: OnProgress) -> None:
        self._total, self._steps, self._on_progress = count * steps, steps, on_progress
        self._whole = self._partly = 0
        self._lock = threading.Lock()
        self.add(0)

    def add(self, steps: int) -> None:
        with self._lock:
            self._partly += steps
            self._on_progress(self._whole + self._partly, self._total)

    def finish(self) -> None:
        """Count a whole chunk in place of its steps."""
        with self._lock:
            self._whole += self._steps
            self._partly = max(0, self._partly - self._steps)
            self._on_progress(self._whole + self._partly, self._total)


@dataclasses.dataclass
class _Notes:
    """What the manifest tells of the way the run went."""

    command: str
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    workers: dict[str, Any] = dataclasses.field(default_factory=dict)
    reused: int = 0

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begin, 3)

    def record(self) -> dict[str, Any]:
        return {
            "command": self.command,
            "wall_seconds": self.seconds,
            "chunks_reused": self.reused,
            "workers": self.workers,
            "peak_memory_bytes": manifest.peak_memory(),
        }


def run(
    study: Study,
    directory: store.Location | str,
    workers: int | str | None = None,
    on_progress: OnProgress = lambda done, total: None,
    command: str = "",
    chunk: int | None = None,
) -> Results:
    """Simulate a study into a folder or URL and return its results; chunks that are there are used again.

    `workers` is a number of processes, the address of a Dask scheduler, or None for what suits the study;
    `chunk` patients are simulated together, None for as many as suit the study. Neither changes a result.

    Raises `InvalidStudy` for a study that cannot be meant, `IncompatibleNumbers` when no patient shows the
    given numbers, and `RunError` when files cannot be written, workers are lost or no patient is left.
    """
    if found := mistakes(study):
        raise InvalidStudy("\n".join(found))
    notes, directory = _Notes(command), store.location(directory)
    with notes.phase("plan"):
        todo = plan(study, chunk)
        pool = executors.chosen(workers, study.population.size * todo.steps)
    parts = directory / "chunks"
    for folder in (directory, parts):
        store.make_folder(folder)
    with notes.phase("simulate"):
        _simulate(todo, parts, pool, on_progress, notes)
    with ExitStack() as stack:
        with notes.phase("merge"):
            fates = merging.count_fates(todo, parts)
            for name in ("traces", "enrolled"):  # the larger first: a full disk leaves no table behind
                merging.write_table(name, todo, parts, directory)
            harm = merging.write_events(todo, parts, directory, fates.used)
            endpoints = merging.written_endpoints(todo, parts, directory, fates.used)
            values = stack.enter_context(endpoints)
        with notes.phase("summarize"):
            who = recruiting.summary(todo.recruitment, fates.used) if todo.recruitment else {}
            unsure = _doubt(todo, parts, directory, values) if study.population.doubt else {}
            whole = summarize(study, values) | {"harm": harm} | who | unsure
            store.write_json(directory / "summary.json", whole)
    store.write_text(directory / "study.yaml", to_yaml(study))
    store.write_json(directory / "manifest.json", _manifest(todo, fates) | notes.record())
    return load_results(directory)


def _doubt(
    todo: Plan, parts: store.Location, directory: store.Location, values: merging.Values
) -> dict[str, Any]:
    return doubting.summary(todo, values, doubting.write(todo, parts, directory))


def _simulate(
    todo: Plan,
    parts: store.Location,
    pool: AbstractContextManager[Workers],
    on_progress: OnProgress,
    notes: _Notes,
) -> None:
    """Simulate the chunks whose files are missing."""
    there = store.names(parts)
    count = sum(1 for _ in _missing(todo, there))
    progress = _Progress(count, START_STEPS + todo.steps, on_progress)
    notes.reused = sum(1 for _ in todo.chunks()) - count
    if not count:
        return
    with pool as workers:
        notes.workers |= {"kind": workers.kind, "count": workers.count}
        for done in finished(workers, simulate, _jobs(todo, parts, there), progress.add):
            progress.finish()
            _note(notes.workers, done, parts)
    if lost := next(_missing(todo, store.names(parts)), None):
        raise RunError(f"chunk {todo.name(lost)} is no longer in {parts}", "Run the study again")


def _missing(todo: Plan, there: set[str]) -> Iterator[chunks.Chunk]:
    """Yield the chunks of which a file is missing."""
    for chunk in todo.chunks():
        if not {file_of(todo.name(chunk), table) for table in todo.tables(chunk)} <= there:
            yield chunk


def _jobs(todo: Plan, parts: store.Location, there: set[str]) -> Iterator[Job]:
    study, identity = json.dumps(todo.study.to_plain()), manifest.identity()
    folder = str(parts.absolute() if isinstance(parts, Path) else parts)
    for chunk in _missing(todo, there):
        yield Job(study, folder, todo.name(chunk), chunk, identity, todo.recruits(chunk))


def _note(workers: dict[str, Any], done: Done, parts: store.Location) -> None:
    """Note the memory of the workers; raises `RunError` when the first chunk is not where all can see it."""
    if "peak_memory_bytes" not in workers and file_of(done.name, "fates") not in store.names(parts):
        hint = "Choose a folder or URL with --out that this machine and all workers reach"
        raise RunError(f"a worker has written chunk {done.name}, but {parts} does not hold it", hint)
    known = [n for n in (workers.get("peak_memory_bytes"), done.peak_memory) if n is not None]
    workers["peak_memory_bytes"] = max(known, default=None)


def _manifest(todo: Plan, fates: merging.Fates) -> dict[str, Any]:
    """Return everything that is needed to run the study again, and what went wrong."""
    study = todo.study
    return {
        "study": study.name,
        "seed": study.seed,
        "size": study.population.size,
        "phenotype": study.population.phenotype,
        "arms": [arm.name for arm in study.arms],
        "study_hash": todo.study_hash,
        **manifest.environment(),
        "precision": "float32",
        "failures": {
            "no starting state with the given numbers": fates.unsolved,
            "numbers not finite during the simulation": fates.broken,
        },
        "patients_used": fates.used,
        "draws": {str(n): fates.draws[n] for n in sorted(fates.draws)},
        "patients_per_chunk": todo.width,
        "references": references_of(study),
    }
