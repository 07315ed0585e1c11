"""Files of sensors: each layout read right, value by value where it matters, or refused with the reason."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from insulae.core.errors import InvalidData
from insulae.patient_data.sensor_file import read_sensor_file
from insulae.patient_data.sensor_formats.carelink_basal import basal_rates
from insulae.patient_data.sensor_formats.dates import read_dates
from insulae.patient_data.sensor_formats.raw_file import Options

FILES = Path(__file__).parents[1] / "files" / "sensors"
DAY = 24 * 60

# File, readings, first and last value as the file writes them, unit, first day, minute of the first reading.
LAYOUTS = [
    ("clarity_g5_tabs.txt", 23, 115, 106, "mg/dL", date(2018, 11, 1), 2 + 5 / 60),
    ("clarity_us.csv", 20, 144, 71, "mg/dL", date(1961, 4, 12), 56 + 47 / 60),
    ("clarity_german.csv", 20, 113, 94, "mg/dL", date(2026, 1, 1), 4 + 45 / 60),
    ("carelink_780g.csv", 30, 100, 187, "mg/dL", date(2026, 7, 4), 18 * 60),
    ("libreview_uk.csv", 70, 4.3, 9.6, "mmol/L", date(2025, 9, 1), 21 * 60 + 58),
    ("libre3.csv", 49, 98, 82, "mg/dL", date(1961, 4, 12), 22 * 60 + 30),
    ("guardian_connect.csv", 36, 166, 55, "mg/dL", date(2021, 7, 24), 21 * 60 + 37 + 50 / 60),
    ("carelink_commas.csv", 6, 123, 105, "mg/dL", date(2014, 11, 14), 2 * DAY + 20 * 60 + 24),
    ("ipro.xlsx", 15, 92, 109, "mg/dL", date(2018, 8, 1), 13 * 60 + 50),
    ("tidepool.json", 27, 71, 40, "mg/dL", date(2017, 12, 31), 17 * DAY + 2 * 60 + 51 + 17 / 60),
    ("nightscout_entries.json", 22, 43, 162, "mg/dL", date(2026, 4, 4), 22 * 60 + 50 + 23 / 60),
    ("openaps_glucose.json", 6, 100, 101, "mg/dL", date(2018, 6, 2), 0),
    ("sibionics.xls", 29, 95, 178, "mg/dL", date(2026, 2, 13), 15 * 60 + 46),
]


@pytest.mark.parametrize(("name", "readings", "first", "last", "unit", "day", "minute"), LAYOUTS)
def test_each_layout_is_read_right(
    name: str, readings: int, first: float, last: float, unit: str, day: date, minute: float
) -> None:
    table = read_sensor_file(FILES / name)
    series = table.series("glucose_sensor")
    scale = 18.0156 if unit == "mmol/L" else 1.0
    assert (series.value.size, table.glucose_unit, table.first_day) == (readings, unit, day)
    assert [series.value[0] / scale, series.value[-1] / scale] == pytest.approx([first, last])
    assert series.clock[0] == pytest.approx(minute, abs=1e-6)
    assert table.remarks[0].startswith("read as ")


def test_what_the_library_passes_over_is_counted(tmp_path: Path):
    text = (FILES / "clarity_us.csv").read_text(encoding="utf-8-sig")
    path = tmp_path / "clarity.csv"
    path.write_text(f"{text}99,1961-04-17 05:00:00,Calibration,,,,android G6,110,,,,,,\n", encoding="utf-8")
    table = read_sensor_file(path)
    assert "1 calibrations are not read" in table.remarks
    assert table.series("glucose_sensor").value.size == 20


def test_low_is_a_limit_and_not_39():
    table = read_sensor_file(FILES / "clarity_us.csv")
    series = table.series("glucose_sensor")
    low = series.censored == -1
    assert (low.sum(), set(series.value[low])) == (1, {40.0})
    assert any("1 readings Low" in remark for remark in table.remarks)


def test_ten_mmol_per_liter_stays_ten(tmp_path: Path):
    """Clarity of the EU goes through cgm_format, which multiplies by 18.0182; no value may cross a limit."""
    text = (FILES / "clarity_us.csv").read_text(encoding="utf-8-sig").replace("mg/dL", "mmol/L")
    for old, new in ((",144,", ",10.0,"), (",143,", ",3.9,"), (",142,", ",13.9,")):
        text = text.replace(f"android G6{old}", f"android G6{new}")
    rows = [
        line
        for line in text.splitlines()
        if "EGV" not in line or any(v in line for v in ("10.0", "3.9,", "Low"))
    ]
    path = tmp_path / "eu.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    series = read_sensor_file(path).series("glucose_sensor")
    assert series.value[:2] / 18.0156 == pytest.approx([10.0, 3.9], rel=1e-12)
    assert series.value[-1] == pytest.approx(2.2 * 18.0156)
    assert series.censored[-1] == -1


def test_lo_and_hi_of_libre_are_limits(tmp_path: Path):
    path = tmp_path / "libre.csv"
    text = (FILES / "libreview_uk.csv").read_text(encoding="utf-8")
    path.write_text(text.replace(",0,4.3,", ",0,LO,", 1).replace(",0,3.1,", ",0,HI,", 1), encoding="utf-8")
    series = read_sensor_file(path).series("glucose_sensor")
    assert series.value[:2] == pytest.approx([2.2 * 18.0156, 27.8 * 18.0156])
    assert series.censored[:2].tolist() == [-1, 1]


def test_doses_and_meals_come_along():
    tidepool = read_sensor_file(FILES / "tidepool.json")
    assert tidepool.series("insulin_rapid").value[:2].tolist() == [2.3, 4.0]
    assert tidepool.series("insulin_rapid").value.sum() == pytest.approx(2.3 + 4 + 2 + 1 + 1.5 + 2.5)
    assert tidepool.series("insulin_basal_rate").value[0] == 1.15
    nightscout = read_sensor_file(FILES / "nightscout_treatments.json")
    assert nightscout.series("carbohydrate").value.tolist() == [20.0, 38.0, 16.0, 25.0]
    dual = read_sensor_file(FILES / "carelink_dual_bolus.csv")
    assert dual.series("insulin_rapid").value.sum() == pytest.approx(DUAL_BOLUS)


TEMPORARY = """{head}
1,3/13/14,00:00:00,3/13/14 00:00:00,110,BasalProfileStart,"PATTERN_NAME=standard, RATE=0.8, START_TIME=0"
2,3/13/14,01:00:00,3/13/14 01:00:00,,{temporary}
3,3/13/14,04:00:00,3/13/14 04:00:00,,ChangeSuspendState,"STATE=user_suspend, PRESTATE=normal_pumping"
4,3/13/14,04:30:00,3/13/14 04:30:00,,ChangeSuspendState,"STATE=normal_pumping, PRESTATE=null"
5,3/14/14,13:00:00,3/14/14 13:00:00,,BasalProfileStart,"PATTERN_NAME=standard, RATE=0.9, START_TIME=1"
"""


@pytest.mark.parametrize(
    ("temporary", "expected"),
    [
        ('ChangeTempBasal,"RATE=0.55, DURATION=7200000"', [0.8, 0.55, 0.8, 0.0, 0.8, 0.9]),
        ('ChangeTempBasalPercent,"PERCENT_OF_RATE=50, DURATION=7200000"', [0.8, 0.4, 0.8, 0.0, 0.8, 0.9]),
        ('ChangeTempBasalPercent,"PERCENT_OF_RATE=0, DURATION=0"', [0.8, 0.0, 0.8, 0.9]),
    ],
)
def test_basal_rates_of_carelink_are_those_that_ran(tmp_path: Path, temporary: str, expected: list[float]):
    head = "Index,Date,Time,Timestamp,Sensor Glucose (mg/dL),Raw-Type,Raw-Values"
    path = tmp_path / "pump.csv"
    path.write_text(TEMPORARY.format(head=head, temporary=temporary), encoding="utf-8")
    series = read_sensor_file(path, options=Options(day_first=False)).series("insulin_basal_rate")
    assert series.value == pytest.approx(expected)
    if expected[1]:
        assert series.minute[:5].tolist() == [0, 60, 180, 240, 270]


def test_a_suspension_before_any_rate_is_known_gives_none():
    rows = [("1", {"Raw-Type": "ChangeSuspendState", "Raw-Values": "STATE=user_suspend"})]
    assert not list(basal_rates(rows, [datetime(2014, 3, 13)]))
    carelink = read_sensor_file(FILES / "carelink_commas.csv").series("insulin_basal_rate")
    # 66 % for an hour, then the schedule again, 130 % for an hour.
    assert carelink.value == pytest.approx([1.2, 0.792, 1.5, 1.95, 1.5])


DUAL_BOLUS = 3.0 + 2.0
"""Normal and extended part of the bolus in the answer that came with the file."""


def test_a_days_sum_of_automatic_insulin_is_no_bolus_at_midnight():
    table = read_sensor_file(FILES / "carelink_780g.csv")
    assert table.series("insulin_rapid").value.tolist() == [1.9]
    assert table.series("insulin_basal_rate").value.tolist() == [0.7]
    assert any("automatic insulin" in remark for remark in table.remarks)


def test_a_meal_whose_bolus_was_not_delivered_is_entered_again_and_counts_once():
    table = read_sensor_file(FILES / "carelink_780g.csv")
    assert table.series("carbohydrate").value.tolist() == [14.0]
    assert "1 meals are left out whose bolus was not delivered" in table.remarks


def test_carelink_in_mmol_is_read_as_such(tmp_path: Path):
    text = (FILES / "carelink_780g.csv").read_text(encoding="utf-8").replace("mg/dL", "mmol/L")
    path = tmp_path / "carelink.csv"
    path.write_text(text.replace(";150;", ";8,3;").replace(";100;19", ";5,6;19"), encoding="utf-8")
    with pytest.raises(InvalidData, match="103 mmol/L is outside"):
        read_sensor_file(path)  # what was not turned into mmol/L is refused, not taken for mg/dL
    rows = [
        line for line in path.read_text(encoding="utf-8").splitlines() if "19,24" not in line or "5,6" in line
    ]
    path.write_text("\n".join(rows), encoding="utf-8")
    table = read_sensor_file(path)
    assert table.glucose_unit == "mmol/L"
    assert table.series("glucose_sensor").value == pytest.approx([5.6 * 18.0156])


def test_a_translated_clarity_file_is_read_by_the_place_of_its_columns(tmp_path: Path):
    table = read_sensor_file(FILES / "clarity_german.csv")
    series = table.series("glucose_sensor")
    assert series.value[series.censored == -1].tolist() == [40.0]
    assert series.value[series.censored == 1].tolist() == [400.0]
    assert table.series("insulin_injected").value.tolist() == [4.5]
    assert table.series("carbohydrate").value.tolist() == [45.0]
    path = tmp_path / "clarity.csv"
    text = (FILES / "clarity_german.csv").read_text(encoding="utf-8")
    path.write_text(text.replace("Niedrig", "Madal"), encoding="utf-8")
    with pytest.raises(InvalidData, match="'Madal' is not a number"):
        read_sensor_file(path)


def test_carbohydrate_asked_about_three_times_is_one_meal():
    table = read_sensor_file(FILES / "carelink_asked_again.csv")
    assert table.series("carbohydrate").value.tolist() == [47.0]
    assert any("2 repeated questions" in remark for remark in table.remarks)


def test_an_unknown_kind_of_insulin_is_not_called_rapid():
    table = read_sensor_file(FILES / "guardian_connect.csv")
    assert table.has("insulin_injected") and not table.has("insulin_rapid")


def test_error_codes_and_settings_are_no_glucose():
    table = read_sensor_file(FILES / "nightscout_entries.json")
    assert table.series("glucose_sensor").value.min() >= 39
    with pytest.raises(InvalidData, match=r"holds a profile .* no measurements"):
        read_sensor_file(FILES / "openaps_profile.json")


def test_the_order_of_day_and_month_is_never_guessed():
    with pytest.raises(InvalidData, match=r"day first or month first.*--dates"):
        read_sensor_file(FILES / "libre_2018_clinic.csv")
    month_first = read_sensor_file(FILES / "libre_2018_clinic.csv", options=Options(day_first=False))
    assert month_first.first_day == date(2018, 8, 1)
    twelve_days = [f"{day:02d}-03-2026 08:00" for day in range(1, 13)]
    dates, remark = read_dates(twelve_days, "x", None)
    assert (dates[-1].month, dates[-1].day, remark) == (3, 12, "dates are written day first")
    swapped = [f"03/{day:02d}/2026 8:00 PM" for day in range(1, 13)]
    dates, remark = read_dates(swapped, "x", None)
    assert (dates[-1].month, dates[-1].day, dates[-1].hour) == (3, 12, 20)


def test_the_zone_moves_the_clock_and_nothing_else():
    here = read_sensor_file(FILES / "nightscout_entries.json").series("glucose_sensor")
    there = read_sensor_file(FILES / "nightscout_entries.json", "Europe/Moscow").series("glucose_sensor")
    assert (there.value == here.value).all()
    assert there.minute - there.minute[0] == pytest.approx(here.minute - here.minute[0])
    assert (there.clock - here.clock) % DAY == pytest.approx(180.0)


PLAIN = "id,time,gl\nA,2026-03-01 08:00:00,101\nA,2026-03-01 08:05:00,Low\nB,2026-03-01 08:00:00,99\n"


def plain(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plain.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (PLAIN, Options(unit="mg/dL"), "holds 2 people: A, B. Choose: --person"),
        (PLAIN, Options(person="A"), "does not state its unit. Say which: --unit"),
        (PLAIN, Options(person="C", unit="mg/dL"), "nobody called 'C'"),
        (PLAIN.replace("gl", "gl (mg/dL)"), Options(person="A", unit="mmol/L"), "states mg/dL, not mmol/L"),
        (PLAIN.replace("101", "5.6"), Options(person="A", unit="mg/dL"), "As mmol/L it would be plausible"),
        (PLAIN.replace("Low", "many"), Options(person="A", unit="mg/dL"), "row 2: 'many' is not a number"),
        (PLAIN.replace("gl", "pulse"), Options(), "begins like no file that is known. Expected Dexcom"),
        ("id,time,gl\n", Options(unit="mg/dL"), "holds no reading"),
        ("", Options(), "is empty"),
        ('{"a": ', Options(), "line 1: not valid JSON"),
        ("PK\x03\x04nothing", Options(), "workbook that cannot be opened"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, text: str, options: Options, message: str):
    with pytest.raises(InvalidData, match=message):
        read_sensor_file(plain(tmp_path, text), options=options)
    with pytest.raises(InvalidData, match="cannot be read"):
        read_sensor_file(tmp_path / "absent.csv")


def test_a_plain_table_is_read_with_what_only_its_owner_knows(tmp_path: Path):
    table = read_sensor_file(plain(tmp_path, PLAIN), options=Options(person="A", unit="mg/dL"))
    assert table.series("glucose_sensor").value.tolist() == [101.0, 40.0]
    assert any("taken for below 40" in remark for remark in table.remarks)


def test_repeated_and_contradicting_rows_are_mended_and_told(tmp_path: Path):
    times = ("08:00,100", "08:00,100", "08:05,90", "08:05,110")
    rows = "\n".join(["time,glucose mg/dL", *(f"2026-03-01 {time}" for time in times)])
    table = read_sensor_file(plain(tmp_path, rows))
    assert table.series("glucose_sensor").value.tolist() == [100.0, 100.0]
    assert {"1 repeated rows dropped", "1 times had several sensor values; their mean is taken"} <= set(
        table.remarks
    )


def test_a_tidepool_record_in_mmol_stays_in_mmol(tmp_path: Path):
    records = json.loads((FILES / "tidepool.json").read_text(encoding="utf-8"))
    for place, record in enumerate(records):
        if record["type"] == "cbg" and "value" in record:
            record["value"] = 5.0 + 0.1 * (place % 20)
    path = tmp_path / "tidepool.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    table = read_sensor_file(path)
    assert table.glucose_unit == "mmol/L"
    assert table.series("glucose_sensor").value.min() == pytest.approx(5.0 * 18.0156)
