"""The registry of indices of islet function: each with label, unit, definition in words, and source.

Every module of this folder is a family; being in the folder registers its indices. An index takes what is
known of a person and returns a number or a class; what it lacks it says by `CannotBeComputed`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from insulae.core.registry import Family
from insulae.islet_function.data import CannotBeComputed, IsletData

Answer = float | str
Function = Callable[[IsletData], Answer]
Kept = TypeVar("Kept", bound=Function)


@dataclass(frozen=True)
class Index:
    """One index: how to compute it and how to read it; `source` is a key of `tables/references.bib`."""

    name: str
    family: str
    label: str
    unit: str
    definition: str
    source: str
    compute: Function


@dataclass(frozen=True)
class Finding:
    """The value of one index for one person, or why there is none."""

    index: Index
    value: Answer | None
    reason: str = ""

    def sentence(self) -> str:
        """Say why there is no value; empty when there is one."""
        return f"cannot be computed because {self.reason}" if self.reason else ""


_INDICES: Family[Index] = Family("index of islet function")


def index(*, label: str, unit: str, definition: str, source: str) -> Callable[[Kept], Kept]:
    """Register a function of `IsletData` as an index under its own name."""

    def register(function: Kept) -> Kept:
        name, family = function.__name__, function.__module__.rpartition(".")[2]
        _INDICES.add(name, Index(name, family, label, unit, definition, source, function))
        return function

    return register


def catalogue() -> list[Index]:
    """Return every index, family by family, in the order in which each family defines them."""
    _import_families()
    return sorted(
        (member for _, member in _INDICES.items()), key=lambda one: (ORDER.index(one.family), _place(one))
    )


ORDER = ("c_peptide", "secretion", "sensitivity", "disposition", "scores", "outcomes")


def _place(one: Index) -> int:
    return one.compute.__code__.co_firstlineno


def evaluate(data: IsletData) -> list[Finding]:
    """Compute every index that the data allow; the others say what they lack."""
    return [_found(one, data) for one in catalogue()]


def _found(one: Index, data: IsletData) -> Finding:
    try:
        return Finding(one, one.compute(data))
    except CannotBeComputed as error:
        return Finding(one, None, str(error))


@cache
def _import_families() -> None:
    for module in pkgutil.iter_modules(importlib.import_module(__name__.rpartition(".")[0]).__path__):
        importlib.import_module(f"{__name__.rpartition('.')[0]}.{module.name}")
