"""Care instead of cells: closed loop, weight-loss programme, surgery, whole pancreas, treatment policies."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from calibration.weight import AFTER_BYPASS, DIRECT, programme, surgery
from pydantic import ValidationError

from insulae.core import random
from insulae.core.errors import InvalidStudy
from insulae.core.parameters import lookup, value
from insulae.core.parameters import values as central
from insulae.core.pytree import replace
from insulae.devices import controller, pump
from insulae.physiology.effects import Effects, combine
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies
from insulae.populations.routine import N_DRAWS
from insulae.study.load import load, read
from insulae.study.plan import trial_of
from insulae.therapies.base import Enrolled, Observed, TherapySpec, Treatment, load_all
from insulae.therapies.joined import Joined
from insulae.therapies.tablet import Tablet
from insulae.therapies.treatment_policy import PolicyTreatment, consensus
from insulae.trials.trial import prepare, simulate_chunk

N = 4
STUDIES = Path(__file__).parents[2] / "studies"


def full(number: float) -> Any:
    return np.full(N, number, np.float32)


def enrolled(**changes: Any) -> Enrolled:
    """Four people with type 2 diabetes of 100 kg at HbA1c 8 % without insulin."""
    given = {
        "age": 55.0,
        "male": 1.0,
        "duration": 3.0,
        "height": 1.7,
        "weight": 100.0,
        "hba1c": 8.0,
        "egfr": 90.0,
        "carbohydrate": 200.0,
        "basal_dose": 0.0,
        "bolus_per_carbohydrate": 0.0,
        "fasting_glucose": 150.0,
        "daytime_glucose": 180.0,
    }
    arrays = {name: np.broadcast_to(np.float32(v), (N,)) for name, v in (given | changes).items()}
    return Enrolled(**arrays, draw=lambda name: full(value(name, "type2")))


def seen(day: float, is_visit: bool = True, **changes: Any) -> Observed:
    measured = {
        "fasting_glucose": 150.0,
        "daytime_glucose": 180.0,
        "lowest_glucose": 90.0,
        "fasting_c_peptide": 300.0,
        "hba1c": 8.0,
        "body_weight": 100.0,
        "egfr": 90.0,
        "days_off_insulin": np.inf,
    }
    arrays = {name: np.broadcast_to(np.float32(v), (N,)) for name, v in (measured | changes).items()}
    return Observed(day=day, is_visit=is_visit, **arrays)


def spec(kind: str, **fields: Any) -> TherapySpec:
    return load_all().get(kind).model_validate({"kind": kind, **fields})


def built(kind: str, patients: Enrolled | None = None, **fields: Any) -> Any:
    return spec(kind, **fields).build(patients or enrolled())


# Closed loop

LOOP = controller.Parameters(
    **{
        name: np.float32(value(f"controller.{name}"))
        for name in (
            "target_glucose",
            "suspend_glucose",
            "deviation_time",
            "delivery_time",
            "highest_share",
            "setting_error",
        )
    }
)
SETTING = controller.Setting(np.float32(1 / 60), np.float32(0.02), np.float32(100.0))
"""A unit an hour, one unit for 50 mg/dL; insulin stays on board for 100 min."""


def asked(glucose: float, trend: float = 0.0, extra: float = 0.0) -> float:
    """Return the rate in units of the basal rate, with some insulin on board beyond that of the basal."""
    on_board = SETTING.basal_rate * SETTING.residence_time + extra
    reading = controller.Reading(
        np.float32(glucose),
        np.float32(trend),
        np.float32(on_board),
        SETTING.basal_rate + np.float32(extra) / SETTING.residence_time,
    )
    return float(controller.rate(LOOP, reading, SETTING) / SETTING.basal_rate)


def test_at_the_target_and_at_rest_the_loop_gives_the_programmed_basal():
    assert asked(value("controller.target_glucose")) == pytest.approx(1, rel=1e-4)


def test_the_loop_gives_more_when_glucose_is_high_or_rising_and_less_when_insulin_is_on_board():
    target = value("controller.target_glucose")
    assert asked(target + 20) > asked(target + 10) > 1 > asked(target - 10)
    assert asked(target, trend=0.5) > 1 > asked(target, trend=-0.5)
    assert asked(target + 20, extra=0.2) < asked(target + 20)


def test_the_loop_knows_its_limits():
    assert asked(400.0) == pytest.approx(value("controller.highest_share"), rel=1e-5)
    assert asked(value("controller.suspend_glucose") - 1, trend=5.0) == 0
    assert asked(130.0, extra=10.0) == 0


def test_a_correction_counts_a_unit_of_glucose_once():
    """A unit short of what the excess asks for is delivered within the delivery time."""
    excess, correction = 10.0, float(SETTING.correction)
    rate = asked(value("controller.target_glucose") + excess) * float(SETTING.basal_rate)
    extra = (rate - float(SETTING.basal_rate)) * value("controller.delivery_time")
    assert extra == pytest.approx(excess * correction, rel=1e-4)


def test_the_pump_delivers_within_its_limits():
    parameters = replace(central(pump.Parameters), highest_rate=np.float32(6.0))
    given = [float(pump.delivered(parameters, np.float32(rate))) for rate in (-1.0, 0.0, 0.05, 0.1, 5.0)]
    assert given == pytest.approx([0.0, 0.0, 0.25, 0.5, 0.5])
    assert float(pump.programmed(24.0)) * 60 == pytest.approx(1.0)


def lived(start: Start, effects: Effects, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return glucose [step, patient] and insulin doses of the last of some days."""
    draws = random.DayDraws(random.patient_keys(5, "day", start.cohort.ids), N_DRAWS)
    bodies = Bodies(start.cohort.parameters, start.state, draws)
    found = [bodies.live(bodies.packed(effects), day, 1, is_even=False) for day in range(days)]
    glucose = np.concatenate([np.asarray(day.trace.glucose) for day in found[2:]])
    return glucose, np.asarray(found[-1].summary.insulin_dose)


@pytest.fixture(scope="module")
def pair(type1: Start) -> tuple[np.ndarray, np.ndarray]:
    """Glucose of twelve days by pen and by closed loop, of the same people."""
    doses = spec("basal_bolus").build(type1.enrolled).effects(0.0)
    by_pen, _ = lived(type1, doses, 14)
    looped, _ = lived(type1, dataclasses.replace(doses, automated_insulin=1.0), 14)
    return by_pen, looped


def test_a_closed_loop_raises_time_in_range_without_more_hypoglycemia(pair: Any):
    by_pen, looped = pair

    def share(glucose: np.ndarray, low: float, high: float) -> float:
        return 100 * float(np.mean((glucose >= low) & (glucose <= high)))

    # Trials report 10 to 15 points for the mean of many; eight people and an exact sensor may do better.
    assert 5 < share(looped, 70, 180) - share(by_pen, 70, 180) < 40
    assert share(looped, 0, 69.9) < share(by_pen, 0, 69.9) + 0.5


def test_a_higher_target_of_the_loop_means_higher_glucose(type1: Start, pair: Any):
    _, looped = pair
    doses = spec("basal_bolus").build(type1.enrolled).effects(0.0)
    loop = spec("closed_loop", target="130 mg/dL").build(type1.enrolled).effects(0.0)
    higher, _ = lived(type1, combine([doses, dataclasses.replace(loop, automated_insulin=1.0)]), 14)
    assert 5 < higher.mean() - looped.mean() < 25


def test_alerts_of_a_sensor_shorten_lows(type1: Start, pair: Any):
    by_pen, _ = pair
    doses = spec("basal_bolus").build(type1.enrolled).effects(0.0)
    alerted, _ = lived(type1, combine([doses, spec("glucose_sensor").build(type1.enrolled).effects(0.0)]), 14)
    assert 0 < (alerted < 70).mean() < 0.9 * (by_pen < 70).mean()


def test_a_loop_without_a_basal_dose_gives_only_the_meals(type1: Start):
    meals = Effects(bolus_per_carbohydrate=type1.enrolled.bolus_per_carbohydrate)
    parameters = type1.cohort.parameters
    silent = replace(
        parameters.habits.low_glucose,
        alarm_answered=0 * parameters.habits.low_glucose.alarm_answered,
        alert_answered=0 * parameters.habits.low_glucose.alert_answered,
    )
    habits = replace(parameters.habits, low_glucose=silent)
    cohort = replace(type1.cohort, parameters=replace(parameters, habits=habits))
    unheard = dataclasses.replace(type1, cohort=cohort)
    by_pen, insulin = lived(unheard, meals, 3)
    looped, same = lived(unheard, dataclasses.replace(meals, automated_insulin=1.0), 3)
    np.testing.assert_array_equal(by_pen, looped)
    np.testing.assert_array_equal(insulin, same)


def test_held_doses_stay_whatever_is_measured():
    held = built("basal_bolus", enrolled(basal_dose=20.0, bolus_per_carbohydrate=0.1), titration="hold")
    for glucose in (60.0, 300.0):
        held = held.after(seen(7.0, fasting_glucose=glucose, daytime_glucose=glucose, lowest_glucose=45.0))
    assert held.effects(14.0).basal_insulin == pytest.approx(full(20.0))


# Weight-loss programme


def test_the_programme_has_three_phases():
    p = built("weight_loss_programme", diet="16 weeks", reintroduction="6 weeks")
    diet, first, last = (float(p.reduction(day)[0]) for day in (50.0, 112.0, 153.9))
    assert diet == pytest.approx(float(p.deficit[0])) == pytest.approx(first)
    assert last == pytest.approx(float(p.holding[0]), rel=0.02)
    later = [float(p.reduction(154.0 + years * 365)[0]) for years in (0, 1, 5)]
    assert later[0] > later[1] > later[2] > 0
    on_formula, later = p.effects(50.0), p.effects(200.0)
    usual = value("body_weight.usual_intake") * enrolled().weight
    eaten = on_formula.carbohydrate_intake - on_formula.restriction / usual
    assert np.all(eaten < 1) and np.all(eaten > 0.4)
    assert on_formula.appetite == 0 and later.appetite == 1


def test_food_that_holds_the_lost_weight_follows_from_the_energy_balance():
    """The holding intake neither loses nor regains what diet and reintroduction lost; the effort at the
    start also outweighs what appetite then adds."""
    p = built("weight_loss_programme")
    m, a, r = (value(f"body_weight.{name}") for name in ("maintenance", "appetite", "energy_per_weight"))
    loss = 0.0
    for day in range(154):
        loss += (float(p.reduction(day)[0]) - m * loss) / r
    assert float(p.holding[0]) / m == pytest.approx(loss, rel=0.01)
    assert float(p.reduction(154.0)[0]) == pytest.approx((m + a) * loss, rel=0.01)


def test_the_table_holds_what_the_fit_of_the_programme_found():
    spread = lookup("weight_loss_programme.adherence").spread
    for target, obtained in zip(DIRECT, programme(spread, {})[:3], strict=True):
        assert abs(obtained - target.value) < target.tolerance, target.name


def test_nobody_fasts_for_a_negative_time():
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        spec("weight_loss_programme", diet="-1 week")


def test_metformin_is_stopped_when_the_programme_begins():
    stopped = spec("metformin", start="-3650 d", stop="0 d").build(enrolled())
    assert isinstance(stopped, Tablet) and 0.0 in stopped.event_days()
    assert stopped.is_taken(-1.0).all() and not stopped.is_taken(0.0).any()
    assert np.all(stopped.exposure(60.0) < 0.01) and np.all(stopped.exposure(-1.0) > 0.99)


# Bariatric surgery


def test_the_table_holds_what_the_fit_of_the_bypass_found():
    for target, obtained in zip(AFTER_BYPASS, surgery("bypass", (1, 5, 10), {}), strict=True):
        assert abs(obtained - target.value) < target.tolerance, target.name
    assert surgery("sleeve", (1, 5), {}) == pytest.approx([23.0, 16.0], abs=0.6)


def test_surgery_acts_at_once_and_its_effect_on_intake_fades():
    bypass = built("bariatric_surgery", start="10 d")
    reduced = [float(bypass.effects(day).restriction[0]) for day in (10.0, 375.0, 3650.0)]
    assert reduced[0] > reduced[1] > reduced[2] > 0
    assert np.all(bypass.effects(10.0).incretin_response > 1)
    sleeve = built("bariatric_surgery", operation="sleeve", start="10 d")
    assert np.all(sleeve.effects(10.0).restriction < bypass.effects(10.0).restriction)


def test_risks_of_an_operation_belong_to_its_day():
    for kind, events in (
        ("bariatric_surgery", {"anastomotic_leak", "procedure_bleeding", "death"}),
        ("whole_pancreas", {"graft_technical_failure", "relaparotomy", "death"}),
    ):
        treatment = built(kind, start="10 d")
        assert set(treatment.procedures(10.0)) == events
        assert treatment.procedures(9.0) == treatment.procedures(11.0) == {}
        assert all(np.all((risk >= 0) & (risk <= 1)) for risk in treatment.procedures(10.0).values())


# Whole pancreas


def test_who_loses_the_organ_at_once_is_listed_and_gets_nothing():
    fates = {"whole_pancreas.fate": np.array([0.01, 0.5, 0.9, 0.02], np.float32)}
    people = dataclasses.replace(enrolled(), draw=lambda name: fates.get(name, full(value(name, "type1"))))
    organ = built("whole_pancreas", people)
    lost = np.array([True, False, False, True])
    np.testing.assert_array_equal(organ.effects(0.0).infusion.instant_loss, lost.astype(np.float32))
    np.testing.assert_array_equal(organ.procedures(0.0)["graft_technical_failure"], lost)


def test_the_organ_works_from_the_first_hour_and_drains_as_asked():
    infusion = built("whole_pancreas").effects(0.0).infusion
    assert np.all(infusion.vascularization == 1) and np.all(infusion.maturity == 1)
    assert np.all(infusion.portal_fraction == 0)
    assert np.all(built("whole_pancreas", drainage="portal").effects(0.0).infusion.portal_fraction == 1)


# Treatment policy

STEPS = ["metformin", "acarbose", {"kind": "basal_insulin", "titration": "target"}]


def policy(patients: Enrolled | None = None, **fields: Any) -> PolicyTreatment:
    return built("treatment_policy", patients, **({"steps": STEPS} | fields))


def kinds(treatment: Treatment, day: float) -> list[set[str]]:
    """Return what each patient takes on a day."""
    assert isinstance(treatment, PolicyTreatment)
    taken = [
        (step.spec.kind, np.broadcast_to(part.is_taken(day), (N,)))
        for step in treatment.steps
        for part in step.given
    ]
    return [{kind for kind, who in taken if who[i]} for i in range(N)]


def test_the_next_step_comes_at_a_visit_above_target_and_not_too_soon():
    treatment: Treatment = policy(enrolled(hba1c=np.array([8.0, 8.0, 6.5, 6.5])))
    assert kinds(treatment, 0.0) == [{"metformin"}, {"metformin"}, set(), set()]
    early = treatment.after(seen(7.0))
    assert kinds(early, 7.0) == [{"metformin"}] * N, "two were never above target until day 7"
    later = early.after(seen(84.0, is_visit=False)).after(seen(84.0, hba1c=np.array([8.0, 6.9, 8.0, 6.9])))
    assert kinds(later, 84.0) == [{"metformin", "acarbose"}, *[{"metformin"}] * 3]
    last = later.after(seen(168.0))
    assert kinds(last, 168.0)[0] == {"metformin", "acarbose", "basal_insulin"}
    assert (
        kinds(last.after(seen(600.0)).after(seen(900.0)).after(seen(1200.0)), 1200.0)
        == [{"metformin", "acarbose", "basal_insulin"}] * N
    )


def test_nothing_happens_without_a_reason():
    treatment: Treatment = policy(enrolled(hba1c=6.0))
    for day in (0.0, 84.0, 168.0):
        treatment = treatment.after(seen(day, hba1c=6.9))
        assert not treatment.is_taken(day).any()
    for leaf, neutral in zip(
        *map(jax.tree_util.tree_leaves, (treatment.effects(200.0), Effects())), strict=True
    ):
        np.testing.assert_array_equal(leaf, np.broadcast_to(neutral, np.shape(leaf)))


def test_a_step_acts_on_its_members_alone():
    treatment: Treatment = policy(enrolled(hba1c=np.array([8.0, 6.0, 8.0, 6.0])), steps=["basal_insulin"])
    basal = np.asarray(treatment.effects(0.0).basal_insulin)
    assert np.all(basal[[0, 2]] > 0) and np.all(basal[[1, 3]] == 0)
    treatment = treatment.after(seen(84.0, hba1c=np.array([8.0, 6.0, 8.0, 9.0])))
    basal = np.asarray(treatment.effects(84.0).basal_insulin)
    np.testing.assert_array_equal(basal > 0, [True, False, True, True])
    assert [part.sort for part in treatment.parts()] == ["insulin"] * len(treatment.parts())


def test_meal_insulin_takes_over_from_basal_insulin_at_its_dose():
    treatment: Treatment = policy(steps=["basal_insulin", "basal_bolus"])
    before = np.asarray(treatment.effects(84.0).basal_insulin)
    treatment = treatment.after(seen(84.0, lowest_glucose=100.0))
    assert kinds(treatment, 84.0) == [{"basal_bolus"}] * N
    after = treatment.effects(84.0)
    # One contact lies between, at which the basal dose may have moved by a tenth.
    assert np.asarray(after.basal_insulin) == pytest.approx(before, rel=0.15)
    assert np.all(np.asarray(after.bolus_per_carbohydrate) > 0)


def test_the_last_step_is_taken_back_first_and_given_again_for_good():
    visits = ((84, 8.0), (168, 6.4), (200, 6.4), (252, 6.4), (336, 7.5), (420, 6.4), (504, 7.5), (588, 6.4))
    treatment: Treatment = policy(enrolled(hba1c=8.0), steps=STEPS[:2], step_down={})
    taken = []
    for day, hba1c in visits:
        treatment = treatment.after(seen(float(day), hba1c=hba1c))
        taken.append(kinds(treatment, float(day))[0])
    one, both = {"metformin"}, {"metformin", "acarbose"}
    # Too soon on day 200; from day 420 on whoever had to be given metformin again keeps it.
    assert taken == [both, one, one, set(), one, one, both, both]


def test_a_step_taken_back_ends_its_effects_and_an_operation_is_never_taken_back():
    treatment: Treatment = policy(enrolled(hba1c=8.0), steps=["metformin"], step_down={"hba1c_below": "6 %"})
    stopped = treatment.after(seen(84.0, hba1c=5.9))
    assert np.all(np.asarray(stopped.effects(150.0).hepatic_sensitivity) < 1.001)
    again = stopped.after(seen(168.0, hba1c=8.0))
    assert np.all(np.asarray(again.effects(250.0).hepatic_sensitivity) > 1.2)
    operated: Treatment = policy(enrolled(hba1c=8.0), steps=["bariatric_surgery"], step_down={})
    for day, hba1c in ((84.0, 6.0), (168.0, 6.0), (252.0, 9.0)):
        operated = operated.after(seen(day, hba1c=hba1c))
        assert kinds(operated, day) == [{"bariatric_surgery"}] * N and operated.procedures(day) == {}


OVER = """
name: taken_over
question: May a policy take over a drug of enrollment?
seed: 1
population:
  phenotype: type2
  size: 2
  treatment: [metformin]
horizon: 26 weeks
arms:
  - name: policy
    therapies: [%s{kind: treatment_policy, steps: [metformin]}]
"""


def test_a_policy_takes_over_a_drug_of_enrollment_that_the_arm_stops():
    study = read(OVER % "{kind: metformin, stop: 0 weeks}, ")
    assert [therapy.kind for therapy in study.arms[0].therapies] == ["metformin", "treatment_policy"]
    for going_on in ("", "{kind: metformin, stop: 1 weeks}, "):
        with pytest.raises(InvalidStudy, match="taken by everybody already"):
            read(OVER % going_on)


class Forbidden(TherapySpec):
    """A tablet that its label forbids below an eGFR of 45: it never starts there."""

    kind: str = "forbidden"

    def build(self, enrolled: Enrolled) -> Treatment:
        made = spec("metformin", start=f"{self.start} d").build(enrolled)
        assert isinstance(made, Tablet)
        start = np.where(enrolled.egfr < 45, np.inf, made.start).astype(np.float32)
        return dataclasses.replace(made, start=start)


def test_a_step_that_the_kidney_forbids_is_passed_over():
    steps = (Forbidden(), spec("acarbose"))
    made = type(spec("treatment_policy")).model_construct(steps=steps)
    treatment: Treatment = made.build(enrolled(egfr=np.array([90.0, 30.0, 90.0, 30.0])))
    assert kinds(treatment, 0.0) == [{"forbidden"}, {"acarbose"}, {"forbidden"}, {"acarbose"}]
    low = enrolled(hba1c=6.0)
    now = made.build(low).after(seen(84.0, egfr=np.array([90.0, 90.0, 30.0, 30.0])))
    assert kinds(now, 84.0) == [{"forbidden"}, {"forbidden"}, {"acarbose"}, {"acarbose"}]


def test_a_policy_knows_its_insulin_before_anybody_takes_it():
    assert "insulin" in {part.sort for part in policy(enrolled(hba1c=6.0)).parts()}
    assert all(isinstance(part, Tablet | Joined) for part in policy().parts())


def test_risks_of_an_operation_are_those_of_who_has_it():
    treatment: Treatment = policy(steps=["bariatric_surgery"], target="8.5 %")
    treatment = treatment.after(seen(84.0, hba1c=np.array([9.0, 8.0, 9.0, 8.0])))
    risk = treatment.procedures(84.0)["death"]
    np.testing.assert_array_equal(risk > 0, [True, False, True, False])
    assert treatment.procedures(85.0) == {}


def test_the_default_steps_end_in_insulin():
    names = [step.kind for step in consensus()]
    assert names[0] == "metformin" and names[-2:] == ["basal_insulin", "basal_bolus"]


WRONG = [
    ([], "not a list of therapies"),
    (["metfromin"], "step 1: unknown therapy 'metfromin'.*did you mean 'metformin'"),
    (["metformin", "metformin"], "'metformin' stands twice"),
    ([{"kind": "treatment_policy"}], "steps are single therapies"),
    ([{"kind": "metformin", "doze": "1 g/d"}], r"step 1 \(metformin\): doze"),
    ([{"kind": "metformin", "start": "3 weeks"}], "a step starts when it is due"),
    ([3], "step 1 '3' is no therapy"),
]


@pytest.mark.parametrize(("steps", "message"), WRONG)
def test_wrong_steps_are_named(steps: list[Any], message: str):
    with pytest.raises(ValidationError, match=message):
        spec("treatment_policy", steps=steps)


STUDY = """
name: s
population: {phenotype: type2, size: 2, treatment: [{kind: metformin}]}
horizon: 4 weeks
arms:
  - name: a
    therapies: [{kind: treatment_policy, steps: [%s, basal_insulin]}]
"""


def test_a_step_that_everybody_takes_already_is_a_mistake():
    assert read(STUDY % "acarbose").arms[0].therapies[0].kind == "treatment_policy"
    with pytest.raises(InvalidStudy, match=r"arms\.0\.therapies\.0\.steps\.0: 'metformin' is taken"):
        read(STUDY % "metformin")


NAMES = ("closed_loop", "weight_loss_remission", "bariatric_by_duration", "whole_pancreas", "stepwise_policy")


@pytest.mark.parametrize("name", NAMES)
def test_the_studies_of_care_can_be_read_and_written(name: str):
    study = load(STUDIES / f"{name}.yaml")
    assert load_all() and type(study).model_validate(study.to_plain()) == study


def test_no_patient_s_steps_depend_on_who_else_is_treated():
    short = ["horizon=28 weeks", "visits=[0, 14, 28]", "reported=[]", "endpoints=[hba1c, insulin_dose]"]
    short += ["arms.0.therapies.0.steps=[metformin, {kind: basal_insulin, titration: target}]"]
    prepare()
    trial = trial_of(load(STUDIES / "stepwise_policy.yaml", short))
    together, some = (simulate_chunk(trial, ids, _nothing, _nothing) for ids in (range(8), range(5, 8)))
    assert any(np.any(visit.values["insulin_dose"] > 0) for visit in together.visits)
    for all_of_them, few in zip(together.visits, some.visits, strict=True):
        for name, values in few.values.items():
            np.testing.assert_array_equal(np.asarray(all_of_them.values[name])[5:], values)


def _nothing(days: int = 0) -> None:
    """Report no progress."""
