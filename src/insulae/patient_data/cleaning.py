"""What a record of a sensor shows of itself, and duplicates: found, mended and said, never silently."""

from dataclasses import replace

import numpy as np

from insulae.core.sensor_steps import LONGEST_STEP, usual_step
from insulae.patient_data.entries import ABOVE, BELOW
from insulae.patient_data.table import PatientTable, Series


def without_duplicates(table: PatientTable) -> PatientTable:
    """Drop rows that are there before, and take the mean where a sensor has two values at one time."""
    keys = list(zip(table.minute.tolist(), table.name.tolist(), table.value.tolist(), strict=True))
    seen: set[tuple[float | None, str, float]] = set()
    keep = np.ones(len(table), dtype=bool)
    for place, (minute, name, value) in enumerate(keys):
        key = (None if minute != minute else minute, name, value)
        keep[place] = key not in seen
        seen.add(key)
    dropped = int((~keep).sum())
    return _one_value_at_a_time(table.rows(keep, *([f"{dropped} repeated rows dropped"] if dropped else [])))


def _one_value_at_a_time(table: PatientTable) -> PatientTable:
    """Replace several sensor readings of one time by their mean."""
    places = np.flatnonzero(table.name == "glucose_sensor")
    minutes, count = np.unique(table.minute[places], return_counts=True)
    if (count == 1).all():
        return table
    keep, value = np.ones(len(table), dtype=bool), table.value.copy()
    for minute in minutes[count > 1]:
        same = places[table.minute[places] == minute]
        value[same[0]] = value[same].mean()
        keep[same[1:]] = False
    merged = int((count > 1).sum())
    return replace(table, value=value).rows(
        keep, f"{merged} times had several sensor values; their mean is taken"
    )


def described(series: Series, unit: str) -> list[str]:
    """Say how long a sensor record is, how often it was read, what is missing, how often Low or High."""
    if not series.minute.size:
        return []
    step = usual_step(series.minute)
    days = (series.minute[-1] - series.minute[0] + step) / 1440.0
    gaps = np.diff(series.minute)
    gaps = gaps[gaps > LONGEST_STEP]
    expected = days * 1440.0 / step
    lines = [
        f"{series.minute.size} sensor readings in {days:.1f} days, one in {step} minutes, given in {unit}, "
        f"{100.0 * min(series.minute.size / expected, 1.0):.1f} % of those expected"
    ]
    if gaps.size:
        lines.append(
            f"{gaps.size} gaps above {LONGEST_STEP:.0f} minutes, {gaps.sum() / 60.0:.1f} hours together"
        )
    for side, word in ((BELOW, "Low"), (ABOVE, "High")):
        count = int((series.censored == side).sum())
        if count:
            lines.append(f"{count} readings {word}: they count as the limit of the sensor")
    return lines
