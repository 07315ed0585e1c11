"""The numbers of manufacturing: `tables/manufacturing.csv`, drawn for lots, lines and possible worlds.

A row differs between starting materials, varies from lot to lot, and may itself be poorly known. On the scale
of its distribution (logarithm, logit, or the value itself)

    drawn = center + doubt * w + spread * (sqrt(b) * q + sqrt(1 - b) * z)

with z of the lot, q the quality of its line, b the share of the variance that lies between lines
(`between_lines`) and w of the world: zero in the world of the table, a standard normal in any other. The
value of a lognormal or logit-normal row is its median. Not modelled: other correlations between rows.
"""

import contextlib
import csv
import dataclasses
import functools
import zlib
from collections.abc import Generator, Iterable, Mapping
from importlib import resources
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from insulae.core import random
from insulae.core.errors import TableError, UnknownName
from insulae.core.parameters import declared
from insulae.core.registry import nearest

T = TypeVar("T")
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ANY = "any"
TOGETHER = 48
"""Streams are drawn in multiples of so many, so that few sizes are compiled."""


@dataclasses.dataclass(frozen=True)
class Number:
    """One row: a value for one starting material, its spread between lots, the doubt about it, its source.

    `spread` and `doubt` are standard deviations on the scale of the distribution; a fixed row may have doubt,
    on the logarithmic scale.
    """

    name: str
    material: str
    unit: str
    value: float
    distribution: str
    spread: float
    between_lines: float
    doubt: float
    lower: float
    upper: float
    evidence: str
    source: str
    locator: str
    note: str


_BARE = {"spread": 0.0, "between_lines": 0.0, "doubt": 0.0, "lower": float("-inf"), "upper": float("inf")}


def _number(record: dict[str, str]) -> Number:
    try:
        value = float(record["value"])
        rest = {k: float(record[k]) if record[k].strip() else bare for k, bare in _BARE.items()}
    except ValueError as error:
        raise TableError(f"manufacturing.csv, row '{record['name']}': {error}") from error
    return Number(**{**record, "value": value, **rest})  # type: ignore[arg-type]


@functools.cache
def table() -> dict[tuple[str, str], Number]:
    """Return all rows by (name, material); raises `TableError` for a row that stands twice."""
    text = resources.files("insulae.tables").joinpath("manufacturing.csv").read_text(encoding="utf-8")
    found: dict[tuple[str, str], Number] = {}
    for record in csv.DictReader(text.splitlines()):
        row = _number(record)
        if (row.name, row.material) in found:
            raise TableError(f"manufacturing.csv: '{row.name}' for '{row.material}' stands twice")
        found[(row.name, row.material)] = row
    return found


_changed: dict[str, float] = {}


@contextlib.contextmanager
def changed(values: Mapping[str, float]) -> Generator[None]:
    """Give some numbers another central value meanwhile, for every material and in this process.

    Raises `UnknownName` for a name that the table does not have.
    """
    known = {name for name, _ in table()}
    for name in values:
        if name not in known:
            raise UnknownName(f"unknown number of manufacturing '{name}'", nearest(name, known))
    before = dict(_changed)
    _changed.update(values)
    try:
        yield
    finally:
        _changed.clear()
        _changed.update(before)


def lookup(name: str, material: str = ANY) -> Number:
    """Return the row of a number for a material, or the row for any material.

    >>> lookup("growth.cells_per_islet").value
    1560.0
    """
    row = table().get((name, material)) or table().get((name, ANY))
    if row is None:
        known = {known for known, _ in table()}
        where = f" for material '{material}'" if name in known else ""
        raise UnknownName(f"unknown number of manufacturing '{name}'{where}", nearest(name, known))
    return dataclasses.replace(row, value=_changed[name]) if name in _changed else row


def value(name: str, material: str = ANY) -> float:
    """Return the central value of a number."""
    return lookup(name, material).value


def values(cls: type[T], material: str = ANY, quality: float = 0.0) -> T:
    """Return a record filled with the medians of a material, for a line of some quality (usually 0)."""
    rows = {name.rsplit(".", 1)[-1]: lookup(name, material) for name in declared(cls)}
    return cls(
        **{name: float(in_world(r, 0.0, np.sqrt(r.between_lines) * quality)) for name, r in rows.items()}
    )


@dataclasses.dataclass(frozen=True)
class Batch:
    """Whose numbers are drawn: runs and lines by identifier, the quality of each line, the world; [run]."""

    material: str
    seed: int
    runs: Integers
    quality: Floats
    worlds: Integers

    @property
    def size(self) -> int:
        """Number of runs."""
        return len(self.runs)


def identifiers(replication: int, n: int) -> Integers:
    """Return identifiers of patients or lots that no other replication uses."""
    return replication * 100_000 + np.arange(n)


def stream(*words: object) -> int:
    """Return the number of a random stream named by some words."""
    return zlib.crc32("/".join(map(str, words)).encode())


def normals(seed: int, names: Iterable[str], identifiers: Integers) -> Floats:
    """Return a standard normal draw for each named stream and identifier, [stream, identifier]."""
    wanted = [stream(name) for name in names]
    padded = wanted + wanted[-1:] * (-len(wanted) % TOGETHER)
    draws = random.stream_normals(seed, np.array(padded, np.uint32), identifiers)
    return np.asarray(draws, np.float64)[: len(wanted)]


def uniforms(seed: int, name: str, identifiers: Integers) -> Floats:
    """Return a uniform draw of a named stream for each identifier [identifier]."""
    return np.asarray(random.uniforms(seed, name, identifiers), np.float64)


def in_world(row: Number, doubt: Floats | float, deviation: Floats | float) -> Floats:
    """Return values of a row from standard normal draws of the doubt and of the lot, within its bounds."""
    shift = np.asarray(row.doubt * doubt + row.spread * deviation, np.float64)
    if row.distribution == "logit_normal":
        found = 1 / (1 + (1 / row.value - 1) * np.exp(-shift))
    elif row.distribution == "normal":
        found = row.value + shift
    else:
        found = row.value * np.exp(shift)
    return np.clip(found, row.lower, row.upper)


def drawn(cls: type[T], batch: Batch) -> T:
    """Return a record with one value for each run and field, [run]; a run's draws depend on no other run."""
    names = list(declared(cls))
    worlds, place = np.unique(batch.worlds, return_inverse=True)
    doubts = normals(batch.seed, [f"{name}/doubt" for name in names], worlds) * (worlds != 0)
    own = normals(batch.seed, names, batch.runs)
    found: dict[str, Any] = {}
    for i, name in enumerate(names):
        row = lookup(name, batch.material)
        b = row.between_lines
        deviation = np.sqrt(b) * batch.quality + np.sqrt(1 - b) * own[i]
        found[name.rsplit(".", 1)[-1]] = in_world(row, doubts[i][place], deviation)
    return cls(**found)
