"""Digital twins: what a fit promises, simulated so that the truth is known."""

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insulae.core.errors import InvalidData, InvalidStudy, RunError
from insulae.inference import experiments as e
from insulae.inference import person, twin, updating
from insulae.inference.diagnostics import converged, said_by_data
from insulae.inference.evidence import Experiment, Series, number_of_values, stacked
from insulae.inference.fit import Fitted, fit
from insulae.inference.meals import projection, uncertain
from insulae.inference.measurement_error import error_table
from insulae.inference.predictive import expected
from insulae.inference.prior import believed
from insulae.inference.sensor_days import Diary, day_of, sensor_days, usual_day
from insulae.inference.virtual import chosen, starting_twins
from insulae.populations.patient import ClinicNumbers
from insulae.study.person import experiments_of, load_person

GIVEN = {"age": 58.0, "male": 1.0, "height": 1.72, "weight": 86.0, "egfr": 85.0}
NUMBERS = ClinicNumbers("type2", {k: (v, v) for k, v in GIVEN.items()})
TIMES = np.array([0, 30, 60, 90, 120.0])
QUANTITIES = ("glucose", "insulin", "c_peptide")


def glucose_test(values: np.ndarray) -> Experiment:
    series = tuple(Series(q, TIMES, row) for q, row in zip(QUANTITIES, values, strict=True))
    return Experiment("glucose test", e.joined(e.night(), e.oral_test(75.0, 120)), values[0, 0], series)


@pytest.fixture(scope="module")
def beliefs() -> Any:
    return believed(NUMBERS, [], 1, 128)


@pytest.fixture(scope="module")
def truth(beliefs: Any) -> np.ndarray:
    """A person who is more resistant and secretes less than most."""
    mean = np.array(beliefs[1].mean)
    return mean + np.array([-0.5, -0.2, -0.4, 0.2, 0, 0, 0, 0.1, 0, 0])


@pytest.fixture(scope="module")
def tested(beliefs: Any, truth: np.ndarray) -> Experiment:
    """The truth's glucose test without error."""
    blank = stacked([glucose_test(np.full((3, 5), 100.0))], error_table())
    return glucose_test(expected(blank, beliefs[0], truth[:, None]).reshape(3, 5))


@pytest.fixture(scope="module")
def fitted(beliefs: Any, tested: Experiment) -> Fitted:
    return fit(*beliefs, [tested], error_table(), 1)


@pytest.fixture(scope="module")
def made(fitted: Fitted) -> twin.Twin:
    who = {"name": "x", "phenotype": "type2", "patient": {}, "treatment": []}
    return twin.twin_of(fitted, who, 1)


def test_a_test_without_error_finds_the_truth(fitted: Fitted, truth: np.ndarray):
    assert fitted.draws.convergence.is_enough(400, 1.01)
    low, high = np.percentile(fitted.logarithms, (1, 99), axis=1)
    assert ((truth > low) & (truth < high)).all()


def test_walkers_and_the_laplace_gaussian_agree(fitted: Fitted):
    """The posterior of a full test is nearly Gaussian; the means agree within half a spread."""
    mean, spread = fitted.logarithms.mean(axis=1), fitted.logarithms.std(axis=1)
    assert (np.abs(mean - fitted.point.logarithms) < 0.6 * spread).all()
    laplace = np.sqrt(np.diag(fitted.point.covariance))
    assert (spread / laplace > 0.7).all() and (spread / laplace < 1.7).all()


def test_the_same_seed_gives_the_same_draws(beliefs: Any, tested: Experiment, fitted: Fitted):
    again = fit(*beliefs, [tested], error_table(), 1)
    np.testing.assert_array_equal(again.logarithms, fitted.logarithms)


def test_the_twin_says_what_the_data_determine(made: twin.Twin):
    words = made.determined()
    assert words["capacity"] == "determined" and words["half_glucose"] != "determined"
    assert made.findings["trouble"] == []
    assert made.findings["checks"]["glucose"]["inside_90"] == 1


def test_a_twin_reads_back(made: twin.Twin, tmp_path: Path):
    back = twin.read(twin.write(made, tmp_path / "t"))
    np.testing.assert_array_equal(back.logarithms, made.logarithms)
    assert back.findings == made.findings and back.effective == pytest.approx(len(made.weights))
    with pytest.raises(RunError, match="holds no twin"):
        twin.read(tmp_path / "nothing")


def test_an_update_narrows_and_a_contradiction_is_refused(beliefs: Any, made: twin.Twin, tested: Experiment):
    """The same test once more tells a little more; a test of somebody else asks for a new fit."""
    after = updating.updated(made, beliefs[0], [tested], error_table())
    assert 100 < after.effective < made.effective
    assert (after.spread()[1] < 1.05 * made.spread()[1]).all()
    values = np.stack([s.values for s in tested.series])
    other = glucose_test(values * np.array([[0.5], [6.0], [5.0]]))
    with pytest.raises(RunError, match="fit all data together"):
        updating.updated(made, beliefs[0], [other], dataclasses.replace(error_table(), freedom=100))


def test_draws_become_patients_with_just_these_values(made: twin.Twin):
    start = starting_twins(made, NUMBERS, [], np.arange(16), 16)
    drawn = made.logarithms[:, chosen(made, 16)]
    np.testing.assert_allclose(person.effective(start, "type2"), drawn, atol=1e-4)
    assert start.is_solved.all()


def test_the_chosen_draws_follow_the_weights(made: twin.Twin):
    weights = np.zeros(len(made.weights))
    weights[[3, 7]] = 0.75, 0.25
    found = chosen(dataclasses.replace(made, weights=weights), 8)
    assert np.bincount(found)[[3, 7]].tolist() == [6, 2]


def test_gaps_in_a_series_are_left_out():
    values = np.full((3, 5), 100.0)
    values[1, 2] = np.nan
    evidence = stacked([glucose_test(values)], error_table())
    assert number_of_values(evidence) == 14


def test_a_diary_becomes_days():
    minutes = np.arange(0, 3 * 1440, 5.0)
    diary = Diary(
        glucose=np.stack([minutes, 120 + 0 * minutes], axis=1),
        meals=np.array([[1440 + 450.0, 60.0]]),
        rapid=np.array([[1440 + 445.0, 8.0]]),
        long=np.empty((0, 2)),
    )
    days = sensor_days(diary, range(3), 70.0, error_table())
    assert [d.name for d in days] == ["day 1", "day 2", "day 3"]
    second = days[1].schedule
    assert np.sum(second.inputs.rapid_insulin * second.minutes) * 70 == pytest.approx(48e3)
    # The day before had no notes: its dinner, usual by the table, lies in the warm-up of the second day.
    assert np.sum(second.inputs.solid_carbohydrate * second.minutes) == pytest.approx(130e3)
    assert second.end[-1] == 1440 and days[1].clock == 1440
    sparse = dataclasses.replace(diary, glucose=diary.glucose[:20])
    assert not sensor_days(sparse, range(3), 70.0, error_table())
    assert np.isnan(day_of(sparse, 2, 70.0, error_table(), np.array([0.0])).series[0].values).all()


def test_meals_may_be_missing_where_none_is_noted():
    errors = error_table()
    found = dict(uncertain([(480.0, 50.0)], -240, 1440, errors))
    assert found[480.0] == pytest.approx(50 * errors.meal_size)
    others = [m for m in found if m != 480.0]
    assert others and min(abs(m - 480) for m in others) >= 90


def test_meals_are_integrated_out_as_a_gaussian():
    """The projection gives the squares of the full covariance, one plus the meals' directions."""
    random = np.random.default_rng(1)
    minutes = np.arange(0, 300, 15.0)
    read = Series("interstitial", minutes, 100 + 0 * minutes)
    day = Experiment("day", e.days(60), 100.0, (read,))
    evidence = stacked([day], error_table())
    n = len(np.asarray(evidence.quantity))
    effect, scale = random.standard_normal((n, 16)), random.uniform(size=(1, 16))
    found = projection(evidence, effect, scale)
    moved = np.where((np.asarray(evidence.quantity) == 1)[:, None], effect * scale, 0)
    d = random.standard_normal(n)
    whole = d @ np.linalg.solve(np.eye(n) + moved @ moved.T, d)
    assert d @ d - np.sum((found @ d) ** 2) == pytest.approx(whole)


def test_hba1c_is_an_ordinary_day():
    day = usual_day(7.0, 150.0, 70.0, np.empty((0, 2)), np.array([[1320.0, 20.0]]))
    assert day.series[0].quantity == "hba1c" and day.basal_insulin > 0
    assert len(day.schedule.minutes) == 384


def test_words_for_what_data_say():
    assert said_by_data(np.ones(3), np.array([0.3, 0.7, 0.95])) == [
        "determined",
        "narrowed",
        "left to the prior",
    ]


def test_r_hat_tells_groups_apart():
    draws = np.random.default_rng(1).standard_normal((32, 40, 2))
    assert converged(draws).r_hat.max() < 1.01
    draws[:8, :, 1] += 1
    assert converged(draws).r_hat[1] > 1.05


PERSON = """
name: anna
phenotype: type2
patient: {age: 57 years, sex: female, height: 160 cm, weight: 62 kg, hba1c: 7.1 %}
data: [test.csv]
"""
DATA = """time,quantity,value,unit
0,glucose_load,75,g
-5,glucose,6.5,mmol/L
30,glucose,191,mg/dL
120,glucose,232,mg/dL
0,insulin,40,pmol/L
120,insulin,290,pmol/L
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "anna.yaml").write_text(PERSON)
    (tmp_path / "test.csv").write_text(DATA)
    return tmp_path


def test_a_patient_file_and_its_data(folder: Path, beliefs: Any):
    someone = load_person(folder / "anna.yaml")
    assert "hba1c" not in someone.numbers.given
    day, test = experiments_of(someone, beliefs[0])
    assert day.name == "HbA1c" and test.name == "glucose test"
    glucose = test.series[0]
    assert glucose.minutes.tolist() == [0, 30, 120] and glucose.values[0] == pytest.approx(117.1, abs=0.1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("height: 160 cm, ", "", "height is missing"),
        ("age: 57 years", "age: 50 to 60 years", "age is a range"),
        ("phenotype: type2", "phenotype: type3", "phenotype"),
        (", hba1c: 7.1 %", "", "no measurement"),
    ],
)
def test_a_wrong_patient_file_is_told(folder: Path, beliefs: Any, old: str, new: str, said: str):
    path = folder / "anna.yaml"
    path.write_text(PERSON.replace(old, new).replace("[test.csv]", "[]"))
    with pytest.raises(InvalidStudy, match=said):
        experiments_of(load_person(path), beliefs[0])


@pytest.mark.parametrize("row", [",age,34,year", ",sex,male,", ",height,182,cm"])
def test_data_of_somebody_else_are_refused(folder: Path, row: str):
    (folder / "test.csv").write_text(DATA.rstrip() + f"\n{row}\n")
    with pytest.raises(InvalidStudy, match=row.split(",")[1] + " is .* in the patient file"):
        load_person(folder / "anna.yaml")
    (folder / "test.csv").write_text(DATA + ",age,58,year\n,sex,female,\n,height,161,cm\n")
    load_person(folder / "anna.yaml")


def test_a_further_visit_need_not_say_again_who_it_is(folder: Path):
    first = load_person(folder / "anna.yaml")
    known = {
        "name": "anna",
        "phenotype": "type2",
        "patient": first.file.patient.model_dump(mode="json", exclude_none=True),
        "treatment": [],
    }
    path = folder / "visit.yaml"
    path.write_text("data: [test.csv]\npatient: {weight: 58 kg}\n")
    visit = load_person(path, known=known)
    assert visit.file.name == "anna" and visit.file.phenotype == "type2"
    assert (
        visit.numbers.given["weight"] == (58, 58) and visit.numbers.given["age"] == first.numbers.given["age"]
    )
    assert visit.file.patient.hba1c is None
    with pytest.raises(InvalidStudy, match="phenotype"):
        load_person(path)


def test_the_patient_file_says_what_a_data_file_leaves_open(folder: Path):
    rows = [f"{day}/03/2026 {hour}:00,{6 + hour % 3}" for day in (2, 3) for hour in range(24)]
    (folder / "test.csv").write_text("time,sensor glucose\n" + "\n".join(rows))
    path = folder / "anna.yaml"
    with pytest.raises(InvalidData, match="or unit: in a patient file"):
        load_person(path)
    path.write_text(PERSON + "unit: mmol/L\ndates: day-first\ntime_zone: Europe/Berlin\n")
    (table,) = load_person(path).tables
    assert table.glucose_unit == "mmol/L" and table.first_day == date(2026, 3, 2)
    assert any("Europe/Berlin" in remark for remark in table.remarks)


def test_a_mixed_meal_needs_its_carbohydrate(folder: Path, beliefs: Any):
    (folder / "test.csv").write_text(DATA.replace("0,glucose_load,75,g", "0,mixed_meal,470,kcal"))
    with pytest.raises(InvalidStudy, match="carbohydrate"):
        experiments_of(load_person(folder / "anna.yaml"), beliefs[0])


def test_an_unknown_field_of_a_person_is_refused_with_the_nearest_of_a_person(tmp_path: Path):
    path = tmp_path / "anna.yaml"
    path.write_text("name: anna\nphenotype: type2\npatients: {age: 57 years}\n", encoding="utf-8")
    with pytest.raises(InvalidStudy, match="unknown field 'patients'; did you mean 'patient'"):
        load_person(path)


PUMP = """time,quantity,value,unit
2026-03-02 00:00,insulin_basal_rate,0.8,U/h
2026-03-02 06:00,insulin_basal_rate,1.2,U/h
"""


def sensed(folder: Path, first_rate: str) -> Path:
    rows = [
        f"2026-03-0{d} {h:02d}:{m},glucose_sensor,140,mg/dL"
        for d in (2, 3)
        for h in range(24)
        for m in (10, 40)
    ]
    (folder / "pump.csv").write_text(PUMP.replace("2026-03-02 00:00", first_rate) + "\n".join(rows))
    path = folder / "anna.yaml"
    path.write_text(PERSON.replace("[test.csv]", "[pump.csv]").replace(", hba1c: 7.1 %", ""))
    return path


def test_a_pump_is_infused_by_the_minute(folder: Path, beliefs: Any):
    first, second = experiments_of(load_person(sensed(folder, "2026-03-02 00:00")), beliefs[0])
    weight = float(beliefs[0].signals.metabolic_weight)
    rate = np.asarray(first.schedule.inputs.rapid_insulin) * weight * 60 / 6000
    # The night before the record runs at the first rate; the schedule changes at six.
    np.testing.assert_allclose(rate[[0, 96, 96 + 71, 96 + 72, -1]], [0.8, 0.8, 0.8, 1.2, 1.2])
    np.testing.assert_allclose(np.asarray(second.schedule.inputs.rapid_insulin) * weight * 60 / 6000, 1.2)
    assert first.pump_rate * weight * 60 / 6000 == pytest.approx(0.8)


def test_a_pump_with_an_unknown_first_day_is_refused(folder: Path, beliefs: Any):
    with pytest.raises(InvalidStudy, match="26 hours before the first insulin_basal_rate"):
        path = sensed(folder, "2026-03-03 02:15")
        (folder / "pump.csv").write_text(
            (folder / "pump.csv").read_text().replace("2026-03-02 06:00,i", "2026-03-03 06:00,i")
        )
        experiments_of(load_person(path), beliefs[0])


def test_an_injection_of_unknown_kind_is_refused(folder: Path, beliefs: Any):
    path = sensed(folder, "2026-03-02 00:00")
    with (folder / "pump.csv").open("a") as file:
        file.write("\n2026-03-02 08:00,insulin_injected,4,U")
    with pytest.raises(InvalidStudy, match="insulin_injected does not say which"):
        experiments_of(load_person(path), beliefs[0])
