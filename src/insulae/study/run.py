"""The one pipeline: plan -> chunks in parallel -> tables -> summary and manifest, all in one folder.

Every chunk leaves its files before the next begins, so the same command goes on where a killed run stopped
and ends with the same bytes. The report is not written here: see `insulae.report.page`.
"""

import dataclasses
import functools
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from insulae.core.errors import InvalidStudy, RunError
from insulae.runs import chunks, executors, manifest, store
from insulae.study import records
from insulae.study.checks import mistakes
from insulae.study.load import to_yaml
from insulae.study.plan import Job, Plan, plan
from insulae.study.results import Results, load_results, summarize
from insulae.study.sources import references_of
from insulae.study.spec import Study
from insulae.trials import trial

START_STEPS = 200
"""Finding the starting state takes about as long as this many simulated days, for the progress bar."""

OnProgress = Callable[[int, int], None]


class _Progress:
    """Counts finished steps of all chunks, from any thread."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._total, self._on_progress = total, on_progress
        self._done, self._lock = 0, threading.Lock()

    def add(self, steps: int) -> None:
        with self._lock:
            self._done += steps
            self._on_progress(self._done, self._total)


class _Clock:
    """Adds up wall time by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begin, 3)


@dataclasses.dataclass(frozen=True)
class _Files:
    """The files of a chunk; the fates are written last, so a chunk that has them is complete."""

    folder: Path
    job: Job

    def path(self, name: str) -> Path:
        return self.folder / f"{self.job.name}.{name}.parquet"

    @property
    def is_complete(self) -> bool:
        return all(self.path(name).exists() for name in records.SCHEMAS)

    def write(self, tables: dict[str, pa.Table]) -> None:
        for name in records.SCHEMAS:
            store.write_table(self.path(name), tables[name])

    def read(self, name: str) -> pa.Table:
        return store.read_table(self.path(name))


def run(
    study: Study,
    directory: Path,
    workers: int | None = None,
    on_progress: OnProgress = lambda done, total: None,
    command: str = "",
) -> Results:
    """Simulate a study into a folder and return its results; chunks that are already there are used again.

    Raises `InvalidStudy` for a study that cannot be meant, `IncompatibleNumbers` when no patient shows the
    given numbers, and `RunError` when the folder cannot be written or no patient is left.
    """
    if found := mistakes(study):
        raise InvalidStudy("\n".join(found))
    clock, directory = _Clock(), Path(directory)
    parts = directory / "chunks"
    for folder in (directory, parts):
        store.make_folder(folder)
    with clock.phase("plan"):
        manifest.keep_compiled_code()
        todo = plan(study)
    with clock.phase("simulate"):
        reused = _simulate(todo, parts, workers or executors.default_workers(), on_progress)
    with clock.phase("merge"):
        files = [_Files(parts, job) for job in todo.jobs]
        fates, kept = _fates(todo, files)
        table = _merge(todo, files, kept, directory)
    with clock.phase("summarize"):
        store.write_json(directory / "summary.json", summarize(study, table))
    store.write_text(directory / "study.yaml", to_yaml(study))
    notes = {"command": command, "wall_seconds": clock.seconds, "chunks_reused": reused}
    store.write_json(directory / "manifest.json", _manifest(todo, fates) | notes)
    return load_results(directory)


def _simulate(todo: Plan, folder: Path, workers: int, on_progress: OnProgress) -> int:
    """Simulate the chunks whose files are missing; return how many were there already."""
    missing = [job for job in todo.jobs if not _Files(folder, job).is_complete]
    progress = _Progress(len(missing) * (START_STEPS + todo.steps), on_progress)
    progress.add(0)
    trial.prepare()
    executors.map_jobs(functools.partial(_simulate_job, todo, folder, progress), missing, workers)
    return len(todo.jobs) - len(missing)


def _simulate_job(todo: Plan, folder: Path, progress: _Progress, job: Job, signal: executors.Signal) -> None:
    def after(steps: int) -> None:
        signal.check()
        progress.add(steps)

    outcome = trial.simulate_chunk(
        todo.trial, job.chunk.ids, on_start=lambda: after(START_STEPS), on_step=lambda: after(1)
    )
    _Files(folder, job).write(records.tables(outcome, todo.study.stored_traces.patients))


def _fates(todo: Plan, files: list[_Files]) -> tuple[Any, list[int]]:
    """Return the fates of the study's patients and who of them enters the results."""
    parts = [one.read("fates") for one in files]
    fates = records.merged(parts, "fates", range(todo.study.population.size)).to_pandas()
    kept = fates.loc[fates["is_solved"] & fates["is_finite"], "patient"].tolist()
    if not kept:
        raise RunError("no simulated patient could be used", "Check the numbers of population.patient")
    return fates, kept


def _merge(todo: Plan, files: list[_Files], kept: list[int], directory: Path) -> pa.Table:
    """Write the tables of the study and return that of the endpoints."""
    merged = {
        name: records.merged((one.read(name) for one in files), name, kept)
        for name in ("endpoints", "traces")
    }
    for name, table in merged.items():
        store.write_table(directory / f"{name}.parquet", table)
    return merged["endpoints"]


def _manifest(todo: Plan, fates: Any) -> dict[str, Any]:
    """Return everything that is needed to run the study again, and what went wrong."""
    study, draws = todo.study, Counter(int(n) for n in fates["draws"])
    unsolved, broken = ~fates["is_solved"], fates["is_solved"] & ~fates["is_finite"]
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
            "no starting state with the given numbers": int(unsolved.sum()),
            "numbers not finite during the simulation": int(broken.sum()),
        },
        "patients_used": int(len(fates) - unsolved.sum() - broken.sum()),
        "draws": {str(n): draws[n] for n in sorted(draws)},
        "patients_per_chunk": chunks.WIDTH,
        "references": references_of(study),
    }
