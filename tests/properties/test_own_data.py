"""Whatever a sensor file looks like, answers do not depend on the order, the doubles or the unit of its rows.

Each property is tried on records that hypothesis makes up: any cadence, gaps, duplicates, shuffled rows.
"""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insulae.cgm.limits import BY_UNIT
from insulae.cgm.record import SensorRecord
from insulae.cgm.summary import measured
from insulae.core.errors import InvalidData
from insulae.islet_function.data import IsletData, Samples
from insulae.islet_function.registry import evaluate
from insulae.patient_data.sensor_file import read_sensor_file
from insulae.patient_data.table import PatientTable
from insulae.patient_data.tidy import tidy_table, tidy_text

START = datetime(2026, 3, 1, 7, 2)
few = settings(max_examples=25, deadline=None)
steps = st.sampled_from([1, 5, 10, 15])
glucose = st.lists(st.integers(40, 400), min_size=3, max_size=60)


def rows_of(values: list[int], step: int, missing: set[int] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Lines of a plain file, without the readings whose place is missing."""
    return [
        f"{START + timedelta(minutes=step * i):%Y-%m-%d %H:%M},{value}"
        for i, value in enumerate(values)
        if i not in missing
    ]


def table_of(rows: list[str], unit: str = "mg/dL") -> PatientTable:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.csv"
        path.write_text("\n".join([f"time,glucose ({unit})", *rows]), encoding="utf-8")
        return read_sensor_file(path)


def answers(table: PatientTable) -> dict[str, float]:
    series = table.series("glucose_sensor")
    limits = BY_UNIT[table.glucose_unit]
    return measured(SensorRecord(series.minute, series.clock, series.value, limits))


@few
@given(glucose, steps, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_doubles_change_nothing(values: list[int], step: int, random):
    rows = rows_of(values, step)
    shuffled = rows + random.choices(rows, k=5)
    random.shuffle(shuffled)
    assert answers(table_of(shuffled)) == pytest.approx(answers(table_of(rows)), nan_ok=True)


@few
@given(glucose, steps, st.sets(st.integers(1, 20), max_size=10))
def test_gaps_lower_completeness_and_invent_no_reading(values: list[int], step: int, missing: set[int]):
    kept = [value for i, value in enumerate(values) if i not in missing]
    if len(kept) < 2:
        return
    table = table_of(rows_of(values, step, missing))
    found = answers(table)
    assert table.series("glucose_sensor").value.tolist() == kept
    assert found["mean"] == pytest.approx(np.mean(kept))
    assert 0.0 < found["completeness"] <= 100.0


@few
@given(st.lists(st.integers(22, 270), min_size=5, max_size=60), steps)
def test_mmol_gives_the_same_percentages_as_limits_in_mmol(tenths: list[int], step: int):
    rows = [
        row.replace(f",{t}", f",{t / 10:.1f}") for row, t in zip(rows_of(tenths, step), tenths, strict=True)
    ]
    found = answers(table_of(rows, "mmol/L"))
    mmol = np.array(tenths)
    assert found["in_70_180"] == pytest.approx(100.0 * ((mmol >= 39) & (mmol <= 100)).mean())
    assert found["below_54"] == pytest.approx(100.0 * (mmol < 30).mean())
    assert found["above_250"] == pytest.approx(100.0 * (mmol > 139).mean())
    assert found["mean"] == pytest.approx(mmol.mean() / 10.0 * 18.0156)


@few
@given(st.lists(st.integers(40, 190), min_size=1, max_size=30), st.integers(0, 29))
def test_a_wrong_unit_is_refused_and_never_read(tenths: list[int], place: int):
    """mmol/L in a column of mg/dL, whole or one value among many, and mg/dL in a column of mmol/L."""
    wrong = f"{START:%Y-%m-%d %H:%M},{tenths[0] / 10:.1f}"
    rows = rows_of([100 + t for t in tenths], 5)[1:]
    rows.insert(place % (len(rows) + 1), wrong)
    with pytest.raises(InvalidData, match="As mmol/L it would be plausible"):
        table_of(rows)
    with pytest.raises(InvalidData, match="As mg/dL it would be plausible"):
        table_of(rows_of(tenths, 5), "mmol/L")


@few
@given(
    st.lists(
        st.tuples(
            st.integers(-30, 300), st.sampled_from(["glucose", "insulin", "c_peptide"]), st.integers(20, 900)
        ),
        min_size=1,
        max_size=20,
    ),
    st.randoms(use_true_random=False),
)
def test_a_tidy_table_is_the_same_in_any_order_and_after_writing(entries, random):
    units = {"glucose": "mg/dL", "insulin": "pmol/L", "c_peptide": "pmol/L"}
    rows = [f"{minute},{name},{value},{units[name]}" for minute, name, value in entries]
    shuffled = random.sample(rows, len(rows))
    first, second = (tidy_table("\n".join(["time,quantity,value,unit", *r]), "x") for r in (rows, shuffled))
    again = tidy_table(tidy_text(first), "again")
    for other in (second, again):
        assert other.name.tolist() == first.name.tolist()
        assert other.value == pytest.approx(first.value)
        assert other.minute.tolist() == first.minute.tolist()


@few
@given(st.lists(st.floats(1.0, 5000.0), min_size=0, max_size=6), st.booleans(), st.booleans())
def test_islet_function_gives_a_number_or_a_reason_and_never_nan(
    values: list[float], has_body: bool, is_below: bool
):
    minute = np.array([0.0, 30.0, 60.0, 90.0, 120.0, 180.0])[: len(values)]
    samples = Samples(minute, np.array(values), np.full(len(values), is_below))
    body = (
        {"age": 40.0, "sex": "male", "height": 180.0, "body_weight": 80.0, "is_type2": False}
        if has_body
        else {}
    )
    data = IsletData(
        glucose=samples, insulin=samples, c_peptide=samples, test="oral glucose", glucose_load=75.0, **body
    )  # type: ignore[arg-type]
    for found in evaluate(data):
        assert (found.value is None) == bool(found.reason)
        assert found.value is None or isinstance(found.value, str) or np.isfinite(found.value)
