"""Doubt about population values: drawn for groups, the same for any chunk, nothing where there is none."""

import dataclasses

import numpy as np
import pytest

from insulae.core import doubts, parameters, sampling
from insulae.core.citations import references
from insulae.core.pytree import map_leaves
from insulae.populations.cohort import sample
from insulae.populations.patient import ClinicNumbers

ROW = "metformin.sensitivity_effect"
IDS = np.arange(60)
GROUPS = 12


def test_every_doubt_is_of_a_row_and_says_why():
    rows = parameters.table()
    wrong = [
        d.name
        for d in doubts.doubts().values()
        if (d.name, d.population) not in rows
        or not 0 < d.size < 1.5
        or d.evidence not in doubts.EVIDENCE
        or (d.evidence == "assumed" and not d.note)
        or (d.evidence != "assumed" and not (d.locator and d.source in references()))
    ]
    assert not wrong
    assert list(doubts.doubts()) == sorted(doubts.doubts())


def test_traits_and_values_of_zero_are_not_doubted():
    rows = parameters.table()
    assert not [name for name, _ in doubts.doubts() if name.startswith("traits.")]
    assert not [key for key in doubts.doubts() if rows[key].value == 0 or rows[key].distribution == "uniform"]


def test_a_group_shares_one_value_and_groups_differ():
    sure = sampling.draw(ROW, "type2", 1, IDS)
    doubted = sampling.draw(ROW, "type2", 1, IDS, GROUPS)
    factors = (doubted / sure).reshape(-1, GROUPS)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[0], factors.shape), rtol=1e-5)
    assert len(np.unique(np.round(factors[0], 4))) == GROUPS


def test_draws_do_not_depend_on_who_else_is_drawn():
    whole = sampling.draw(ROW, "type2", 1, IDS, GROUPS)
    parts = np.concatenate([sampling.draw(ROW, "type2", 1, part, GROUPS) for part in np.split(IDS, 5)])
    np.testing.assert_array_equal(whole, parts)


def test_bodies_without_doubt_are_what_they_were_to_the_last_bit(monkeypatch: pytest.MonkeyPatch):
    plain = sample(ClinicNumbers("type2", {}), 1, IDS)
    monkeypatch.setattr(doubts, "doubts", dict)
    unsure = sample(ClinicNumbers("type2", {}, groups=GROUPS), 1, IDS)
    map_leaves(np.testing.assert_array_equal, plain, unsure)


def test_doubt_reaches_the_body_and_leaves_traits_alone():
    plain, unsure = (sample(ClinicNumbers("type2", {}, groups=g), 1, IDS) for g in (0, GROUPS))
    map_leaves(np.testing.assert_array_equal, plain.traits, unsure.traits)
    rates = [np.asarray(c.parameters.slow.beta_cells.death_rate) for c in (plain, unsure)]
    assert not np.any(rates[0] == rates[1])


def test_group_draws_are_standard_normal_and_stratified():
    drawn = doubts.group_draws(1, ROW, 40)
    assert abs(drawn.mean()) < 0.05
    assert abs(drawn.std() - 1) < 0.1
    assert not np.allclose(drawn, doubts.group_draws(1, "metformin.production_effect", 40))


@pytest.mark.parametrize(
    ("distribution", "value", "expected"),
    [("fixed", 2.0, 0.2), ("lognormal", 2.0, 0.2), ("normal", 2.0, 0.1), ("logit_normal", 0.5, 0.025)],
)
def test_the_size_of_a_doubt_is_what_the_distribution_says(
    distribution: str, value: float, expected: float, monkeypatch: pytest.MonkeyPatch
):
    known = parameters.lookup(ROW)
    row = dataclasses.replace(known, distribution=distribution, value=value, spread=0.0, lower=0.0, upper=9.0)
    monkeypatch.setattr(doubts, "size_of", lambda row: 0.1)
    shift = doubts.drawn(row, 1, 1000, np.arange(1000))
    found = sampling.quantile(row, np.zeros(1000, np.float32), shift)
    # 0.1 of 2 as a factor, 0.1 as an amount, 0.1 on the logit scale at one half.
    assert found.std() == pytest.approx(expected, rel=0.03)
    assert found.mean() == pytest.approx(value, rel=0.005)
