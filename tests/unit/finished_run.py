"""The folder of a finished run of two people in two arms, by hand: one dies, one event outlasts the study."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from insulae.endpoints.base import get
from insulae.runs import store
from insulae.study import load
from insulae.study.records import ENDPOINTS, ENROLLED, EVENTS

TEXT = """
name: Small & safe
population:
  phenotype: type1
  size: 2
  patient: {age: 40 years, sex: female}
  treatment: [{kind: basal_bolus}]
horizon: 8 weeks
visits: [0, 4, 8]
endpoints: [hba1c, meal_c_peptide_90, fasting_c_peptide, body_weight, insulin_free, weeks_to_insulin_free]
arms:
  - name: cells
    therapies:
      - {kind: islet_infusion, dose: 1e6 IEQ, source: autologous}
      - {kind: immunosuppression, start: 0 days, stop: 21 days}
  - name: care
"""
VALUES = {
    "hba1c": [8.0, 7.5, 7.0],
    "meal_c_peptide_90": [10.0, 400.0, 800.0],
    "fasting_c_peptide": [5.0, 200.0, 300.0],
    "body_weight": [70.0, 70.5, 71.25],
    "insulin_free": [0.0, 0.0, 100.0],
    "weeks_to_insulin_free": [math.inf, math.inf, 6.0],
}
TRAITS = {
    "patient": [0, 1],
    "age": [40.9, 63.0],
    "male": [0.0, 1.0],
    "height": [1.6, 1.8],
    "weight": [64.0, 81.0],
    "bmi": [25.0, 25.0],
    "duration": [12.5, 30.0],
    "hba1c": [8.0, 8.0],
    "fasting_glucose": [150.0, 160.0],
    "fasting_c_peptide": [5.0, 5.0],
    "insulin_dose": [40.0, 50.0],
    "egfr": [90.0, 80.0],
}
DEATH = ("cells", 1, 30)
"""Arm, person and day of the one death."""
_COLUMNS = ("arm", "patient", "day", "event", "label", "grade", "serious", "relation", "outcome", "duration")
HAPPENED = [
    ("cells", 0, 3, "mouth_ulcer", "Mouth ulcers", 1, False, "immunosuppression", "recovered", 5.0),
    ("cells", 0, 50, "infection", "Infection", 2, True, "immunosuppression", "recovered", 14.0),
    ("cells", 1, 30, "severe_infection", "Severe infection", 5, True, "immunosuppression", "fatal", None),
    (
        "care",
        1,
        10,
        "severe_hypoglycemia",
        "Severe hypoglycemia (level 3)",
        3,
        True,
        "basal_bolus",
        "sequelae",
        1.0,
    ),
]


def write_run(folder: Path, happened: list[tuple[Any, ...]] = HAPPENED, text: str = TEXT) -> Path:
    """Write study, endpoints, events, summary and manifest."""
    folder.mkdir()
    study = load.read(text)
    (folder / "study.yaml").write_text(load.to_yaml(study))
    rows = [
        {
            "arm": arm.name,
            "patient": patient,
            "week": week,
            "endpoint": name,
            "value": _value(arm.name, patient, week, values[number]),
            "unit": get(name).unit,
        }
        for patient in range(2)
        for arm in study.arms
        for number, week in enumerate((0.0, 4.0, 8.0))
        for name, values in sorted(VALUES.items())
    ]
    _write(folder / "endpoints.parquet", pd.DataFrame(rows), ENDPOINTS)
    _write(folder / "enrolled.parquet", pd.DataFrame(TRAITS), ENROLLED)
    _write(folder / "events.parquet", pd.DataFrame(happened, columns=list(_COLUMNS)), EVENTS)
    (folder / "summary.json").write_text(json.dumps({"study": study.name}))
    (folder / "manifest.json").write_text("{}")
    return folder


def _value(arm: str, patient: int, week: float, value: float) -> float:
    is_dead = (arm, patient) == DEATH[:2] and week * 7 > DEATH[2]
    return math.nan if is_dead else value


def _write(path: Path, table: pd.DataFrame, schema: pa.Schema) -> None:
    store.write_tables(path, schema, [pa.Table.from_pandas(table, schema, preserve_index=False)])
