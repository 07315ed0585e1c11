"""From the files of the chunks to the files of the study, in memory that does not grow with the patients.

Chunks hold their patients sorted and follow one another, so their tables are simply written one after the
other. On the way the endpoints are laid out by column in a temporary file, from which the summary is made.
"""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from insulae.core.errors import RunError
from insulae.runs import store
from insulae.runs.arrow import numbers
from insulae.runs.columns import Columns, Floats
from insulae.runs.merge import ahead, row_groups
from insulae.study import records
from insulae.study.job import file_of
from insulae.study.plan import Plan
from insulae.study.safety_counts import SafetyCounts

ROWS = 1 << 18
"""Rows of a row group: 8 MB of endpoints in memory."""


@dataclasses.dataclass
class Fates:
    """What became of the patients: how many of each kind, and how often each number of draws was needed."""

    size: int = 0
    unsolved: int = 0
    broken: int = 0
    draws: Counter[int] = dataclasses.field(default_factory=Counter)

    @property
    def used(self) -> int:
        """Number of patients that enter the results."""
        return self.size - self.unsolved - self.broken

    def add(self, table: pa.Table) -> None:
        """Count the patients of a chunk."""
        is_solved, is_finite = numbers(table["is_solved"]), numbers(table["is_finite"])
        self.size += table.num_rows
        self.unsolved += int((~is_solved).sum())
        self.broken += int((is_solved & ~is_finite).sum())
        self.draws.update(table["draws"].to_pylist())


@dataclasses.dataclass(frozen=True)
class Values:
    """The endpoints of all patients, one arm, endpoint and visit at a time."""

    columns: Columns
    arms: list[str]
    weeks: list[float]
    names: list[str]

    def __call__(self, arm: str, name: str, week: float) -> Floats:
        """Return the values of the patients, in the order of the patients."""
        visit = self.arms.index(arm) * len(self.weeks) + self.weeks.index(week)
        return self.columns.column(visit * len(self.names) + self.names.index(name))


def _tables(todo: Plan, parts: store.Location, name: str) -> Iterator[pa.Table]:
    """Yield one table of each chunk that has it."""
    paths = (parts / file_of(todo.name(c), name) for c in todo.chunks() if name in todo.tables(c))
    coded = [field.name for field in records.SCHEMAS[name] if field.type == records.TEXT]
    return ahead(functools.partial(store.read_table, read_dictionary=coded), paths)


def count_fates(todo: Plan, parts: store.Location) -> Fates:
    """Return what became of the patients; raises `RunError` when nobody can be used."""
    fates = Fates()
    for table in _tables(todo, parts, "fates"):
        fates.add(table)
    if not fates.used:
        raise RunError("no simulated patient could be used", "Check the numbers of population.patient")
    return fates


def write_events(
    todo: Plan, parts: store.Location, directory: store.Location, patients: int
) -> dict[str, Any]:
    """Write the adverse events of the study and return their counts for each arm."""
    study = todo.study
    counts = SafetyCounts([arm.name for arm in study.arms], patients, study.visit_days()[-1])

    def noted(table: pa.Table) -> pa.Table:
        counts.add(table)
        return table

    tables = row_groups((noted(table) for table in _tables(todo, parts, "events")), ROWS)
    store.write_tables(directory / "events.parquet", records.EVENTS, tables)
    return counts.summary()


def write_table(name: str, todo: Plan, parts: store.Location, directory: store.Location) -> None:
    """Write a table of the study that holds the rows of its chunks and nothing else."""
    tables = row_groups(_tables(todo, parts, name), ROWS)
    store.write_tables(directory / f"{name}.parquet", records.SCHEMAS[name], tables)


@contextlib.contextmanager
def written_endpoints(
    todo: Plan, parts: store.Location, directory: store.Location, patients: int
) -> Generator[Values]:
    """Write the endpoints of the study and give them column by column."""
    study = todo.study
    arms = sorted(arm.name for arm in study.arms)
    weeks = [records.week_of(day) for day in study.visit_days()]
    names = sorted(study.endpoint_names())
    width = len(arms) * len(weeks) * len(names)
    folder = directory if isinstance(directory, Path) else None
    with contextlib.closing(Columns(width, patients, folder)) as columns:
        tables = (_noted(table, columns, width) for table in _tables(todo, parts, "endpoints"))
        store.write_tables(directory / "endpoints.parquet", records.ENDPOINTS, row_groups(tables, ROWS))
        yield Values(columns, arms, weeks, names)


def _noted(table: pa.Table, columns: Columns, width: int) -> pa.Table:
    columns.append(numbers(table["value"]).reshape(-1, width))
    return table
