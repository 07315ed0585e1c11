"""What a person's data can hold: name, unit, plausible range and LOINC code of each quantity.

The table is `tables/quantities.csv`. The ranges catch slips of the keyboard and mixed-up units; they are wide
on purpose and say nothing about health.
"""

import csv
import functools
from dataclasses import dataclass
from importlib import resources

from insulae.core.errors import InvalidData, InvalidQuantity, UnknownName
from insulae.core.registry import nearest
from insulae.core.units import convert

WORDS = {"sex": ("female", "male"), "type2_diabetes": ("no", "yes")}
"""Quantities that are written as words; the place of the word is the number that is stored."""
OTHER_UNITS = {
    "mg/dL": ("mmol/L",),
    "pmol/L": ("nmol/L", "ng/mL", "uU/mL"),
    "%": ("mmol/mol",),
    "cm": ("m",),
}
"""Units that are taken for one another by mistake, by the unit of the table."""


@dataclass(frozen=True)
class Quantity:
    """One quantity: `lowest` and `highest` plausible value in `unit`; `loinc` and `ucum` may be empty."""

    name: str
    unit: str
    substance: str
    lowest: float
    highest: float
    loinc: str
    ucum: str
    label: str


@functools.cache
def quantities() -> dict[str, Quantity]:
    """Return every quantity by its name."""
    text = resources.files("insulae.tables").joinpath("quantities.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["name"]: Quantity(**{**row, "lowest": float(row["lowest"]), "highest": float(row["highest"])})  # type: ignore[arg-type]
        for row in rows
    }


def quantity(name: str) -> Quantity:
    """Return one quantity; raises `UnknownName` with the nearest valid name."""
    if name not in quantities():
        raise UnknownName(f"'{name}' is not a quantity", nearest(name, quantities()))
    return quantities()[name]


@functools.cache
def scale(name: str, unit: str) -> tuple[float, float]:
    """Return slope and offset that turn a number in `unit` into the quantity's own unit.

    Raises `InvalidData` for a unit that does not fit.
    """
    own = quantity(name)
    if unit in (own.unit, "") and own.unit == "dimensionless":
        return 1.0, 0.0
    if not unit:
        raise InvalidData(f"{name} has no unit", f"Expected a unit like {own.unit}")
    try:
        zero, one = (convert(number, unit, own.unit, own.substance) for number in (0.0, 1.0))
    except InvalidQuantity as error:
        raise InvalidData(
            f"{name} cannot be given in '{unit}'", f"Expected a unit like {own.unit}"
        ) from error
    return one - zero, zero


def plausible(name: str, value: float) -> bool:
    """Tell whether a value in the quantity's own unit lies in its range."""
    own = quantity(name)
    return own.lowest <= value <= own.highest


def other_unit(name: str, number: float, unit: str) -> str:
    """Say in which other unit the number would be plausible; empty when in none."""
    own = quantity(name)
    for candidate in (own.unit, *OTHER_UNITS.get(own.unit, ())):
        if candidate == unit:
            continue
        try:
            slope, offset = scale(name, candidate)
        except InvalidData:
            continue
        if plausible(name, slope * number + offset):
            return f"As {candidate} it would be plausible; is the unit right?"
    return ""
