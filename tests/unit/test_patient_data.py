"""The tidy table: what it holds, in which unit, when; and what is refused, with the line named."""

from datetime import date, datetime

import numpy as np
import pytest

from insulae.core.errors import InvalidData
from insulae.patient_data.cleaning import without_duplicates
from insulae.patient_data.entries import Entry, table_of
from insulae.patient_data.table import combined
from insulae.patient_data.tidy import is_tidy, tidy_table, tidy_text

MEAL_TEST = """# a mixed-meal test
time,quantity,value,unit
,sex,female,
,height,1.65,m
,hba1c,53,mmol/mol
-10,glucose,5.1,mmol/L
0,c_peptide,<0.1,ng/mL
30,glucose,9.0,mmol/L
30,c_peptide,2.0,nmol/L
0,insulin,8,µU/mL
"""


def test_units_become_those_of_the_table():
    table = tidy_table(MEAL_TEST, "meal.csv")
    assert table.series("glucose").value == pytest.approx([5.1 * 18.0156, 9.0 * 18.0156])
    assert table.series("c_peptide").value == pytest.approx([0.1 / 3020.3 * 1e6, 2000.0])
    assert table.series("insulin").value == pytest.approx([48.0])  # 6 pmol per mU
    assert table.number("height") == 165.0
    assert table.number("hba1c") == pytest.approx(7.0, abs=0.01)
    assert table.word("sex") == "female"
    assert table.glucose_unit == "mmol/L"


def test_a_limit_is_not_a_measurement():
    series = tidy_table(MEAL_TEST, "meal.csv").series("c_peptide")
    assert series.censored.tolist() == [-1, 0]


def test_minutes_of_a_test_stay_and_dates_count_from_midnight():
    assert tidy_table(MEAL_TEST, "x").series("glucose").minute.tolist() == [-10.0, 30.0]
    dated = tidy_table("time,quantity,value,unit\n2026-03-01 08:00,glucose,100,mg/dL\n", "x")
    assert dated.first_day == date(2026, 3, 1)
    assert dated.series("glucose").minute.tolist() == [480.0]


def test_text_and_table_say_the_same():
    table = tidy_table(MEAL_TEST, "meal.csv")
    again = tidy_table(tidy_text(table), "again")
    assert again.name.tolist() == table.name.tolist()
    assert again.value == pytest.approx(table.value)
    assert is_tidy(tidy_text(table))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("5.1,mmol/L", "5.1,mg/dL", "line 6: glucose of 5.1 mg/dL is outside .* As mmol/L"),
        ("10,glucose", "10,glucos", "line 6: 'glucos' is not a quantity. did you mean 'glucose'"),
        ("-10,", "2026-01-01,", "line 6 and line 7 give the time in different ways|in different ways"),
        ("1.65,m", "1.65,mmol/L", "line 4: height cannot be given in 'mmol/L'"),
        ("1.65,m", "1.65,", "line 4: height has no unit"),
        ("female", "f", "line 3: sex is 'f'. Expected female or male"),
        ("53,", "good,", "line 5: the value 'good' of hba1c is not a number"),
        ("53,", "nan,", "line 5: the value 'nan'"),
        ("-10,", "noon,", "line 6: 'noon' is not a time"),
        ("time,quantity,value,unit", "time,quantity,value", "the first line is"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(old: str, new: str, message: str):
    with pytest.raises(InvalidData, match=message):
        tidy_table(MEAL_TEST.replace(old, new, 1), "meal.csv")


def test_an_empty_file_is_an_error():
    for text in ("", "time,quantity,value,unit\n"):
        with pytest.raises(InvalidData):
            tidy_table(text, "empty.csv")


def _readings(times: list[datetime], zone: str | None):
    return table_of([Entry(t, "glucose_sensor", 100.0, "mg/dL", "") for t in times], "x", zone)


def test_the_hour_lived_twice_in_autumn_lasts_twice_as_long():
    """Berlin put the clock back at 3:00 on 26 October 2025; the sensor went on every 30 minutes."""
    clock = [(1, 30), (2, 0), (2, 30), (2, 0), (2, 30), (3, 0)]
    times = [datetime(2025, 10, 26, hour, minute) for hour, minute in clock]
    even = _readings(times, "Europe/Berlin").series("glucose_sensor")
    assert np.diff(even.minute).tolist() == [30.0] * 5
    assert even.clock.tolist() == [60.0 * hour + minute for hour, minute in clock]
    backward = _readings(times[::-1], "Europe/Berlin").series("glucose_sensor")
    assert backward.minute.tolist() == even.minute.tolist()


def test_each_quantity_goes_back_in_time_for_itself():
    """A file lists the trace, then the doses: a dose before the change is not of the second pass."""
    trace = [datetime(2025, 10, 26, 1, 30), datetime(2025, 10, 26, 2, 50), datetime(2025, 10, 26, 3, 0)]
    entries = [Entry(time, "glucose_sensor", 100.0, "mg/dL", "") for time in trace]
    entries.append(Entry(datetime(2025, 10, 26, 2, 10), "insulin_rapid", 4.0, "U", ""))
    table = table_of(entries, "x", "Europe/Berlin")
    dose, first = table.series("insulin_rapid").minute[0], table.series("glucose_sensor").minute[0]
    assert dose - first == 40.0


def test_the_hour_missing_in_spring_is_no_gap():
    times = [datetime(2025, 3, 30, 1, 30), datetime(2025, 3, 30, 3, 0)]
    assert np.diff(_readings(times, "Europe/Berlin").series("glucose_sensor").minute).tolist() == [30.0]
    assert np.diff(_readings(times, None).series("glucose_sensor").minute).tolist() == [90.0]


def test_instants_are_shown_by_the_clock_of_the_zone():
    times = [datetime.fromisoformat("2026-01-01T12:00:00+00:00")]
    assert _readings(times, "Asia/Tokyo").series("glucose_sensor").clock.tolist() == [21 * 60.0]
    assert "give the time zone" in " ".join(_readings(times, None).remarks)
    with pytest.raises(InvalidData, match="not a time zone"):
        _readings(times, "Berlin/Europe")


def test_files_of_one_person_are_joined_and_shared_rows_count_once():
    first = tidy_table("time,quantity,value,unit\n2026-03-01 08:00,insulin_rapid,4,U\n", "a")
    both = (
        "time,quantity,value,unit\n2026-03-01 08:00,insulin_rapid,4,U\n2026-03-02 08:00,insulin_rapid,4,U\n"
    )
    joined = without_duplicates(combined([tidy_table(both, "b"), first]))
    assert joined.series("insulin_rapid").minute.tolist() == [480.0, 1920.0]
    assert any("repeated rows" in remark for remark in joined.remarks)
    with pytest.raises(InvalidData, match="others minutes"):
        combined([first, tidy_table(MEAL_TEST, "m")])
