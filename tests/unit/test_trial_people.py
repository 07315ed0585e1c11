"""People of a trial: assurance over groups, who benefits, subgroups, one replicate as a board sees it."""

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.test_trial_designs import ARMS, LOST, RESCUE, SHARE, TWO, cohort, trial

from insulae.report import people, people_figures
from insulae.runs.arrow import is_text
from insulae.statistics import benefit
from insulae.study import trial_people
from insulae.trials.design import assurance, board, example, operating, selection, subgroups
from insulae.trials.design.outcomes import Outcomes, with_people
from insulae.trials.design.replicate import Scene

N = 400


def known_people() -> Outcomes:
    """Return people whose benefit grows with a trait, in two groups with and without an effect."""
    outcomes = cohort(N)
    draw = np.random.default_rng(21)
    bmi, age = draw.normal(30, 3, N), draw.normal(50, 8, N)
    hba1c = outcomes.values["hba1c"].copy()
    hba1c[1, :, 1:] -= 0.25 * ((bmi - 30) / 3)[:, None]
    traits = {"age": age, "bmi": bmi, "male": (draw.random(N) < 0.5).astype(float)}
    values = {**outcomes.values, "hba1c": hba1c, "weeks_to_serious_event": first_serious(outcomes)}
    return dataclasses.replace(outcomes, values=values, traits=traits)


def first_serious(outcomes: Outcomes) -> np.ndarray:
    """Return week 10 as the first serious event of who has one."""
    has = outcomes.values["serious_events"][:, :, 2:3] > 0
    return np.where(has & (outcomes.weeks >= 10), 10.0, np.inf)


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return known_people()


def scene(outcomes: Outcomes, **fields: Any) -> Scene:
    return Scene.of(trial({"kind": "parallel", **TWO}, **fields), outcomes, seed=30)


def nothing(n: int) -> None:
    """Nobody watches."""


# Assurance


def test_assurance_is_the_mean_power_of_groups_and_tells_their_spread(outcomes: Outcomes):
    group = np.arange(N) % 2
    values = {name: one.copy() for name, one in outcomes.values.items()}
    values["hba1c"][1, group == 0] = values["hba1c"][0, group == 0]  # no effect in group 0
    doubted = dataclasses.replace(outcomes, values=values, group=group)
    found = assurance.assurance(scene(doubted), nothing)
    assert found is not None
    assert found.power[0] < 10 < 60 < found.power[1]
    assert found.mean == pytest.approx(np.mean(found.power))
    assert 40 < found.spread < 71, "half of the gap between two groups, times the square root of two"
    assert found.effects[0] == pytest.approx(0, abs=0.02) and (found.effects[1] or 0) < -0.4
    assert found.people == [200, 200] and found.replicates == 100


def test_groups_that_do_not_differ_have_no_spread_beyond_chance(outcomes: Outcomes):
    same = dataclasses.replace(outcomes, group=np.zeros(N, int))
    halves = dataclasses.replace(same, group=np.repeat([0, 1], N // 2))
    one = assurance.assurance(scene(halves), nothing)
    assert one is not None and one.spread < 12
    assert assurance.assurance(scene(outcomes), nothing) is None


def test_the_chance_of_who_is_in_a_group_is_not_taken_for_doubt(outcomes: Outcomes):
    """Groups of ten people without any doubt have nearly the power of the trial, not one of their own."""
    by_chance = dataclasses.replace(outcomes, group=np.arange(N) % 40)
    own = assurance.own_part(scene(by_chance))
    assert own < 0.5
    shifted = {name: one.copy() for name, one in outcomes.values.items()}
    shifted["hba1c"][1] += np.where(np.arange(N) % 40 < 20, -2.0, 2.0)[:, None]
    doubted = dataclasses.replace(by_chance, values=shifted)
    assert assurance.own_part(scene(doubted)) > 0.9


def test_people_and_groups_are_read_by_their_numbers(outcomes: Outcomes):
    bare = dataclasses.replace(outcomes, traits={}, numbers=np.arange(N) * 2)
    order = np.random.default_rng(1).permutation(N)
    enrolled = pa.table({"patient": np.arange(N) * 2, "age": np.arange(N) + 0.5})
    doubt = pa.table({"patient": order * 2, "group": order % 7})
    found = with_people(bare, enrolled, doubt)
    np.testing.assert_array_equal(found.traits["age"], np.arange(N) + 0.5)
    np.testing.assert_array_equal(found.group, np.arange(N) % 7)
    assert with_people(bare, enrolled, None).group is None


# Who benefits


def test_predictions_are_calibrated_where_the_model_is_right():
    draw = np.random.default_rng(22)
    n = 2000
    x = draw.normal(size=(n, 3))
    true = 1 + 2 * x[:, 0]
    active = draw.random(n) < 0.5
    y = x[:, 1] + np.where(active, true, 0) + draw.normal(0, 1, n)
    predicted = benefit.cross_validated(x, active, y, draw)
    slope, intercept = benefit.calibration(predicted, true)
    assert slope == pytest.approx(1, abs=0.08) and intercept == pytest.approx(0, abs=0.15)
    assert benefit.concordance(predicted, true) > 0.9
    assert benefit.c_for_benefit(predicted, active, y) > 0.7


def test_nobody_is_told_apart_where_all_benefit_alike():
    draw = np.random.default_rng(23)
    n = 1000
    x, active = draw.normal(size=(n, 3)), draw.random(n) < 0.5
    y = x[:, 1] + 1.0 * active + draw.normal(0, 1, n)
    true = 1 + draw.normal(0, 0.5, n)
    predicted = benefit.cross_validated(x, active, y, draw)
    assert benefit.concordance(predicted, true) == pytest.approx(0.5, abs=0.06)


def test_who_benefits_is_found_by_the_trait_that_decides(outcomes: Outcomes):
    found = selection.selection(scene(outcomes))
    assert found is not None
    assert found["first"][0]["trait"] == "bmi" and found["first"][0]["first"] > found["first"][0]["others"]
    assert found["parts"][0]["true"] > found["benefit"] > found["parts"][-1]["true"]
    assert found["concordance"]["mean"] > 0.55
    assert 0.5 < found["slope"]["mean"] < 1.5
    # lower HbA1c is better, so a benefit is positive; 10 in 100 more are harmed
    assert found["benefit"] > 0.4 and found["harm"] == pytest.approx(0.1, abs=0.04)


# Subgroups


def test_subgroups_have_their_true_effects_and_trials_find_them(outcomes: Outcomes):
    rows = subgroups.subgroups(scene(outcomes))
    by = {(row["trait"], row["side"]): row for row in rows}
    assert {"everybody", "women", "men", "age", "bmi"} == {trait for trait, _ in by}
    assert by["bmi", "above"]["truth"] < by["everybody", ""]["truth"] < by["bmi", "below"]["truth"]
    for row in rows:
        assert row["low"] < row["truth"] < row["high"]
    width = {key: row["high"] - row["low"] for key, row in by.items()}
    assert width["women", ""] > 1.2 * width["everybody", ""]


# One replicate


def happened(outcomes: Outcomes) -> pa.Table:
    """Return the table of adverse events behind the made-up outcomes: all serious ones in week 10."""
    rows: list[dict[str, Any]] = []
    serious = outcomes.values["serious_events"]
    for a, arm in enumerate(ARMS):
        for patient in np.flatnonzero(np.nan_to_num(serious[a, :, 2]) > 0):
            rows.append(
                {"arm": arm, "patient": int(patient), "day": 70, "event": "infection", "outcome": "recovered"}
            )
        for patient in np.flatnonzero(np.isfinite(outcomes.death_week[a])):
            rows.append(
                {"arm": arm, "patient": int(patient), "day": 210, "event": "death", "outcome": "fatal"}
            )
    table = {name: [row[name] for row in rows] for name in rows[0]}
    labels = [name.capitalize() for name in table["event"]]
    grade = [5 if name == "death" else 3 for name in table["event"]]
    n = len(rows)
    return pa.table(
        table | {"label": labels, "grade": grade, "serious": [True] * n, "relation": ["drug"] * n}
    )


STOPPING = {"within": "12 weeks", "limit": "5 %", "certainty": "80 %"}


def shown(one: Scene) -> tuple[example.Example, dict[str, Any]]:
    found = operating.runner(one)(0)
    seen = example.example(one, found)
    assert seen is not None
    return seen, board.board(one, seen, happened(one.outcomes))


def test_the_board_sees_every_serious_event_of_who_is_watched_once(outcomes: Outcomes):
    one = scene(outcomes)
    seen, told = shown(one)
    arm, patients = seen.data.followed.arm, seen.patients
    expected = sum(
        int(np.nan_to_num(outcomes.values["serious_events"][a, p, 2]) > 0)
        for a, p in zip(arm, patients, strict=True)
    )
    deaths = int(np.isfinite(outcomes.death_week[arm, patients]).sum())
    assert len(told["listing"]) == expected + deaths
    assert sum(sum(row["events"].values()) for row in told["terms"]) == expected + deaths
    last = told["looks"][-1]
    assert last["when"] == "the end" and sum(a["events"] for a in last["arms"].values()) == expected + deaths
    assert sum(a["deaths"] for a in last["arms"].values()) == deaths
    assert last["boundary"] == []
    assert [row["calendar"] for row in told["listing"]] == sorted(row["calendar"] for row in told["listing"])


def test_the_curve_of_serious_events_has_the_events_of_the_board(outcomes: Outcomes):
    one = scene(outcomes, **LOST, **RESCUE)
    seen, told = shown(one)
    (curve,) = example.curves(one, seen)
    affected = {
        name: {row["person"] for row in told["listing"] if row["arm"] == name and row["event"] != "death"}
        for name in ("care", "cells")
    }
    assert {name: arm["events"] for name, arm in curve["arms"].items()} == {
        name: len(ids) for name, ids in affected.items()
    }
    for arm in curve["arms"].values():
        assert arm["at_risk"][0] == arm["patients"]
        assert all(
            low <= share <= high
            for low, share, high in zip(arm["low"], arm["share"], arm["high"], strict=True)
        )


def test_a_rule_for_harm_stops_a_randomized_trial_and_stands_at_every_look(outcomes: Outcomes):
    design = {"kind": "parallel", **TWO, "active": "more cells", "stopping": STOPPING}
    one = Scene.of(trial(design), outcomes, seed=31)
    ended = [operating.runner(one)(i).ended for i in range(40)]
    assert np.mean([words == "stopped for harm" for words in ended]) > 0.8
    calm = Scene.of(trial(design | {"active": "care, cells later"}), outcomes, seed=31)
    assert np.mean([operating.runner(calm)(i).ended == "stopped for harm" for i in range(40)]) < 0.4
    _, told = shown(one)
    assert "crossed" in told["looks"][-1]["boundary"][0]


def test_looks_of_a_sequential_trial_say_where_its_bounds_stand(outcomes: Outcomes):
    design = {"kind": "group_sequential", **TWO, "looks": ["0.5", "1"], "futility": "5 %"}
    _, told = shown(Scene.of(trial(design), outcomes, seed=32))
    words = told["looks"][0]["boundary"]
    assert any(text.startswith("benefit: z") for text in words)
    assert told["looks"][-1]["when"].endswith("the end")


def test_the_page_prints_all_of_it(outcomes: Outcomes):
    one = scene(dataclasses.replace(outcomes, group=np.arange(N) % 4))
    events = happened(outcomes)
    found = {
        "truths": [{"unit": "%", "name": "HbA1c"}],
        "assurance": trial_people.as_record(assurance.assurance(one, nothing)),
        "enrolled": trial_people.enrolled(one),
        "subgroups": subgroups.subgroups(one),
        "selection": selection.selection(one),
        "example": trial_people.one_replicate(one, operating.runner(one)(0), events),
    }
    told = people.content(found)
    assert told["board"]["total"] == len(found["example"]["board"]["listing"])  # type: ignore[index]
    assert {row["label"] for row in told["enrolled"]} == {"Age, year", "Body mass index, kg/m2", "Men, n (%)"}
    assert told["assurance"]["groups"] == "4"
    drawn = people_figures.all_of(found)
    assert [figure.key for figure in drawn] == ["curve-0", "forest", "benefit", "benefit-harm", "assurance"]
    assert all("<svg" in figure.svg for figure in drawn)
    assert is_text(events["arm"], "cells").any()


def test_designs_without_fixed_arms_show_no_replicate(outcomes: Outcomes):
    spec = trial({"kind": "run_in", "arm": "cells", "size": 20})
    one = Scene.of(spec, outcomes, seed=33)
    assert trial_people.one_replicate(one, operating.runner(one)(0), None) is None
    assert selection.selection(one) is None and subgroups.subgroups(one) == []
    single = {"kind": "single_arm", "arm": "cells", "size": 20, "reference": "30 %", "stopping": STOPPING}
    two = Scene.of(trial(single, **SHARE), outcomes, seed=33)
    _, told = shown(two)
    assert told["looks"][-1]["boundary"][0].startswith("harm")
