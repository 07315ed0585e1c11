"""Medtronic CareLink with commas (Paradigm, MiniMed 500) and iPro2: rows with a column `Sensor Glucose`.

Read here because cgm_format knows CareLink with semicolons only. A bolus counts with what was delivered, at
the time the file gives. The calculator writes a row each time it is asked, so the same carbohydrate asked
about again within five minutes counts once. Basal rates: `carelink_basal.py`.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import Entry
from insulae.patient_data.sensor_formats.carelink_basal import basal_rates
from insulae.patient_data.sensor_formats.dates import read_dates
from insulae.patient_data.sensor_formats.raw_file import (
    Found,
    Options,
    RawFile,
    Row,
    amounts,
    dated,
    glucose_cells,
    number,
    rows_below,
)

GLUCOSE = {"Sensor Glucose": "glucose_sensor", "BG Reading": "glucose_meter"}
ASKED_AGAIN = timedelta(minutes=5)
AMOUNTS = {
    "Bolus Volume Delivered (U)": ("insulin_rapid", "U"),
    "BWZ Carb Input": ("carbohydrate", "g"),
    "Carb Amount": ("carbohydrate", "g"),
    "Insulin Units": ("insulin_injected", "U"),
}


def matches(file: RawFile) -> bool:
    """Tell whether it has the columns of CareLink or of an iPro2 export."""
    if file.is_workbook:
        return any("iPro Data Export" in str(rows[0][0]) for rows in file.sheets.values() if rows and rows[0])
    return "Sensor Glucose (" in file.head and "Timestamp" in file.head and "Index" in file.head


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for missing columns and words instead of numbers."""
    if file.is_workbook:
        rows, layout = list(_sheet_rows(file)), "Medtronic iPro2"
    else:
        delimiter = "\t" if file.head.count("\t") > file.head.count(",") else ","
        rows, layout = list(rows_below(file.text, "Timestamp", delimiter)), "Medtronic CareLink"
    rows = [(place, row) for place, row in rows if row.get("Timestamp")]
    if not rows:
        raise InvalidData(f"{file.name}: a CareLink file without any row")
    excluded = [row for _, row in rows if row.get("Excluded", "").upper() == "TRUE"]
    rows = [(place, row) for place, row in rows if row.get("Excluded", "").upper() != "TRUE"]
    times, order = read_dates([row["Timestamp"] for _, row in rows], file.name, options.day_first)
    entries = dated(rows, times, file.name, _entries)
    entries, asked = _once(entries)
    entries += basal_rates(rows, times)
    remarks = [*([order] if order else []), *_remarks(row for _, row in rows), *asked, *_left(excluded)]
    return Found(layout, entries, remarks)


def _sheet_rows(file: RawFile) -> Iterator[tuple[str, Row]]:
    """Rows of the sheet below its header, every cell as text."""
    for cells in file.sheets.values():
        header: list[str] | None = None
        for line, row in enumerate(cells, start=1):
            named = [_text(cell) for cell in row]
            if "Timestamp" in named:
                header = named
            elif header is not None:
                yield f"row {line}", dict(zip(header, named, strict=False))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell).strip()


def _entries(row: Row, place: str, file: str) -> Iterator[Entry]:
    for name, cell, unit in glucose_cells(row, GLUCOSE, file):
        yield Entry(None, name, number(cell, file, place), unit, place)
    yield from (given for given in amounts(row, AMOUNTS, file, place) if given.number > 0)


def _once(entries: list[Entry]) -> tuple[list[Entry], list[str]]:
    """Drop carbohydrate that the calculator was asked about again within five minutes."""
    meals = sorted((e for e in entries if e.name == "carbohydrate"), key=lambda entry: entry.time)  # type: ignore[arg-type,return-value]
    again = {
        id(first)
        for first, then in pairwise(meals)
        if first.number == then.number and then.time - first.time <= ASKED_AGAIN  # type: ignore[operator]
    }
    kept = [entry for entry in entries if id(entry) not in again]
    return kept, [f"{len(again)} repeated questions to the calculator are left out"] if again else []


def _remarks(rows: Iterable[Row]) -> Iterator[str]:
    """Say what of the pump is not read."""
    types = [row.get("Raw-Type", "") + row.get("Bolus Type", "") for row in rows]
    spread = sum(bool(re.search("Square|Dual", kind)) for kind in types)
    if spread:
        yield f"{spread} rows of boluses given over a time count at the time of their row"


def _left(excluded: list[Row]) -> list[str]:
    return [f"{len(excluded)} rows that the maker marks as excluded are left out"] if excluded else []
