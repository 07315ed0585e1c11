"""The report of a sensor record: what was measured, with definitions, as numbers and as one HTML page."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from insulae.cgm.limits import BY_UNIT, MG_PER_DL_PER_MMOL
from insulae.cgm.record import SensorRecord
from insulae.cgm.summary import (
    CONSENSUS_COMPLETENESS,
    CONSENSUS_DAYS,
    MEASURES,
    Episode,
    episodes,
    measured,
    risk_zone,
)
from insulae.core.citations import cited, text
from insulae.core.errors import InvalidData
from insulae.patient_data.table import MMOL_PER_L, PatientTable
from insulae.report import lines as rows
from insulae.report import sensor_figures as figures
from insulae.report.templates import template

GRID = ("name", "label", "value", "unit", "target", "definition", "source")
NOTICE = "Computed from the file that was given. Not medical advice."


def record_of(table: PatientTable, days: int) -> SensorRecord:
    """Return the last days of the sensor readings of a table; raises `InvalidData` when it has none."""
    series = table.series("glucose_sensor")
    if not series.minute.size:
        held = ", ".join(table.names) or "nothing"
        raise InvalidData(f"{table.source} holds no sensor glucose, but {held}")
    limits = BY_UNIT[table.glucose_unit]
    return SensorRecord(series.minute, series.clock, series.value, limits).last_days(days)


def summary(table: PatientTable, record: SensorRecord, unit: str) -> dict[str, Any]:
    """Return everything the report says, glucose in `unit`, NaN as None."""
    values = measured(record)
    return {
        "notice": NOTICE,
        "source": table.source,
        "unit": unit,
        "judged_by": f"limits in {table.glucose_unit}, the unit of the file",
        "first": _when(table, float(record.clock[0])),
        "last": _when(table, float(record.clock[-1])),
        "step_minutes": record.step,
        "measures": [_row(measure, values[measure.name], unit) for measure in MEASURES],
        "risk_zone": risk_zone(values["gri"]),
        "episodes": [_episode(table, record, one, unit) for one in episodes(record)],
        "remarks": [*table.remarks, *_doubts(record)],
    }


def _row(measure: Any, value: float, unit: str) -> dict[str, Any]:
    in_unit = value / MG_PER_DL_PER_MMOL if measure.unit == "mg/dL" and unit == MMOL_PER_L else value
    return {
        "name": measure.name,
        "label": measure.label,
        "value": None if math.isnan(in_unit) else in_unit,
        "unit": unit if measure.unit == "mg/dL" else measure.unit,
        "target": measure.target,
        "definition": measure.definition,
        "source": text(measure.source),
        "cited": cited(measure.source),
    }


def _episode(table: PatientTable, record: SensorRecord, one: Episode, unit: str) -> dict[str, Any]:
    shift = float(np.interp(one.start, record.minute, record.clock - record.minute))
    factor = MG_PER_DL_PER_MMOL if unit == MMOL_PER_L else 1.0
    return {
        "start": _when(table, one.start + shift),
        "minutes": one.end - one.start,
        "lowest": one.lowest / factor,
        "level": one.level,
    }


def _doubts(record: SensorRecord) -> list[str]:
    """Say when a record is too short or too full of gaps to speak for the time before it."""
    doubts: list[str] = []
    if record.days < CONSENSUS_DAYS - 0.5:
        doubts.append(f"{record.days:.1f} days are fewer than the {CONSENSUS_DAYS} of the consensus")
    if record.completeness < CONSENSUS_COMPLETENESS:
        doubts.append(
            f"{record.completeness:.0f} % of the readings are fewer than the "
            f"{CONSENSUS_COMPLETENESS:.0f} % of the consensus"
        )
    return doubts


def _when(table: PatientTable, clock: float) -> str:
    if table.first_day is None:
        return f"minute {clock:g}"
    midnight = datetime.combine(table.first_day, datetime.min.time())
    return (midnight + timedelta(minutes=round(clock))).isoformat(sep=" ", timespec="minutes")


def as_csv(found: Mapping[str, Any]) -> str:
    """Return the measures as CSV, one a line."""
    return rows.as_csv(found["measures"], GRID)


def as_text(found: Mapping[str, Any]) -> str:
    """Return the measures as a table for a terminal."""
    lines = [f"{found['source']}, {found['first']} to {found['last']}, {found['judged_by']}", ""]
    for row in found["measures"]:
        target = f"   target {row['target']}" if row["target"] else ""
        lines.append(
            f"{row['label']:<46}{written(row['value'], row['unit']):>10} {row['unit']:<8}{target}".rstrip()
        )
    lines.append(f"{'Zone of the glycemia risk index':<46}{found['risk_zone']:>10}")
    lines += ["", *(f"Note: {remark}" for remark in found["remarks"]), NOTICE]
    return "\n".join(lines)


def written(value: float | None, unit: str) -> str:
    """Write a value with the digits its unit deserves.

    >>> written(7.049, "mmol/L"), written(123.7, "mg/dL"), written(None, "%")
    ('7.0', '124', 'none')
    """
    if value is None:
        return "none"
    return f"{value:.0f}" if unit == "mg/dL" else f"{value:.1f}"


def page(table: PatientTable, record: SensorRecord, found: Mapping[str, Any], command: str) -> str:
    """Return the report as one self-contained HTML page."""
    unit = found["unit"]
    return template("sensor").render(
        found=found,
        profile=figures.profile(record, unit),
        ranges=figures.ranges(record),
        days=figures.days(record, unit, table.first_day),
        command=command,
        written=written,
    )
