"""`insulae cgm` and `insulae islet-function` from file to text, JSON, CSV and page; FHIR and NONMEM data."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.unit.test_cli import call

from insulae.cgm import metrics
from insulae.cgm.limits import MMOL_PER_L
from insulae.cgm.readings import Readings
from insulae.cgm.record import SensorRecord
from insulae.cgm.summary import MEASURES, episodes, measured
from insulae.core.citations import references
from insulae.core.errors import InvalidData
from insulae.patient_data.fhir import fhir_bundle, fhir_table
from insulae.patient_data.nonmem import nonmem_table
from insulae.patient_data.read import read, read_all
from insulae.patient_data.tidy import tidy_table
from insulae.report import islet_function, sensor, sensor_fhir

ROOT = Path(__file__).parents[2]
SENSORS, EXAMPLES = ROOT / "tests" / "files" / "sensors", ROOT / "docs" / "examples"


def test_readings_in_mmol_are_judged_by_limits_in_mmol():
    """10.0 mmol/L is 180.16 mg/dL and yet in range; 3.9 is not low, 3.8 is."""
    glucose = np.array([3.0, 2.9, 3.9, 3.8, 7.8, 7.9, 10.0, 10.1, 13.9, 14.0]) * 18.0156
    readings = Readings.of(glucose, MMOL_PER_L)
    assert metrics.time_in_range(readings) == pytest.approx(40.0)
    assert metrics.time_below_range(readings) == pytest.approx(30.0)
    assert metrics.time_below_54(readings) == pytest.approx(10.0)
    assert metrics.time_in_tight_range(readings) == pytest.approx(20.0)
    assert metrics.time_above_range(readings) == pytest.approx(30.0)
    assert metrics.time_above_250(readings) == pytest.approx(10.0)


def record(glucose: list[float], minutes: list[float] | None = None) -> SensorRecord:
    minute = np.arange(0.0, 5.0 * len(glucose), 5.0) if minutes is None else np.array(minutes)
    return SensorRecord(minute, minute + 480.0, np.array(glucose))


def test_an_episode_has_start_end_lowest_value_and_level():
    found = episodes(record([90.0, 65, 50, 50, 50, 60, 90, 90, 90, 90]))
    assert [tuple(one) for one in found] == [(5.0, 30.0, 50.0, 2)]


def test_gaps_are_not_filled_and_lower_completeness():
    holed = record([100.0, 100, 100, 100], [0.0, 5, 60, 65])
    assert holed.step == 5
    assert np.isnan(holed.even.glucose).sum() == 10
    assert holed.completeness == pytest.approx(100.0 * 4 / 14)
    assert measured(holed)["mean"] == 100.0


def test_a_record_needs_rising_times():
    for minutes in ([], [5.0, 5.0], [5.0, 0.0]):
        with pytest.raises(ValueError, match="rise"):
            record([100.0] * len(minutes), minutes)


def test_every_measure_has_definition_and_source():
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)
    assert all(measure.definition and measure.source in references() for measure in MEASURES)


def test_cgm_prints_json_and_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file, out = str(EXAMPLES / "sensor.csv"), str(tmp_path)
    assert call("cgm", file, "--out", out, "--json", "--show", "mmol/L") == 0
    found = json.loads(capsys.readouterr().out)
    values = {row["name"]: row for row in found["measures"]}
    series = read(EXAMPLES / "sensor.csv").series("glucose_sensor").value
    assert values["mean"]["value"] == pytest.approx(series.mean() / 18.0156)
    assert values["gmi"]["value"] == pytest.approx(3.31 + 0.02392 * series.mean())
    assert "Bergenstal" in values["gmi"]["source"] and values["gmi"]["definition"]
    page = (tmp_path / "cgm.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2 + 7 and "Not medical advice" in page


def test_text_and_csv_say_what_the_json_says():
    table = read(EXAMPLES / "sensor.csv")
    found = sensor.summary(table, sensor.record_of(table, 14), "mg/dL")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(sensor.as_csv(found)))}
    series = table.series("glucose_sensor").value
    in_range = 100.0 * ((series >= 70) & (series <= 180)).mean()
    assert float(rows["in_70_180"]["value"]) == pytest.approx(in_range)
    assert f"{in_range:.1f} %" in sensor.as_text(found) and sensor.NOTICE in sensor.as_text(found)
    assert any("fewer than the 14 of the consensus" in remark for remark in found["remarks"])


def test_measures_are_written_as_fhir():
    table = read(EXAMPLES / "sensor.csv")
    found = sensor.summary(table, sensor.record_of(table, 14), "mg/dL")
    written = [entry["resource"] for entry in sensor_fhir.bundle(found)["entry"]]
    by_code = {one["code"]["coding"][0]["code"]: one for one in written}
    assert len(by_code) == 8
    assert by_code["97507-8"]["valueQuantity"]["value"] == pytest.approx(
        found["measures"][2]["value"], abs=1e-4
    )
    assert by_code["97510-2"]["effectivePeriod"] == {"start": "2017-03-14", "end": "2017-03-20"}
    with pytest.raises(InvalidData, match="needs dates"):
        sensor_fhir.bundle(found | {"first": "minute 0"})


def test_the_last_days_are_reported():
    table = read(EXAMPLES / "sensor.csv")
    assert sensor.record_of(table, 2).days == pytest.approx(2.0, abs=0.01)


def test_several_files_of_one_person_are_one_record(tmp_path: Path):
    lines = (EXAMPLES / "sensor.csv").read_text(encoding="utf-8").splitlines()
    for name, part in (("a.csv", lines[:1000]), ("b.csv", [lines[0], *lines[900:]])):
        (tmp_path / name).write_text("\n".join(part), encoding="utf-8")
    both = read_all([tmp_path / "b.csv", tmp_path / "a.csv"])
    whole = read(EXAMPLES / "sensor.csv")
    assert both.series("glucose_sensor").value.tolist() == whole.series("glucose_sensor").value.tolist()
    assert any("100 repeated rows" in remark for remark in both.remarks)


def test_a_file_without_sensor_glucose_is_a_mistake_in_words(capsys: pytest.CaptureFixture[str]):
    assert call("cgm", str(SENSORS / "openaps_pump_history.json")) == 2
    assert "holds no sensor glucose, but insulin_rapid" in capsys.readouterr().err


def test_islet_function_prints_values_and_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert call("islet-function", str(EXAMPLES / "ogtt.csv"), "--out", str(tmp_path)) == 0
    shown = capsys.readouterr().out
    assert "cannot be computed because HbA1c is missing" in shown and "HOMA1-IR" in shown and "HOMA2" in shown
    assert call("islet-function", str(EXAMPLES / "meal_test.csv"), "--out", str(tmp_path), "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["indices"]}
    assert rows["igls_graft"]["value"] == "optimal"
    assert rows["fasting_c_peptide"]["value"] == pytest.approx(420.0)  # mean of 7:50 and 8:00
    assert rows["matsuda"]["value"] is None and rows["matsuda"]["reason"].startswith(
        "cannot be computed because"
    )
    page = (tmp_path / "islet_function.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "Not medical advice" in page


def test_a_sensor_counts_for_igls_when_it_was_worn_before_the_test(tmp_path: Path):
    """A day of 45 mg/dL two days before the test is no success; a month earlier it does not count."""
    for month, outcome in ((2, "failure"), (1, "optimal")):
        rows = [f"2026-{month:02d}-28 {hour:02d}:{minute:02d},45" for hour in range(24) for minute in (0, 30)]
        path, before = tmp_path / f"sensor{month}.csv", tmp_path / "baseline.csv"
        path.write_text("\n".join(["time,glucose (mg/dL)", *rows]), encoding="utf-8")
        lines = ("time,quantity,value,unit", ",baseline_hba1c,5,%", ",baseline_severe_hypoglycemia,4,1/year")
        before.write_text("\n".join(lines), encoding="utf-8")
        table = read_all([EXAMPLES / "meal_test.csv", path, before])
        found = islet_function.summary(table, islet_function.data_of(table))
        value = next(row["value"] for row in found["indices"] if row["name"] == "igls_treatment")
        assert value == outcome
        assert any("14 days before the test" in remark for remark in found["remarks"])


def test_of_several_laboratory_values_the_one_nearest_to_the_test_counts():
    text = (EXAMPLES / "meal_test.csv").read_text(encoding="utf-8").replace(",hba1c,43,mmol/mol\n", "")
    for day, value in (("2025-09-01", 9.0), ("2026-03-01", 6.1), ("2026-05-01", 5.0)):
        text += f"{day} 08:00,hba1c,{value},%\n"
    table = tidy_table(text, "x")
    assert islet_function.data_of(table).hba1c == 6.1
    found = islet_function.summary(table, islet_function.data_of(table))
    assert "hba1c: of 3 values the one nearest to the test" in found["remarks"]


def test_a_dated_test_must_say_when_it_began(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    text = (EXAMPLES / "meal_test.csv").read_text(encoding="utf-8")
    path = tmp_path / "test.csv"
    path.write_text(
        "\n".join(line for line in text.splitlines() if "mixed_meal" not in line), encoding="utf-8"
    )
    assert call("islet-function", str(path)) == 2
    assert "nothing says when the test began" in capsys.readouterr().err


BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": {"resourceType": "Patient", "gender": "female"}},
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "1986-9"}]},
                "effectiveDateTime": "2026-03-02T08:00:00+01:00",
                "valueQuantity": {"value": 0.1, "code": "ng/mL", "comparator": "<"},
            }
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "14749-6"}]},
                "effectiveDateTime": "2026-03-02T08:00:00+01:00",
                "valueQuantity": {"value": 5.5, "code": "mmol/L"},
            }
        },
        {
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
            }
        },
    ],
}


def test_fhir_observations_are_read():
    table = fhir_table(BUNDLE, "bundle.json")
    assert table.series("glucose").value == pytest.approx([5.5 * 18.0156])
    assert table.series("c_peptide").censored.tolist() == [-1]
    assert table.word("sex") == "female"
    assert any("1 Observations without a known code" in remark for remark in table.remarks)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("valueQuantity", "code"), "mg/mL3", "entry 2: c_peptide cannot be given in 'mg/mL3'"),
        (("valueQuantity", "value"), "much", "entry 2: valueQuantity.value"),
        (("effectiveDateTime",), None, "c_peptide has no effectiveDateTime"),
        (("effectiveDateTime",), "yesterday", "'yesterday' is not a date"),
        (("status",), None, "entry 2: status"),
    ],
)
def test_what_fhir_does_not_allow_is_refused(path: tuple[str, ...], value: object, message: str):
    content = json.loads(json.dumps(BUNDLE))
    place = content["entry"][1]["resource"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InvalidData, match=message):
        fhir_table(content, "bundle.json")


def test_what_is_written_as_fhir_is_read_back():
    table = read(EXAMPLES / "meal_test.csv")
    again = fhir_table(fhir_bundle(table, "+01:00"), "again")
    for name in ("glucose", "c_peptide", "hba1c", "body_weight"):
        assert again.series(name).value == pytest.approx(table.series(name).value, rel=1e-5)
        assert again.series(name).clock.tolist() == table.series(name).clock.tolist()
    assert again.names == table.names and len(again) == len(table)  # doses, the meal and words as well
    assert again.word("sex") == table.word("sex") and again.number("insulin_daily") == 0
    with pytest.raises(InvalidData, match="needs dates"):
        fhir_bundle(read(EXAMPLES / "ogtt.csv"))


NONMEM = """ID,TIME,AMT,DV,EVID,MDV,DVNAME,AMTNAME,UNIT,WT
1,0,75,.,1,1,.,glucose_load,g,70
1,0,.,88,0,0,glucose,.,mg/dL,70
1,0.5,.,139,0,0,glucose,.,mg/dL,70
1,0.5,.,.,0,1,insulin,.,uU/mL,70
2,0,.,99,0,0,glucose,.,mg/dL,80
"""


def test_nonmem_data_are_read():
    table = nonmem_table(NONMEM, "x", "1")
    assert table.series("glucose").minute.tolist() == [0.0, 30.0]
    assert table.series("glucose_load").value.tolist() == [75.0]
    assert table.number("body_weight") == 70.0
    assert not table.has("insulin")
    assert any("taken as hours" in remark for remark in table.remarks)


@pytest.mark.parametrize(
    ("old", "new", "person", "message"),
    [
        ("", "", None, "holds 2 people"),
        ("", "", "3", "nobody called '3'"),
        ("DVNAME", "CMT", "1", "no column says what DV is"),
        ("0,0,glucose,.,mg/dL,70\n1,0.5", "3,0,glucose,.,mg/dL,70\n1,0.5", "1", "EVID 3 or ADDL is not read"),
        ("glucose,.", "gluc,.", "1", "line 3: DVNAME: 'gluc' is not a quantity"),
        (",88,", ",high,", "1", "line 3: the value 'high' of glucose"),
    ],
)
def test_what_nonmem_data_leave_open_is_refused(old: str, new: str, person: str | None, message: str):
    with pytest.raises(InvalidData, match=message):
        nonmem_table(NONMEM.replace(old, new) if old else NONMEM, "x", person)


def test_every_kind_of_file_is_recognized(tmp_path: Path):
    for name, text, expected in (
        ("a.csv", NONMEM.replace("2,0,.,99,0,0,glucose,.,mg/dL,80\n", ""), "glucose_load"),
        ("b.json", json.dumps(BUNDLE), "c_peptide"),
        ("c.csv", (EXAMPLES / "ogtt.csv").read_text(encoding="utf-8"), "insulin"),
        ("d.csv", (SENSORS / "carelink_commas.csv").read_text(encoding="utf-8"), "glucose_sensor"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert expected in read(tmp_path / name).names
    assert tidy_table("time,quantity,value,unit\n,age,40,year\n", "x").number("age") == 40.0


@pytest.mark.parametrize(
    "module", ["insulae.cgm.summary", "insulae.islet_function.registry", "insulae.patient_data.read"]
)
def test_measuring_needs_no_simulator(module: str):
    code = f"import sys, {module}; print(*{{m.split('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"jax", "pandas", "matplotlib", "polars", "scipy"} & set(loaded.split())
