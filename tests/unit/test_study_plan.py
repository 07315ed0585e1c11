"""The plan: which therapies, which days, which chunks under which names; and what a study rests on."""

from pathlib import Path

import numpy as np
import pytest

from insulae.core import random
from insulae.core.citations import references
from insulae.core.errors import InvalidStudy
from insulae.runs.chunks import Chunk
from insulae.study import load
from insulae.study.plan import plan
from insulae.study.sources import parameters_of, references_of
from insulae.study.spec import MOST_PATIENTS

ROOT = Path(__file__).parents[2]
FIRST = ROOT / "studies" / "first_case.yaml"


def names(*overrides: str) -> list[str]:
    todo = plan(load.load(FIRST, overrides), 128)
    return [todo.name(chunk) for chunk in todo.chunks()]


def test_an_arm_takes_the_standing_treatment_with_what_it_adds_or_replaces():
    arms = {arm.name: arm.therapies for arm in plan(load.load(FIRST)).trial.arms}
    standing = ["basal_bolus", "metformin", "acarbose", "immunosuppression"]
    assert [spec.kind for spec in arms["standard care"]] == standing
    assert [spec.kind for spec in arms["cell therapy"]] == [*standing, "islet_infusion"]
    assert arms["cell therapy"][0].model_dump()["titration"] == "wean"
    assert arms["standard care"][0].model_dump()["titration"] == "keep"


def test_the_days_follow_the_visits_and_the_infusion():
    arms = {arm.name: arm.steps for arm in plan(load.load(FIRST)).trial.arms}
    for steps in arms.values():
        assert steps[0].day == -14
        assert sum(step.days for step in steps) == 14 + 113 * 7
        assert len([s for s in steps if s.visit_week is not None]) == 30
    assert all(step.longest == 1 for step in arms["cell therapy"] if 0 <= step.day < 28)
    assert len(arms["cell therapy"]) >= len(arms["standard care"])


def test_the_names_of_chunks_do_not_depend_on_size_or_wording():
    small, large = names("population.size=128"), names("population.size=300")
    assert len(large) == 3 and len(set(large)) == 3
    assert small == large[:1]
    assert names("name=other", "notes=[none]", "reported=[]") == names()


@pytest.mark.parametrize(
    "override",
    ["seed=1", "horizon=100 weeks", "arms.0.therapies.0.dose=1 IEQ", "population.patient.hba1c=7 %",
     "endpoints=[hba1c]", "visits=every 8 weeks", "stored_traces.patients=3", "arms.1.name=other"],
)  # fmt: skip
def test_the_names_of_chunks_change_with_anything_that_changes_their_numbers(override: str):
    assert names(override) != names()


def test_the_chunks_of_a_plan_hold_every_patient_once_and_traces_of_the_first_only():
    todo = plan(load.load(FIRST, ["population.size=100", "stored_traces.patients=45"]), width=30)
    assert [patient for chunk in todo.chunks() for patient in chunk.ids] == list(range(100))
    assert ["traces" in todo.tables(chunk) for chunk in todo.chunks()] == [True, True, False, False]
    assert {todo.tables(chunk)[-1] for chunk in todo.chunks()} == {"fates"}


def test_a_study_rests_on_the_body_and_on_the_therapies_it_uses():
    used = parameters_of(load.load(FIRST))
    assert {"glucose.volume", "metformin.half_dose", "islet_infusion.stem_cell_potency"} <= set(used)
    assert not [name for name in used if name.startswith("tirzepatide.")]


def test_the_references_of_a_study_hold_its_reported_values_and_endpoints():
    keys = references_of(load.load(FIRST))
    assert keys == sorted(set(keys))
    assert {"wu2024", "battelino2023"} <= set(keys)
    assert "wang2024" not in keys
    assert set(keys) & references().keys()


def test_as_many_patients_as_tables_can_number_are_planned_without_listing_them():
    todo = plan(load.load(FIRST, [f"population.size={MOST_PATIENTS}"]))
    chunks = todo.chunks()
    first, second = next(chunks), next(chunks)
    assert first.ids[-1] + 1 == second.ids[0] == todo.width
    last = Chunk(MOST_PATIENTS // todo.width * todo.width, MOST_PATIENTS % todo.width)
    assert last.ids[-1] == MOST_PATIENTS - 1 <= np.iinfo(np.int32).max
    assert todo.name(last) not in (todo.name(first), todo.name(second))
    draws = random.patient_keys(1, "day", np.array([0, MOST_PATIENTS - 2, MOST_PATIENTS - 1]))
    assert len(np.unique(draws, axis=0)) == 3
    with pytest.raises(InvalidStudy, match=r"population\.size"):
        load.load(FIRST, [f"population.size={MOST_PATIENTS + 1}"])


@pytest.mark.parametrize(("endpoints", "expected"), [(["hba1c"], False), (["diabetes_by_drink"], True)])
def test_a_drink_is_given_where_an_endpoint_reads_it(endpoints: list[str], expected: bool):
    study = load.load(FIRST, [f"endpoints={endpoints}", "reported=[]"])
    steps = [step for arm in plan(study).trial.arms for step in arm.steps]
    assert {step.has_drink for step in steps} == {expected}
