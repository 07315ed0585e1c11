"""Nightscout and OpenAPS as JSON: entries (sensor, meter), treatments (boluses, carbohydrate), pump history.

Nightscout keeps glucose in mg/dL whatever it displays. Values below 39 are error codes of the sensor, not
glucose. Temporary basal rates are not read: what was given between them stands in the profile only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import Entry
from insulae.patient_data.sensor_formats.raw_file import Found, Options, RawFile
from insulae.patient_data.table import MG_PER_DL

LOWEST_READING = 39  # mg/dL
Record = Mapping[str, Any]


def matches(file: RawFile) -> bool:
    """Tell whether it is JSON of Nightscout or OpenAPS, also one without measurements."""
    return _kind(file) is not None


def read(file: RawFile, options: Options) -> Found:
    """Return the entries; raises `InvalidData` for settings, calculations and records without a time."""
    kind = _kind(file)
    if kind not in ("entries", "treatments"):
        raise InvalidData(f"{file.name} holds {kind} of Nightscout or OpenAPS, no measurements and no doses")
    entries = [
        entry
        for place, record in enumerate(file.json, start=1)
        for entry in _entries(record, f"{file.name}, record {place}")
    ]
    return Found(f"Nightscout or OpenAPS ({kind})", entries, _remarks(file.json))


def _kind(file: RawFile) -> str | None:
    content = file.json
    first = content[0] if isinstance(content, list) and content else content
    if not isinstance(first, dict) or "resourceType" in first or "uploadId" in first:
        return None
    if "sgv" in first or "mbg" in first:
        return "entries"
    if "iob" in first and "activity" in first:
        return "insulin on board"
    if "store" in first or "isfProfile" in first or "carb_ratios" in first:
        return "a profile"
    is_treatment = "created_at" in first and first.keys() & {"eventType", "carbs", "insulin"}
    return "treatments" if is_treatment or ("_type" in first and "timestamp" in first) else None


def _entries(record: Record, place: str) -> Iterator[Entry]:
    for key, name in (("sgv", "glucose_sensor"), ("mbg", "glucose_meter")):
        value = record.get(key)
        if value is not None and float(value) >= LOWEST_READING:
            yield Entry(_time(record, place), name, float(value), MG_PER_DL, place)
    bolus = record.get("amount") if record.get("_type") == "Bolus" else record.get("insulin")
    for amount, name, unit in ((bolus, "insulin_rapid", "U"), (record.get("carbs"), "carbohydrate", "g")):
        if amount and float(amount) > 0:
            yield Entry(_time(record, place), name, float(amount), unit, place)


def _time(record: Record, place: str) -> datetime:
    """Return the instant with the offset of the person's clock where the record has one."""
    offset = record.get("utcOffset")
    for key in ("dateString", "created_at", "timestamp", "sysTime"):
        if record.get(key):
            try:
                instant = datetime.fromisoformat(str(record[key]).replace("Z", "+00:00"))
            except ValueError as error:
                raise InvalidData(f"{place}: '{record[key]}' is not a time") from error
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            return instant.astimezone(timezone(timedelta(minutes=offset))) if offset else instant
    if isinstance(record.get("date"), (int, float)):
        return datetime.fromtimestamp(record["date"] / 1000.0, tz=timezone(timedelta(minutes=offset or 0)))
    raise InvalidData(f"{place} has no time")


def _remarks(records: list[Record]) -> list[str]:
    codes = sum(0 < float(r["sgv"]) < LOWEST_READING for r in records if r.get("sgv") is not None)
    remarks = [f"{codes} readings below {LOWEST_READING} mg/dL are error codes and left out"] if codes else []
    kinds = Counter(str(r.get("eventType") or r.get("_type")) for r in records)
    temporary = sum(n for kind, n in kinds.items() if kind.replace(" ", "").startswith("TempBasal"))
    return [*remarks, *([f"{temporary} temporary basal rates are not read"] if temporary else [])]
