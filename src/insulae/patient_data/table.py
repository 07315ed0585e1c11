"""One person's measurements, doses and meals as one table, whatever file they came from.

Times are minutes. When the file has dates, minute 0 is the midnight that begins `first_day`, and `clock` is
what the clock on the wall showed, while `minute` goes on evenly: the two part when the clock is changed
(daylight saving time, travel) and the file or the caller says so. When the file counts minutes of a test,
`first_day` is None and both are the minutes of the file. What holds throughout (sex, height) has the time
NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import InvalidData
from insulae.patient_data.quantities import WORDS, quantity

Floats = NDArray[np.floating[Any]]
MMOL_PER_L, MG_PER_DL = "mmol/L", "mg/dL"


class Series(NamedTuple):
    """One quantity over time, in the order of time: minutes, value in its own unit, clock, censoring."""

    minute: Floats
    value: Floats
    clock: Floats
    censored: NDArray[np.integer[Any]]  # -1: the truth is below the value; 1: above; 0: it was measured


@dataclass(frozen=True, kw_only=True, eq=False)
class PatientTable:
    """Rows of a person's data in the order of time, in the units of `tables/quantities.csv`.

    `glucose_unit` is how the file wrote glucose: readings in mmol/L are judged by the limits in mmol/L.
    `remarks` say what was found and done while reading; nothing is done silently.
    """

    name: NDArray[np.str_]
    minute: Floats
    clock: Floats
    value: Floats
    censored: NDArray[np.integer[Any]]
    first_day: date | None = None
    glucose_unit: str = MG_PER_DL
    source: str = ""
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.name)

    @property
    def names(self) -> list[str]:
        """The quantities that the table holds, sorted."""
        return sorted(set(self.name.tolist()))

    def has(self, name: str) -> bool:
        """Tell whether there is at least one row of the quantity; raises `UnknownName` for a wrong name."""
        return bool((self.name == quantity(name).name).any())

    def series(self, name: str) -> Series:
        """Return one quantity over time, empty when there is none; raises `UnknownName` for a wrong name."""
        rows = (self.name == quantity(name).name) & ~np.isnan(self.minute)
        return Series(self.minute[rows], self.value[rows], self.clock[rows], self.censored[rows])

    def number(self, name: str) -> float | None:
        """Return the one value of a quantity that has one; None without any.

        Raises `InvalidData` when the rows differ.
        """
        values = np.unique(self.value[self.name == quantity(name).name])
        if values.size > 1:
            raise InvalidData(
                f"{self.source or 'the data'}: {name} has {values.size} different values, from {values[0]:g} "
                f"to {values[-1]:g}",
                "Expected one",
            )
        return float(values[0]) if values.size else None

    def word(self, name: str) -> str | None:
        """Return a quantity that is written as a word, for example sex."""
        value = self.number(name)
        return None if value is None else WORDS[name][int(value)]

    def with_remarks(self, *remarks: str) -> "PatientTable":
        """Return the table with further remarks."""
        return replace(self, remarks=(*self.remarks, *remarks))

    def rows(self, keep: NDArray[np.bool_], *remarks: str) -> "PatientTable":
        """Return the table with some rows only and further remarks."""
        return replace(
            self,
            name=self.name[keep],
            minute=self.minute[keep],
            clock=self.clock[keep],
            value=self.value[keep],
            censored=self.censored[keep],
            remarks=(*self.remarks, *remarks),
        )


def in_order(table: PatientTable) -> PatientTable:
    """Sort by time, then name, value and censoring; what has no time comes first."""
    time = np.where(np.isnan(table.minute), -np.inf, table.minute)
    order = np.lexsort((table.censored, table.value, table.name, time))
    return table.rows(order)  # type: ignore[arg-type]  # an order serves as well as a mask


def combined(tables: Sequence[PatientTable]) -> PatientTable:
    """Join the tables of one person; `without_duplicates` drops rows that several files share.

    Raises `InvalidData` for no table, or when some have dates and others minutes of a test.
    """
    if not tables:
        raise InvalidData("there is no file to read")
    if len(tables) == 1:
        return tables[0]
    days = [table.first_day for table in tables if not np.isnan(table.minute).all()]
    if len({day is None for day in days}) > 1:
        raise InvalidData("some files give dates, others minutes of a test", "Read them one by one")
    dated = [day for day in days if day is not None]
    first = min(dated) if dated else None
    shifted = [_since(table, first) for table in tables]
    units = {table.glucose_unit for table in tables if _has_glucose(table)}
    mixed = ("files in mg/dL and in mmol/L: judged by the limits in mg/dL",) if len(units) > 1 else ()
    joined = PatientTable(
        **{field: np.concatenate([getattr(t, field) for t in shifted]) for field in _COLUMNS},
        first_day=first,
        glucose_unit=units.pop() if len(units) == 1 else MG_PER_DL,
        source=", ".join(t.source for t in tables),
        remarks=(*(f"{t.source}: {remark}" for t in tables for remark in t.remarks), *mixed),
    )
    return in_order(joined)


_COLUMNS = ("name", "minute", "clock", "value", "censored")


def _has_glucose(table: PatientTable) -> bool:
    return any(name.startswith("glucose") for name in table.names)


def _since(table: PatientTable, first: date | None) -> PatientTable:
    """Count minutes from another first day."""
    if first is None or table.first_day is None:
        return table
    shift = (table.first_day - first).days * 24.0 * 60.0
    return replace(table, minute=table.minute + shift, clock=table.clock + shift, first_day=first)
