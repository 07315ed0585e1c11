"""One chunk, wherever it is simulated: the worker gets plain data and writes its files where they belong.

Patients are sampled where they are simulated, so nothing but the study and a range of patients travels; where
a cohort was recruited, also which candidates they are.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from insulae.populations.recruitment import Recruits
from insulae.runs import manifest, store
from insulae.runs.chunks import Chunk
from insulae.study import records
from insulae.study.plan import trial_without_recruits
from insulae.study.spec import Study
from insulae.trials import trial

START_STEPS = 200
"""Finding the starting state takes about as long as this many simulated days, for the progress bar."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One chunk of a study: where its files go, how they are called, and who may simulate it.

    The name changes with anything that can change the numbers; `identity` is that of the process that asks.
    """

    study: str  # JSON
    folder: str
    name: str
    chunk: Chunk
    identity: Mapping[str, Any]
    recruits: Recruits | None = None

    def __str__(self) -> str:
        return f"chunk {self.name} (patients {self.chunk.ids[0]} to {self.chunk.ids[-1]})"


@dataclasses.dataclass(frozen=True)
class Done:
    """A chunk whose files are in place, and the most memory its worker has held, in bytes where known."""

    name: str
    peak_memory: int | None


def file_of(name: str, table: str) -> str:
    """Return the name of a file of a chunk."""
    return f"{name}.{table}.parquet"


def _nothing(steps: int) -> None:
    """Hear of finished steps where nobody watches."""


def simulate(job: Job, on_step: Callable[[int], None] = _nothing) -> Done:
    """Simulate a chunk and write its files; the fates come last, so a chunk that has them is complete.

    Raises `RunError` in a process whose code, tables or packages are not those of the process that asks.
    """
    manifest.require(job.identity)
    manifest.keep_compiled_code()
    trial.prepare()
    study, todo = _read(job.study)
    todo = dataclasses.replace(todo, recruits=job.recruits)
    outcome = trial.simulate_chunk(
        todo, job.chunk.ids, on_start=lambda: on_step(START_STEPS), on_step=on_step
    )
    folder = store.location(job.folder)
    for name, table in records.tables(outcome, study.stored_traces.patients).items():
        store.write_tables(folder / file_of(job.name, name), table.schema, [table])
    return Done(job.name, manifest.peak_memory())


@functools.lru_cache(maxsize=1)
def _read(text: str) -> tuple[Study, trial.Trial]:
    """Return a study and its trial, whoever is recruited; the chunks of one study follow one another."""
    study = Study.model_validate(json.loads(text))
    return study, trial_without_recruits(study)
