"""Dexcom Clarity in other languages than English: the columns are the same, their names are translated.

Read here by the place of the columns because cgm_format knows the English names only. Sensor rows are called
EGV in every language. The words for Low and High are those of the languages below; others stop the reading.
Insulin and carbohydrate are known by the column that is filled; the kind of insulin is a word and stays open.
"""

import csv
import re
from collections.abc import Iterator
from datetime import datetime

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, Entry
from insulae.patient_data.sensor_formats.raw_file import Found, Options, RawFile, number, unit_in
from insulae.patient_data.sensor_formats.through_cgm_format import HIGHEST, LOWEST

STAMP = re.compile(r"\([A-Za-zА-Яа-яÅåÄä]{4}-\w{2}-\w{2}T\w{2}:mm:ss\)")
"""How the column of times names its format: (YYYY-MM-DDThh:mm:ss), (JJJJ-MM-TTThh:mm:ss), ..."""
COLUMNS = 13
TIME, KIND, GLUCOSE, INSULIN, CARBOHYDRATE = 1, 2, 7, 8, 9
READING = "EGV"
LOW = ("low", "niedrig", "bas", "bajo", "basso", "baixo", "laag", "låg", "lav", "matala", "niski")
HIGH = ("high", "hoch", "élevé", "haut", "alto", "hoog", "hög", "høj", "høy", "korkea", "wysoki")
"""Words for Low and High (English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish,
Norwegian, Finnish, Polish)."""


def matches(file: RawFile) -> bool:
    """Tell whether its first line has the columns of Clarity in another language."""
    cells = next(csv.reader([file.head.split("\n")[0]], delimiter=_delimiter(file)), [])
    return len(cells) >= COLUMNS and STAMP.search(cells[TIME]) is not None


def read(file: RawFile, _options: Options) -> Found:
    """Return the entries; raises `InvalidData` for a missing unit, a word nobody knows, a wrong date."""
    header, *rows = csv.reader(file.text.lstrip("\ufeff").splitlines(), delimiter=_delimiter(file))
    unit = unit_in(header[GLUCOSE])
    if unit is None:
        raise InvalidData(f"{file.name}: the column '{header[GLUCOSE]}' states neither mg/dL nor mmol/L")
    entries: list[Entry] = []
    for line, row in enumerate(rows, start=2):
        if len(row) > CARBOHYDRATE and row[TIME]:
            entries += _entries(row, unit, file.name, f"line {line}")
    kinds = sum(entry.name == "insulin_injected" for entry in entries)
    remarks = [f"{kinds} insulin doses of which the kind is not read"] if kinds else []
    return Found("Dexcom Clarity (translated)", entries, remarks)


def _delimiter(file: RawFile) -> str:
    first = file.head.split("\n")[0]
    return max((",", ";", "\t"), key=first.count)


def _entries(row: list[str], unit: str, file: str, place: str) -> Iterator[Entry]:
    try:
        time = datetime.fromisoformat(row[TIME])
    except ValueError as error:
        raise InvalidData(f"{file}, {place}: '{row[TIME]}' is not a date with a time") from error
    if row[GLUCOSE]:
        name = "glucose_sensor" if row[KIND] == READING else "glucose_meter"
        yield _glucose(Entry(time, name, 0.0, unit, place), row[GLUCOSE], file)
    for where, name, amount in ((INSULIN, "insulin_injected", "U"), (CARBOHYDRATE, "carbohydrate", "g")):
        if row[where] and number(row[where], file, place) > 0:
            yield Entry(time, name, number(row[where], file, place), amount, place)


def _glucose(blank: Entry, text: str, file: str) -> Entry:
    word = text.strip().lower()
    if word in LOW:
        return blank._replace(number=LOWEST[blank.unit], censored=BELOW)
    if word in HIGH:
        return blank._replace(number=HIGHEST[blank.unit], censored=ABOVE)
    return blank._replace(number=number(text, file, blank.place))
