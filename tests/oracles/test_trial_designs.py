"""Design constants against golden numbers: group-sequential bounds, Simon, BOIN, CRM, 3+3, Bayesian stopping.

Origins are told in `trials/README.md`. Tolerances are half a unit of the last printed digit, or what the
outside program itself solves to (rpact: about 1e-6 in z).
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from insulae.statistics import (
    bayesian_stopping,
    binomial,
    boin,
    combination,
    crm,
    group_sequential,
    spending,
    three_plus_three,
    two_stage,
)

GOLDEN = Path(__file__).parent / "trials"
BOUNDS = pd.read_csv(GOLDEN / "group_sequential_boundaries.csv")
RPACT = pd.read_csv(GOLDEN / "golden_statistics.csv")
DOSES = pd.read_csv(GOLDEN / "dose_finding_and_bayes_golden.csv")
RPACT_DIGITS = 2e-6


def golden(case: str, quantity: str) -> float:
    found = RPACT[(RPACT.case == case) & (RPACT.quantity == quantity)].value
    assert len(found) == 1, (case, quantity)
    return float(found.iloc[0])


def made(family: str, looks: int, alpha: float) -> group_sequential.Boundaries:
    fractions = [(k + 1) / looks for k in range(looks)]
    return {
        "obrien_fleming_classic": lambda: group_sequential.wang_tsiatis(fractions, alpha, 0.0),
        "pocock_classic": lambda: group_sequential.wang_tsiatis(fractions, alpha, 0.5),
        "wang_tsiatis_delta_0.25": lambda: group_sequential.wang_tsiatis(fractions, alpha, 0.25),
        "haybittle_peto_3sigma": lambda: group_sequential.haybittle_peto(fractions, alpha),
        "lan_demets_obf_spending": lambda: group_sequential.spent(
            fractions, alpha / 2, spending.obrien_fleming
        ),
        "lan_demets_pocock_spending": lambda: group_sequential.spent(fractions, alpha / 2, spending.pocock),
    }[family]()


@pytest.mark.parametrize(("key", "rows"), list(BOUNDS.groupby(["design", "alpha_two_sided", "K"])))
def test_the_bounds_of_a_family_are_the_golden_ones(key: tuple[str, float, int], rows: pd.DataFrame):
    bounds = made(key[0], key[2], key[1])
    np.testing.assert_allclose(bounds.upper, rows.z_bound, atol=5.1e-5)
    np.testing.assert_allclose(2 * bounds.nominal_p, rows.nominal_p_two_sided, atol=5.1e-7)


SPENDING = {
    "asOF one-sided .025 info 0.3/0.6/1": ((0.3, 0.6, 1), spending.obrien_fleming),
    "asOF one-sided .025 info 0.25/0.5/0.75/1": ((0.25, 0.5, 0.75, 1), spending.obrien_fleming),
    "asOF one-sided .025 info 0.5/0.8/1": ((0.5, 0.8, 1), spending.obrien_fleming),
    "asP one-sided .025 info 0.3/0.6/1": ((0.3, 0.6, 1), spending.pocock),
    "asP one-sided .025 info 0.25/0.5/0.75/1": ((0.25, 0.5, 0.75, 1), spending.pocock),
    "asP one-sided .025 info 0.5/0.8/1": ((0.5, 0.8, 1), spending.pocock),
    **{
        f"HwangShihDeCani gamma={g} K3": (
            (1 / 3, 2 / 3, 1),
            functools.partial(spending.hwang_shih_decani, gamma=float(g)),
        )
        for g in (-8, -4, 1)
    },
    **{
        f"KimDeMets rho={r} K3": ((1 / 3, 2 / 3, 1), functools.partial(spending.kim_demets, rho=float(r)))
        for r in (1, 2, 3)
    },
}


@pytest.mark.parametrize("case", SPENDING)
def test_spent_bounds_are_those_of_rpact(case: str):
    fractions, function = SPENDING[case]
    bounds = group_sequential.spent(fractions, 0.025, function)
    total = np.cumsum(group_sequential.exits(bounds, 0.0).above)
    for look, (z, used) in enumerate(zip(bounds.upper, total, strict=True), start=1):
        assert z == pytest.approx(golden(case, f"z{look}"), abs=RPACT_DIGITS)
        if case.startswith("as"):
            # rpact stops its own search about 1e-8 of alpha early
            assert used == pytest.approx(golden(case, f"cum_alpha{look}"), abs=2e-8)


@pytest.mark.parametrize("looks", [2, 3, 4, 5])
@pytest.mark.parametrize(("family", "delta"), [("OF", 0.0), ("P", 0.5)])
def test_inflation_and_expected_size_are_those_of_rpact(family: str, delta: float, looks: int):
    case = f"{family} two-sided .05 power .8 K{looks}"
    fractions = [(k + 1) / looks for k in range(looks)]
    bounds = group_sequential.wang_tsiatis(fractions, 0.05, delta)
    factor = group_sequential.inflation(bounds, 0.025, 0.8)
    assert factor == pytest.approx(golden(case, "inflation"), abs=2e-5)
    drift = group_sequential.drift_for(bounds, 0.8)
    for part, name in ((1.0, "ASN_H1"), (0.5, "ASN_H01"), (0.0, "ASN_H0")):
        expected = group_sequential.exits(bounds, part * drift).expected_fraction(bounds.fractions)
        assert factor * expected == pytest.approx(golden(case, name), abs=5e-5)


def test_non_binding_futility_is_that_of_rpact():
    case = "asOF+bsOF nonbinding K3 b=.1"
    efficacy = group_sequential.spent((1 / 3, 2 / 3, 1), 0.025, spending.obrien_fleming)
    bounds, drift = group_sequential.with_futility(efficacy, 0.9, spending.obrien_fleming)
    for look in (1, 2):
        assert bounds.lower[look - 1] == pytest.approx(golden(case, f"futility{look}"), abs=2e-5)
    factor = (drift / (norm.isf(0.025) + norm.isf(0.1))) ** 2
    assert factor == pytest.approx(golden(case, "inflation"), abs=1e-5)
    for part, name in ((1.0, "ASN_H1"), (0.5, "ASN_H01"), (0.0, "ASN_H0")):
        expected = group_sequential.exits(bounds, part * drift).expected_fraction(bounds.fractions)
        assert factor * expected == pytest.approx(golden(case, name), abs=1e-5)


def test_stages_combine_as_in_rpact():
    rows = RPACT[RPACT.case == "inverse-normal OF K3 means example"]
    stage, combined, repeated = (
        rows[rows.quantity == name].value.astype(float).to_numpy()
        for name in ("stage_p", "comb_z", "repeated_p")
    )
    z = combination.inverse_normal(stage, [1, 1, 1])
    np.testing.assert_allclose(z, combined, rtol=1e-7)

    def bounds(alpha: float) -> group_sequential.Boundaries:
        return group_sequential.one_sided_wang_tsiatis((1 / 3, 2 / 3, 1), alpha, 0.0)

    for look in range(3):
        # rpact searches repeated p-values by bisection to about 1e-6
        assert combination.repeated_p(z[look], look, bounds) == pytest.approx(repeated[look], abs=2e-6)
    final = combination.stagewise_p(z[2], 2, bounds(0.025))
    assert final == pytest.approx(float(rows[rows.quantity == "final_p"].value.iloc[0]), abs=1e-6)


def test_sizes_of_proportions_are_those_of_rpact():
    size = binomial.two_arm_size(0.65, 0.25, 0.05, 0.9)
    assert size == pytest.approx(golden("two rates .65 vs .25 two-sided .05 power .9", "N_total"), rel=1e-6)
    exact = binomial.smallest_sample(0.3, 0.6, 0.025, 0.9)
    assert exact == golden("one-sample exact H0 .3 H1 .6 one-sided .025 power .9", "N")


def test_two_stage_designs_are_the_golden_ones():
    table = pd.read_csv(GOLDEN / "simon_two_stage.csv")
    for setting, rows in table.groupby(["p0", "p1", "alpha", "beta"]):
        designs = dict(zip(("optimal", "minimax"), two_stage.search(*setting, most=47), strict=True))
        for _, row in rows.iterrows():
            found = designs[row.type]
            assert [found.r1, found.n1, found.r, found.n] == [row.r1, row.n1, row.r, row.n], setting
            assert found.expected_n == pytest.approx(row.EN_p0, abs=5.1e-3)
            assert found.stops_early == pytest.approx(row.PET_p0, abs=5.1e-5)
            assert found.alpha == pytest.approx(row.actual_alpha, abs=5.1e-5)
            assert found.power == pytest.approx(row.actual_power, abs=5.1e-5)


def test_boin_bounds_and_decisions_are_the_golden_ones():
    for _, row in pd.read_csv(GOLDEN / "boin_lambda.csv").iterrows():
        rule = boin.interval(row.target_phi)
        assert rule.escalate == pytest.approx(row.lambda_e, abs=5.1e-5)
        assert rule.step_back == pytest.approx(row.lambda_d, abs=5.1e-5)
    for _, row in pd.read_csv(GOLDEN / "boin_decision_table.csv").iterrows():
        rule, n = boin.interval(row.target_phi), int(row.n_treated)
        counts = range(n + 1)
        assert max(x for x in counts if rule.escalates(x, n)) == row.escalate_if_dlt_le
        assert min(x for x in counts if rule.steps_back(x, n)) == row.deescalate_if_dlt_ge
        lost = [x for x in counts if rule.eliminates(x, n)]
        assert (min(lost) if lost else None) == (
            None if np.isnan(row.eliminate_if_dlt_ge) else row.eliminate_if_dlt_ge
        )


def test_continual_reassessment_is_the_golden_one():
    known = DOSES[DOSES.method == "CRM empiric"].set_index("quantity").value
    prior = (0.05, 0.10, 0.20, 0.35, 0.50, 0.70)
    given = np.array([3, 4, 4, 3, 3, 4, 3, 2, 2, 2]) - 1
    found = crm.posterior(prior, given, [0, 0, 1, 0, 0, 1, 1, 0, 0, 0], 0.2)
    assert found.mean == pytest.approx(known["posterior mean beta"], abs=5.1e-7)
    assert found.variance == pytest.approx(known["posterior variance"], abs=5.1e-7)
    shares = [known[f"p_hat level {k}"] for k in range(1, 7)]
    np.testing.assert_allclose(found.shares, shares, atol=5.1e-5)
    assert found.recommended + 1 == known["next level"]
    prior = crm.skeleton(0.05, 0.25, 2, 5)
    golden_prior = DOSES[DOSES.method.str.startswith("CRM skeleton")].value
    np.testing.assert_allclose(prior, golden_prior, atol=5.1e-5)


def test_three_plus_three_is_the_exact_enumeration():
    known = DOSES[DOSES.method == "3+3 exact"].value.to_numpy()
    found = three_plus_three.operating((0.05, 0.10, 0.20, 0.30, 0.45))
    np.testing.assert_allclose([found.none, *found.chosen], known[:6], atol=5.1e-5)
    assert found.expected_n == pytest.approx(known[6], abs=5.1e-4)


def test_predictive_probability_reproduces_the_published_table():
    rows = DOSES[DOSES.method.str.startswith("Lee-Liu")]
    published = {
        int(row.value): int(row.quantity.rsplit("<=", 1)[1].split()[0])
        for _, row in rows[rows.quantity.str.startswith("stop")].iterrows()
    }
    looks = list(range(10, 37))
    bounds = bayesian_stopping.futility_bounds(looks, 36, 0.2, (0.2, 0.8), 0.922, 0.001)
    found = {}
    for n, bound in zip(looks, bounds, strict=True):
        if bound >= 0 and bound not in found.values():
            found[n] = int(bound)
    assert found == published


def test_toxicity_bounds_are_the_golden_ones():
    for _, row in pd.read_csv(GOLDEN / "bayes_toxicity_stopping.csv").iterrows():
        limit = row.p_max
        prior = {
            "Beta(1,1)": (1.0, 1.0),
            "Beta(.5,.5)": (0.5, 0.5),
            "Beta(pmax,1-pmax)": (limit, 1 - limit),
        }[row.prior]
        bound = bayesian_stopping.toxicity_bound(int(row.n), limit, prior, row.posterior_cutoff)
        assert bound == (None if np.isnan(row.stop_if_events_ge) else row.stop_if_events_ge), row
