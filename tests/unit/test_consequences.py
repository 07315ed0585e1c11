"""Adverse events act on the body: infection, thrombosis, a growth that is found and taken out with the
graft."""

import dataclasses

import numpy as np
import pytest

from insulae.core.parameters import value
from insulae.physiology import course
from insulae.physiology.effects import Effects
from insulae.physiology.slow import graft
from insulae.populations.baseline import Start
from insulae.populations.routine import day_draws
from insulae.therapies.base import LONG_AGO, load_all
from insulae.trials.adverse_events import EventDraws, Safety
from insulae.trials.body_events import BodyEvents
from insulae.trials.calendar import calendar
from insulae.trials.consequences import Consequences
from insulae.trials.happened import Happened
from insulae.trials.simulation import Arm, simulate_arm

N = 8


def happened(event: str, grade: int = 2, day: int = 3, duration: float = 14.0, patient: int = 1) -> Happened:
    return Happened(
        event=np.array([event]),
        patient=np.array([patient]),
        day=np.array([day]),
        grade=np.array([grade]),
        serious=np.array([False]),
        relation=np.array(["immunosuppression"]),
        outcome=np.array(["recovered"]),
        duration=np.array([duration]),
    )


@pytest.fixture
def healthy(type1: Start) -> Consequences:
    return Consequences.none(type1.enrolled)


def test_nothing_happens_without_events(healthy: Consequences, type1: Start):
    tablet = load_all().get("metformin").model_validate({"kind": "metformin"}).build(type1.enrolled)
    assert healthy.effects(7.0) == Effects()
    given = healthy.of(tablet, 60.0)
    np.testing.assert_array_equal(given.hepatic_production, tablet.effects(60.0).hepatic_production)


def test_infection_lowers_sensitivity_of_the_ill_for_as_long_as_it_lasts(healthy: Consequences):
    ill = healthy.after(happened("infection"), 7)
    for sensitivity in (ill.effects(20.0).peripheral_sensitivity, ill.effects(20.0).hepatic_sensitivity):
        assert sensitivity[1] == pytest.approx(value("consequences.infection_sensitivity"))
        assert (np.delete(sensitivity, 1) == 1).all()
    assert ill.effects(21.0) == Effects()
    assert healthy.after(happened("infection", grade=1), 7).effects(8.0) == Effects()


def test_in_hospital_tablets_are_not_given_but_insulin_is(healthy: Consequences, type1: Start):
    severe = healthy.after(happened("severe_infection", grade=3), 7)
    specs = {kind: load_all().get(kind) for kind in ("metformin", "basal_bolus")}
    built = {
        k: s.model_validate({"kind": k, "start": LONG_AGO}).build(type1.enrolled) for k, s in specs.items()
    }
    production = severe.of(built["metformin"], 8.0).hepatic_production
    assert production[1] == 1 and (np.delete(production, 1) < 1).all()
    np.testing.assert_array_equal(
        severe.of(built["basal_bolus"], 8.0).basal_insulin, built["basal_bolus"].effects(8.0).basal_insulin
    )
    at_home = healthy.after(happened("infection"), 7).of(built["metformin"], 8.0).hepatic_production
    assert at_home[1] < 1


def test_thrombosis_costs_a_part_of_the_graft_once(healthy: Consequences):
    hit = healthy.after(happened("portal_vein_thrombosis"), 7)
    kept = hit.effects(7).graft_kept
    assert kept[1] == pytest.approx(1 - value("consequences.thrombosis_loss")) and kept[0] == 1
    assert hit.effects(8) == Effects()
    assert hit.after(happened("infection", patient=0), 14).effects(14).graft_kept == 1


def test_a_growth_is_taken_out_with_the_graft_at_the_next_imaging_where_it_can_be(healthy: Consequences):
    nothing = dataclasses.replace(happened("infection", grade=1))
    growing = healthy.after(happened("teratoma", day=100), 105)
    assert growing.effects(105) == Effects()
    assert growing.after(nothing, 175).effects(175) == Effects()
    found = growing.after(nothing, 182)
    assert found.effects(182).graft_kept[1] == 0
    assert found.after(nothing, 189).effects(189) == Effects()
    in_liver = healthy.after(happened("teratoma_in_liver", day=100), 105)
    assert in_liver.after(nothing, 182).effects(182) == Effects()


def test_what_is_not_kept_of_a_graft_is_gone(type1: Start):
    slow = type1.state.slow
    slow = dataclasses.replace(slow, graft=dataclasses.replace(slow.graft, mass=np.full(N, 0.5, np.float32)))
    left = course.infuse(slow, type1.cohort.parameters.slow, Effects(graft_kept=np.float32(0.25)))
    np.testing.assert_allclose(left.graft.mass, 0.125)


def test_an_event_of_a_trial_reaches_the_body_at_the_next_contact(type1: Start):
    """Nobody is infected by chance here: the record is handed one infection of the second patient."""

    class One(Safety):
        def fresh(self) -> Happened:
            return happened("severe_infection", grade=3, day=1)

    safety = One(EventDraws(1, np.arange(N)), BodyEvents(type1.enrolled, has_background_mortality=False))
    spec = load_all().get("basal_bolus").model_validate({"kind": "basal_bolus", "start": LONG_AGO})
    means = []
    for record in (safety, None):
        steps = [step for step in calendar([0, 3], [], longest=1)]
        treatments = {"basal_bolus": spec.build(type1.enrolled)}
        visits = [
            v for v in simulate_arm(type1, treatments, steps, day_draws(1, type1.cohort.ids), record) if v
        ]
        means.append(visits[-1].window.glucose.mean(axis=1))
    higher = means[0] - means[1]
    assert higher[1] > 20
    np.testing.assert_array_equal(np.delete(higher, 1), 0)


def test_events_that_nobody_reads_do_not_act(type1: Start):
    arm = Arm(type1, {}, day_draws(1, type1.cohort.ids), Safety(EventDraws(1, np.arange(N)), _body(type1)))
    arm.acts = False
    arm.account(7)
    assert arm.consequences.day == -1
    assert graft.empty(np.zeros(1)).mass == 0


def _body(start: Start) -> BodyEvents:
    return BodyEvents(start.enrolled, has_background_mortality=False)
