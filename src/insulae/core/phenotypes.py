"""The table of phenotypes: who they are, by which criteria, and whose parameters they share.

A phenotype has rows of its own in the table of parameters where it differs, and those of the phenotype it is
based on for everything else.
"""

import csv
import dataclasses
import functools
from importlib import resources

from insulae.core.errors import UnknownName
from insulae.core.registry import nearest


@dataclasses.dataclass(frozen=True)
class Phenotype:
    """One row: `has_beta_cells` tells whether native mass follows from HbA1c; otherwise it is drawn."""

    name: str
    label: str
    based_on: str
    has_beta_cells: bool
    criteria: str
    source: str
    locator: str


@functools.cache
def phenotypes() -> dict[str, Phenotype]:
    """Return all rows of `tables/phenotypes.csv` by name."""
    text = resources.files("insulae.tables").joinpath("phenotypes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        r["name"]: Phenotype(**{**r, "has_beta_cells": r["has_beta_cells"] == "yes"})  # type: ignore[arg-type]
        for r in rows
    }


def phenotype(name: str) -> Phenotype:
    """Return one phenotype; raises `UnknownName` with the nearest valid choice.

    >>> phenotype("type2_early").based_on
    'type2'
    """
    if name not in phenotypes():
        raise UnknownName(f"unknown phenotype '{name}'", nearest(name, phenotypes()))
    return phenotypes()[name]


@functools.cache
def lineage(name: str) -> tuple[str, ...]:
    """Return a phenotype and those it is based on, nearest first; any other population is alone.

    >>> lineage("type2_early")
    ('type2_early', 'type2')
    """
    known = phenotypes().get(name)
    return (name, *lineage(known.based_on)) if known and known.based_on else (name,)
