"""Plain tables with a column of times and a column of glucose: CSV of studies, Sibionics workbooks.

The unit must stand in the name of the column, in a column `unit`, or be given; it is never guessed. Of a file
with several people one must be chosen.
"""

import csv
import re
from datetime import datetime, timedelta, timezone

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, MEASURED, Entry
from insulae.patient_data.sensor_formats.dates import read_dates
from insulae.patient_data.sensor_formats.raw_file import Found, Options, RawFile, Row, number, unit_in
from insulae.patient_data.table import MG_PER_DL, MMOL_PER_L

TIMES = {"time", "timestamp", "datetime", "date", "date time", "display time", "device timestamp", "dt"}
GLUCOSE = re.compile(r"(sensor )?(glucose|reading|gl|sgv|sensorglucose|cgm|bg|glucose value|egv)( level)?")
PEOPLE = {"id", "subjectid", "subject", "patient", "patient id", "person", "ptid", "deidentid"}
WORDS = {"low": BELOW, "lo": BELOW, "high": ABOVE, "hi": ABOVE}
LIMITS = {BELOW: {MG_PER_DL: 40.0, MMOL_PER_L: 2.2}, ABOVE: {MG_PER_DL: 400.0, MMOL_PER_L: 22.2}}
_ZONE = re.compile(r"\s*(?:GMT|UTC)\s*([+-]\d{1,2})(?::?(\d{2}))?$")


def matches(file: RawFile) -> bool:
    """Tell whether a header has one column of times and one of glucose."""
    header = _header(file)
    return _named(header, TIMES) is not None and _glucose(header) is not None


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for an unstated unit, several people or unclear dates."""
    header = _header(file)
    when, what, who = _named(header, TIMES), _glucose(header), _named(header, PEOPLE)
    if when is None or what is None:
        raise InvalidData(f"{file.name}: no columns of time and glucose among {', '.join(header)}")
    rows = [(place, row) for place, row in _rows(file, header) if row[when] and row[what]]
    rows = _of_one_person(rows, who, file.name, options.person)
    offsets = [_ZONE.search(row[when]) for _, row in rows]
    times, order = read_dates([_ZONE.sub("", row[when]) for _, row in rows], file.name, options.day_first)
    entries = [
        _entry(row[what], _unit(row, what, file.name, options), _with_offset(time, offset), place, file.name)
        for (place, row), time, offset in zip(rows, times, offsets, strict=True)
    ]
    words = sum(entry.censored != MEASURED for entry in entries)
    unread = [name for name in header if name and name not in (when, what, who, "unit")]
    remarks = [order] if order else []
    remarks += [f"columns not read: {', '.join(unread)}"] if unread else []
    remarks += [f"{words} times Low or High, taken for below 40 and above 400 mg/dL"] if words else []
    return Found("plain table", entries, remarks)


def _header(file: RawFile) -> list[str]:
    if file.is_workbook:
        rows = next(iter(file.sheets.values()), [])
        return [str(cell or "").strip() for cell in rows[0]] if rows else []
    first = next((line for line in file.text.splitlines() if line.strip(" ,;\t")), "")
    return [
        name.strip().lstrip("\ufeff") for name in next(csv.reader([first], delimiter=_delimiter(first)), [])
    ]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def _plain(name: str) -> str:
    """Strip unit and punctuation from the name of a column.

    >>> _plain("Sensor Reading(mg/dL)"), _plain("glucose_value")
    ('sensor reading', 'glucose value')
    """
    return (
        re.sub(r"\s*[(\[].*?[)\]]|\s*\b(mg */ *dl|mmol */ *l)\b", "", name.lower()).replace("_", " ").strip()
    )


def _named(header: list[str], names: set[str]) -> str | None:
    return next((name for name in header if _plain(name) in names), None)


def _glucose(header: list[str]) -> str | None:
    return next((name for name in header if GLUCOSE.fullmatch(_plain(name))), None)


def _rows(file: RawFile, header: list[str]) -> list[tuple[str, Row]]:
    if file.is_workbook:
        cells = next(iter(file.sheets.values()))[1:]
        texts = [["" if cell is None else str(cell) for cell in row] for row in cells]
        return [(f"row {i}", dict(zip(header, row, strict=False))) for i, row in enumerate(texts, start=2)]
    lines = file.text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip(" ,;\t"))
    found = csv.reader(lines[first + 1 :], delimiter=_delimiter(lines[first]))
    padded = ([*row, *[""] * (len(header) - len(row))] for row in found)
    return [(f"row {i}", dict(zip(header, row, strict=False))) for i, row in enumerate(padded, start=1)]


def _of_one_person(
    rows: list[tuple[str, Row]], who: str | None, name: str, person: str | None
) -> list[tuple[str, Row]]:
    """Keep the rows of one person; an empty cell belongs to the person above."""
    if who is None:
        return rows
    owners: list[str] = []
    for _, row in rows:
        owners.append(row[who].strip() or (owners[-1] if owners else ""))
    people = sorted(set(owners))
    if person is None and len(people) > 1:
        raise InvalidData(
            f"{name} holds {len(people)} people: {', '.join(people[:8])}",
            "Choose: --person NAME, or person: in a patient file",
        )
    if person is not None and person not in people:
        raise InvalidData(f"{name} has nobody called '{person}'", f"Known: {', '.join(people[:20])}")
    return [row for row, owner in zip(rows, owners, strict=True) if person in (None, owner)]


def _unit(row: Row, what: str, name: str, options: Options) -> str:
    stated = unit_in(what) or unit_in(row.get("unit", ""))
    if stated and options.unit and stated != options.unit:
        raise InvalidData(f"{name} states {stated}, not {options.unit}")
    unit = stated or options.unit
    if unit is None:
        raise InvalidData(
            f"{name}: the column '{what}' does not state its unit",
            "Say which: --unit mg/dL or mmol/L, or unit: in a patient file",
        )
    return unit


def _with_offset(time: datetime, offset: re.Match[str] | None) -> datetime:
    if offset is None:
        return time
    hours = int(offset[1])
    minutes = int(offset[2] or 0) * (-1 if offset[1].startswith("-") else 1)
    return time.replace(tzinfo=timezone(timedelta(hours=hours, minutes=minutes)))


def _entry(text: str, unit: str, time: datetime, place: str, file: str) -> Entry:
    side = WORDS.get(text.strip().lower(), MEASURED)
    value = number(text, file, place) if side == MEASURED else LIMITS[side][unit]
    return Entry(time, "glucose_sensor", value, unit, place, side)
