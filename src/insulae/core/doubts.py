"""The table of doubts: how uncertain the population value of a parameter is, and draws of that doubt.

`doubts.csv` holds a standard error for each row of the parameter table whose value decides results and whose
error is known or can be stated with a reason: relative for most, on the logit scale for `logit_normal` rows,
in the unit of the row for `normal` ones. A row that is not there is not quantified, which is not the same as
certain. People are split into groups by their number; a group shares one draw of every doubted value, so that
differences between groups show the doubt and differences within them the chance of people.

Draws are stratified over the groups (McKay 1979, Latin hypercube): each takes one of as many equally likely
slices, so that few groups cover the doubt of every row evenly. Doubts of different rows are independent, also
where one fit gave both.
"""

import csv
import dataclasses
import functools
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from insulae.core.counted_draws import counted_uniforms
from insulae.core.errors import TableError
from insulae.core.parameters import Row

Floats = NDArray[np.float64]
EVIDENCE = ("fitted", "literature", "assumed")
COLUMNS = ("name", "population", "doubt", "evidence", "source", "locator", "note")


@dataclasses.dataclass(frozen=True)
class Doubt:
    """The standard error of the value of one row, and where it is from: a fit, a paper, a stated reason."""

    name: str
    population: str
    size: float
    evidence: str
    source: str
    locator: str
    note: str


@functools.cache
def doubts() -> dict[tuple[str, str], Doubt]:
    """Return every doubt by (name, population); raises `TableError` for columns or numbers that are wrong."""
    text = resources.files("insulae.tables").joinpath("doubts.csv").read_text(encoding="utf-8")
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise TableError(f"doubts.csv: the first line is {reader.fieldnames}", f"Expected {COLUMNS}")
    found: dict[tuple[str, str], Doubt] = {}
    for record in reader:
        try:
            size = float(record.pop("doubt"))
        except ValueError as error:
            raise TableError(f"doubts.csv, row '{record['name']}': {error}") from error
        found[record["name"], record["population"]] = Doubt(size=size, **record)
    return found


def size_of(row: Row) -> float:
    """Return the doubt of a row, 0 where none is quantified."""
    found = doubts().get((row.name, row.population))
    return found.size if found else 0.0


@functools.lru_cache(maxsize=4096)
def group_draws(seed: int, name: str, groups: int) -> Floats:
    """Return one standard normal draw of a parameter for each group [group], stratified over the groups."""
    order, within = counted_uniforms(seed, f"doubt/{name}", np.arange(groups), np.zeros(groups, int), 2)
    slices = np.argsort(np.argsort(order))
    return np.asarray(ndtri((slices + within) / groups), np.float64)


def group_of(patients: NDArray[np.integer[Any]], groups: int) -> NDArray[np.integer[Any]]:
    """Return the group of each patient [patient], from 0."""
    return np.asarray(patients) % groups


def drawn(row: Row, seed: int, groups: int, patients: NDArray[np.integer[Any]]) -> Floats | None:
    """Return the doubt of a row times the draw of each patient's group [patient]; None without doubt."""
    size = size_of(row) if groups else 0.0
    if not size:
        return None
    return size * group_draws(seed, row.name, groups)[group_of(patients, groups)]
