"""Differences of two means: at equal covariates by least squares, of pairs, and against weighted patients."""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri_exp
from scipy.stats import t as student

from insulae.statistics.balancing import effective_size

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """An estimated effect with its standard error and degrees of freedom (inf: normal).

    `null_error` is the standard error without an effect, for the test, where it differs (pooled shares).
    """

    effect: float
    error: float
    freedom: float = float("inf")
    null_error: float | None = None

    @property
    def statistic(self) -> float:
        """Effect by the standard error of the test; 0 when that is 0."""
        error = self.error if self.null_error is None else self.null_error
        return self.effect / error if error > 0 else 0.0

    @property
    def p(self) -> float:
        """Two-sided p-value against no effect."""
        return float(2 * student.sf(abs(self.statistic), self.freedom))

    @property
    def z(self) -> float:
        """The normal deviate with the same p-value and sign."""
        tail = student.logsf(abs(self.statistic), self.freedom)
        return float(np.sign(self.effect) * -np.asarray(ndtri_exp(tail)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the two-sided confidence interval."""
        reach = float(student.isf((1 - confidence) / 2, self.freedom)) * self.error
        return self.effect - reach, self.effect + reach


def ancova(outcome: Floats, arm: NDArray[np.bool_], covariates: Floats) -> Estimate:
    """Return the mean difference of the second arm (True) from the first at equal covariates.

    Patients whose `outcome` [patient] is missing (NaN) are left out. `covariates` [patient, k] are such as
    the baseline value and strata. Raises `ValueError` when an arm is empty or too few patients are left.
    """
    there = np.isfinite(outcome) & np.isfinite(covariates).all(axis=1)
    y, treated = outcome[there], arm[there]
    freedom = len(y) - 2 - covariates.shape[1]
    if treated.all() or not treated.any() or freedom < 1:
        raise ValueError("an analysis of covariance needs patients with outcomes in both arms")
    centered = covariates[there] - covariates[there].mean(axis=0)
    x = np.column_stack([np.ones(len(y)), treated, centered])
    inverse = np.linalg.pinv(x.T @ x)
    beta = inverse @ (x.T @ y)
    residual = y - x @ beta
    variance = float(residual @ residual) / freedom
    return Estimate(float(beta[1]), float(np.sqrt(variance * inverse[1, 1])), freedom)


def paired(change: Floats) -> Estimate:
    """Return the mean change of patients who are their own controls, by the one-sample t statistic."""
    there = change[np.isfinite(change)]
    if len(there) < 2:
        raise ValueError("a paired comparison needs at least two patients with both values")
    error = float(there.std(ddof=1) / np.sqrt(len(there)))
    return Estimate(float(there.mean()), error, len(there) - 1)


def posterior(found: Estimate, mean: float, deviation: float) -> Estimate:
    """Return the effect after a normal prior was combined with an estimate taken as normal (Spiegelhalter
    1994).

    Its interval is the credible one, and half its p-value the posterior probability that the effect is on the
    other side of 0. Without a `null_error`: a posterior knows no other error under the null.
    """
    wide = 1 / deviation**2
    if found.error <= 0:
        raise ValueError("an estimate without an error cannot be combined with a prior")
    seen = 1 / found.error**2
    return Estimate((wide * mean + seen * found.effect) / (wide + seen), float((wide + seen) ** -0.5))


def weighted_difference(
    treated: Floats, external: Floats, x: tuple[Floats, Floats], weights: Floats
) -> Estimate:
    """Return the mean of treated minus the weighted mean of external ones, at equal covariates.

    `x`: covariates [patient, k] of both, whose weighted means are the same. What a common slope explains of
    the outcomes then leaves the difference as it is and is taken off for the error. Given the covariates, and
    so the weights, the difference is a fixed sum of outcomes; its variance is that sum of squared residuals,
    each by 1 - leverage (HC2, MacKinnon & White 1985), with degrees of freedom after Welch, those of the
    external ones by what their weights are worth.
    """
    w = weights / weights.sum()
    n, others = len(treated), len(external)
    y, is_treated = np.concatenate([treated, external]), np.repeat([1.0, 0.0], [n, others])
    design = np.column_stack([is_treated, 1 - is_treated, np.concatenate(x)])
    inverse = np.linalg.pinv(design.T @ design)
    left = y - design @ (inverse @ (design.T @ y))
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    squares = left**2 / np.maximum(1 - leverage, 1e-9)
    parts = float(squares[:n].sum()) / n**2, float(w**2 @ squares[n:])
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (effective_size(w) - 1))
    return Estimate(float(treated.mean() - w @ external), float(np.sqrt(sum(parts))), freedom)
