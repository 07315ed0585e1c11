"""The tidy table as CSV: `time, quantity, value, unit`, one measurement a line (docs/your_data.md).

time      empty (holds throughout), minutes of a test (-10, 0, 30), or a date (2026-03-01 08:00, also with
          an offset from UTC); one kind in a file
quantity  a name of `tables/quantities.csv`
value     a number, `<` or `>` and a limit, or a word for sex and type2_diabetes
unit      as people write it: mg/dL, mmol/L, ng/mL, nmol/L, uU/mL, U, g

Lines that begin with # are notes. A column `note` may follow.
"""

import csv
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from insulae.core.errors import InsulaeError, InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, Entry, amount, table_of
from insulae.patient_data.quantities import WORDS, quantity
from insulae.patient_data.table import MMOL_PER_L, PatientTable

COLUMNS = ("time", "quantity", "value", "unit")
SPELLED = {"IU": "U", "iu": "U", "mg/dl": "mg/dL", "mmol/l": "mmol/L", "uIU/mL": "uU/mL", "mIU/L": "mU/L"}
FROM_MMOL_PER_L = 18.0156  # mg/dL of glucose


def is_tidy(text: str) -> bool:
    """Tell whether a text begins like a tidy table."""
    return next(_lines(text), (0, [""]))[1][:1] == ["time"] and "quantity" in text[:2000]


def read_tidy(path: Path, time_zone: str | None = None) -> PatientTable:
    """Read a tidy CSV; raises `InvalidData` naming the line for whatever does not fit."""
    return tidy_table(path.read_text(encoding="utf-8-sig"), path.name, time_zone)


def tidy_table(text: str, source: str, time_zone: str | None = None) -> PatientTable:
    """Read a tidy table from its text; `source` names it in messages."""
    lines = list(_lines(text))
    header = [name.strip() for name in lines[0][1]] if lines else []
    missing = [name for name in COLUMNS if name not in header]
    if missing or set(header) - {*COLUMNS, "note"}:
        raise InvalidData(
            f"{source}: the first line is '{','.join(header)}'", f"Expected {','.join(COLUMNS)}, then note"
        )
    entries = [_entry(dict(zip(header, row, strict=False)), f"line {n}", source) for n, row in lines[1:]]
    return table_of(entries, source, time_zone)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, next(csv.reader([line]))


def _entry(row: dict[str, str], line: str, source: str) -> Entry:
    if any(name not in row for name in COLUMNS):
        raise InvalidData(f"{source}, {line}: has {len(row)} of the columns {','.join(COLUMNS)}")
    name, unit = row["quantity"].strip(), row["unit"].strip().replace("µ", "u").replace("μ", "u")
    place = f"{source}, {line}"
    try:
        quantity(name)
    except InsulaeError as error:
        raise InvalidData(f"{place}: {error}") from error
    number, censored = amount(row["value"], name, place)
    return Entry(_time(row["time"].strip(), place), name, number, SPELLED.get(unit, unit), line, censored)


def _time(text: str, place: str) -> datetime | float | None:
    if not text:
        return None
    if re.fullmatch(r"[-+]?\d+(\.\d*)?", text):
        return float(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidData(
            f"{place}: '{text}' is not a time", "Expected minutes like 30, or a date like 2026-03-01 08:00"
        ) from error


def tidy_text(table: PatientTable) -> str:
    """Write a table as tidy CSV, in the units of `tables/quantities.csv`, by the clock.

    Glucose keeps the unit of its file, so that reading the text again gives the same values. Times are
    rounded to seconds.
    """
    lines = [",".join(COLUMNS)]
    for name, clock, value, censored in zip(
        table.name.tolist(), table.clock.tolist(), table.value.tolist(), table.censored.tolist(), strict=True
    ):
        unit = quantity(name).unit
        if name.startswith("glucose") and unit == "mg/dL" and table.glucose_unit == MMOL_PER_L:
            value, unit = value / FROM_MMOL_PER_L, MMOL_PER_L
        limit = {BELOW: "<", ABOVE: ">"}.get(censored, "")
        written = WORDS[name][int(value)] if name in WORDS else f"{limit}{_brief(value)}"
        lines.append(f"{_when(table, clock)},{name},{written},{'' if unit == 'dimensionless' else unit}")
    return "\n".join(lines) + "\n"


def _brief(value: float) -> str:
    return f"{value:.10g}"


def _when(table: PatientTable, clock: float) -> str:
    if np.isnan(clock):
        return ""
    if table.first_day is None:
        return _brief(clock)
    midnight = datetime.combine(table.first_day, datetime.min.time())
    return (midnight + timedelta(seconds=round(clock * 60.0))).isoformat(sep=" ")
