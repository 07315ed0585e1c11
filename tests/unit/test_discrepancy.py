"""Layers of a prediction and discrepancy: found again in made trials; validation values are never used."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from insulae.core import discrepancy as table
from insulae.core.errors import InsulaeError, TableError
from insulae.statistics.variance_components import components, group_means, rank_correlations
from insulae.validation import discrepancy
from insulae.validation.catalogue import Catalogue, Observed, catalogue
from insulae.validation.judgment import Judged
from insulae.validation.prediction import Layers, People, Trial, layers

GROUPS, EACH, N = 30, 12, 300


@pytest.fixture(scope="module")
def known() -> Catalogue:
    return catalogue(Path(__file__).parents[2] / "validation")


def people(generator: np.random.Generator, doubt: float, spread: float = 1.0) -> People:
    """People of a model whose mean is known to `doubt` only: each group has an own mean."""
    groups = np.tile(np.arange(GROUPS), EACH)
    answers = doubt * generator.standard_normal(GROUPS)[groups] + spread * generator.standard_normal(
        len(groups)
    )
    return People(answers, groups)


def made(
    known: Catalogue, generator: np.random.Generator, study: str, tau: float, role: str = "calibration"
) -> Judged:
    """A trial whose people the model describes, but for what differs between trials of one kind."""
    published = known.studies["ASCHNER2006"]
    like = next(o for o in published.observed if o.kind == "hba1c change")
    found = layers(people(generator, 0.0), Trial(N, "mean", 52), None)
    assert found is not None
    value = tau * generator.standard_normal() + generator.standard_normal(N).mean()
    observed = dataclasses.replace(
        like, study=study, value=value, n=N, role=role, is_verified=True, bound="", against=""
    )
    made_up = dataclasses.replace(published, name=study, source="ada2025")
    observed = dataclasses.replace(observed, row={**like.row, "doi": ""})
    return Judged(made_up, observed, "%", 0.25, found.chance, "", found)


def test_components_find_what_was_put_in():
    generator = np.random.default_rng(1)
    groups = np.repeat(np.arange(200), np.tile([3, 20], 100))
    values = 2 + 0.5 * generator.standard_normal(200)[groups] + generator.standard_normal(len(groups))
    found = components(values, groups)
    assert found is not None
    # Three standard errors of a standard deviation from 200 groups: 15 %.
    assert found.between == pytest.approx(0.5, rel=0.15)
    assert found.within == pytest.approx(1, rel=0.05)


def test_people_alike_in_all_groups_have_no_doubt_on_average():
    generator = np.random.default_rng(2)
    found = [components(p.answers, p.groups) for p in (people(generator, 0.0) for _ in range(50))]  # type: ignore[arg-type]
    assert np.median([one.between for one in found if one]) < 0.12


def test_what_groups_differ_by_is_found_by_rank():
    draws = np.random.default_rng(3).standard_normal((5, 40))
    groups = np.tile(np.arange(40), 10)
    values = np.exp(draws[2])[groups] + 0.1 * np.random.default_rng(4).standard_normal(400)
    found = rank_correlations(group_means(values, groups, 40), draws)
    assert int(np.argmax(np.abs(found))) == 2 and found[2] > 0.9


def test_few_groups_and_events_that_never_happen_give_no_components():
    assert components(np.ones(8), np.array([0, 0, 0, 0, 1, 1, 1, 1])) is None
    assert components(np.array([1.0, np.inf] * 10), np.repeat(np.arange(5), 4)) is None


@pytest.mark.parametrize("statistic", ["mean", "median", "percent"])
def test_doubt_widens_an_interval_by_what_was_put_in(statistic: str):
    """Trials of truths that are drawn from the doubt fall into the interval nine times in ten."""
    generator = np.random.default_rng(7)
    inside, alone = 0, 0
    for _ in range(150):
        made_people, truth = people(generator, 0.3), 0.3 * generator.standard_normal()
        trial = truth + generator.standard_normal(N)
        if statistic == "percent":
            made_people = People(100.0 * (made_people.answers > 0.5), made_people.groups)
            trial = 100.0 * (trial > 0.5)
        result = np.median(trial) if statistic == "median" else trial.mean()
        found = layers(made_people, Trial(N, statistic, 52), None)
        assert found is not None
        inside += found.doubted.low <= result <= found.doubted.high
        alone += found.chance.low <= result <= found.chance.high
    # Three standard errors of 0.9 of 150 are 0.073; a component of variance from 30 groups adds a little.
    assert 0.8 <= inside / 150 <= 0.98
    assert alone < 0.6 * inside


def test_without_groups_doubt_is_chance_to_the_last_bit():
    answers = np.random.default_rng(8).standard_normal(200)
    for statistic in ("mean", "median", "percent"):
        found = layers(People(answers), Trial(50, statistic, 52), None)
        assert found is not None
        np.testing.assert_array_equal(found.chance.draws, found.doubted.draws)


def test_a_difference_has_the_doubt_that_arms_do_not_share():
    generator = np.random.default_rng(9)
    arm = people(generator, 0.5)
    other = People(arm.answers + 0.1 * generator.standard_normal(len(arm.answers)), arm.groups)
    found = layers(arm, Trial(N, "mean", 52), other)
    assert found is not None
    assert found.doubted.deviation < 1.05 * found.chance.deviation


def test_tau_is_found_again_and_covers(known: Catalogue):
    generator = np.random.default_rng(11)
    seen = [made(known, generator, f"S{i}", 0.3) for i in range(40)]
    rows = discrepancy.estimated(seen, known.bands)
    family = table.family_of(seen[0].observed.kind)
    row = rows[family.name]
    # Forty trials: a standard error of 11 %.
    assert row.tau == pytest.approx(0.3, rel=0.35)
    assert row.low < 0.3 < row.high
    new = discrepancy.with_everything([made(known, generator, f"T{i}", 0.3) for i in range(200)], rows)
    assert 0.82 <= np.mean([j.is_covered for j in new]) <= 0.97
    assert np.mean([j.is_inside for j in new]) < 0.5


def test_validation_values_do_not_move_tau(known: Catalogue):
    seen = [made(known, np.random.default_rng(i), f"S{i}", 0.3) for i in range(12)]
    wild = [made(known, np.random.default_rng(i), f"W{i}", 30.0, "validation") for i in range(12)]
    assert discrepancy.estimated([*seen, *wild], known.bands) == discrepancy.estimated(seen, known.bands)


def test_values_that_a_fit_has_used_up_tell_nothing(known: Catalogue):
    seen = [made(known, np.random.default_rng(i), f"S{i}", 0.3) for i in range(12)]
    fitted = [
        dataclasses.replace(j, published=dataclasses.replace(j.published, source="aschner2006", name="F"))
        for j in (made(known, np.random.default_rng(99), "F", 0.0),)
    ]
    assert discrepancy.freedoms([*seen, *fitted]) == {**{f"S{i}": 1.0 for i in range(12)}, "F": 0.0}
    assert discrepancy.estimated([*seen, *fitted], known.bands) == discrepancy.estimated(seen, known.bands)


def test_the_source_of_a_row_is_found_by_its_doi(known: Catalogue):
    """The weights of ADOPT were published apart, and three rows were fitted to its three values."""
    used = [
        Judged(known.studies["ADOPT"], o, "kg", 1, None)
        for o in known.studies["ADOPT"].observed
        if o.role == "calibration"
    ]
    assert discrepancy.freedoms(used) == {"ADOPT": 0.0}


def test_a_study_with_many_values_counts_once():
    few = np.array([0.1] * 10), np.full(10, 1e-4), np.ones(10)
    many = np.array([0.1] * 10 + [3.0] * 50), np.full(60, 1e-4), np.array([1.0] * 10 + [1 / 50] * 50)
    once = np.array([0.1] * 10 + [3.0]), np.full(11, 1e-4), np.ones(11)
    assert discrepancy.between(*many) == discrepancy.between(*once)
    assert discrepancy.between(*many)[0] > discrepancy.between(*few)[0]


def test_chance_alone_needs_no_tau():
    generator = np.random.default_rng(12)
    e = 0.5 * generator.standard_normal(60)
    tau, low, high = discrepancy.between(e, np.full(60, 0.25), np.ones(60))
    assert low == 0 and tau < 0.25 and high < 0.5


def test_a_kind_with_few_studies_says_that_it_borrows(known: Catalogue):
    seen = [made(known, np.random.default_rng(i), f"S{i}", 0.3) for i in range(8)]
    rows = discrepancy.estimated(seen, known.bands)
    share = rows["share of people"]
    assert share.scale == table.BAND and share.source == table.POOLED and "0 values" in share.note
    assert rows[table.POOLED].tau > 0
    with pytest.raises(InsulaeError, match="3 studies are too few"):
        discrepancy.estimated(seen[:3], known.bands)


def test_shares_stay_shares(known: Catalogue):
    answers = np.repeat([0.0, 100.0], [190, 10])
    found = layers(People(answers), Trial(40, "percent", 52), None)
    assert isinstance(found, Layers)
    row = dataclasses.replace(next(iter(table.table().values())), scale=table.LOGIT, tau=1.0)
    wide = found.whole(row, 5.0)
    assert wide.draws.min() >= 0 and wide.draws.max() <= 100
    assert wide.high > found.chance.high


def test_the_table_reads_back_and_refuses_what_it_does_not_know():
    rows = table.table()
    again = table.read(table.written(rows))
    assert again.keys() == rows.keys()
    assert table.POOLED in rows
    assert {row.family for row in rows.values()} == {family.name for family in table.FAMILIES.values()}
    with pytest.raises(TableError, match="the first line"):
        table.read("family,tau\nx,1\n")


def test_every_kind_of_published_number_has_a_family(known: Catalogue):
    numbers: list[Observed] = [o for p in known.studies.values() for o in p.observed]
    assert all(table.family_of(o.kind) for o in numbers)
    assert table.family_of("fasting_c_peptide change").name == table.POOLED
    assert table.family_of("egfr slope").name == table.POOLED


def test_the_deviation_of_a_row_is_in_the_unit_of_the_number():
    row = table.Discrepancy("x", table.IDENTITY, "", 0.2, 0, 1, 9, 6, "", "", "")
    assert row.deviation(8) == 0.2
    assert dataclasses.replace(row, scale=table.LOG).deviation(400) == pytest.approx(80)
    assert dataclasses.replace(row, scale=table.LOGIT).deviation(50) == pytest.approx(5)
    assert dataclasses.replace(row, scale=table.BAND, band="0.25 %").deviation(8) == pytest.approx(0.05)
    assert dataclasses.replace(row, scale=table.BAND, band="15 % of it").deviation(400) == pytest.approx(12)
    assert np.isnan(dataclasses.replace(row, scale=table.BAND).deviation(400))
