"""Logistic regression of a yes or no on arm and covariates: standardized difference, and odds ratio.

The standardized difference is the mean over all patients of what the model predicts under either arm
(g-computation). With the canonical link it stays unbiased when the model is wrong (FDA 2023, adjustment for
covariates), and its variance comes from the influence function (Ye et al. 2023). So that an arm without an
event still has an error, the share of variance that covariates leave is applied to that of Agresti & Caffo.

The odds ratio is that of the penalized likelihood of Firth 1993, which is finite also where an arm has no
event (Heinze & Schemper 2002). It is conditional on the covariates: adding a covariate changes what it is.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from insulae.statistics.ancova import Estimate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STEPS = 100
CLOSE = 1e-8
LARGEST_STEP = 2.0
FLAT = 1e-6
"""Ridge on the coefficients (relative to a patient), which keeps them finite where an arm has no event."""


def _design(active: Flags, covariates: Floats) -> Floats:
    """Return intercept, arm and covariates in units of their spread; a constant covariate is left out."""
    spread = covariates.std(axis=0)
    centered = (covariates - covariates.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    return np.column_stack([np.ones(len(active)), active.astype(float), centered])


def _checked(yes: Floats, active: Flags, covariates: Floats) -> tuple[Floats, Flags, Floats]:
    there = np.isfinite(yes) & np.isfinite(covariates).all(axis=1)
    y, treated = yes[there], active[there]
    if not len(y) or treated.all() or not treated.any() or len(y) <= 2 + covariates.shape[1]:
        raise ValueError("a logistic regression needs patients with outcomes in both arms")
    return y, treated, covariates[there]


def firth(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return coefficients and covariance of a logistic regression by Firth's penalized likelihood."""
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = expit(x @ beta)
        w = p * (1 - p)
        covariance = np.linalg.inv((x * w[:, None]).T @ x)
        leverage = w * np.einsum("ij,jk,ik->i", x, covariance, x)
        step = covariance @ (x.T @ (y - p + leverage * (0.5 - p)))
        beta = beta + step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), CLOSE))
        if np.abs(step).max() < CLOSE:
            return beta, covariance
    raise ValueError("the logistic regression did not converge")


def odds_ratio(yes: Floats, active: Flags, covariates: Floats) -> Estimate:
    """Return the log odds ratio of the active arm at equal covariates; `yes` is 1, 0 or missing (NaN)."""
    y, treated, x = _checked(yes, active, covariates)
    beta, covariance = firth(_design(treated, x), y)
    return Estimate(float(beta[1]), float(np.sqrt(covariance[1, 1])))


def standardized_difference(yes: Floats, active: Flags, covariates: Floats) -> Estimate:
    """Return the difference of shares, active minus control, standardized to all patients with an outcome."""
    y, treated, covariates = _checked(yes, active, covariates)
    x = _design(treated, covariates)
    beta = _nearly_maximal(x, y)
    under = [expit(np.column_stack([x[:, :1], np.full(len(y), arm), x[:, 2:]]) @ beta) for arm in (0.0, 1.0)]
    gap = under[1] - under[0]
    variance = float(gap.var()) / len(y)
    for predicted, group in ((under[0], ~treated), (under[1], treated)):
        variance += _left(y[group], predicted[group]) * _of_share(y[group])
    variance += 2 * _shared(y, treated, under, gap) / len(y)
    return Estimate(float(gap.mean()), float(np.sqrt(max(variance, 0.0))))


def _shared(y: Floats, treated: Flags, under: list[Floats], gap: Floats) -> float:
    """Return the covariance of the two parts of the influence function: what is left, and the gap itself."""
    found = 0.0
    for predicted, group, sign in ((under[0], ~treated, -1.0), (under[1], treated, 1.0)):
        if group.sum() > 1:
            found += sign * float(np.cov((y - predicted)[group], gap[group])[0, 1])
    return found


def _nearly_maximal(x: Floats, y: Floats) -> Floats:
    """Return the coefficients of largest likelihood, with a ridge that counts next to nothing."""
    beta, ridge = np.zeros(x.shape[1]), FLAT * len(y) * np.eye(x.shape[1])
    for _ in range(STEPS):
        p = expit(x @ beta)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + ridge, x.T @ (y - p) - ridge @ beta)
        beta = beta + step * min(1.0, LARGEST_STEP / max(float(np.abs(step).max()), CLOSE))
        if np.abs(step).max() < CLOSE:
            return beta
    raise ValueError("the logistic regression did not converge")


def _left(y: Floats, predicted: Floats) -> float:
    """Return the part of the variance of a yes or no that covariates leave; 1 where all have the same."""
    spread = float(y.var())
    return min(1.0, float((y - predicted).var()) / spread) if spread > 0 else 1.0


def _of_share(y: Floats) -> float:
    """Return the variance of a share after Agresti & Caffo 2000: one yes and one no are added."""
    share = (y.sum() + 1) / (len(y) + 2)
    return float(share * (1 - share) / (len(y) + 2))
