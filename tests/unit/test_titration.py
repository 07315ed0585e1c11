"""What clinicians do at a contact: insulin up, down, off and on, tablets withdrawn; the monitor behind it."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from insulae.core.parameters import value
from insulae.physiology.day import DaySummary
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Observed, Treatment, exposure, load_all
from insulae.trials.monitor import Monitor
from insulae.trials.trial import steps_of

N = 8
WEIGHT, CARBOHYDRATE, BASAL, RATIO = 70.0, 200.0, 20.0, 0.1
USUAL = {"fasting_glucose": 140.0, "daytime_glucose": 160.0}


def full(number: float) -> Any:
    return np.full(N, number, np.float32)


def enrolled(**changes: float) -> Enrolled:
    """Eight equal patients on 20 U basal insulin and 0.1 U per gram, at 140 fasting and 160 mg/dL by day."""
    given = {
        "age": 50.0,
        "male": 1.0,
        "duration": 10.0,
        "height": 1.75,
        "weight": WEIGHT,
        "hba1c": 7.0,
        "egfr": 90.0,
        "carbohydrate": CARBOHYDRATE,
        "basal_dose": BASAL,
        "bolus_per_carbohydrate": RATIO,
    }
    fields = {name: full(number) for name, number in (given | USUAL | changes).items()}
    return Enrolled(**fields, draw=lambda name: full(value(name, "type1")))


def seen(is_visit: bool = False, **changes: float) -> Observed:
    """What the clinic sees on day 7; everything in target unless said otherwise."""
    measured = {
        "lowest_glucose": 90.0,
        "fasting_c_peptide": 0.0,
        "hba1c": 6.5,
        "body_weight": WEIGHT,
        "egfr": 90.0,
    }
    given = USUAL | measured | {"days_off_insulin": 0.0} | changes
    return Observed(day=7.0, is_visit=is_visit, **{name: full(number) for name, number in given.items()})


def built(kind: str, patients: Enrolled | None = None, **fields: Any) -> Treatment:
    return load_all().get(kind).model_validate({"kind": kind, **fields}).build(patients or enrolled())


def doses(treatment: Treatment) -> tuple[float, float]:
    """Return basal dose and units per gram of the first patient."""
    effects = treatment.effects(7.0)
    return float(effects.basal_insulin[0]), float(effects.bolus_per_carbohydrate[0])


UP, DOWN = 1 + value("basal_bolus.step_up"), 1 - value("basal_bolus.step_down")
LOW = 1 - value("basal_bolus.low_step")
RULES = [
    ({}, (1, 1)),
    ({"fasting_glucose": 200.0}, (UP, 1)),
    ({"daytime_glucose": 240.0}, (1, UP)),
    ({"fasting_glucose": 100.0}, (DOWN, 1)),
    ({"daytime_glucose": 110.0}, (1, DOWN)),
    ({"fasting_glucose": 200.0, "daytime_glucose": 110.0}, (UP, DOWN)),
    ({"lowest_glucose": 50.0}, (LOW, LOW)),
    ({"lowest_glucose": 50.0, "fasting_glucose": 200.0}, (LOW, LOW)),
]


@pytest.mark.parametrize(("glucose", "factors"), RULES)
def test_keeping_steers_each_dose_by_its_glucose(glucose: dict[str, float], factors: tuple[float, float]):
    after = doses(built("basal_bolus").after(seen(**glucose)))
    assert after == pytest.approx((BASAL * factors[0], RATIO * factors[1]), rel=1e-5)


def kept(weeks: int, kind: str = "basal_bolus", **glucose: float) -> tuple[float, float]:
    """Return the doses after some weeks at one glucose."""
    treatment = built(kind)
    for _ in range(weeks):
        treatment = treatment.after(seen(**glucose))
    return doses(treatment)


@pytest.mark.parametrize("kind", ["basal_bolus", "premix_insulin"])
def test_keeping_gives_back_one_step_of_what_another_drug_gains(kind: str):
    """Below usual glucose, but above what treatment aims at: 120 of 140 and 145 of 160 mg/dL."""
    first = doses(built(kind))
    found = kept(9, kind, fasting_glucose=120.0, daytime_glucose=145.0)
    assert found == pytest.approx((first[0] * DOWN, first[1] * DOWN), rel=1e-5)


LOWS = [{"fasting_glucose": 85.0, "daytime_glucose": 120.0}, {"lowest_glucose": 50.0}]


@pytest.mark.parametrize("low", LOWS)
def test_keeping_goes_on_down_below_the_targets_of_treatment_and_after_lows(low: dict[str, float]):
    basal, ratio = kept(5, **low)
    assert basal < BASAL * DOWN**4
    assert ratio < RATIO * DOWN**4


def test_keeping_takes_back_what_it_raised():
    treatment = built("basal_bolus")
    for glucose in (200.0, 200.0, 200.0, 120.0, 120.0, 120.0, 120.0, 120.0):
        treatment = treatment.after(seen(fasting_glucose=glucose))
    assert doses(treatment)[0] == pytest.approx(BASAL * DOWN, rel=1e-5)


def test_meal_insulin_has_no_basal_dose_and_follows_the_daytime_mean():
    treatment = built("meal_insulin", titration="target")
    assert doses(treatment) == pytest.approx((0, RATIO + BASAL / CARBOHYDRATE))
    after = doses(treatment.after(seen(fasting_glucose=300.0, daytime_glucose=220.0)))
    up = value("basal_bolus.titration_effort") * value("basal_bolus.step_per_excess") * (220 - 145)
    assert after == pytest.approx((0, RATIO + (BASAL + up) / CARBOHYDRATE), rel=1e-4)


def test_the_daily_dose_has_a_ceiling():
    treatment = built("basal_bolus")
    for _ in range(60):
        treatment = treatment.after(seen(fasting_glucose=300.0, daytime_glucose=300.0))
    basal, ratio = doses(treatment)
    assert basal + ratio * CARBOHYDRATE == pytest.approx(value("basal_bolus.maximal_dose") * WEIGHT, rel=1e-3)


def test_keeping_never_stops_insulin():
    treatment = built("basal_bolus", enrolled(basal_dose=0.5, bolus_per_carbohydrate=0.001))
    assert treatment.after(seen(fasting_glucose=80.0, daytime_glucose=90.0)).is_taken(7.0).all()


GOOD = {"fasting_glucose": 90.0, "daytime_glucose": 110.0}


def test_weaning_reduces_insulin_while_glucose_is_good():
    basal, ratio = doses(built("basal_bolus", titration="wean").after(seen(**GOOD)))
    step = 1 - value("basal_bolus.weaning_step")
    assert (basal, ratio) == pytest.approx((BASAL * step, RATIO * step), rel=1e-5)


def test_weaning_stops_a_small_dose_and_the_patient_stays_off():
    treatment = built("basal_bolus", titration="wean")
    weeks = 0
    while treatment.is_taken(7.0).any():
        treatment, weeks = treatment.after(seen(**GOOD)), weeks + 1
        assert weeks < 30
    assert weeks > 3
    assert not treatment.after(seen(**GOOD)).is_taken(14.0).any()


OFF = {"basal_dose": 0.0, "bolus_per_carbohydrate": 0.0}
LIMIT = {
    name: value(f"basal_bolus.restart_{name}") for name in ("fasting_glucose", "daytime_glucose", "hba1c")
}
RESTARTS = [
    (False, {"fasting_glucose": LIMIT["fasting_glucose"] + 1}, True),
    (False, {"daytime_glucose": LIMIT["daytime_glucose"] + 1}, True),
    (True, {"hba1c": LIMIT["hba1c"] + 0.1}, True),
    (False, {"hba1c": LIMIT["hba1c"] + 0.1}, False),
    (True, {"hba1c": LIMIT["hba1c"] - 0.1}, False),
]


@pytest.mark.parametrize(("is_visit", "change", "restarts"), RESTARTS)
@pytest.mark.parametrize("kind", ["basal_bolus", "basal_insulin"])
def test_insulin_is_restarted_when_independence_is_lost(
    kind: str, is_visit: bool, change: dict[str, float], restarts: bool
):
    weaned = built(kind, enrolled(**OFF), titration="wean", start="-1 year")
    assert not weaned.is_taken(7.0).any()
    after = weaned.after(seen(is_visit, **(GOOD | change)))
    assert after.is_taken(7.0).all() == restarts
    if restarts:
        basal, ratio = doses(after)
        assert basal + ratio * CARBOHYDRATE == pytest.approx(value("basal_bolus.restart_dose") * WEIGHT)
        assert (ratio > 0) == (kind == "basal_bolus")


AIMS = {name: value(f"basal_bolus.target_{name}") for name in USUAL}
BAND = value("basal_bolus.band")


EFFORT = value("basal_bolus.titration_effort")
SHARE = value("basal_bolus.accepted_share")
HOLD = value("basal_bolus.hold_glucose")
HIGH = {"fasting_glucose": 200.0, "daytime_glucose": 220.0}


def targeted(patients: Enrolled | None = None, **fields: Any) -> Treatment:
    return built("basal_bolus", patients or enrolled(**HIGH), titration="target", **fields)


def asked(glucose: float, target: float) -> float:
    """Return the units that a person gives of those due."""
    due = value("basal_bolus.step_per_excess") * (glucose - target)
    return EFFORT * min(due, value("basal_bolus.largest_step"))


@pytest.mark.parametrize("left", [0.0, SHARE - 0.01, SHARE + 0.01, 0.9])
@pytest.mark.parametrize("steered", USUAL)
def test_treating_to_target_asks_for_units_above_what_is_accepted(steered: str, left: float):
    """`left` is the share of the way to the target, from the glucose of the start, that is still to go."""
    glucose = AIMS | {steered: AIMS[steered] + left * (HIGH[steered] - AIMS[steered])}
    basal, ratio = doses(targeted().after(seen(**glucose)))
    step = asked(glucose[steered], AIMS[steered]) if left > SHARE else 0
    fasting, meals = (step, 0) if steered == "fasting_glucose" else (0, step)
    assert (basal, ratio * CARBOHYDRATE) == pytest.approx((BASAL + fasting, RATIO * CARBOHYDRATE + meals))


@pytest.mark.parametrize("steered", USUAL)
def test_treating_to_target_goes_down_below_it(steered: str):
    glucose = AIMS | {steered: AIMS[steered] * (1 - BAND) - 1}
    found = doses(targeted().after(seen(**glucose)))
    down = (BASAL * DOWN, RATIO) if steered == "fasting_glucose" else (BASAL, RATIO * DOWN)
    assert found == pytest.approx(down)


@pytest.mark.parametrize(("lowest", "factor"), [(HOLD + 1, None), (HOLD - 1, 1), (50.0, LOW)])
def test_after_lows_no_step_up_is_made_and_after_deeper_ones_the_dose_goes_down(
    lowest: float, factor: float | None
):
    basal, _ = doses(targeted().after(seen(fasting_glucose=200.0, lowest_glucose=lowest)))
    assert basal == pytest.approx(BASAL * factor if factor else BASAL + asked(200, 100))


def test_a_step_in_units_is_never_larger_than_the_largest():
    basal, _ = doses(targeted().after(seen(fasting_glucose=500.0)))
    assert basal == pytest.approx(BASAL + EFFORT * value("basal_bolus.largest_step"))


def test_a_target_of_ones_own_is_aimed_at():
    basal, _ = doses(targeted(fasting_target="8 mmol/L").after(seen(fasting_glucose=200.0)))
    assert basal == pytest.approx(BASAL + asked(200, 8 * 18.016), rel=1e-3)
    _, ratio = doses(targeted(daytime_target="110 mg/dL").after(seen(daytime_glucose=219.0)))
    assert ratio * CARBOHYDRATE == pytest.approx(RATIO * CARBOHYDRATE + asked(219, 110), rel=1e-4)


def test_close_supervision_goes_on_where_usual_care_rests():
    left = (SHARE + value("basal_bolus.supervised_share")) / 2
    glucose = AIMS | {
        "fasting_glucose": AIMS["fasting_glucose"] * (1 - left) + HIGH["fasting_glucose"] * left
    }
    usual, close = (doses(targeted(supervision=s).after(seen(**glucose)))[0] for s in ("usual", "close"))
    more = value("basal_bolus.supervised_effort") / EFFORT
    assert usual == pytest.approx(BASAL)
    assert close == pytest.approx(BASAL + more * asked(glucose["fasting_glucose"], AIMS["fasting_glucose"]))


def test_what_was_due_since_the_last_review_is_given_at_once_up_to_the_largest_step():
    patients = enrolled(**HIGH | {"fasting_glucose": 150.0})
    excess = 150.0 - AIMS["fasting_glucose"]
    for weeks in (1, 2, 13):
        treatment = targeted(patients, review=f"{weeks} weeks")
        observed = dataclasses.replace(seen(fasting_glucose=150.0), day=7.0 * weeks)
        due = weeks * value("basal_bolus.step_per_excess") * excess
        units = min(due, value("basal_bolus.largest_step"))
        assert doses(treatment.after(observed))[0] == pytest.approx(BASAL + EFFORT * units)


def test_basal_and_meal_insulin_to_target_adds_meals_to_basal_insulin():
    on_basal = enrolled(**HIGH, bolus_per_carbohydrate=0.0)
    basal, ratio = doses(built("basal_bolus", on_basal, titration="target"))
    assert (basal, ratio * CARBOHYDRATE) == pytest.approx(
        (BASAL, value("basal_bolus.restart_dose") * WEIGHT / 2)
    )
    assert doses(built("basal_bolus", on_basal)) == (BASAL, 0)


def test_between_reviews_no_step_up_is_made():
    treatment, risen = targeted(review="4 weeks"), list[float]()
    for week in range(1, 13):
        after = treatment.after(dataclasses.replace(seen(fasting_glucose=200.0), day=7.0 * week))
        if doses(after)[0] > doses(treatment)[0]:
            risen.append(week)
        treatment = after
    assert risen == [4, 8, 12]


@pytest.mark.parametrize(
    "field", [{"fasting_target": "100 mg/dL"}, {"review": "4 weeks"}, {"supervision": "close"}]
)
def test_what_belongs_to_a_target_is_refused_without_one(field: dict[str, str]):
    with pytest.raises(ValueError, match="goes with titration: target"):
        built("basal_bolus", titration="wean", **field)


def test_treating_to_target_intensifies_what_keeping_leaves_alone():
    kept, treated = (
        doses(built("basal_bolus", enrolled(**HIGH), titration=t).after(seen(**HIGH)))
        for t in ("keep", "target")
    )
    assert kept == pytest.approx((BASAL, RATIO)) and treated[0] > BASAL and treated[1] > RATIO


def test_treating_to_target_lets_nobody_rise_to_the_target():
    better = {"fasting_glucose": 90.0, "daytime_glucose": 120.0}
    treatment = built("basal_bolus", enrolled(**better), titration="target")
    assert doses(treatment.after(seen(**better))) == pytest.approx((BASAL, RATIO))
    assert doses(treatment.after(seen(**better | {"fasting_glucose": 99.0})))[0] > BASAL


GONE = {"fasting_c_peptide": 0.0, "fasting_glucose": 136.0, "daytime_glucose": 155.0}


@pytest.mark.parametrize(("day", "c_peptide", "factor"), [(364, 0, 1), (364, 200, UP), (70, 0, UP)])
def test_who_has_lost_the_graft_is_treated_towards_the_glucose_of_before(
    day: int, c_peptide: float, factor: float
):
    above = seen(**GONE | {"fasting_c_peptide": c_peptide})
    after = built("basal_bolus", titration="wean").after(dataclasses.replace(above, day=float(day)))
    assert doses(after)[0] == pytest.approx(BASAL * factor)


def test_after_a_restart_the_next_trial_without_insulin_waits():
    weaned = built("basal_bolus", enrolled(**OFF), titration="wean", start="-1 year")
    restarted = weaned.after(seen(fasting_glucose=160.0))
    days, wait = range(14, 120, 7), value("basal_bolus.trial_wait")
    taken, stopped = restarted, list[int]()
    for day in days:
        taken = taken.after(dataclasses.replace(seen(**GOOD), day=float(day)))
        stopped += [] if taken.is_taken(day).any() else [day]
    assert stopped[0] == 7 + wait


@pytest.mark.parametrize("kind", ["basal_bolus", "basal_insulin"])
@pytest.mark.parametrize("titration", ["keep", "target", "wean"])
def test_who_takes_no_insulin_starts_on_a_small_dose_on_the_start_day(kind: str, titration: str):
    treatment = built(kind, enrolled(**OFF), titration=titration, start="7 d")
    assert not treatment.is_taken(6.0).any() and treatment.effects(6.0) == Effects()
    assert treatment.is_taken(7.0).all()
    basal, ratio = doses(treatment)
    assert basal + ratio * CARBOHYDRATE == pytest.approx(value("basal_bolus.restart_dose") * WEIGHT)
    assert basal == pytest.approx(ratio * CARBOHYDRATE if kind == "basal_bolus" else basal)
    assert (ratio > 0) == (kind == "basal_bolus")


def test_who_takes_insulin_goes_on_with_the_enrolled_dose():
    assert doses(built("basal_bolus", start="7 d")) == pytest.approx((BASAL, RATIO))


def test_who_has_long_been_weaned_off_gets_no_first_dose():
    assert not built("basal_bolus", enrolled(**OFF), start="-1 year").is_taken(7.0).any()


def test_patients_are_titrated_one_by_one():
    glucose = full(140.0)
    glucose[0], glucose[1] = 200.0, 100.0
    observed = dataclasses.replace(seen(), fasting_glucose=glucose)
    after = built("basal_bolus").after(observed).effects(7.0).basal_insulin
    np.testing.assert_allclose(after / BASAL, [UP, DOWN, 1, 1, 1, 1, 1, 1], rtol=1e-5)


WITHDRAW = {"off_insulin": "36 weeks", "hba1c_below": "6.5 %"}
LONG = {"days_off_insulin": 36 * 7.0, "hba1c": 6.4}
WITHDRAWALS = [
    (True, LONG, True),
    (False, LONG, False),
    (True, LONG | {"days_off_insulin": 36 * 7 - 1.0}, False),
    (True, LONG | {"hba1c": 6.5}, False),
    (True, LONG | {"days_off_insulin": np.inf}, False),
]


@pytest.mark.parametrize(("is_visit", "change", "stops"), WITHDRAWALS)
@pytest.mark.parametrize("kind", ["metformin", "acarbose"])
def test_a_tablet_is_withdrawn_by_its_rule(kind: str, is_visit: bool, change: dict[str, float], stops: bool):
    tablet = built(kind, start="-10 years", withdraw=WITHDRAW).after(seen(is_visit, **change))
    assert (not tablet.is_taken(8.0).any()) == stops
    again = tablet.after(seen(True, **LONG | {"hba1c": 9.0}))
    assert (not again.is_taken(8.0).any()) == stops


@pytest.mark.parametrize("kind", ["metformin", "acarbose"])
def test_a_new_tablet_is_followed_finely_from_its_start_and_an_old_one_is_not(kind: str):
    tablet, old = built(kind, start="26 weeks"), built(kind, start="-10 years")
    assert tablet.event_days() == [182.0]
    after = [s.longest for s in steps_of([tablet], [0, 52]) if 182 <= s.day < 182 + 28]
    assert after == [1] * 4
    assert {s.days for s in steps_of([old], [0, 52]) if 14 <= s.day < 350} == {7}


def test_a_withdrawn_tablet_wears_off():
    tablet = built("metformin", start="-10 years", withdraw=WITHDRAW).after(seen(True, **LONG))
    production = [float(np.mean(tablet.effects(day).hepatic_production)) for day in (7.0, 14.0, 100.0)]
    assert production[0] < production[1] < production[2] == pytest.approx(1, abs=1e-4)


def test_without_a_rule_a_tablet_is_never_withdrawn():
    assert built("metformin", start="-10 years").after(seen(True, **LONG)).is_taken(8.0).all()


def summary(**changes: float) -> DaySummary:
    names = [f.name for f in dataclasses.fields(DaySummary)]
    return DaySummary(**{name: full(changes.get(name, 100.0)) for name in names})


EVERYBODY = np.arange(len(full(1.0)))


def monitor() -> Monitor:
    return Monitor.start(enrolled(fasting_glucose=120.0, daytime_glucose=150.0))


def test_the_monitor_follows_recent_glucose():
    m = monitor()
    for _ in range(35):
        m.add(summary(fasting_glucose=90.0, daytime_glucose=110.0, lowest_glucose=70.0), 1, EVERYBODY)
    np.testing.assert_allclose(m.fasting, 90, atol=0.1)
    np.testing.assert_allclose(m.daytime, 110, atol=0.1)
    np.testing.assert_allclose(m.lowest, 70, atol=0.1)


def test_one_day_that_stands_for_seven_counts_as_seven_equal_days():
    once, daily = monitor(), monitor()
    once.add(summary(), 7, EVERYBODY)
    for _ in range(7):
        daily.add(summary(), 1, EVERYBODY)
    np.testing.assert_allclose(once.fasting, daily.fasting, rtol=1e-5)


def test_the_monitor_goes_back_for_some_patients_alone():
    m = monitor()
    before = m.kept()
    m.add(summary(), 3, EVERYBODY)
    after = m.fasting.copy()
    m.go_back(EVERYBODY[:1], before)
    assert m.fasting[0] == before[0, 0] == 120
    np.testing.assert_array_equal(m.fasting[1:], after[1:])


def test_the_monitor_counts_days_off_insulin():
    m, metformin = monitor(), built("metformin", start="-1 year")
    on = [built("basal_bolus"), metformin]
    off = [built("basal_bolus", enrolled(**OFF), start="-1 year"), metformin]
    assert np.isinf(m.days_off_insulin()).all()
    m.record(on, range(0, 7))
    assert (m.days_off_insulin() == 0).all() and np.isinf(m.insulin_stopped_week()).all()
    m.record(off, range(7, 14))
    assert (m.days_off_insulin() == 7).all() and np.isinf(m.insulin_stopped_week()).all()
    m.record(off, range(14, 21))
    assert (m.days_off_insulin() == 14).all() and (m.insulin_stopped_week() == 1).all()
    assert (m.off_drugs == 0).all()
    m.record(on, range(21, 22))
    assert (m.days_off_insulin() == 0).all() and np.isinf(m.insulin_stopped_week()).all()


def test_insulin_that_begins_in_the_middle_of_a_week_ends_the_days_without():
    m = monitor()
    m.record([built("basal_bolus", start="-1 year"), built("basal_insulin", start="3 days")], range(7))
    off, late = (
        built("basal_bolus", enrolled(**OFF), start="-1 year"),
        built("basal_insulin", start="17 days"),
    )
    m.record([off], range(7, 14))
    m.record([off, late], range(14, 21))
    assert (m.days_off_insulin() == 0).all()
    stops = dataclasses.replace(built("metformin", start="-1 year"), stop=np.full_like(m.fasting, 24))
    m.record([stops], range(21, 28))
    assert (m.days_off_insulin() == 7).all() and (m.insulin_stopped_week() == np.inf).all()
    assert (m.off_drugs == 4).all()


def test_who_never_took_insulin_never_stopped_it():
    m = monitor()
    m.record([built("metformin", start="-1 year")], range(0, 28))
    assert np.isinf(m.days_off_insulin()).all()
    assert np.isinf(m.insulin_stopped_week()).all()


def test_the_monitor_notes_tablets_and_days_without_any_drug():
    m = monitor()
    stopped = built("metformin", start="-1 year", withdraw=WITHDRAW).after(seen(True, **LONG))
    kept = built("acarbose", start="-1 year")
    m.record([stopped, kept], range(14, 21))
    assert (m.first_tablet_stop == 1).all() and np.isinf(m.last_tablet_stop).all()
    m.record([stopped], range(21, 28))
    assert (m.last_tablet_stop == 1).all() and (m.off_drugs == 7).all()


def test_the_clinic_sees_what_the_monitor_holds():
    observed = monitor().observed(7.0, is_visit=True)
    assert observed.is_visit and (observed.fasting_glucose == 120).all() and (observed.hba1c == 7).all()


GOOD = {"fasting_glucose": 100.0, "daytime_glucose": 120.0, "fasting_c_peptide": 200.0}


def test_insulin_is_tried_without_once_c_peptide_is_enough():
    on = built("basal_bolus", titration="wean_by_c_peptide")
    assert doses(on.after(seen(**GOOD | {"fasting_c_peptide": 150.0})))[0] > 0
    assert doses(on.after(seen(**GOOD | {"daytime_glucose": 170.0})))[0] > 0
    assert doses(on.after(seen(**GOOD))) == (0, 0)


def test_a_failed_trial_brings_back_the_doses_of_before_and_the_next_one_waits():
    off = built("basal_bolus", titration="wean_by_c_peptide").after(seen(**GOOD))
    back = off.after(seen(fasting_glucose=150.0, daytime_glucose=190.0))
    before = doses(built("basal_bolus", titration="wean").after(seen(**GOOD)))
    assert doses(back) == pytest.approx(before)
    assert doses(back.after(seen(**GOOD)))[0] > 0
    wait = value("basal_bolus.trial_wait")
    assert doses(back.after(dataclasses.replace(seen(**GOOD), day=7 + wait))) == (0, 0)


def test_a_trial_that_goes_well_goes_on():
    off = built("basal_bolus", titration="wean_by_c_peptide").after(seen(**GOOD))
    assert doses(off.after(seen(**GOOD))) == (0, 0)


def test_the_monitor_follows_fasting_c_peptide():
    m = monitor()
    for _ in range(35):
        m.add(summary(fasting_c_peptide=250.0), 1, EVERYBODY)
    np.testing.assert_allclose(m.observed(7.0, False).fasting_c_peptide, 250, atol=1)


def test_a_settled_tablet_has_the_very_exposure_that_is_computed():
    tablet = dataclasses.replace(built("metformin", start="-1 year"), adherence=0.85)
    tablet = dataclasses.replace(tablet, stop=np.full_like(tablet.onset, 40))
    first, last = tablet._settled
    assert first < 0 < last == 40
    for day in (first - 1, first + 1, 0, 39, 40, 41, 60):
        computed = exposure(day, tablet.start, tablet.stop, tablet.onset) * np.float32(0.85)
        np.testing.assert_array_equal(tablet.exposure(day), computed)
    assert (tablet.exposure(41) < tablet.exposure(40)).all()
