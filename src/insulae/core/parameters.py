"""Parameter declarations in code and the one table that holds every value with unit, spread and source."""

import contextlib
import csv
import dataclasses
import functools
import heapq
from collections.abc import Generator, Mapping
from importlib import resources
from typing import Any, TypeVar

from insulae.core.errors import TableError, UnknownName
from insulae.core.phenotypes import lineage
from insulae.core.registry import nearest
from insulae.core.therapy_folders import tables

T = TypeVar("T")

EVIDENCE = ("measured", "fitted", "literature", "assumed", "setting")
DISTRIBUTIONS = ("fixed", "lognormal", "normal", "uniform", "logit_normal")
ANY = "any"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the parameter table: a value for one population, with its spread and its source.

    `spread` is the coefficient of variation for `lognormal`, the standard deviation for `normal`, the
    standard deviation on the logit scale for `logit_normal`, and unused otherwise; `uniform` runs from
    `lower` to `upper`.
    """

    name: str
    unit: str
    population: str
    value: float
    distribution: str
    spread: float
    lower: float
    upper: float
    evidence: str
    source: str
    locator: str
    note: str


def parameter(unit: str) -> Any:
    """Declare a parameter field with its unit; its value lives in `tables/parameters.csv`."""
    return dataclasses.field(metadata={"unit": unit})


def derived(unit: str) -> Any:
    """Declare a field that is computed for each patient or each day and has no row in the table."""
    return dataclasses.field(default=0.0, metadata={"derived": unit})


def component_of(cls: type) -> str:
    """Return the prefix of a parameter class's names: the last part of its module's name."""
    return cls.__module__.rsplit(".", 1)[-1]


def declared(cls: type) -> dict[str, str]:
    """Return the full name and the unit of every parameter a class declares."""
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    return {f"{component_of(cls)}.{f.name}": f.metadata["unit"] for f in fields if "unit" in f.metadata}


def _number(text: str, default: float) -> float:
    return float(text) if text.strip() else default


def _rows(place: str, text: str) -> list[Row]:
    """Return the rows of one table; raises `TableError` naming its place for columns it should not have."""
    reader, expected = csv.DictReader(text.splitlines()), [f.name for f in dataclasses.fields(Row)]
    if reader.fieldnames != expected:
        raise TableError(f"{place}: the first line is {reader.fieldnames}", f"Expected {','.join(expected)}")
    return [_row(record, place) for record in reader]


def _row(record: dict[str, str], place: str = "parameters.csv") -> Row:
    try:
        numbers = {
            "value": float(record["value"]),
            "spread": _number(record["spread"], 0.0),
            "lower": _number(record["lower"], float("-inf")),
            "upper": _number(record["upper"], float("inf")),
        }
    except ValueError as error:
        raise TableError(f"{place}, row '{record['name']}': {error}") from error
    return Row(**{**record, **numbers})  # type: ignore[arg-type]


@functools.cache
def table() -> dict[tuple[str, str], Row]:
    """Return all rows of the parameter table, and of tables beside therapies, by (name, population)."""
    each = [_rows(place, text) for place, text in tables("parameters.csv")]
    found: dict[tuple[str, str], Row] = {}
    for row in heapq.merge(*each, key=lambda row: (row.name, row.population)):
        if (row.name, row.population) in found:
            raise TableError(f"parameters.csv: '{row.name}' for '{row.population}' stands twice")
        found[(row.name, row.population)] = row
    return found


_changed: dict[str, float] = {}
_spreads: dict[str, float] = {}


@contextlib.contextmanager
def changed(values: Mapping[str, float], spreads: Mapping[str, float] | None = None) -> Generator[None]:
    """Give some parameters other central values or spreads meanwhile, in this process, for fits.

    Bounds stay those of the table. Raises `UnknownName` for a name the table does not have.
    """
    for name in [*values, *(spreads or {})]:
        if name not in {known for known, _ in table()}:
            raise UnknownName(f"unknown parameter '{name}'", nearest(name, {known for known, _ in table()}))
    before = dict(_changed), dict(_spreads)
    _changed.update(values)
    _spreads.update(spreads or {})
    try:
        yield
    finally:
        for present, kept in zip((_changed, _spreads), before, strict=True):
            present.clear()
            present.update(kept)


def lookup(name: str, population: str = ANY) -> Row:
    """Return the row of a parameter for a population, else of one it is based on, else for any population.

    >>> lookup("glucose.volume").unit
    'dL/kg'
    """
    rows = table()
    kin = (*lineage(population), ANY)
    row = next((rows[name, one] for one in kin if (name, one) in rows), None)
    if row is None:
        names = {known for known, _ in rows}
        where = f" for population '{population}'" if name in names else ""
        raise UnknownName(f"unknown parameter '{name}'{where}", nearest(name, names))
    row = dataclasses.replace(row, value=_changed[name]) if name in _changed else row
    return dataclasses.replace(row, spread=_spreads[name]) if name in _spreads else row


def value(name: str, population: str = ANY) -> float:
    """Return the central value of a parameter."""
    return lookup(name, population).value


def values(cls: type[T], population: str = ANY) -> T:
    """Return a parameter record filled with the central values of the table; derived fields stay at zero."""
    return cls(**{name.rsplit(".", 1)[-1]: value(name, population) for name in declared(cls)})


@functools.cache
def correlations() -> dict[tuple[str, str, str], float]:
    """Return the declared correlations by (name, name, population) between the sampled quantities."""
    text = resources.files("insulae.tables").joinpath("correlations.csv").read_text(encoding="utf-8")
    records = csv.DictReader(text.splitlines())
    return {(r["first"], r["second"], r["population"]): float(r["correlation"]) for r in records}


def correlations_of(population: str) -> dict[tuple[str, str], float]:
    """Return the correlations that hold for a population: its own before those it is based on."""
    found: dict[tuple[str, str], float] = {}
    for one in (*lineage(population), ANY):
        for (first, second, whose), correlation in correlations().items():
            if whose == one:
                found.setdefault((first, second), correlation)
    return found
