"""Quantities as people write them, converted once at the boundary to the bare floats used inside."""

import functools
import re
from importlib import metadata
from typing import Any

from insulae.core.errors import InvalidQuantity
from insulae.core.machine import writable_folder
from insulae.core.remembered import Remembered

# Molar masses in g/mol; one international unit of insulin is 6000 pmol (Knopp 2019).
PMOL_PER_UNIT = 6000.0
MG_PER_G = 1000.0
_MOLAR_MASS = {"glucose": 180.156, "c_peptide": 3020.3, "creatinine": 113.12}
_DEFINITIONS = (
    "IEQ = [islets]",
    "U = 6000 pmol = insulin_unit",
    "cells = [cells]",
    "percent = 0.01 = %",
    "patient = []",
    "USD = [currency]",
    "EU = [endotoxin]",
)
_QUANTITY = re.compile(r"^\s*([-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")


@functools.cache
def _registry() -> Any:
    import pint  # kept out of module import: it is slow and only the boundary needs it

    registry = pint.UnitRegistry(on_redefinition="ignore", cache_folder=writable_folder("units"))
    for definition in _DEFINITIONS:
        registry.define(definition)
    return registry


@functools.cache
def _remembered() -> Remembered:
    """Return what was converted before: who asks for nothing new does without the registry of units."""
    return Remembered("units", (metadata.version("pint"), _DEFINITIONS, _MOLAR_MASS))


def _spelled(unit: str) -> str:
    """Turn the field's spellings into ones the unit parser knows; `a per b/c` means a/(b/c)."""
    unit = re.sub(r"/1\.73\s*m2", "", unit)
    above, per, below = unit.partition(" per ")
    unit = f"({above})/({below})" if per else unit
    unit = re.sub(r"\b([a-z]*m)([2-4])\b", r"\1**\2", unit)
    return unit.replace("%", "percent").replace("dimensionless", "")


def _parse_unit(unit: str) -> Any:
    try:
        return _registry().parse_units(_spelled(unit))
    except Exception as error:  # the parser raises many unrelated types; all mean: not a unit
        raise InvalidQuantity(f"'{unit}' is not a unit") from error


def same_dimension(first: str, second: str) -> bool:
    """Tell whether two units measure the same thing.

    >>> same_dimension("mg/dL", "g/L")
    True
    """
    return _parse_unit(first).dimensionality == _parse_unit(second).dimensionality


def _hba1c(number: float, unit: str, to: str) -> float | None:
    """Convert between NGSP percent and IFCC mmol/mol (master equation, Hoelzel 2004)."""
    if unit == "mmol/mol" and to == "%":
        return 0.09148 * number + 2.152
    return None


def convert(number: float, unit: str, to: str, substance: str = "") -> float:
    """Convert a number to another unit; `substance` (glucose, c_peptide) allows mass to amount.

    >>> round(convert(6.1, "mmol/L", "mg/dL", "glucose"), 1)
    109.9
    """
    if unit == to:
        return number
    hba1c = _hba1c(number, unit, to)
    if hba1c is not None:
        return hba1c
    question = f"{float(number)!r} {unit} in {to} of {substance}"
    found = _remembered().answer(question, lambda: _converted(number, unit, to, substance))
    if found is None:
        raise InvalidQuantity(f"'{number:g} {unit}' cannot be given in {to}", f"Expected a unit like {to}")
    return found


def _converted(number: float, unit: str, to: str, substance: str) -> float | None:
    """Return a number in another unit; None where they do not measure the same thing."""
    source, target = _parse_unit(unit), _parse_unit(to)
    quantity = _registry().Quantity(number, source)
    if source.dimensionality == target.dimensionality:
        return float(quantity.to(target).magnitude)
    if substance in _MOLAR_MASS:
        mass = _registry().Quantity(_MOLAR_MASS[substance], "g/mol")
        for attempt in (quantity * mass, quantity / mass):
            if attempt.dimensionality == target.dimensionality:
                return float(attempt.to(target).magnitude)
    return None


def quantity(text: object, to: str, substance: str = "") -> float:
    """Read `110 mg/dL`, `1.2e6 IEQ`, `6.6 %` or a bare number of a dimensionless quantity as a float in `to`.

    >>> quantity("20 weeks", "d")
    140.0
    """
    if isinstance(text, bool):
        raise InvalidQuantity(f"'{text}' is not a quantity", f"Expected a number with a unit like {to}")
    match = _QUANTITY.match(str(text))
    if match is None:
        raise InvalidQuantity(f"'{text}' is not a number with a unit", f"Expected something like 1 {to}")
    number, unit = float(match[1].replace("_", "")), match[2]
    if not unit:
        if to == "dimensionless":
            return number
        raise InvalidQuantity(
            f"'{text}' has no unit", f"Expected a unit like {to}, for example '{_meant(number, to)} {to}'"
        )
    return convert(number, _plural(unit), to, substance)


def _meant(number: float, to: str) -> str:
    """Return a bare number as it was meant: a share below one stands for a percentage."""
    return f"{number * 100:g}" if to == "%" and 0 < abs(number) < 1 else f"{number:g}"


def _plural(unit: str) -> str:
    """Read `weeks` and `years` as the units they are."""
    return {"weeks": "week", "years": "year", "days": "day", "months": "month"}.get(unit, unit)
