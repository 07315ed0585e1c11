"""The measures of a sensor record as FHIR Observations, by the LOINC codes of such summaries."""

from collections.abc import Mapping
from typing import Any

from insulae.cgm.summary import MEASURES
from insulae.core.errors import InvalidData
from insulae.patient_data.fhir import LOINC, UCUM


def bundle(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Bundle with one Observation for each measure with a LOINC code; glucose in the report's unit.

    Raises `InvalidData` for a record that counts minutes: FHIR needs dates.
    """
    if found["first"].startswith("minute"):
        raise InvalidData(f"{found['source']}: FHIR needs dates, not minutes")
    period = {"start": found["first"][:10], "end": found["last"][:10]}
    codes = {measure.name: measure.loinc for measure in MEASURES if measure.loinc}
    rows = [row for row in found["measures"] if row["name"] in codes and row["value"] is not None]
    entries = [{"resource": _observation(row, codes[row["name"]], period)} for row in rows]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _observation(row: Mapping[str, Any], code: str, period: Mapping[str, str]) -> dict[str, Any]:
    unit = row["unit"]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code, "display": row["label"]}]},
        "effectivePeriod": dict(period),
        "valueQuantity": {"value": round(row["value"], 4), "unit": unit, "system": UCUM, "code": unit},
    }
