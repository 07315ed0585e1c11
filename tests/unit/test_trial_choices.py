"""What a study file can choose of a trial: who leaves, who is enrolled, priors, shared alpha, known curves,
real patients. On the outcomes made by hand of `test_trial_designs`.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_study_design import changed
from tests.unit.test_trial_designs import SHARE, TWO, cohort, quietly, trial

from insulae.core.errors import InvalidData, InvalidStudy, RunError
from insulae.statistics import benefit
from insulae.trials.design import conduct, operating, predicted_benefit, real_patients
from insulae.trials.design.draws import Draws
from insulae.trials.design.event_times import times
from insulae.trials.design.null import null_scene
from insulae.trials.design.outcomes import Outcomes
from insulae.trials.design.protocol import TrialSpec
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth

PARALLEL = {"kind": "parallel", **TWO}
HIGH = {"endpoint": "hba1c", "above": "8.5 %"}


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return cohort()


def watched(outcomes: Outcomes, n: int = 3000, **fields: Any) -> conduct.Data:
    scene = Scene.of(trial(PARALLEL, **fields), outcomes, seed=21)
    draws = scene.draws(0)
    followed = scene.followed(scene.patients(n, draws), np.zeros(n, int), draws)
    return scene.data(followed, np.zeros(n), draws)


# Who leaves


def test_who_fares_worse_leaves_at_the_stated_rate(outcomes: Outcomes):
    data = watched(outcomes, departures=[{"when": HIGH, "rate": "50 %/year"}])
    high = data.followed.values["hba1c"][:, 0] > 8.5
    first = data.left <= 12
    expected = 1 - 0.5 ** (12 / conduct.WEEKS_PER_YEAR)
    assert first[high].mean() == pytest.approx(expected, abs=3 * np.sqrt(expected / high.sum()))
    assert not first[~high].any()


def test_the_next_visit_decides_unseen_and_the_last_one_seen(outcomes: Outcomes):
    for by, visit in (("last visit", 1), ("next visit", 2)):
        data = watched(outcomes, departures=[{"when": HIGH, "rate": "90 %/year", "by": by}])
        left = (data.left > 12) & (data.left <= 26)
        values = data.followed.values["hba1c"][left, visit]
        assert left.any() and (values > 8.5).all(), by
        assert not data.seen[left, 2].any()


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 80), st.floats(0, 80), st.integers(0, 50))
def test_departures_that_all_share_are_a_common_dropout(common: float, extra: float, replicate: int):
    """A limit that everybody is beyond adds its rate to the common one, patient by patient."""
    everybody = {"when": {"endpoint": "hba1c", "above": "0 %"}, "rate": f"{extra} %/year"}
    spec = trial(PARALLEL, dropout=f"{common} %/year", departures=[everybody])
    both = 100 - (100 - common) * (100 - extra) / 100
    weeks, n = np.array([0.0, 10.0, 30.0, 52.0]), 20
    values = {"hba1c": np.full((n, 4), 8.0)}
    place = np.zeros(n, int)
    followed = conduct.Followed(weeks, place, np.zeros((n, 4), int), values, {})
    missed = np.zeros((n, 4), bool)
    found = conduct.dropout_week(spec, followed, missed, Draws(1, replicate))
    one_rate = trial(PARALLEL, dropout=f"{both!r} %/year") if both < 95 else None
    if one_rate is None:
        return
    known = conduct.dropout_week(one_rate, followed, missed, Draws(1, replicate))
    inside = known <= 52
    np.testing.assert_allclose(found[inside], known[inside], rtol=1e-6)
    assert np.isinf(found[~inside]).all()


def test_leaving_by_what_was_seen_spoils_complete_cases_and_not_all_visits(outcomes: Outcomes):
    """Missing at random: the last values that were seen carry what complete cases have lost."""

    def bias(estimator: str, n: int) -> tuple[float, float]:
        estimand = {"name": "e", "endpoint": "hba1c", "week": "52 weeks", "estimator": estimator}
        leaving = [{"when": {"endpoint": "hba1c", "above": "8.3 %"}, "rate": "90 %/year"}]
        spec = trial(PARALLEL | {"size": 200}, estimands=[estimand], departures=leaving)
        scene = Scene.of(spec, outcomes, seed=22)
        known = truth(spec, spec.primary, outcomes, ("care", "cells")).difference
        assert known is not None
        found = operating.judged(scene, operating.estimates(scene, n, quietly), {"e": known})[0]
        return found.bias, found.bias_error

    complete, error = bias("ancova", 120)
    assert complete > 5 * error, "those who are left under care are the better ones: the effect is too small"
    every_visit, error = bias("mmrm", 60)
    assert abs(every_visit) < max(3 * error, complete / 2)


# Who is enrolled


def with_trait(outcomes: Outcomes, seed: int = 5) -> Outcomes:
    """Return outcomes in which a trait tells how much cells lower HbA1c."""
    trait = np.random.default_rng(seed).normal(size=outcomes.size)
    values = {name: one.copy() for name, one in outcomes.values.items()}
    values["hba1c"][1, :, 1:] -= (0.5 * trait)[:, None]
    return dataclasses.replace(outcomes, values=values, traits={"age": 50 + 10 * trait})


def test_twins_enrol_those_who_benefit(outcomes: Outcomes):
    told = with_trait(outcomes)
    spec = trial(PARALLEL, enrichment={"best": "30 %"})
    found = predicted_benefit.predictions(spec, told, 3)
    assert found is not None
    assert found.is_enrolled.sum() == 120
    record = found.record()
    assert record["true"] > record["true_of_all"] + 0.4 > record["true_of_others"] + 0.4
    assert record["slope"] == pytest.approx(1, abs=0.15)
    scene = Scene.of(spec, told, 3)
    known = truth(spec, spec.primary, scene.entering, ("care", "cells")).difference
    assert known == pytest.approx(-record["true"], abs=1e-9)
    nothing = null_scene(scene)
    assert nothing is not None
    np.testing.assert_array_equal(nothing.places, scene.places)


def test_a_twin_that_errs_enrols_worse_and_one_that_knows_nothing_no_better_than_chance(outcomes: Outcomes):
    told = with_trait(outcomes)

    def gain(outcomes: Outcomes, **fields: str) -> float:
        spec = trial(PARALLEL, enrichment={"best": "30 %"} | fields)
        found = predicted_benefit.predictions(spec, outcomes, 3)
        assert found is not None
        record = found.record()
        return record["true"] - record["true_of_all"]

    good, erring = gain(told), gain(told, error="1 %")
    blind = gain(dataclasses.replace(told, traits={}))
    assert good > erring + 0.1 > 0.1
    assert abs(blind) < 0.15


def test_a_limit_of_predicted_benefit_is_kept_or_refused(outcomes: Outcomes):
    told = with_trait(outcomes)
    found = predicted_benefit.predictions(trial(PARALLEL, enrichment={"above": "1 %"}), told, 3)
    assert found is not None and found.predicted[found.is_enrolled].min() > 1
    with pytest.raises(RunError, match="predicted benefit above 9 %"):
        predicted_benefit.predictions(trial(PARALLEL, enrichment={"above": "9 %"}), told, 3)
    few = told.chosen(np.arange(20))
    with pytest.raises(RunError, match="learned from 40"):
        predicted_benefit.predictions(trial(PARALLEL, enrichment={"best": "50 %"}), few, 3)


def test_products_of_traits_are_learned_by_people_who_are_not_predicted():
    draw = np.random.default_rng(23)
    x = draw.normal(size=(400, 3))
    gain = 1 + x[:, 0] * x[:, 1] + draw.normal(0, 0.3, 400)
    predicted = benefit.cross_validated_difference(x, gain, draw)
    slope, intercept = benefit.calibration(predicted, 1 + x[:, 0] * x[:, 1])
    assert slope == pytest.approx(1, abs=0.1) and intercept == pytest.approx(0, abs=0.1)
    noise = benefit.cross_validated_difference(x, draw.normal(size=400), draw)
    assert np.abs(noise).max() < 0.6, "nothing is found where nothing is"


# Priors and shared alpha


def test_a_skeptical_prior_needs_more(outcomes: Outcomes):
    def power(**fields: Any) -> float:
        estimand = {"name": "e", "endpoint": "hba1c", "week": "52 weeks"} | fields
        scene = Scene.of(trial(PARALLEL, estimands=[estimand]), outcomes, seed=24)
        return float(np.mean([one.is_success for one in operating.replicates(scene, quietly)]))

    alone, wide = power(), power(prior={"deviation": "50 %"})
    skeptical = power(prior={"deviation": "0.3 %"})
    hopeful = power(prior={"mean": "-0.6 %", "deviation": "0.3 %"})
    assert skeptical < alone - 0.05 and hopeful > alone + 0.05
    assert wide == pytest.approx(alone, abs=0.03)


def test_estimands_share_alpha_and_keep_the_error_of_any(outcomes: Outcomes):
    both = [
        {"name": "free", "endpoint": "insulin_free", "week": "52 weeks"},
        {"name": "HbA1c", "endpoint": "hba1c", "week": "52 weeks"},
    ]
    in_turn = {"weights": ["1", "0"], "graph": [["0", "1"], ["0", "0"]]}
    spec = trial(PARALLEL, estimands=both, multiplicity=in_turn)
    scene = Scene.of(spec, outcomes, seed=25)
    nothing = null_scene(scene)
    assert nothing is not None
    found = operating.shared_alpha(scene, operating.estimates(scene, 200, quietly))
    wrong = operating.shared_alpha(nothing, operating.estimates(nothing, 400, quietly))
    assert found is not None and wrong is not None
    assert found["HbA1c"]["success"] <= found["free"]["success"] == found["any"]["success"] > 90
    assert wrong["any"]["success"] <= 2.5 + 3 * 100 * np.sqrt(0.025 * 0.975 / 400)
    unshared = dataclasses.replace(scene, spec=spec.model_copy(update={"multiplicity": None}))
    assert operating.shared_alpha(unshared, {}) is None


# Against a known curve, and with a beta prior


def test_a_known_curve_is_tested_at_its_level_and_beaten(outcomes: Outcomes):
    off = {"estimands": [{"name": "off", "endpoint": "weeks_to_insulin_free", "week": "52 weeks"}]}
    values = dict(outcomes.values)
    events = values["weeks_to_insulin_free"].copy()
    events[0] = np.where(np.arange(outcomes.size)[:, None] % 3 == 0, events[2], np.inf)
    known = dataclasses.replace(outcomes, values=values | {"weeks_to_insulin_free": events})
    design = {"kind": "single_arm", "arm": "cells", "size": 40, "reference_arm": "care"}
    scene = Scene.of(trial(design, replicates={"most": 400}, dropout="10 %/year", **off), known, seed=26)
    nothing = null_scene(scene)
    assert nothing is not None
    wrong = np.mean([one.is_success for one in operating.replicates(nothing, quietly)])
    assert wrong <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 400)
    found = operating.replicates(scene, quietly)
    assert np.mean([one.is_success for one in found]) > 0.8
    # the one-step log hazard ratio points to where the events are
    spec, draws = scene.spec, scene.draws(0)
    data = scene.data(scene.followed(np.arange(400), np.ones(400, int), draws), np.zeros(400), draws)
    assert times(spec.primary, data)[0].happened.mean() > 0.4
    assert np.median([one.estimate.effect for one in found if one.estimate]) > 0.5


def test_a_beta_prior_decides_as_its_posterior_says(outcomes: Outcomes):
    def successes(**fields: Any) -> list[bool]:
        design = {"kind": "single_arm", "arm": "cells", "size": 20, "reference": "30 %", **fields}
        scene = Scene.of(trial(design, **SHARE), outcomes, seed=27)
        return [one.is_success for one in operating.replicates(scene, quietly)]

    exact, flat = successes(), successes(prior=["1", "1"])
    against = successes(prior=["3", "7"])
    assert sum(against) < sum(flat)
    assert sum(flat) >= sum(exact)


# Real patients


def written(path: Path, outcomes: Outcomes, shift: float = 0.0) -> Path:
    rows = ["patient,week,hba1c,site"]
    for i in range(120):
        for visit, week in enumerate(outcomes.weeks):
            value = outcomes.values["hba1c"][0, i + 20, visit] + shift * (visit > 0)
            rows.append(f"p{i},{week:g},{'' if np.isnan(value) else repr(float(value))},x")
        rows.append(f"p{i},7,,x")
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def external(**fields: Any) -> TrialSpec:
    design = {
        "kind": "external_control",
        "arm": "cells",
        "external": "care",
        "size": 40,
        "balance": ["hba1c"],
    }
    return trial(design | fields, eligibility=[{"endpoint": "hba1c", "above": "8 %"}])


def test_real_patients_control_a_trial_and_their_difference_shows(outcomes: Outcomes, tmp_path: Path):
    spec = external(patients="real.csv")
    effects = {}
    for shift in (0.0, 0.5):
        real = real_patients.read(written(tmp_path / "real.csv", outcomes, shift), outcomes.weeks, ["hba1c"])
        assert real.size == 120
        scene = Scene.of(spec, dataclasses.replace(outcomes, real=real), seed=28)
        found = operating.replicates(scene, quietly)
        effects[shift] = float(np.mean([one.estimate.effect for one in found if one.estimate]))
        # the weights of always the same patients are nearly the same
        assert 40 < np.mean([one.statistic for one in found]) < 120
    known = truth(spec, spec.primary, scene.entering, ("care", "cells")).difference
    assert known is not None
    # one file of patients errs as a group: standard error of 120 patients' mean
    assert effects[0.0] == pytest.approx(known, abs=3 * 0.7 / np.sqrt(80))
    assert effects[0.5] == pytest.approx(effects[0.0] - 0.5, abs=0.02)


BROKEN = {
    "patient,week\n1,0\n": "no column 'hba1c'",
    "patient,week,hba1C\n1,0,8\n": "no column 'hba1c'",
    "patient,week,hba1c\n1,0,8\n": "has 1 patients",
    "patient,week,hba1c\n" + "".join(f"{i},0,8\n{i},52,x\n" for i in range(9)): "'x' is no number",
    "patient,week,hba1c\n" + "".join(f"{i},0,8\n{i},0,8\n" for i in range(9)): "stands twice",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_of_patients_that_is_wrong_is_refused_with_the_place(text: str, tmp_path: Path):
    path = tmp_path / "patients.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidData, match=r"patients\.csv") as caught:
        real_patients.read(path, np.array([0.0, 52.0]), ["hba1c"])
    assert BROKEN[text] in str(caught.value)
    with pytest.raises(InvalidData, match="cannot read"):
        real_patients.read(tmp_path / "none.csv", np.array([0.0]), ["hba1c"])


# Mistakes in the study file

ONE_ARM = "trial.design={kind: single_arm, arm: cells, size: 12%s}"
OFF = "trial.estimands=[{name: e, endpoint: weeks_to_insulin_free, week: 52 weeks}]"
NUMBER = "trial.estimands=[{name: e, endpoint: hba1c, week: 52 weeks%s}]"
MISTAKES = [
    (["trial.enrichment={best: 30 %, above: 5 %}"], "either the best or those above a value"),
    (["trial.enrichment={above: 5 kg}"], "trial.enrichment.above"),
    (["trial.enrichment={best: 30 %, active: cell}"], "no arm 'cell'; did you mean 'cells'"),
    (["trial.enrichment={best: 30 %, endpoint: weeks_to_insulin_free}"], "is a time"),
    (["trial.enrichment={best: 30 %, week: 51 weeks}"], "no visit in week 51"),
    ([ONE_ARM % ", reference: 30 %", "trial.enrichment={best: 30 %}"], "say control and active"),
    (["trial.departures=[{when: {endpoint: hba1, above: 9 %}, rate: 9 %/year}]"], "did you mean 'hba1c'"),
    (["trial.departures=[{when: {endpoint: hba1c, above: 9 %}, rate: 9 %}]"], "trial.departures.0.rate"),
    ([NUMBER % ", prior: {deviation: 5 kg}"], "trial.estimands.0.prior"),
    ([NUMBER % ", prior: {deviation: 0 %}"], "must be above 0"),
    ([NUMBER % ", covariates: [hba1]"], "did you mean 'hba1c'"),
    (["trial.multiplicity={weights: ['1'], graph: [['0']]}"], "needs 2 parts of alpha"),
    (
        ["trial.multiplicity={weights: ['1', '0'], graph: [['1', '0'], ['0', '0']]}"],
        "none for the estimand itself",
    ),
    (
        ["endpoints=all", "trial.estimands=[{name: w, endpoint: body_weight, week: 52 weeks}]"],
        "by itself is better neither",
    ),
    ([ONE_ARM % ""], "needs the share that is not good enough"),
    ([ONE_ARM % ", reference: 30 %", OFF], "needs the arm whose curve is the reference"),
    ([ONE_ARM % ", reference: 30 %, reference_arm: care"], "belongs to the time to an event"),
    ([ONE_ARM % ", reference_arm: car", OFF], "no arm 'car'"),
    (
        [
            "trial.design={kind: external_control, arm: cells, external: care, size: 9, balance: [hba1c]}",
            NUMBER % "",
        ],
        "say one of both",
    ),
]


@pytest.mark.parametrize(("changes", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place(changes: list[str], words: str):
    with pytest.raises(InvalidStudy) as caught:
        changed(*changes)
    assert words in str(caught.value)
