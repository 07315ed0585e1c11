"""The table of states, signals and outputs: unit, label and plot range of everything that is simulated."""

import csv
import dataclasses
import functools
from importlib import resources

from insulae.core.errors import UnknownName
from insulae.core.registry import nearest


@dataclasses.dataclass(frozen=True)
class Variable:
    """What a simulated quantity is called and measured in; `lower` and `upper` bound its plots."""

    name: str
    kind: str
    unit: str
    label: str
    lower: float
    upper: float


@functools.cache
def variables() -> dict[str, Variable]:
    """Return all rows of `tables/variables.csv` by name."""
    text = resources.files("insulae.tables").joinpath("variables.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        r["name"]: Variable(r["name"], r["kind"], r["unit"], r["label"], float(r["lower"]), float(r["upper"]))
        for r in rows
    }


def variable(name: str) -> Variable:
    """Return one variable; raises `UnknownName` with the nearest valid choice.

    >>> variable("glucose.interstitial").unit
    'mg/dL'
    """
    rows = variables()
    if name not in rows:
        raise UnknownName(f"unknown variable '{name}'", nearest(name, rows))
    return rows[name]
