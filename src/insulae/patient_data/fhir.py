"""FHIR R4: Observations in a Bundle, in and out, by LOINC code and UCUM unit.

Read are the codes of `tables/quantities.csv` and those below that name the same in another unit. An
Observation with another code is counted in a remark; one that was entered in error is left out. Sex comes
from a Patient resource and is written as one. What has no LOINC code in the table (insulin doses, meals, the
start of a test) is written with its name as the code of a system of its own, and read again.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import ABOVE, BELOW, MEASURED, Entry, table_of
from insulae.patient_data.quantities import WORDS, quantities, scale
from insulae.patient_data.table import PatientTable

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
OWN = "urn:insulae:quantities"
"""Names of `tables/quantities.csv` as codes, where there is no LOINC code."""
OTHER_CODES = {"1558-6": "glucose", "14749-6": "glucose", "15074-8": "glucose_meter", "59261-8": "hba1c"}
"""Fasting glucose; glucose in serum and in blood as mmol/L; HbA1c by IFCC."""
SPELLED = {
    "mmol/L": "mmol/L",
    "m[IU]/L": "mU/L",
    "u[IU]/mL": "uU/mL",
    "mL/min/{1.73_m2}": "mL/min/1.73m2",
    "a": "year",
    "umol/L": "umol/L",
    "[IU]": "U",
    "[IU]/h": "U/h",
    "[IU]/d": "U/d",
    "/a": "1/year",
    "m[IU]/m2/min": "mU/m2/min",
    "1": "dimensionless",
}
WRITTEN = {own: ucum for ucum, own in SPELLED.items()}
NEEDS_TIME = ("c_peptide", "glucose", "glucose_meter", "glucose_sensor", "insulin")
COMPARATORS = {None: MEASURED, "<": BELOW, "<=": BELOW, ">": ABOVE, ">=": ABOVE}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Coding(_Part):
    """A code of a system."""

    system: str | None = None
    code: str


class CodeableConcept(_Part):
    """What was observed."""

    coding: list[Coding] = []


class Quantity(_Part):
    """A value with its unit; `code` is the UCUM unit, `unit` is for people."""

    value: float
    unit: str | None = None
    code: str | None = None
    comparator: Literal["<", "<=", ">=", ">"] | None = None


class Observation(_Part):
    """One measurement."""

    resourceType: Literal["Observation"]
    status: str
    code: CodeableConcept
    effectiveDateTime: str | None = None
    valueQuantity: Quantity | None = None
    valueString: str | None = None


def is_fhir(content: Any) -> bool:
    """Tell whether JSON is a FHIR resource."""
    return isinstance(content, dict) and "resourceType" in content


def fhir_table(content: dict[str, Any], source: str, time_zone: str | None = None) -> PatientTable:
    """Read a Bundle or a single Observation.

    Raises `InvalidData` naming the entry for what FHIR does not allow or the table cannot hold.
    """
    resources = list(_resources(content))
    entries: list[Entry] = []
    unread = 0
    for place, resource in resources:
        if resource.get("resourceType") == "Patient":
            entries += _patient(resource, place)
        elif resource.get("resourceType") == "Observation":
            found = _entry(_observation(resource, source, place), place, source)
            unread += found is None
            entries += [] if found is None else [found]
    remarks = ["read as FHIR Observations"]
    remarks += [f"{unread} Observations without a known code or a value are not read"] if unread else []
    return table_of(entries, source, time_zone, remarks)


def _resources(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if content.get("resourceType") != "Bundle":
        yield "the resource", content
        return
    for number, entry in enumerate(content.get("entry") or [], start=1):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield f"entry {number}", entry["resource"]


def _observation(resource: dict[str, Any], source: str, place: str) -> Observation:
    try:
        return Observation.model_validate(resource)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidData(f"{source}, {place}: {where}: {first['msg']}") from error


def _patient(resource: dict[str, Any], place: str) -> list[Entry]:
    sex = resource.get("gender")
    return [Entry(None, "sex", float(WORDS["sex"].index(sex)), "", place)] if sex in WORDS["sex"] else []


def _entry(observation: Observation, place: str, source: str) -> Entry | None:
    """Return an Observation as an entry; None when it has no known code, no value or was an error."""
    name, value = _name(observation), observation.valueQuantity
    if name is None or observation.status == "entered-in-error":
        return None
    if name in WORDS and observation.valueString in WORDS[name]:
        return Entry(None, name, float(WORDS[name].index(observation.valueString)), "", place)
    if value is None:
        return None
    unit = value.code or value.unit or ""
    if not unit:
        raise InvalidData(f"{source}, {place}: {name} has no unit")
    if observation.effectiveDateTime is None and name in NEEDS_TIME:
        raise InvalidData(f"{source}, {place}: {name} has no effectiveDateTime")
    time = _time(observation.effectiveDateTime, f"{source}, {place}")
    return Entry(time, name, value.value, SPELLED.get(unit, unit), place, COMPARATORS[value.comparator])


def _name(observation: Observation) -> str | None:
    """Return which quantity was observed; None for a code that is not known."""
    by_code = {one.loinc: name for name, one in quantities().items() if one.loinc} | OTHER_CODES
    for coding in observation.code.coding:
        if coding.system in (LOINC, None) and coding.code in by_code:
            return by_code[coding.code]
        if coding.system == OWN and coding.code in quantities():
            return coding.code
    return None


def _time(text: str | None, place: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise InvalidData(f"{place}: '{text}' is not a date with a time") from error


def fhir_bundle(table: PatientTable, offset: str = "") -> dict[str, Any]:
    """Return what a table holds as a Bundle of Observations, in UCUM units.

    offset: from UTC, like +01:00, for the times of the clock; FHIR asks for one with every time of day.
    Raises `InvalidData` when the table counts minutes of a test, or holds nothing.
    """
    if table.first_day is None:
        raise InvalidData(f"{table.source}: FHIR needs dates, not minutes of a test")
    midnight = datetime.combine(table.first_day, datetime.min.time())
    written: list[dict[str, Any]] = []
    rows = zip(
        table.name.tolist(), table.clock.tolist(), table.value.tolist(), table.censored.tolist(), strict=True
    )
    for name, clock, value, censored in rows:
        if name == "sex":
            written.append({"resourceType": "Patient", "gender": WORDS["sex"][int(value)]})
            continue
        when = None if clock != clock else midnight + timedelta(seconds=round(clock * 60.0))
        effective = None if when is None else when.isoformat() + offset
        written.append(_resource(name, value, censored, effective))
    if not written:
        raise InvalidData(f"{table.source}: there is nothing in it")
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in written]}


def _resource(name: str, value: float, censored: int, when: str | None) -> dict[str, Any]:
    own = quantities()[name]
    system, code = (LOINC, own.loinc) if own.loinc else (OWN, name)
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code, "display": own.label}]},
    }
    if when is not None:
        resource["effectiveDateTime"] = when
    if name in WORDS:
        return resource | {"valueString": WORDS[name][int(value)]}
    return resource | {"valueQuantity": _amount(name, value, censored)}


def _amount(name: str, value: float, censored: int) -> dict[str, Any]:
    """Return a value in the UCUM unit of the table, or in the quantity's own."""
    own = quantities()[name]
    unit = own.ucum or WRITTEN.get(own.unit, own.unit)
    slope, zero = scale(name, SPELLED.get(unit, unit))
    amount: dict[str, Any] = {
        "value": round((value - zero) / slope, 6),
        "unit": unit,
        "system": UCUM,
        "code": unit,
    }
    if censored:
        amount["comparator"] = "<" if censored == BELOW else ">"
    return amount
