"""Cells made to order: who waits for how long, on what, and what begins when the lot is there."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insulae.core import random
from insulae.core.errors import InvalidStudy
from insulae.core.parameters import value
from insulae.study import checks
from insulae.study.load import load, read
from insulae.study.plan import plan, therapies_of
from insulae.study.run import run
from insulae.therapies.base import Enrolled, Observed
from insulae.therapies.made_to_order import MadeToOrder, WaitingTreatment

ROOT = Path(__file__).parents[2]
WAITING = ROOT / "studies" / "manufacturing" / "waiting_for_lots.yaml"
N = 40
STUDY = """
name: lots
question: Who waits?
seed: 1
population:
  {phenotype: type1, size: 4, patient: {fasting_c_peptide: 0 pmol/L}, treatment: [{kind: basal_bolus}]}
horizon: 8 weeks
visits: every 4 weeks
arms:
  - name: lot
    therapies:
      - kind: made_to_order
        then:
          - {kind: islet_infusion, lot: {source: autologous_ipsc, target: 1.2e6 IEQ}, source: autologous}
          - {kind: basal_bolus, titration: wean}
"""


def full(number: float) -> Any:
    return np.full(N, number, np.float32)


def enrolled() -> Enrolled:
    fields = {f.name: full(100.0) for f in dataclasses.fields(Enrolled) if f.name != "draw"}
    lots = np.asarray(random.uniforms(3, "lot", np.arange(N)), np.float32)
    known = {"islet_infusion.lot_number": lots}
    return Enrolled(
        **fields | {"basal_dose": full(20.0), "bolus_per_carbohydrate": full(0.1)},
        draw=lambda name: known[name] if name in known else full(value(name, "type1")),
    )


def seen(day: float, **changes: float) -> Observed:
    fields = {f.name: full(100.0) for f in dataclasses.fields(Observed) if f.name not in ("day", "is_visit")}
    return Observed(**fields | {n: full(v) for n, v in changes.items()}, day=day, is_visit=False)


@pytest.fixture
def waiting() -> WaitingTreatment:
    study = read(STUDY)
    spec = therapies_of(study, study.arms[0])[0]
    assert isinstance(spec, MadeToOrder)
    return spec.build(enrolled())


def lived(treatment: WaitingTreatment, until: int, **changes: float) -> list[WaitingTreatment]:
    """Return the treatment after each weekly contact."""
    found = [treatment]
    for day in range(7, until + 1, 7):
        after = found[-1].after(seen(float(day), **changes))
        assert isinstance(after, WaitingTreatment)
        found.append(after)
    return found


def test_what_was_taken_before_is_taken_until_then_and_handed_over(waiting: WaitingTreatment):
    study = read(STUDY)
    assert [spec.kind for spec in therapies_of(study, study.arms[0])] == ["made_to_order"]
    assert [len(waiting.meanwhile), len(waiting.begun)] == [1, 2]
    first = int(np.nanmin(waiting.days))
    before = waiting.effects(first - 1.0)
    np.testing.assert_allclose(before.basal_insulin, 20)
    assert not np.any(before.infusion.dose)


def test_each_patient_is_infused_once_on_the_own_day(waiting: WaitingTreatment):
    assert len(np.unique(waiting.days)) > 5 and (waiting.days[np.isfinite(waiting.days)] % 7 == 0).all()
    treatments = lived(waiting, 1400)
    given = np.zeros(N)
    for week, treatment in enumerate(treatments):
        for day in range(7 * week, 7 * week + 7):
            dose = np.broadcast_to(np.asarray(treatment.effects(float(day)).infusion.dose), (N,))
            np.testing.assert_array_equal(dose > 0, waiting.days == day)
            given += dose > 0
    np.testing.assert_array_equal(given, np.isfinite(waiting.days))


def test_insulin_is_given_once_and_weaned_from_the_infusion_on(waiting: WaitingTreatment):
    good = {"fasting_glucose": 90.0, "daytime_glucose": 100.0, "fasting_c_peptide": 500.0}
    calm = {"fasting_glucose": 100.0, "daytime_glucose": 100.0, "lowest_glucose": 90.0}
    first = float(np.min(waiting.days))
    early = waiting.days == first
    treatment = lived(waiting, int(first), **calm)[-1]
    np.testing.assert_allclose(treatment.effects(first).basal_insulin, 20)
    later = treatment.after(seen(first + 7, **good)).effects(first + 7)
    assert (np.asarray(later.basal_insulin)[early] < 20 * 0.85).all()
    assert (np.asarray(later.basal_insulin)[~early] > 20 * 0.85).all()


def test_who_gets_no_lot_goes_on_as_before(waiting: WaitingTreatment):
    never = dataclasses.replace(waiting, days=full(np.inf))
    after = lived(never, 140, fasting_glucose=100.0, daytime_glucose=100.0, lowest_glucose=90.0)[-1]
    np.testing.assert_allclose(after.effects(140.0).basal_insulin, 20)
    assert after.waits.all()


MISTAKES = [
    ("lot: {source: autologous_ipsc, target: 1.2e6 IEQ}", "dose: 1.2e6 IEQ", "0 islet infusions with a lot"),
    ("{kind: basal_bolus, titration: wean}", "{kind: metformin}", "'metformin' cannot wait for a lot"),
    ("- kind: made_to_order", "- {kind: basal_bolus}\n      - kind: made_to_order", "stands in the arm too"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), MISTAKES)
def test_what_cannot_wait_is_told(old: str, new: str, sentence: str):
    with pytest.raises(InvalidStudy) as told:
        read(STUDY.replace(old, new))
    assert sentence in str(told.value)


def test_how_long_patients_wait_is_told():
    remarks = [one for one in checks.remarks(read(STUDY)) if "weeks" in one]
    assert len(remarks) == 1 and "for which patients wait" in remarks[0]


def test_the_study_of_waiting_is_lived_through(tmp_path: Path):
    changes = ["population.size=16", "horizon=40 weeks", "visits=[0, 8, 40]", "endpoints=[graft_mass]"]
    found = run(load(WAITING, changes), tmp_path, 1).summary["arms"]
    mass = {arm: record["graft_mass"]["mean"] for arm, record in found.items()}
    assert mass["own lots"][1] == 0 and mass["lots of a bank"][1] == 0
    assert mass["own lots at once"][1] > 0
    assert mass["own lots"][2] > 0 and mass["lots of a bank"][2] > 0
    assert mass["insulin as before"][2] == 0


def test_the_days_of_an_arm_do_not_depend_on_its_patients():
    sizes = [plan(load(WAITING, [f"population.size={n}"])).trial.arms[0].steps for n in (4, 40)]
    assert sizes[0] == sizes[1]
