"""Drugs: doses saturate, missed days count, kidneys stop them, harms are in excess, fits name trials."""

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration import drugs
from pydantic import ValidationError

from insulae.core.citations import references
from insulae.core.parameters import table, value
from insulae.physiology.effects import Effects
from insulae.study.checks import remarks
from insulae.study.load import load, read
from insulae.therapies.base import Enrolled, Observed, Treatment, load_all

N = 4
YEAR = 365.25
STUDY = Path(__file__).parents[2] / "studies" / "standard_drugs.yaml"
DRUGS = ["metformin", "acarbose", "sulfonylurea", "dpp4_inhibitor", "sglt2_inhibitor", "pioglitazone"]
DRUGS += ["glp1_agonist", "tirzepatide"]
HARMS = {
    "dpp4_inhibitor": {"pancreatitis"},
    "sglt2_inhibitor": {"genital_infection", "diabetic_ketoacidosis"},
    "pioglitazone": {"heart_failure", "fracture"},
    "glp1_agonist": {"gastrointestinal_disorder"},
    "tirzepatide": {"gastrointestinal_disorder"},
}


def full(number: float) -> Any:
    return np.full(N, number, np.float32)


def enrolled(**changes: Any) -> Enrolled:
    """Two men and two women of 90 kg with type 2 diabetes, central values of every parameter."""
    given = {
        "age": 58.0,
        "male": np.array([1, 1, 0, 0], np.float32),
        "duration": 8.0,
        "height": 1.7,
        "weight": 90.0,
        "hba1c": 8.0,
        "egfr": 90.0,
        "carbohydrate": 200.0,
        "basal_dose": 0.0,
        "bolus_per_carbohydrate": 0.0,
        "fasting_glucose": 160.0,
        "daytime_glucose": 190.0,
    } | changes
    fields = {n: v if isinstance(v, np.ndarray) else full(v) for n, v in given.items()}
    return Enrolled(**fields, draw=lambda name: full(value(name, "type2")))


def built(kind: str, patients: Enrolled | None = None, **fields: Any) -> Treatment:
    return load_all().get(kind).model_validate({"kind": kind, **fields}).build(patients or enrolled())


def seen(day: float, **changes: Any) -> Observed:
    values = {
        "fasting_glucose": 150.0,
        "daytime_glucose": 180.0,
        "lowest_glucose": 110.0,
        "fasting_c_peptide": 300.0,
        "hba1c": 7.5,
        "body_weight": 90.0,
        "egfr": 90.0,
        "days_off_insulin": np.inf,
    } | changes
    arrays = {n: v if isinstance(v, np.ndarray) else full(v) for n, v in values.items()}
    return Observed(day=day, is_visit=True, **arrays)


def changed(effects: Effects, usual: Effects | None = None) -> dict[str, np.ndarray]:
    """Return how far each effect is from neutral."""
    neutral = usual or Effects()
    names = [f.name for f in dataclasses.fields(Effects) if f.name != "infusion"]
    moved = {n: np.asarray(getattr(effects, n)) - np.asarray(getattr(neutral, n)) for n in names}
    return {n: m for n, m in moved.items() if np.any(m != 0)}


@pytest.mark.parametrize("kind", DRUGS)
def test_half_of_the_days_is_half_of_the_effect(kind: str):
    whole = changed(built(kind).effects(YEAR))
    half = changed(built(kind, adherence="50 %").effects(YEAR))
    assert whole.keys() == half.keys()
    for name, moved in whole.items():
        np.testing.assert_allclose(half[name], moved / 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("share", ["0 %", "120 %"])
def test_a_share_of_days_is_between_none_and_all(share: str):
    with pytest.raises(ValidationError, match="adherence"):
        built("metformin", adherence=share)


SATURATING: list[tuple[str, list[str], Callable[[Effects], Any]]] = [
    ("sulfonylurea", ["2 mg/d", "4 mg/d", "6 mg/d"], lambda e: e.secretion_capacity),
    ("sglt2_inhibitor", ["5 mg/d", "10 mg/d", "15 mg/d"], lambda e: 1 - e.renal_threshold),
    ("glp1_agonist", ["0.5 mg/week", "1 mg/week", "1.5 mg/week"], lambda e: e.restriction),
    ("tirzepatide", ["5 mg/week", "10 mg/week", "15 mg/week"], lambda e: e.restriction),
]


@pytest.mark.parametrize(("kind", "doses", "read_effect"), SATURATING, ids=[row[0] for row in SATURATING])
def test_each_further_dose_adds_less(kind: str, doses: list[str], read_effect: Callable[[Effects], Any]):
    effects = np.stack([np.asarray(read_effect(built(kind, dose=d).effects(2 * YEAR))) for d in doses])
    first, second = np.diff(effects, axis=0)
    assert (first > second).all() and (second > 0).all()


def test_the_reference_dose_has_the_effect_of_the_table():
    effects = built("tirzepatide", start="-3650 d").effects(0.0)
    np.testing.assert_allclose(effects.restriction, value("tirzepatide.energy_effect"), rtol=1e-5)
    usual = built("glp1_agonist", drug="liraglutide", start="-3650 d").effects(0.0)
    same = built("glp1_agonist", drug="liraglutide", dose="1.8 mg/d", start="-3650 d").effects(0.0)
    np.testing.assert_allclose(usual.restriction, same.restriction, rtol=1e-5)


def test_semaglutide_lowers_intake_more_than_the_others():
    by_drug = {
        drug: built("glp1_agonist", drug=drug, start="-3650 d").effects(0.0)
        for drug in ("semaglutide", "liraglutide", "dulaglutide")
    }
    best = by_drug.pop("semaglutide")
    for other in by_drug.values():
        assert np.all(np.asarray(best.restriction) > np.asarray(other.restriction))


def test_a_share_of_people_takes_a_tablet_and_who_takes_the_rarer_one_takes_both():
    places = {"tablet.place": np.array([0.1, 0.4, 0.6, 0.9], np.float32)}
    people = dataclasses.replace(
        enrolled(), draw=lambda name: places[name] if name in places else full(value(name, "type2"))
    )
    common, rare = (
        built(kind, people, taken_by=share, start="-3650 d")
        for kind, share in (("metformin", "75 %"), ("sulfonylurea", "25 %"))
    )
    np.testing.assert_array_equal(common.is_taken(0.0), [True, True, True, False])
    np.testing.assert_array_equal(rare.is_taken(0.0), [True, False, False, False])
    np.testing.assert_array_equal(np.asarray(common.effects(0.0).energy_intake) < 0, common.is_taken(0.0))
    with pytest.raises(ValidationError, match="taken_by"):
        built("metformin", taken_by="0 %")


@pytest.mark.parametrize("dose", ["1 mg/d", "0 mg/week"])
def test_a_daily_dose_of_a_weekly_drug_is_refused(dose: str):
    with pytest.raises(ValidationError, match="mg/week of semaglutide is not a dose"):
        built("glp1_agonist", dose=dose)


def test_appetite_answers_weight_more_weakly_under_an_incretin():
    effects = built("tirzepatide", start="-3650 d").effects(0.0)
    np.testing.assert_allclose(effects.appetite, 1 - value("tirzepatide.appetite_effect"), rtol=1e-5)


def test_treatments_in_turn_rise_and_fall_like_one_that_starts_and_stops():
    in_turn = built("metformin", start="0 days", periods=[["0 days", "56 days"], ["112 days", "168 days"]])
    once = built("metformin", start="0 days", stop="56 days")
    again = built("metformin", start="112 days", stop="168 days")
    for day in (-1.0, 10.0, 60.0, 111.0, 120.0, 400.0):
        parts = [one.exposure(day) for one in (once, again)]  # type: ignore[attr-defined]
        np.testing.assert_allclose(in_turn.exposure(day), sum(parts), atol=1e-6)  # type: ignore[attr-defined]
        assert in_turn.is_taken(day).all() == (0 <= day < 56 or 112 <= day < 168)
    assert set(in_turn.event_days()) == {0.0, 56.0, 112.0, 168.0}
    with pytest.raises(ValidationError, match="follow one another"):
        built("metformin", periods=[["0 days", "56 days"], ["50 days", "60 days"]])


@pytest.mark.parametrize("kind", ["metformin", "sglt2_inhibitor"])
def test_low_kidney_function_stops_it(kind: str):
    limit = value(f"{kind}.lowest_egfr")
    some = np.array([limit - 1, limit + 1, 90, 90], np.float32)
    never = built(kind, enrolled(egfr=some))
    np.testing.assert_array_equal(never.is_taken(YEAR), [False, True, True, True])
    later = built(kind).after(seen(100.0, egfr=some))
    np.testing.assert_array_equal(later.is_taken(101.0), [False, True, True, True])
    assert (
        built(kind).after(dataclasses.replace(seen(100.0, egfr=some), is_visit=False)).is_taken(101.0).all()
    )


def test_others_go_on_whatever_the_kidneys_do():
    assert built("dpp4_inhibitor").after(seen(100.0, egfr=5.0)).is_taken(101.0).all()


def test_a_study_of_failing_kidneys_is_remarked():
    text = """
    {name: kidneys, population: {phenotype: type2, size: 4, patient: {egfr: "20 to 40 mL/min/1.73 m2"},
    treatment: [{kind: metformin}]}, horizon: 4 weeks, arms: [{name: more, therapies: [{kind: acarbose}]}]}
    """
    found = [line for line in remarks(read(text)) if "eGFR" in line]
    assert found == [
        "population.treatment.0: metformin is not given below an eGFR of 30; some patients of this study are"
    ]


@pytest.mark.parametrize("kind", DRUGS)
def test_harms_are_rates_in_who_takes_it(kind: str):
    treatment = built(kind, start="10 d")
    assert set(treatment.hazards(20.0)) == HARMS.get(kind, set())
    for rates in treatment.hazards(20.0).values():
        assert rates.shape == (N,) and (rates >= 0).all() and rates.max() > 0
    for rates in treatment.hazards(5.0).values():
        assert (rates == 0).all()


def test_pioglitazone_breaks_the_bones_of_women_only():
    np.testing.assert_array_equal(
        built("pioglitazone").hazards(1.0)["fracture"] > 0, [False, False, True, True]
    )


@pytest.mark.parametrize("kind", ["glp1_agonist", "tirzepatide"])
def test_gut_complaints_come_once_to_the_reported_share(kind: str):
    days = np.arange(0, 3 * YEAR)
    rates = [built(kind).hazards(float(day))["gastrointestinal_disorder"][0] for day in days]
    expected = value(f"{kind}.gastrointestinal_share")
    # A day is short against the time of tolerance, so the sum is the integral within a percent.
    assert np.sum(rates) / YEAR == pytest.approx(expected, rel=0.02)
    assert rates[0] > 10 * rates[200]


def test_long_established_treatment_does_no_arithmetic_harm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        treatment = built("glp1_agonist", enrolled(egfr=5.0), start="-3650 d")
        assert treatment.hazards(0.0)["gastrointestinal_disorder"].max() < 1e-6


def test_premix_keeps_its_proportion_while_the_dose_moves():
    treatment: Any = built("premix_insulin", titration="target")
    share = value("premix_insulin.rapid_share")
    for glucose in (200.0, 200.0, 80.0):
        treatment = treatment.after(seen(7.0, fasting_glucose=glucose, daytime_glucose=180.0))
        rapid = treatment.per_carbohydrate * treatment.carbohydrate
        np.testing.assert_allclose(rapid, share * treatment.dose(), rtol=1e-5)
    assert treatment.dose().min() > 0


def test_premix_asks_both_glucoses_and_takes_both_steps():
    start: Any = built("premix_insulin", titration="target")

    def step(fasting: float, daytime: float) -> float:
        after: Any = start.after(seen(7.0, fasting_glucose=fasting, daytime_glucose=daytime))
        return float((after.dose() - start.dose())[0])

    per_excess, effort = value("basal_bolus.step_per_excess"), value("basal_bolus.titration_effort")
    of_fasting = effort * per_excess * (180 - value("basal_bolus.target_fasting_glucose"))
    of_daytime = effort * per_excess * (220 - value("basal_bolus.target_daytime_glucose"))
    assert step(180.0, 220.0) == pytest.approx(of_fasting + of_daytime, rel=1e-4)
    assert step(180.0, 145.0) == pytest.approx(of_fasting, rel=1e-4)
    assert step(100.0, 145.0) == pytest.approx(0, abs=1e-5)


def test_premix_has_a_ceiling():
    treatment: Any = built("premix_insulin", titration="target")
    for _ in range(80):
        treatment = treatment.after(seen(7.0, fasting_glucose=300.0, daytime_glucose=300.0))
    np.testing.assert_allclose(treatment.dose(), value("basal_bolus.maximal_dose") * 90.0, rtol=1e-3)


def test_energy_that_a_sulfonylurea_retains_fades_with_the_years():
    treatment: Any = built("sulfonylurea")
    first, later = (float(treatment.effects(day).energy_intake[0]) for day in (365.25, 10 * 365.25))
    assert later / first == pytest.approx(np.exp(-9 * 365.25 / value("sulfonylurea.energy_time")), rel=1e-3)
    assert treatment.effects(3652.5).secretion_capacity[0] == pytest.approx(
        1 + value("sulfonylurea.capacity_effect")
    )


def test_insulin_to_target_retains_energy_above_the_usual_dose_only():
    patients = enrolled(basal_dose=20.0, bolus_per_carbohydrate=0.05)
    treatment: Any = built("basal_bolus", patients, titration="target")
    assert np.all(treatment.effects(1.0).energy_intake == 0)
    more = dataclasses.replace(treatment, basal=full(30.0), per_carbohydrate=full(0.10))
    asked = 10 * value("basal_bolus.basal_energy") + 0.05 * 200 * value("basal_bolus.meal_energy")
    limit = value("basal_bolus.energy_limit")
    np.testing.assert_allclose(more.effects(1.0).energy_intake, 1 / (1 / asked + 1 / limit), rtol=1e-4)
    less = dataclasses.replace(treatment, basal=full(10.0), per_carbohydrate=full(0.01))
    assert np.all(np.asarray(less.effects(1.0).energy_intake) == 0)


def test_energy_that_insulin_retains_ends_at_a_limit():
    treatment: Any = built("basal_bolus", titration="target")
    doses = [dataclasses.replace(treatment, basal=full(units)) for units in (0.0, 20.0, 40.0, 1e6)]
    none, some, more, most = (float(d.effects(1.0).energy_intake[0]) for d in doses)
    assert more - some < some - none and more < most < value("basal_bolus.energy_limit")


def test_insulin_to_target_takes_liver_fat_in_proportion_to_the_dose_above_the_usual_one():
    patients = enrolled(basal_dose=20.0)
    treatment: Any = built("basal_insulin", patients, titration="target")
    half = value("basal_bolus.fat_half_dose") * float(patients.weight[0])
    assert np.all(treatment.effects(1.0).liver_fat == 1)
    at_half = dataclasses.replace(treatment, basal=full(20.0 + half))
    np.testing.assert_allclose(
        at_half.effects(1.0).liver_fat, 1 - value("basal_bolus.fat_effect") / 2, rtol=1e-4
    )


@pytest.mark.parametrize("titration", ["keep", "wean"])
def test_care_as_before_and_weaning_leave_weight_to_glucose(titration: str):
    treatment: Any = built("basal_bolus", titration=titration)
    more = dataclasses.replace(treatment, basal=full(50.0))
    assert np.all(np.asarray(more.effects(1.0).energy_intake) == 0)


def test_every_fit_names_parameters_of_the_table_and_trials_with_sources():
    known, cited = {name for name, _ in table()}, references()
    for name, parameters in drugs.ORDER.items():
        rows = drugs.readings(name)
        assert set(parameters) <= known
        assert {"fit", "test"} == {row.use for row in rows}
        assert all(row.target.source in cited and row.target.tolerance > 0 for row in rows)
        assert len(parameters) <= sum(row.use == "fit" for row in rows)


def test_an_unknown_fit_is_named():
    with pytest.raises(KeyError, match="known: trial_care, metformin"):
        drugs.readings("aspirin")


def test_the_fitted_drugs_lower_hba1c_and_weight_as_reported():
    """Half a point or kilogram covers 16 patients instead of 96 and the rounding of the table."""
    asked = [r for r in drugs.readings("sglt2_inhibitor") if r.use == "fit"]
    got = drugs.predicted(asked, {}, size=16)
    assert len(asked) == 2
    assert all(abs(g - r.target.value) < 0.5 for g, r in zip(got, asked, strict=True))


def test_the_study_of_standard_drugs_holds_every_drug():
    kinds = {spec.kind for arm in load(STUDY).arms for spec in arm.therapies}
    assert {*DRUGS, "basal_insulin", "premix_insulin", "basal_bolus"} == kinds
