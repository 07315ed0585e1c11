"""Designs of trials on outcomes made by hand: error under the null, cover, estimands, losses.

Nobody is simulated here: `cohort` writes down what 400 people would have under each arm. Monte Carlo
tolerances are three standard errors of the number of replicates.
"""

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from insulae.core.errors import RunError
from insulae.trials.design import conduct, enrolment, estimands, event_times, n_of_1, operating
from insulae.trials.design.adaptive import predicted_success
from insulae.trials.design.draws import Draws
from insulae.trials.design.null import null_scene
from insulae.trials.design.outcomes import Outcomes, first_weeks
from insulae.trials.design.protocol import Enrolment, TrialSpec
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth

ARMS = ("care", "cells", "more cells", "care, cells later")
WEEKS = np.array([0.0, 12.0, 26.0, 39.0, 52.0])
EFFECT = (0.0, -0.6, -0.6, 0.0)
FREE = (0.05, 0.5, 0.6, 0.05)
HARM = (0.05, 0.15, 0.45, 0.05)


def cohort(n: int = 400) -> Outcomes:
    draw = np.random.default_rng(11)
    base = draw.normal(8.5, 0.8, n)
    noise = draw.normal(0, 0.7, n)
    ease, luck = draw.random(n), draw.random(n)
    hba1c, free, serious = (np.empty((4, n, 5)) for _ in range(3))
    for a in range(4):
        rise = np.clip(WEEKS / 26, 0, 1)
        hba1c[a] = base[:, None] + rise * (noise + EFFECT[a])[:, None]
        free[a] = 100.0 * ((ease < FREE[a])[:, None] & (WEEKS >= 26))
        serious[a] = (luck < HARM[a])[:, None] & (WEEKS >= 12)
    hba1c[3][:, WEEKS > 26] -= 0.6
    hba1c += draw.normal(0, 0.15, (n, 5))
    stopped = np.where(ease[:, None] < np.array(FREE), 14 + 20 * luck[:, None], np.inf).T
    when = np.where(stopped[:, :, None] <= WEEKS, stopped[:, :, None], np.inf)
    death = np.full((4, n), np.inf)
    death[0, :8] = 30.0
    for one in (hba1c, free, serious):
        one[0, :8, 3:] = np.nan
    values = {"hba1c": hba1c, "insulin_free": free, "serious_events": serious, "weeks_to_insulin_free": when}
    return Outcomes(ARMS, WEEKS, values, death, np.arange(n))


def trial(design: dict[str, Any], **fields: Any) -> TrialSpec:
    given = {
        "enrolment": {"rate": "8 1/month"},
        "estimands": [{"name": "HbA1c", "endpoint": "hba1c", "week": "52 weeks"}],
        "replicates": {"most": 200},
        **fields,
    }
    return TrialSpec.model_validate({"design": design, **given})


SHARE = {"estimands": [{"name": "free", "endpoint": "insulin_free", "week": "52 weeks"}]}
TWO = {"control": "care", "active": "cells", "size": 60}
LOST = {"dropout": "10 %/year", "missing_visits": "5 %", "visit_window": "7 days"}
DESIGNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "parallel": ({"kind": "parallel", **TWO, "strata": ["hba1c"]}, LOST),
    "shares": ({"kind": "parallel", **TWO}, SHARE | LOST),
    "group_sequential": (
        {"kind": "group_sequential", **TWO, "looks": ["0.5", "0.75", "1"], "futility": "5 %"},
        LOST,
    ),
    "single_arm": ({"kind": "single_arm", "arm": "cells", "size": 40, "reference": "30 %"}, SHARE),
    "simon": (
        {"kind": "simon", "arm": "cells", "reference": "30 %", "alternative": "50 %", "most": 60},
        SHARE,
    ),
    "response_adaptive": (
        {
            "kind": "response_adaptive",
            "control": "care",
            "actives": ["cells", "more cells"],
            "size": 60,
            "burn_in": 30,
        },
        SHARE,
    ),
    "platform": (
        {
            "kind": "platform",
            "control": "care",
            "actives": ["cells", "more cells"],
            "enter_every": 30,
            "per_arm": 25,
        },
        {},
    ),
    "external_control": (
        {
            "kind": "external_control",
            "arm": "cells",
            "external": "care",
            "size": 40,
            "external_size": 120,
            "balance": ["hba1c"],
        },
        {"eligibility": [{"endpoint": "hba1c", "above": "8 %"}]},
    ),
    "platform_dunnett": (
        {
            "kind": "platform",
            "control": "care",
            "actives": ["cells", "more cells"],
            "enter_every": 30,
            "per_arm": 25,
            "multiplicity": "dunnett",
        },
        {},
    ),
    "adaptive_with_futility": (
        {
            "kind": "response_adaptive",
            "control": "care",
            "actives": ["cells", "more cells"],
            "size": 60,
            "burn_in": 30,
            "futility": "5 %",
        },
        SHARE,
    ),
    "log_rank": (
        {"kind": "parallel", **TWO},
        {"estimands": [{"name": "off", "endpoint": "weeks_to_insulin_free", "week": "52 weeks"}]} | LOST,
    ),
    "logistic": (
        {"kind": "parallel", **TWO, "strata": ["hba1c"]},
        {"estimands": [SHARE["estimands"][0] | {"estimator": "logistic"}]} | LOST,
    ),
    "run_in": ({"kind": "run_in", "arm": "cells", "size": 20}, {}),
}


def quietly(done: int) -> None:
    """Hear of finished replicates where nobody watches."""


NOMINAL = {"platform": 0.05}
"""Error of any of two arms, each at 2.5 % to its benefit."""


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return cohort()


@pytest.mark.parametrize("name", DESIGNS)
def test_the_error_under_the_null_is_nominal_and_the_effect_is_found(name: str, outcomes: Outcomes):
    design, fields = DESIGNS[name]
    scene = Scene.of(trial(design, **fields), outcomes, seed=3)
    nothing = null_scene(scene)
    assert nothing is not None
    times = scene.spec.replicates.most
    wrong = np.mean([one.is_success for one in operating.replicates(nothing, lambda n: None)])
    high = NOMINAL.get(name, 0.025)
    assert wrong <= high + 3 * np.sqrt(high * (1 - high) / times), wrong
    found = operating.replicates(scene, lambda n: None)
    power = np.mean([one.is_success for one in found])
    assert power > 0.5, power
    assert all(one.patients > 0 and one.months >= 12 for one in found if one.ended == "planned end")


def test_replicates_are_the_same_again_and_larger_trials_keep_their_patients(outcomes: Outcomes):
    scene = Scene.of(trial(DESIGNS["parallel"][0], **LOST), outcomes, seed=3)
    run = operating.runner(scene)
    assert run(5) == run(5) != run(6)
    small, large = scene.patients(20, scene.draws(5)), scene.patients(80, scene.draws(5))
    np.testing.assert_array_equal(small, large[:20])


@pytest.mark.parametrize("estimator", ["ancova", "mmrm"])
def test_estimators_are_unbiased_and_cover(estimator: str, outcomes: Outcomes):
    spec = trial(
        {"kind": "parallel", **TWO},
        **LOST,
        estimands=[{"name": "e", "endpoint": "hba1c", "week": "52 weeks", "estimator": estimator}],
    )
    scene = Scene.of(spec, outcomes, seed=4)
    care, cells = estimands.true_means(spec, spec.primary, outcomes, ("care", "cells"))
    times = 400 if estimator == "ancova" else 150
    found = operating.judged(scene, operating.estimates(scene, times, quietly), {"e": cells - care})[0]
    assert abs(found.bias) < 3 * found.bias_error
    assert abs(found.coverage - 95) < 3 * 100 * np.sqrt(0.95 * 0.05 / times)


RESCUE = {
    "intercurrent": [
        {
            "name": "rescue",
            "arm": "care",
            "week": "26 weeks",
            "to": "care, cells later",
            "when": {"endpoint": "hba1c", "above": "8.5 %"},
        }
    ]
}


def with_strategy(strategy: str, **fields: Any) -> TrialSpec:
    estimand = {"name": "e", "endpoint": "hba1c", "week": "52 weeks", "strategies": {"rescue": strategy}}
    return trial({"kind": "parallel", **TWO}, **RESCUE, estimands=[estimand | fields])


def test_each_strategy_has_its_own_truth(outcomes: Outcomes):
    """Worked by hand from the values of the arms."""
    values = outcomes.values["hba1c"]
    rescued = values[0, :, 2] > 8.5
    alive = np.where(np.isnan(values[0, :, 4]), values[0, :, 2], values[0, :, 4])
    cells = values[1, :, 4].mean()
    policy = np.where(rescued & np.isfinite(values[0, :, 3]), values[3, :, 4], alive)
    # the eight who would die under care do not when rescued first: their later arm has no death
    policy[rescued] = values[3, rescued, 4]
    last = np.where(rescued, values[0, :, 2], alive)
    failed = np.where(rescued, 10.0, alive)
    known = {
        "treatment_policy": policy.mean(),
        "while_on_treatment": last.mean(),
        "composite": failed.mean(),
        "principal_stratum": alive[~rescued].mean(),
    }
    for strategy, care in known.items():
        fields = {"failure": "10 %"} if strategy == "composite" else {}
        spec = with_strategy(strategy, **fields)
        found = estimands.true_means(spec, spec.primary, outcomes, ("care", "cells"))
        assert found[0] == pytest.approx(care), strategy
        expected = values[1, ~rescued, 4].mean() if strategy == "principal_stratum" else cells
        assert found[1] == pytest.approx(expected), strategy


def test_the_wrong_estimand_misleads(outcomes: Outcomes):
    """Rescue with the product itself hides part of its effect when all that was seen is analyzed."""
    known = {}
    for strategy in ("treatment_policy", "hypothetical"):
        spec = with_strategy(strategy)
        care, cells = estimands.true_means(spec, spec.primary, outcomes, ("care", "cells"))
        known[strategy] = cells - care
    assert known["hypothetical"] == pytest.approx(-0.6, abs=0.05)
    assert known["treatment_policy"] > known["hypothetical"] + 0.2
    spec = with_strategy("treatment_policy")
    scene = Scene.of(spec, outcomes, seed=5)
    found = operating.judged(scene, operating.estimates(scene, 200, quietly), {"e": known["hypothetical"]})[0]
    assert found.coverage < 85, "an interval for another question covers the wrong truth too seldom"


def test_a_composite_strategy_needs_a_failure():
    with pytest.raises(ValidationError, match="needs a 'failure'"):
        with_strategy("composite")
    with pytest.raises(ValidationError, match="either above or below"):
        trial({"kind": "parallel", **TWO}, eligibility=[{"endpoint": "hba1c"}])


def test_doses_with_few_toxicities_are_chosen(outcomes: Outcomes):
    for rule, extra in (("3+3", {}), ("boin", {}), ("crm", {"skeleton": ["0.1", "0.25", "0.4"]})):
        design = {
            "kind": "dose_escalation",
            "doses": ["care", "cells", "more cells"],
            "rule": rule,
            "target": "20 %",
            "size": 18,
            "within": "12 weeks",
            **extra,
        }
        scene = Scene.of(trial(design, **SHARE), outcomes, seed=6)
        assert null_scene(scene) is None
        chosen = operating.characteristics(operating.replicates(scene, lambda n: None))["chosen"]
        # true toxicity 5, 15 and 45 %: the middle dose is nearest below the target
        assert max(chosen, key=lambda name: chosen[name]) == "cells", (rule, chosen)
        assert chosen.get("more cells", 0) < 25


def test_the_stopping_rule_of_an_arm_stops_for_harm(outcomes: Outcomes):
    stopping = {"within": "12 weeks", "limit": "10 %", "certainty": "90 %"}
    shares = {}
    for arm in ("care", "more cells"):
        design = {
            "kind": "single_arm",
            "arm": arm,
            "size": 20,
            "reference": "30 %",
            "stopping": stopping,
            "sentinel": {"patients": 2, "wait": "8 weeks"},
        }
        scene = Scene.of(trial(design, **SHARE), outcomes, seed=7)
        ended = operating.characteristics(operating.replicates(scene, lambda n: None))["ended"]
        shares[arm] = ended.get("stopped for harm", 0.0)
    assert shares["more cells"] > 90 > 30 > shares["care"]


def test_sites_that_open_later_slow_the_beginning():
    draws = Draws(1, 1)
    at_once = enrolment.entry_weeks(Enrolment.model_validate({"rate": "8 1/month"}), 500, draws)
    slow = {"rate": "8 1/month", "sites": 10, "opening": "40 weeks"}
    later = enrolment.entry_weeks(Enrolment.model_validate(slow), 500, draws)
    assert np.all(np.diff(later) >= 0)
    # half of the opening time is lost
    assert (later - at_once)[-1] == pytest.approx(20, abs=1e-6)
    assert 500 / at_once[-1] == pytest.approx(8 / enrolment.WEEKS_PER_MONTH, rel=0.15)


def test_blocks_balance_arms_within_strata():
    strata = np.repeat([0, 1, 2], [40, 16, 7])
    arm = enrolment.allocated((1, 3), strata, 2, Draws(1, 2))
    for stratum in (0, 1):
        assert np.mean(arm[strata == stratum]) == 0.75


def test_what_is_lost_is_missing_and_what_is_unknown_is_not_used(outcomes: Outcomes):
    spec = trial({"kind": "parallel", **TWO}, dropout="40 %/year", missing_visits="20 %")
    scene = Scene.of(spec, outcomes, seed=8)
    n = 4000
    draws = scene.draws(0)
    followed = scene.followed(scene.patients(n, draws), np.ones(n, int), draws)
    data = scene.data(followed, np.zeros(n), draws)
    seen = np.isfinite(data.observed("hba1c")).mean(axis=0)
    assert seen[0] == 1
    expected = 0.8 * 0.6 ** (52 / conduct.WEEKS_PER_YEAR)
    assert seen[-1] == pytest.approx(expected, abs=3 * 0.008)
    dead = dataclasses.replace(data, left=np.zeros(n))
    assert all(np.isinf(week).all() for week in conduct.known(dead).event_week.values())


def test_unknown_arms_and_visits_are_named(outcomes: Outcomes):
    with pytest.raises(RunError, match="did you mean 'cells'"):
        outcomes.arm("cell")
    with pytest.raises(RunError, match="no visit in week 30"):
        outcomes.visit(30.0)


# Treatments in turn


def in_turn(effect: float, n: int = 200) -> Outcomes:
    """Return people who have glucose lower by an effect of their own whenever they take B."""
    draw = np.random.default_rng(12)
    weeks = np.array([0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 32.0])
    orders = {"first": "ABAB", "second": "BABA"}
    own = draw.normal(150, 20, n)[:, None] + 0.4 * weeks
    mine = effect + draw.normal(0, 4, n)[:, None]
    takes_b = {
        name: np.array([False, *(order[int(np.ceil(w / 8)) - 1] == "B" for w in weeks[1:])])
        for name, order in orders.items()
    }
    glucose = np.stack([own + takes_b[name] * mine + draw.normal(0, 6, (n, 9)) for name in orders])
    serious = np.zeros((2, n, 9))
    death = np.full((2, n), np.inf)
    return Outcomes(
        ("first", "second"), weeks, {"fasting_glucose": glucose, "serious_events": serious}, death
    )


def turns(**fields: Any) -> TrialSpec:
    design = {
        "kind": "n_of_1",
        "sequences": {"first": "ABAB", "second": "BABA"},
        "period": "8 weeks",
        "washout": "4 weeks",
        "size": 16,
        **fields,
    }
    glucose = {"name": "glucose", "endpoint": "fasting_glucose", "week": "32 weeks"}
    return trial(design, estimands=[glucose])


@pytest.mark.parametrize("analysis", ["paired", "mixed"])
def test_treatments_in_turn_are_compared_within_patients(analysis: str):
    spec, outcomes = turns(analysis=analysis), in_turn(-8.0)
    scene = Scene.of(spec, outcomes, seed=9)
    times = 200 if analysis == "paired" else 40
    known = truth(spec, spec.primary, outcomes, ("first", "second"))
    # the course over time is the same in both orders, so it drops out
    assert known.difference == pytest.approx(-8, abs=0.7)
    found = [operating.runner(scene)(i).estimate for i in range(times)]
    effects = np.array([one.effect for one in found if one])
    assert abs(effects.mean() - (known.difference or 0)) < 3 * effects.std() / np.sqrt(times)
    covered = np.mean(
        [low <= (known.difference or 0) <= high for low, high in (f.interval() for f in found if f)]
    )
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / times)
    nothing = null_scene(scene)
    assert nothing is not None
    wrong = np.mean([operating.runner(nothing)(i).is_success for i in range(times)])
    assert wrong <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / times)


def test_the_washout_leaves_the_beginning_of_a_period_out():
    spec, outcomes = turns(), in_turn(-8.0)
    scene = Scene.of(spec, outcomes, seed=9)
    draws = scene.draws(0)
    followed = scene.followed(np.arange(5), np.zeros(5, int), draws)
    data = scene.data(followed, np.zeros(5), draws)
    means = n_of_1.period_means(spec.design, data, "fasting_glucose")
    np.testing.assert_allclose(means, outcomes.values["fasting_glucose"][0, :5][:, [2, 4, 6, 8]])


# Times to an event


def test_what_ends_a_time_follows_the_strategy(outcomes: Outcomes):
    spec = trial(
        {"kind": "parallel", **TWO},
        estimands=[{"name": "off", "endpoint": "weeks_to_insulin_free", "week": "39 weeks"}],
    )
    scene = Scene.of(spec, outcomes, seed=10)
    draws = scene.draws(0)
    everybody = np.arange(outcomes.size)
    followed = scene.followed(everybody, np.zeros(outcomes.size, int), draws)
    data = dataclasses.replace(
        scene.data(followed, np.zeros(outcomes.size), draws), left=np.where(everybody == 50, 10.0, np.inf)
    )
    found, belongs = event_times.times(spec.primary, data)
    assert belongs.all()
    assert found.cause[50] == event_times.CUT and found.week[50] == 10
    free = np.isfinite(outcomes.values["weeks_to_insulin_free"][0, :, 3])
    dead = np.isfinite(outcomes.death_week[0]) & ~free
    assert (found.cause[dead] == event_times.COMPETING).all() and (found.week[dead] == 30).all()
    assert (found.cause[free & (everybody != 50)] == event_times.EVENT).all()
    assert (found.week[~free & ~dead & (everybody != 50)] == 39).all()


@pytest.mark.parametrize(
    "estimator", ["cox", "log_rank", "survival", "cumulative_incidence", "restricted_mean"]
)
def test_estimators_of_times_are_unbiased_and_cover(estimator: str, outcomes: Outcomes):
    estimand = {"name": "e", "endpoint": "weeks_to_insulin_free", "week": "52 weeks", "estimator": estimator}
    design = {"kind": "parallel", **TWO, "control": "more cells", "size": 120}
    spec = trial(design, dropout="10 %/year", estimands=[estimand])
    scene = Scene.of(spec, outcomes, seed=11)
    known = truth(spec, spec.primary, outcomes, ("more cells", "cells"))
    assert known.arms["more cells"] == pytest.approx(60, abs=5)
    assert known.difference is not None
    times = 200
    found = operating.judged(scene, operating.estimates(scene, times, quietly), {"e": known.difference})[0]
    assert abs(found.bias) < 4 * found.bias_error
    assert abs(found.coverage - 95) < 3 * 100 * np.sqrt(0.95 * 0.05 / times)


def test_a_benefit_is_told_from_harm_whatever_the_scale():
    def direction(endpoint: str, estimator: str) -> float:
        spec = trial(
            {"kind": "parallel", **TWO},
            estimands=[{"name": "e", "endpoint": endpoint, "week": "52 weeks", "estimator": estimator}],
        )
        return spec.primary.direction()

    # off insulin sooner is better: a hazard ratio above 1, more people, less time on insulin
    assert direction("weeks_to_insulin_free", "cox") == 1
    assert direction("weeks_to_insulin_free", "cumulative_incidence") == 1
    assert direction("weeks_to_insulin_free", "restricted_mean") == -1
    assert direction("weeks_to_death", "log_rank") == -1
    assert direction("weeks_to_death", "restricted_mean") == 1
    assert direction("insulin_free", "odds_ratio") == 1


def test_times_come_from_the_table_of_adverse_events():
    events = pa.table(
        {
            "arm": ["b", "b", "a", "b"],
            "patient": [4, 4, 7, 7],
            "day": [70, 14, 21, 35],
            "event": ["infection", "infection", "severe_hypoglycemia", "death"],
            "serious": [True, True, False, True],
            "outcome": ["recovered", "recovered", "recovered", "fatal"],
        }
    )
    patients = np.array([2, 4, 7])
    serious = first_weeks(events, "serious", ("a", "b"), patients)
    np.testing.assert_allclose(serious, [[np.inf] * 3, [np.inf, 2, 5]])
    hypoglycemia = first_weeks(events, "severe_hypoglycemia", ("a", "b"), patients)
    np.testing.assert_allclose(hypoglycemia, [[np.inf, np.inf, 3], [np.inf] * 3])
    np.testing.assert_allclose(first_weeks(events, "death", ("a", "b"), patients)[1], [np.inf, np.inf, 5])


def test_a_platform_keeps_the_error_of_any_success(outcomes: Outcomes):
    errors: dict[str, float] = {}
    graph = {"weights": [0.5, 0.5], "graph": [[0, 1], [1, 0]]}
    for name in ("none", "bonferroni", "holm", "dunnett", "graphical"):
        design = DESIGNS["platform"][0] | {"multiplicity": name} | (graph if name == "graphical" else {})
        scene = null_scene(Scene.of(trial(design), outcomes, seed=12))
        assert scene is not None
        errors[name] = np.mean([one.is_success for one in operating.replicates(scene, lambda n: None)])
    assert errors["holm"] == errors["graphical"], "equal weights handed on are Holm's procedure"
    assert errors["bonferroni"] <= errors["dunnett"] <= errors["none"]


def test_a_sentinel_at_each_new_dose_takes_time_and_nothing_else(outcomes: Outcomes):
    design = {
        "kind": "dose_escalation",
        "doses": ["care", "cells", "more cells"],
        "rule": "3+3",
        "within": "12 weeks",
    }
    plain, waiting = (
        operating.runner(Scene.of(trial(design | more, **SHARE), outcomes, seed=13))(0)
        for more in ({}, {"sentinel": "20 weeks"})
    )
    assert plain.chosen == waiting.chosen and plain.patients == waiting.patients
    assert waiting.months > plain.months


def test_a_futile_trial_is_predicted_to_fail_and_a_good_one_to_succeed():
    draw = np.random.default_rng(1)
    left = np.array([20.0, 20.0])
    assert predicted_success([(10, 20), (1, 20)], [1], left, 0.975, draw) < 0.02
    assert predicted_success([(1, 20), (15, 20)], [1], left, 0.975, draw) > 0.98
    # nothing is left to come: the prediction is what is known
    assert predicted_success([(5, 20), (14, 20)], [1], np.zeros(2), 0.975, draw) == 1
