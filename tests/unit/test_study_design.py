"""The trial of a study from its file to its page: read, checked, run many times, written."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.test_trial_designs import LOST, RESCUE, cohort
from typer.testing import CliRunner

from insulae.cli.main import app
from insulae.core.errors import InvalidStudy, RunError
from insulae.report.design import answer, page
from insulae.study import design as trial
from insulae.study.load import read

TEXT = """
name: made
question: Does it show?
population: {phenotype: type2, size: 400}
horizon: 52 weeks
visits: [0, 12, 26, 39, 52]
arms: [{name: care}, {name: cells}, {name: more cells}, {name: "care, cells later"}]
endpoints: [hba1c, insulin_free, serious_events]
trial:
  design: {kind: parallel, control: care, active: cells, size: 60}
  enrolment: {rate: 8 1/month}
  estimands:
    - {name: off insulin, endpoint: insulin_free, week: 52 weeks}
    - {name: HbA1c, endpoint: hba1c, week: 52 weeks}
  replicates: {most: 60}
  search: {sizes: [20, 40, 60], power: 80 %}
"""


def changed(*changes: str) -> Any:
    return read(TEXT, changes)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    study = changed(
        f"trial.intercurrent={json.dumps(RESCUE['intercurrent'])}", f"trial.dropout={LOST['dropout']}"
    )
    return trial.characterize(study, cohort(), "insulae design made.yaml", lambda done, total: None)


def test_a_trial_changes_no_simulated_patient():
    from insulae.study.plan import plan

    assert plan(changed()).key == plan(changed("trial.design.size=80")).key


def test_what_is_found_is_plain_and_complete(found: dict[str, Any], tmp_path: Path):
    path = trial.write(found, tmp_path)
    again = json.loads(path.read_text())
    assert again["planned"]["replicates"] == 60
    assert 0 <= again["null"]["success"] < 15 < again["planned"]["success"]
    assert [row["size"] for row in again["search"]] == [20, 40, 60]
    assert again["search"][0]["success"] <= again["search"][2]["success"]
    assert {row["name"] for row in again["judged"]} == {"off insulin", "HbA1c"}
    assert again["search"][2]["success"] == pytest.approx(again["planned"]["success"])
    assert "not medical advice" in again["simulated"]


def test_the_smallest_size_has_enough_power(found: dict[str, Any]):
    size = trial.smallest(found)
    power = {row["size"]: row["success"] for row in found["search"]}
    assert size is not None and power[size] >= 80
    assert all(share < 80 for n, share in power.items() if n < size)
    weak = found | {"search": [row | {"success": 10.0} for row in found["search"]]}
    assert trial.smallest(weak) is None
    assert any("None of the sizes" in sentence for sentence in answer(weak))


def test_the_page_says_what_it_is_and_shows_figures(found: dict[str, Any]):
    html = page(found)
    assert html.count("<svg") >= 6
    for words in (
        "Simulated. Not medical advice.",
        "type I error",
        "off insulin",
        "insulae design made.yaml",
    ):
        assert words in html


MISTAKES = {
    "trial.design.active=cell": "no arm 'cell'",
    "trial.estimands.0.endpoint=insulin_fre": "unknown endpoint 'insulin_fre'; did you mean 'insulin_free'",
    "trial.estimands.0.week=51 weeks": "no visit in week 51",
    "trial.estimands.0.estimator=mmrm": "is a yes or no; choose difference_of_shares",
    "trial.estimands.1.estimator=difference_of_shares": "is a number; choose ancova",
    "trial.estimands.0.strategies={rescu: composite}": "unknown event 'rescu'",
    "trial.estimands.0.strategies={death: hypothetical}": "for death: composite",
    "trial.enrolment.rate=8": "has no unit",
    "trial.design.kind=paralel": "did you mean 'parallel'",
    "trial.design={kind: run_in, arm: cells, size: 20}": "needs a number",
    "trial.estimands.0.estimator=cox": "is a yes or no; choose difference_of_shares, logistic",
    "trial.estimands=[{name: e, endpoint: weeks_to_deth, week: 52 weeks}]": "did you mean 'weeks_to_death'",
    "trial.estimands=[{name: e, endpoint: weeks_to_death, week: 52 weeks, estimator: ancova}]": (
        "is a time to an event; choose log_rank"
    ),
    "trial.design={kind: platform, control: care, actives: [cells, more cells], enter_every: 5, per_arm: 9, "
    "multiplicity: graphical, weights: ['1', '1']}": "2 parts of alpha that sum to at most 1",
    "trial.design={kind: platform, control: care, actives: [cells], enter_every: 5, per_arm: 9, "
    "weights: ['1']}": "belong to 'graphical'",
    "trial={design: {kind: n_of_1, sequences: {care: ABAB, cells: ABBA}, period: 13 weeks, size: 9}, "
    "enrolment: {rate: 8 1/month}, estimands: [{name: e, endpoint: hba1c, week: 52 weeks}]}": (
        "in every period half of the orders need B"
    ),
    "trial={design: {kind: n_of_1, sequences: {care: ABAB, cells: BABA}, period: 13 weeks, "
    "washout: 13 weeks, size: 9}, enrolment: {rate: 8 1/month}, "
    "estimands: [{name: e, endpoint: hba1c, week: 52 weeks}]}": ("must be shorter than the period"),
}


@pytest.mark.parametrize("change", MISTAKES)
def test_a_mistake_is_named(change: str):
    with pytest.raises(InvalidStudy) as caught:
        changed(change)
    assert MISTAKES[change] in str(caught.value)


def test_designs_ask_for_what_they_need():
    with pytest.raises(InvalidStudy, match="needs a yes or no"):
        changed(
            "trial.design={kind: single_arm, arm: cells, size: 12, reference: 30 %}",
            "trial.estimands=[{name: e, endpoint: hba1c, week: 52 weeks}]",
        )
    with pytest.raises(InvalidStudy, match="2 rising shares"):
        changed("trial.design={kind: dose_escalation, doses: [care, cells], rule: crm, within: 12 weeks}")
    with pytest.raises(InvalidStudy, match="no section 'trial'"):
        trial.trial_of_study(read(TEXT.split("trial:")[0]))


def test_a_replayed_trial_places_the_reported_value():
    reported = {
        "endpoint": "insulin_free",
        "arm": "cells",
        "value": "83 %",
        "statistic": "percent",
        "n": 12,
        "source": "reichman2025",
    }
    study = changed(
        "trial.design={kind: single_arm, arm: cells, size: 12, reference: 30 %}",
        "trial.search=",
        f"reported=[{json.dumps(reported)}]",
    )
    row = trial.characterize(study, cohort(), "", lambda done, total: None)["replayed"][0]
    assert row["reported"] == 83
    # half of the cohort is free of insulin in this arm; 10 of 12 is rare
    assert row["below"] > 90 and row["quantiles"][3] == pytest.approx(50, abs=9)


def test_a_run_without_what_the_trial_needs_is_refused(tmp_path: Path):
    with pytest.raises(InvalidStudy, match="the trial needs 'serious_events'"):
        trial.outcomes_of(changed("endpoints=[hba1c, insulin_free]"), tmp_path)
    with pytest.raises(RunError):
        trial.outcomes_of(changed(), tmp_path)


def test_the_command_needs_a_trial(tmp_path: Path):
    path = tmp_path / "made.yaml"
    path.write_text(TEXT.split("trial:")[0])
    result = CliRunner().invoke(app, ["design", str(path)])
    assert isinstance(result.exception, InvalidStudy)
