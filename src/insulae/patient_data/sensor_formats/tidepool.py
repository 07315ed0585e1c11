"""Tidepool: JSON, CSV and workbook of a person's data.

Tidepool keeps glucose in mmol/L; what a device showed in mg/dL was divided by 18.01559 and comes back as
whole numbers, by which it is recognized. Times are UTC with the offset of the person's clock.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, MEASURED, Entry
from insulae.patient_data.sensor_formats.raw_file import Found, Options, RawFile, rows_below
from insulae.patient_data.table import MG_PER_DL, MMOL_PER_L

PER_MMOL = 18.01559  # mg/dL, the factor of Tidepool
WHOLE = 0.02  # mg/dL
GLUCOSE = {"cbg": "glucose_sensor", "smbg": "glucose_meter"}
READ = {*GLUCOSE, "bolus", "basal", "wizard", "food"}
SILENT = {"upload", "pumpSettings", "deviceEvent"}  # settings and events, nothing that is measured or given
Record = Mapping[str, Any]


def matches(file: RawFile) -> bool:
    """Tell whether it holds Tidepool records."""
    if file.is_workbook:
        return any(
            rows and "deviceTime" in rows[0] and "uploadId" in rows[0] for rows in file.sheets.values()
        )
    if isinstance(file.json, list):
        return any(isinstance(r, dict) and "deviceTime" in r and "type" in r for r in file.json[:50])
    return "deviceTime" in file.head and "uploadId" in file.head and "timezoneOffset" in file.head


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for a record without a time or with an unknown unit."""
    records = list(_records(file))
    to_mg = _were_whole(r for _, r in records if r.get("type") == "cbg")
    entries = [
        entry for place, record in records for entry in _entries(record, f"{file.name}, {place}", to_mg)
    ]
    others = Counter(str(record.get("type")) for _, record in records)
    unread = {kind: n for kind, n in others.items() if kind not in READ | SILENT}
    remarks = [f"{n} records of the type {kind} are not read" for kind, n in sorted(unread.items())]
    empty = sum(r.get("value") in (None, "") for _, r in records if r.get("type") in GLUCOSE)
    if empty:
        remarks.append(f"{empty} glucose records hold no value and are left out")
    extended = sum(bool(r.get("extended")) for _, r in records if r.get("type") == "bolus")
    if extended:
        remarks.append(f"{extended} boluses given over a time count at their beginning")
    if to_mg:
        remarks.append("glucose was measured in mg/dL, which Tidepool keeps as mmol/L")
    return Found("Tidepool", entries, remarks)


def _records(file: RawFile) -> Iterator[tuple[str, Record]]:
    if file.is_workbook:
        for title, rows in file.sheets.items():
            for line, row in enumerate(rows[1:], start=2):
                yield f"{title}, row {line}", dict(zip(rows[0], row, strict=False))
    elif file.json is not None:
        yield from ((f"record {i}", record) for i, record in enumerate(file.json, start=1))
    else:
        yield from rows_below(file.text, "deviceTime", ",")


def _were_whole(records: Iterable[Record]) -> bool:
    """Tell whether the readings were whole mg/dL; a few odd ones do not count."""
    values = [
        float(r["value"]) * PER_MMOL for r in records if r.get("units") == MMOL_PER_L and r.get("value")
    ]
    return bool(values) and sum(abs(v - round(v)) < WHOLE for v in values) > 0.9 * len(values)


def _entries(record: Record, place: str, to_mg: bool) -> Iterator[Entry]:
    kind = record.get("type")
    if kind not in READ:
        return
    time = _time(record, place)
    if kind in GLUCOSE:
        yield from _glucose(record, time, GLUCOSE[kind], place, to_mg)
    elif kind == "bolus":
        units = float(record.get("normal") or 0.0) + float(record.get("extended") or 0.0)
        if units > 0:
            yield Entry(time, "insulin_rapid", units, "U", place)
    elif kind == "basal":
        if record.get("rate") not in (None, "") or record.get("deliveryType") == "suspend":
            yield Entry(time, "insulin_basal_rate", float(record.get("rate") or 0.0), "U/h", place)
    elif (grams := _carbohydrate(record)) > 0:
        yield Entry(time, "carbohydrate", grams, "g", place)


def _glucose(record: Record, time: datetime, name: str, place: str, to_mg: bool) -> Iterator[Entry]:
    if record.get("value") in (None, ""):
        return
    value, unit = float(record["value"]), record.get("units") or ""
    if unit not in (MMOL_PER_L, MG_PER_DL):
        raise InvalidData(f"{place}: glucose in '{unit}'", "Expected mmol/L or mg/dL")
    if unit == MMOL_PER_L and to_mg:
        value, unit = float(round(value * PER_MMOL)), MG_PER_DL
    yield Entry(time, name, value, unit, place, _censored(record))


def _censored(record: Record) -> int:
    """Read the annotation `bg/out-of-range`; CSV holds it as Python text."""
    notes = record.get("annotations")
    if isinstance(notes, str) and notes:
        try:
            notes = ast.literal_eval(notes)
        except (ValueError, SyntaxError):
            return MEASURED
    sides = {
        n.get("value") for n in notes or [] if isinstance(n, dict) and n.get("code") == "bg/out-of-range"
    }
    return BELOW if "low" in sides else ABOVE if "high" in sides else MEASURED


def _carbohydrate(record: Record) -> float:
    if record.get("type") == "wizard":
        return float(record.get("carbInput") or 0.0)
    nutrition = record.get("nutrition")
    carbohydrate = nutrition.get("carbohydrate") if isinstance(nutrition, dict) else None
    return float(carbohydrate.get("net") or 0.0) if isinstance(carbohydrate, dict) else 0.0


def _time(record: Record, place: str) -> datetime:
    text, offset = record.get("time"), record.get("timezoneOffset")
    try:
        instant = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError as error:
        raise InvalidData(f"{place}: '{text}' is not a time") from error
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if offset in (None, ""):
        return instant.astimezone(UTC)
    return instant.astimezone(timezone(timedelta(minutes=float(offset))))
