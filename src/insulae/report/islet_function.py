"""The report of islet function: every index with its definition, and for those without a value the reason."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insulae.cgm import metrics
from insulae.cgm.limits import BY_UNIT
from insulae.cgm.readings import Readings
from insulae.core.citations import cited, text
from insulae.core.errors import InvalidData
from insulae.islet_function.data import CannotBeComputed, IsletData, Samples
from insulae.islet_function.registry import Finding, evaluate
from insulae.islet_function.secretion import curve
from insulae.patient_data.table import PatientTable
from insulae.report import lines as rows
from insulae.report.figures import COLORS, Figure
from insulae.report.panel import draw_panel
from insulae.report.templates import template

NOTICE = "Computed from the file that was given. Not medical advice."
GRID = ("name", "label", "value", "unit", "reason", "definition", "source")
PLAIN = (
    "age",
    "height",
    "body_weight",
    "hba1c",
    "egfr",
    "insulin_daily",
    "days_without_insulin",
    "days_without_drugs",
    "severe_hypoglycemia",
    "baseline_hba1c",
    "baseline_severe_hypoglycemia",
    "glucose_load",
)
STARTS = {"glucose_load": "oral glucose", "mixed_meal": "mixed meal"}
MEAL_HOURS = 5.0
SENSOR_DAYS = 14
LEFT_OUT = {
    "HOMA2": "cannot be computed because it has no formula but a model of many equations (Levy 1998, Hill "
    "2013), which could not be checked against published values; HOMA1 is given and named so",
}


def data_of(table: PatientTable) -> IsletData:
    """Collect what a table says about islet function; raises `InvalidData` when several tests are in it."""
    start, test = _start(table)
    readings = _sensor(table, start)
    type2 = table.word("type2_diabetes")
    return IsletData(
        glucose=_samples(table, "glucose", start),
        c_peptide=_samples(table, "c_peptide", start),
        insulin=_samples(table, "insulin", start),
        test=test,  # type: ignore[arg-type]
        sex=table.word("sex"),
        is_type2=None if type2 is None else type2 == "yes",
        other_drugs=table.number("other_glucose_lowering_drugs"),
        time_in_range=None if readings is None else float(metrics.time_in_range(readings).squeeze()),
        time_below_54=None if readings is None else float(metrics.time_below_54(readings).squeeze()),
        **{name: _near(table, name, start) for name in PLAIN},
    )


def _near(table: PatientTable, name: str, start: float) -> float | None:
    """Return the value of a quantity; of several with dates the one nearest to the test."""
    series = table.series(name)
    if table.first_day is None or series.minute.size < 2:
        return table.number(name)
    return float(series.value[np.argmin(np.abs(series.minute - start))])


def _sensor(table: PatientTable, start: float) -> Readings | None:
    """Return the sensor readings of the 14 days before the test, None without any."""
    series = table.series("glucose_sensor")
    recent = (series.minute > start - SENSOR_DAYS * 24.0 * 60.0) & (series.minute <= start)
    return Readings.of(series.value[recent], BY_UNIT[table.glucose_unit]) if recent.any() else None


def _start(table: PatientTable) -> tuple[float, str | None]:
    """Return the minute at which the test began, and which it was.

    A table of minutes begins at 0 whether or not it says what was eaten; one with dates needs to say it.
    """
    found = [(table.series(name).minute, kind) for name, kind in STARTS.items()]
    begun = [(float(minute), kind) for minutes, kind in found for minute in minutes]
    if len(begun) > 1:
        raise InvalidData(f"{table.source} holds {len(begun)} tests", "Keep one test in a file")
    if begun:
        return begun[0]
    untimed = next((kind for name, kind in STARTS.items() if table.has(name)), None)
    if table.first_day is not None and (table.has("c_peptide") or table.has("insulin")):
        raise InvalidData(
            f"{table.source} has dates, but nothing says when the test began",
            "Add a row with the time of glucose_load or mixed_meal",
        )
    return 0.0, untimed


def _samples(table: PatientTable, name: str, start: float) -> Samples:
    series = table.series(name)
    minute = series.minute - start
    near = (minute >= -60.0) & (minute <= MEAL_HOURS * 60.0)
    return Samples(minute[near], series.value[near], series.censored[near] < 0)


def summary(table: PatientTable, data: IsletData) -> dict[str, Any]:
    """Return every index with its value or the reason why there is none."""
    return {
        "notice": NOTICE,
        "source": table.source,
        "test": data.test or "not stated",
        "indices": [_row(found) for found in evaluate(data)],
        "left_out": LEFT_OUT,
        "remarks": [*table.remarks, *_chosen(table), *_about_sensor(table, data)],
    }


def _chosen(table: PatientTable) -> list[str]:
    numbers = {name: table.series(name).minute.size for name in PLAIN} if table.first_day else {}
    return [f"{name}: of {n} values the one nearest to the test" for name, n in numbers.items() if n > 1]


def _about_sensor(table: PatientTable, data: IsletData) -> list[str]:
    if not table.has("glucose_sensor"):
        return []
    if data.time_in_range is None:
        return [
            f"no sensor reading lies in the {SENSOR_DAYS} days before the test: the sensor does not count"
        ]
    return [f"sensor readings of the {SENSOR_DAYS} days before the test count for the Igls outcome"]


def _row(found: Finding) -> dict[str, Any]:
    one = found.index
    return {
        "name": one.name,
        "label": one.label,
        "value": found.value,
        "unit": one.unit,
        "reason": found.sentence(),
        "definition": one.definition,
        "source": text(one.source),
        "cited": cited(one.source),
    }


def as_csv(found: Mapping[str, Any]) -> str:
    """Return the indices as CSV, one a line."""
    return rows.as_csv(found["indices"], GRID)


def as_text(found: Mapping[str, Any]) -> str:
    """Return the indices as a table for a terminal."""
    lines = [f"{found['source']}, test: {found['test']}", ""]
    for row in found["indices"]:
        if row["value"] is None:
            lines.append(f"{row['label']:<47}{row['reason']}")
        else:
            lines.append(f"{row['label']:<47}{written(row['value']):>10} {row['unit']}".rstrip())
    lines += [f"{name:<47}{reason}" for name, reason in found["left_out"].items()]
    lines += ["", *(f"Note: {remark}" for remark in found["remarks"]), NOTICE]
    return "\n".join(lines)


def written(value: float | str) -> str:
    """Write a value with three digits, a class as it is.

    >>> written(0.01234), written(1234.5), written("good")
    ('0.0123', '1234', 'good')
    """
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def page(data: IsletData, found: Mapping[str, Any], command: str) -> str:
    """Return the report as one self-contained HTML page."""
    return template("islet_function").render(
        found=found, figures=_figures(data), command=command, written=written
    )


def _figures(data: IsletData) -> list[Figure]:
    """Draw what was measured, and the secretion rate where it can be computed."""
    drawn = [
        ("glucose", "Glucose", "mg/dL", data.glucose),
        ("c-peptide", "C-peptide", "pmol/L", data.c_peptide),
        ("insulin", "Insulin", "pmol/L", data.insulin),
    ]
    figures = [_measured(key, title, unit, one) for key, title, unit, one in drawn if one.minute.size > 1]
    return [*figures, _secretion(data)]


def _measured(key: str, title: str, unit: str, samples: Samples) -> Figure:
    def draw(axes: Axes) -> None:
        axes.plot(samples.minute, samples.value, "o-", color=COLORS[0], linewidth=1.6)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("minutes of the test")
        axes.set_ylabel(f"{title}, {unit}")

    return Figure(key, title, draw_panel(f"islet-{key}", title, draw), "", "As measured.")


def _secretion(data: IsletData) -> Figure:
    title = "Insulin secretion rate"
    try:
        minute, rates, kinetics = curve(data)
    except CannotBeComputed as error:
        return Figure("secretion", title, "", f"It cannot be computed because {error}.", "")

    def draw(axes: Axes) -> None:
        axes.stairs(rates / kinetics.surface, minute, color=COLORS[2], linewidth=2, baseline=None)
        axes.set_ylim(bottom=min(0.0, float(np.min(rates)) / kinetics.surface * 1.1))
        axes.set_xlabel("minutes of the test")
        axes.set_ylabel("pmol/min/m2")

    caption = "Mean of each interval between samples, by deconvolution of C-peptide (Van Cauter 1992)."
    return Figure("secretion", title, draw_panel("islet-secretion", title, draw), "", caption)
