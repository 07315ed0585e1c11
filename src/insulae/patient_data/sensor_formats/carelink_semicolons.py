"""Medtronic CareLink with semicolons: pumps in mg/dL and mmol/L, Guardian Connect in mmol/L.

Read here because cgm_format knows mg/dL only, takes the sum of a day's automatic insulin (MiniMed 780G) for
one bolus at midnight, and counts meals whose bolus was not delivered, which people enter again. The rates of
the same file hold the automatic insulin, so its sum is left out. Doses of Guardian Connect are of unknown
kind.
"""

import re
from collections.abc import Iterator

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import Entry
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

HEADER = "Index;Date;Time"
GLUCOSE = {"Sensor Glucose": "glucose_sensor", "BG Reading": "glucose_meter"}
AMOUNTS = {
    "Bolus Volume Delivered (U)": ("insulin_rapid", "U"),
    "BWZ Carb Input": ("carbohydrate", "g"),
    "Basal Rate (U/h)": ("insulin_basal_rate", "U/h"),
}
MARKED = {"Insulin": ("insulin_injected", "U"), "Meal": ("carbohydrate", "g")}
"""Words of the column Event Marker, as in `Insulin: 27,00` and `Meal: 45,00grams`."""
SUM, REFUSED = "CLOSED_LOOP_AUTO_INSULIN", "Not Delivered"


def matches(file: RawFile) -> bool:
    """Tell whether it is a CareLink file with semicolons that cgm_format does not read right."""
    is_carelink = HEADER in file.head and "Sensor Glucose (" in file.head
    return is_carelink and not ("Guardian Connect" in file.head and "Sensor Glucose (mg/dL)" in file.head)


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for missing units and words instead of numbers."""
    rows = [(place, row) for place, row in rows_below(file.text, "Index", ";") if row["Index"][:1].isdigit()]
    if not rows:
        raise InvalidData(f"{file.name}: a CareLink file without any row")
    times, order = read_dates([f"{r['Date']} {r['Time']}" for _, r in rows], file.name, options.day_first)
    entries = dated(rows, times, file.name, _entries)
    remarks = [*([order] if order else []), *_remarks([row for _, row in rows])]
    kinds = sum(entry.name == "insulin_injected" for entry in entries)
    remarks += [f"{kinds} insulin doses of which the file does not tell the kind"] if kinds else []
    return Found("Medtronic CareLink", entries, remarks)


def _entries(row: Row, place: str, file: str) -> Iterator[Entry]:
    for name, cell, unit in glucose_cells(row, GLUCOSE, file):
        yield Entry(None, name, number(cell, file, place), unit, place)
    if not (_is_sum(row) or _is_refused(row)):
        given = amounts(row, AMOUNTS, file, place)
        yield from (one for one in given if one.number > 0 or one.name == "insulin_basal_rate")
    marked = re.match(r"(\w+): ([\d.,]+)", row.get("Event Marker", ""))
    if marked and marked[1] in MARKED:
        name, unit = MARKED[marked[1]]
        yield Entry(None, name, number(marked[2], file, place), unit, place)


def _is_sum(row: Row) -> bool:
    return row.get("Bolus Source", "") == SUM


def _is_refused(row: Row) -> bool:
    return row.get("BWZ Status", "") == REFUSED


def _remarks(rows: list[Row]) -> Iterator[str]:
    """Say what is left out."""
    sums = sum(_is_sum(row) for row in rows)
    if sums:
        yield f"{sums} sums of a day's automatic insulin are left out: the basal rates of the file hold it"
    refused = sum(_is_refused(row) for row in rows)
    if refused:
        yield f"{refused} meals are left out whose bolus was not delivered"
    temporary = sum(bool(row.get("Temp Basal Amount")) for row in rows)
    if temporary:
        yield f"{temporary} temporary basal rates are not read"
    spread = sum(bool(re.search("Square|Dual", row.get("Bolus Type", ""))) for row in rows)
    if spread:
        yield f"{spread} rows of boluses given over a time count at the time of their row"
