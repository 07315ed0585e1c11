"""Estimators of trials behave as their papers say: cases by hand, intervals that cover, error that holds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.hazard_regression import PHReg

from insulae.statistics import (
    ancova,
    bayesian_stopping,
    binomial,
    group_sequential,
    mmrm,
    mmrm_inference,
    multiple_imputation,
    multiplicity,
    spending,
    survival,
)


def test_an_ancova_without_covariates_is_the_t_test():
    from scipy.stats import ttest_ind

    draw = np.random.default_rng(1)
    y, arm = draw.normal(size=30), np.arange(30) % 3 == 0
    found = ancova.ancova(y + arm, arm, np.empty((30, 0)))
    known = ttest_ind((y + arm)[arm], y[~arm])
    assert found.effect / found.error == pytest.approx(known.statistic)
    assert found.p == pytest.approx(known.pvalue)
    assert found.z == pytest.approx(np.sign(found.effect) * abs(found.z))


def test_an_ancova_without_patients_is_refused():
    with pytest.raises(ValueError, match="both arms"):
        ancova.ancova(np.array([1.0, np.nan]), np.array([True, False]), np.empty((2, 0)))


def repeated(draw: np.random.Generator, n: int, effect: float) -> multiple_imputation.Repeated:
    """Return three visits of two arms; withdrawal depends on what was seen, so it is missing at random."""
    active = np.arange(n) % 2 == 0
    base = draw.normal(size=n)
    noise = draw.multivariate_normal(np.zeros(3), 0.5 * np.eye(3) + 0.5, size=n)
    y = base[:, None] + noise + effect * active[:, None] * np.array([0.5, 0.8, 1.0])
    gone = draw.random(n) < 1 / (1 + np.exp(2 - y[:, 0]))
    y[gone, 2] = np.nan
    y[gone & (draw.random(n) < 0.5), 1] = np.nan
    return multiple_imputation.Repeated(y, active, base[:, None])


def test_repeated_measures_cover_and_keep_their_error_with_values_missing_at_random():
    draw, last = np.random.default_rng(2), np.zeros((3, 3))
    last[1, 2] = 1
    covered = {mmrm_inference.satterthwaite: 0, mmrm_inference.kenward_roger: 0}
    times = 200
    for _ in range(times):
        data = repeated(draw, 30, 1.0)
        model = mmrm.fit(data.y, data.design())
        for method in covered:
            low, high = method(model, last).interval()
            covered[method] += low < 1.0 < high
    # three Monte Carlo standard errors of 95 % in 200 trials
    assert all(0.90 < count / times < 0.99 for count in covered.values()), covered


def test_reference_based_imputation_shrinks_the_difference():
    data = repeated(np.random.default_rng(3), 120, 1.0)
    effects = {}
    for means in (
        multiple_imputation.mar,
        multiple_imputation.copy_increments,
        multiple_imputation.jump_to_reference,
    ):
        completed = multiple_imputation.imputations(data, means, 20, np.random.default_rng(4))
        effects[means.__name__] = multiple_imputation.analyzed(data, completed).effect
    assert effects["mar"] > effects["copy_increments"] > effects["jump_to_reference"] > 0


def test_the_tipping_point_is_where_significance_ends():
    data = repeated(np.random.default_rng(5), 120, 1.0)
    completed = multiple_imputation.imputations(data, multiple_imputation.mar, 10, np.random.default_rng(6))
    delta = multiple_imputation.tipping_point(data, completed, -200.0)
    assert delta is not None and delta < 0
    assert multiple_imputation.analyzed(data, completed, delta).p == pytest.approx(0.05, abs=1e-3)


def test_rubin_without_spread_is_the_common_estimate():
    one = ancova.Estimate(1.0, 0.5, 40)
    found = multiple_imputation.rubin([one] * 5)
    assert (found.effect, found.error) == (1.0, 0.5)


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=5))
@settings(max_examples=40)
def test_the_graph_with_equal_parts_is_holm(p: list[float]):
    values = np.sort(p)[::-1]
    order = np.argsort(values)
    known = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(p), 0, -1)))
    np.testing.assert_allclose(multiplicity.holm(values)[order], known)
    assert np.all(multiplicity.hochberg(values) <= multiplicity.holm(values) + 1e-12)


def test_a_graph_hands_its_weight_on():
    """Two primary hypotheses, each with a secondary one (Bretz 2009, figure 7): worked by hand."""
    graph = [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]]
    found = multiplicity.graphical([0.01, 0.04, 0.012, 0.5], [0.5, 0.5, 0, 0], graph)
    # H1 at 0.01/0.5; then H2 holds 3/4, H3 1/4: H3 at 0.012/0.25; then H2 holds all: 0.048 by then
    np.testing.assert_allclose(found, [0.02, 0.048, 0.048, 0.5 / 1])
    with pytest.raises(ValueError, match="sum to at most 1"):
        multiplicity.graphical([0.1, 0.2], [0.9, 0.9], [[0, 1], [1, 0]])


def test_simulated_looks_leave_as_often_as_the_integral_says():
    draw, t = np.random.default_rng(7), np.array([0.4, 0.7, 1.0])
    efficacy = group_sequential.spent(t, 0.025, spending.obrien_fleming)
    bounds, drift = group_sequential.with_futility(efficacy, 0.8, spending.pocock)
    steps = draw.normal(size=(100_000, 3)) * np.sqrt(np.diff(t, prepend=0)) + drift * np.diff(t, prepend=0)
    z = steps.cumsum(axis=1) / np.sqrt(t)
    open_ = np.ones(len(z), bool)
    known = group_sequential.exits(bounds, drift)
    for k in range(3):
        above, below = open_ & (z[:, k] >= bounds.upper[k]), open_ & (z[:, k] < bounds.lower[k])
        assert above.mean() == pytest.approx(known.above[k], abs=0.005)
        assert below.mean() == pytest.approx(known.below[k], abs=0.005)
        open_ &= ~above & ~below


def test_conditional_power_is_one_look_from_the_end():
    trend = group_sequential.conditional_power(1.5, 0.5, 1.96, 1.5 / np.sqrt(0.5))
    predictive = group_sequential.predictive_power(1.5, 0.5, 1.96)
    assert 0.5 < predictive < trend < 1
    with pytest.raises(ValueError, match="rise"):
        group_sequential.wang_tsiatis([0.5, 0.4, 1.0], 0.05, 0.0)


def test_stopping_rules_are_followed_exactly():
    draw = np.random.default_rng(8)
    bounds = [(3, 2), (6, 3), (10, 4)]
    stop, patients = bayesian_stopping.chance_to_stop(bounds, 0.3)
    events = (draw.random((50_000, 10)) < 0.3).cumsum(axis=1)
    ended, used = np.zeros(len(events), bool), np.full(len(events), 10)
    for n, limit in bounds:
        now = ~ended & (events[:, n - 1] >= limit)
        used[now], ended = n, ended | now
    assert stop == pytest.approx(ended.mean(), abs=0.01)
    assert patients == pytest.approx(used.mean(), abs=0.05)


def test_exact_proportions_keep_their_error():
    assert binomial.power(12, 0.5, 0.5, 0.025) <= 0.025
    size = binomial.sample_size(0.3, 0.6, 0.025, 0.9)
    assert all(binomial.power(n, 0.3, 0.6, 0.025) >= 0.9 for n in range(size, size + 30))
    effect, error = binomial.difference((0, 0), (10, 10))
    assert effect == 0 and error > 0


def test_restricted_mean_and_competing_risks_by_hand():
    time, happened = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, True])
    curve = survival.kaplan_meier(time, happened)
    assert curve.restricted_mean(4.0) == pytest.approx(1 + 0.75 + 0.5 + 0.5)
    times, share, _ = survival.cumulative_incidence(np.append(time, 5.0), np.array([1, 2, 0, 1, 0]), 1)
    assert share[np.searchsorted(times, 4.0)] == pytest.approx(0.2 + 0.6 / 2)
    z, p = survival.one_sample_log_rank(time, happened, np.full(4, 1.5))
    assert z == pytest.approx((3 - 6) / np.sqrt(6)) and p < 0.5


def test_weights_give_the_wanted_means_by_an_exponential_tilt_or_are_refused():
    from insulae.statistics.balancing import entropy_weights

    draw = np.random.default_rng(6)
    x = draw.normal(7, 2, (150, 2))
    wanted = x.mean(axis=0) + np.array([1.0, -0.5])
    weights = entropy_weights(x, wanted)
    np.testing.assert_allclose(weights @ x, wanted, atol=1e-5)
    # of all weights with these means those of largest entropy are log-linear in x
    design = np.column_stack([np.ones(len(x)), x])
    residual = np.linalg.lstsq(design, np.log(weights), rcond=None)[1]
    assert residual[0] < 1e-8
    with pytest.raises(ValueError, match="no weights"):
        entropy_weights(x, x.max(axis=0) + 1)


def test_a_standardized_difference_is_that_of_shares_without_covariates_and_sharper_with_them():
    from insulae.statistics import logistic

    draw = np.random.default_rng(7)
    n = 400
    x = draw.normal(size=(n, 1))
    active = np.arange(n) % 2 == 0
    yes = (draw.random(n) < 1 / (1 + np.exp(-(2 * x[:, 0] - 1 + 1.2 * active)))).astype(float)
    events = int(yes[~active].sum()), int(yes[active].sum())
    plain = logistic.standardized_difference(yes, active, np.empty((n, 0)))
    effect, error = binomial.difference(events, (n // 2, n // 2))
    assert plain.effect == pytest.approx(effect, abs=1e-4)
    assert plain.error == pytest.approx(error, rel=0.01)
    adjusted = logistic.standardized_difference(yes, active, x)
    assert adjusted.error < 0.9 * plain.error


def test_the_odds_ratio_is_that_of_maximum_likelihood_in_many_and_finite_in_an_arm_without_events():
    import statsmodels.api as sm

    from insulae.statistics import logistic

    draw = np.random.default_rng(8)
    n = 20_000
    x = draw.normal(size=(n, 1))
    active = draw.random(n) < 0.5
    yes = (draw.random(n) < 1 / (1 + np.exp(-(x[:, 0] - 1 + 0.7 * active)))).astype(float)
    found = logistic.odds_ratio(yes, active, x)
    known = sm.Logit(yes, np.column_stack([np.ones(n), active, x])).fit(disp=0)
    assert found.effect == pytest.approx(known.params[1], abs=0.002)
    assert found.error == pytest.approx(known.bse[1], rel=0.001)
    few = logistic.odds_ratio(
        np.array([0.0] * 10 + [1.0] * 8 + [0.0] * 2), np.arange(20) >= 10, np.empty((20, 0))
    )
    # Firth's estimate of a 2 x 2 table without covariates adds one half to every cell
    assert few.effect == pytest.approx(np.log(8.5 * 10.5 / (2.5 * 0.5)), abs=1e-5)


def test_one_step_of_the_log_rank_test_is_the_log_rank_test():
    draw = np.random.default_rng(9)
    n = 120
    active = np.arange(n) % 2 == 0
    time = np.ceil(draw.exponential(np.where(active, 15, 10)))
    happened = draw.random(n) < 0.8
    found = survival.peto(time, happened, active)
    chi, p = survival.log_rank(time, happened, active)
    assert found.statistic**2 == pytest.approx(chi)
    assert found.p == pytest.approx(p)
    assert found.effect < 0
    with pytest.raises(ValueError, match="nobody"):
        survival.peto(time, np.zeros(n, bool), active)


def test_hazard_ratios_with_covariates_and_ties_are_those_of_statsmodels():
    draw = np.random.default_rng(9)
    n = 120
    x = np.column_stack([np.arange(n) % 2, draw.normal(8, 1, n), draw.normal(100, 20, n)])
    time = np.ceil(draw.exponential(np.exp(2.5 - 0.5 * x[:, 0] + 0.3 * (x[:, 1] - 8))))
    happened = draw.random(n) < 0.8
    known: Any = PHReg(time, x, status=happened.astype(int), ties="efron").fit(disp=False)
    found = survival.cox(time, happened, x)
    np.testing.assert_allclose([one.effect for one in found], known.params, rtol=1e-5)
    np.testing.assert_allclose([one.error for one in found], known.bse, rtol=1e-5)
    with pytest.raises(ValueError, match="0 or infinite"):
        survival.cox(time, happened & (x[:, 0] > 0), x)


def test_shares_of_curves_without_censoring_are_those_of_counts():
    draw = np.random.default_rng(10)
    groups = [draw.exponential(scale, n) for scale, n in ((10, 40), (20, 50))]
    curves = [survival.kaplan_meier(time, np.ones(len(time), bool)).at(12.0) for time in groups]
    shares, errors = [1 - one for one, _ in curves], [error for _, error in curves]
    found = survival.share_difference((shares[0], shares[1]), (errors[0], errors[1]), (40, 50))
    events = int((groups[0] <= 12).sum()), int((groups[1] <= 12).sum())
    effect, error = binomial.difference(events, (40, 50))
    assert (found.effect, found.error) == pytest.approx((effect, error))
    assert found.null_error == pytest.approx(binomial.pooled_error(events, (40, 50)))
    # an arm without an event still has an error
    assert survival.share_difference((0.0, 0.2), (0.0, 0.06), (40, 50)).error > 0.05


def test_a_weighted_difference_at_equal_weights_is_an_ancova_with_robust_errors():
    draw = np.random.default_rng(11)
    x = draw.normal(size=(80, 1))
    x[40:] += x[:40].mean() - x[40:].mean()
    y = x[:, 0] + draw.normal(size=80) + np.repeat([0.5, 0.0], 40)
    found = ancova.weighted_difference(y[:40], y[40:], (x[:40], x[40:]), np.ones(40))
    known = ancova.ancova(y, np.repeat([True, False], 40), x)
    assert found.effect == pytest.approx(known.effect)
    assert found.error == pytest.approx(known.error, rel=0.02)
    assert found.freedom == pytest.approx(78, abs=2)


def test_a_prior_pulls_an_estimate_by_what_it_knows():
    seen = ancova.Estimate(2.0, 1.0, 30)
    even = ancova.posterior(seen, 0.0, 1.0)
    assert (even.effect, even.error) == pytest.approx((1.0, np.sqrt(0.5)))
    wide = ancova.posterior(seen, -50.0, 1e6)
    assert (wide.effect, wide.error) == pytest.approx((2.0, 1.0))


def test_the_cumulative_hazard_is_that_of_the_one_sample_test():
    """Against its own curve a group has as many events as are expected."""
    draw = np.random.default_rng(12)
    time = np.ceil(draw.exponential(10, 60))
    happened = draw.random(60) < 0.7
    curve = survival.cumulative_hazard(time, happened)
    assert curve.at(time).sum() == pytest.approx(happened.sum())
    assert curve.at(np.array([0.0]))[0] == 0


def test_the_error_of_a_restricted_mean_is_that_of_the_mean_when_nobody_is_cut_off():
    draw = np.random.default_rng(10)
    time = draw.exponential(10, 300)
    curve = survival.kaplan_meier(time, np.ones(300, bool))
    until = np.minimum(time, 20.0)
    assert curve.restricted_mean(20.0) == pytest.approx(until.mean())
    assert curve.restricted_mean_error(20.0) == pytest.approx(until.std() / np.sqrt(300), rel=0.01)


def test_adjustment_for_a_shared_control_lies_between_bonferroni_and_none():
    correlation = multiplicity.shared_control_correlation([50, 50], np.full((2, 2), 50.0))
    assert correlation[0, 1] == pytest.approx(0.5)
    # Dunnett's two-sided critical value for two comparisons with many patients is 2.212
    assert multiplicity.dunnett([2.212, 1.0], correlation)[0] == pytest.approx(0.05, abs=2e-4)
    three = multiplicity.shared_control_correlation([50] * 3, np.full((3, 3), 50.0))
    assert multiplicity.dunnett([2.349, 0, 0], three)[0] == pytest.approx(0.05, abs=3e-4)
    apart = multiplicity.shared_control_correlation([50, 50], np.diag([50.0, 50.0]))
    sidak = 1 - (1 - 0.05) ** 2
    assert multiplicity.dunnett([1.959964, 0.0], apart)[0] == pytest.approx(sidak, abs=1e-4)
