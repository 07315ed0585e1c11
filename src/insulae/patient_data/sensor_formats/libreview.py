"""LibreView and FreeStyle Libre reader software: every layout with English headers, mg/dL and mmol/L.

Read here and not by cgm_format, which drops LO and HI, mixes scans into the trace, takes day first whenever
that is possible and does not know the layout of clinics of 2018. The trace of every 5 or 15 minutes becomes
`glucose_sensor`; scans stay apart, as more of them when glucose is high or low would bend every percentage.
"""

from collections.abc import Iterator

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, MEASURED, Entry
from insulae.patient_data.sensor_formats.dates import read_dates
from insulae.patient_data.sensor_formats.raw_file import (
    Found,
    Options,
    RawFile,
    Row,
    amounts,
    column,
    dated,
    glucose_cells,
    number,
    rows_below,
)
from insulae.patient_data.table import MG_PER_DL, MMOL_PER_L

LIMITS = {
    "LO": ({MG_PER_DL: 40.0, MMOL_PER_L: 2.2}, BELOW),
    "HI": ({MG_PER_DL: 500.0, MMOL_PER_L: 27.8}, ABOVE),
}
"""What LO and HI mean on FreeStyle Libre sensors."""
GLUCOSE = {
    "Historic Glucose": "glucose_sensor",
    "Scan Glucose": "glucose_scan",
    "Strip Glucose": "glucose_meter",
}
AMOUNTS = {
    "Rapid-Acting Insulin": ("insulin_rapid", "U"),
    "Long-Acting Insulin": ("insulin_long", "U"),
    "Carbohydrates (grams)": ("carbohydrate", "g"),
    "Ketone": ("ketone", "mmol/L"),
}
NOT_READ = ("Non-numeric Rapid-Acting Insulin", "Non-numeric Food", "Non-numeric Long-Acting Insulin")


def matches(file: RawFile) -> bool:
    """Tell whether it has the columns of a Libre file."""
    return "Record Type" in file.head and "Historic Glucose" in file.head


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for unknown units, words instead of numbers, unclear dates."""
    delimiter = ";" if file.head.count(";") > file.head.count(",") else ","
    rows = list(rows_below(file.text, "Record Type", delimiter))
    if not rows:
        raise InvalidData(f"{file.name}: a Libre file without any row")
    when = column(list(rows[0][1]), "Device Timestamp") or column(list(rows[0][1]), "Meter Timestamp")
    if when is None:
        raise InvalidData(f"{file.name}: no column Device Timestamp or Meter Timestamp")
    rows = [(place, row) for place, row in rows if row[when]]
    times, order = read_dates([row[when] for _, row in rows], file.name, options.day_first)
    entries = dated(rows, times, file.name, _entries)
    words = sum(any(row.get(name) for name in NOT_READ) for _, row in rows)
    remarks = [order] if order else []
    remarks += [f"{words} meals or doses without an amount are not read"] if words else []
    return Found("FreeStyle Libre (LibreView)", entries, remarks)


def _entries(row: Row, place: str, file: str) -> Iterator[Entry]:
    for name, cell, unit in glucose_cells(row, GLUCOSE, file):
        limits, side = LIMITS.get(cell.upper(), ({}, MEASURED))
        value = limits[unit] if limits else number(cell, file, place)
        yield Entry(None, name, value, unit, place, side)
    yield from amounts(row, AMOUNTS, file, place)
