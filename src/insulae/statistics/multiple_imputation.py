"""Multiple imputation of repeated measures after withdrawal, under chosen assumptions; tipping points.

Carpenter, Roger & Kenward 2013 (J Biopharm Stat 23:1352): values missing after withdrawal from the active arm
follow

* `mar`: the patient's own arm (missing at random);
* `jump_to_reference`: the mean of the reference arm from withdrawal on;
* `copy_increments`: the own mean at the last visit seen, then the reference's changes;
* `copy_reference`: the mean of the reference arm throughout;

each conditional on what was seen, with the covariance common to both arms. Parameters of each imputation are
those of a bootstrap sample of each arm (approximately Bayesian draws); estimates are combined by Rubin's
rules, whose variance is larger than the repeated-sampling variance under the reference-based assumptions.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from insulae.statistics.ancova import Estimate, ancova
from insulae.statistics.mmrm import Mmrm, fit
from insulae.statistics.roots import root

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Means = Callable[[Floats, Floats, int], Floats]


def mar(own: Floats, reference: Floats, last: int) -> Floats:
    """Return the means [visit] of the own arm."""
    return own


def jump_to_reference(own: Floats, reference: Floats, last: int) -> Floats:
    """Return the own means up to the last visit seen (-1: none), the reference's after it."""
    return np.where(np.arange(len(own)) <= last, own, reference)


def copy_increments(own: Floats, reference: Floats, last: int) -> Floats:
    """Return the own means up to the last visit seen, then the reference's changes from there."""
    if last < 0:
        return reference
    return np.where(np.arange(len(own)) <= last, own, own[last] + reference - reference[last])


def copy_reference(own: Floats, reference: Floats, last: int) -> Floats:
    """Return the reference's means."""
    return reference


@dataclasses.dataclass(frozen=True)
class Repeated:
    """Outcomes [patient, visit], NaN missing; arm [patient], True: active; covariates [patient, k]."""

    y: Floats
    active: Flags
    covariates: Floats

    def design(self) -> Floats:
        """Return the columns constant, arm, covariates."""
        return np.column_stack([np.ones(len(self.y)), self.active.astype(float), self.covariates])

    def resampled(self, draw: np.random.Generator) -> "Repeated":
        """Return a bootstrap sample of each arm."""
        each = [np.flatnonzero(self.active == arm) for arm in (False, True)]
        some = np.concatenate([draw.choice(of, len(of)) for of in each])
        return Repeated(self.y[some], self.active[some], self.covariates[some])


def imputations(data: Repeated, means: Means, times: int, draw: np.random.Generator) -> list[Floats]:
    """Return completed outcomes [patient, visit], one for each imputation."""
    fits = [fit(some.y, some.design()) for some in (data.resampled(draw) for _ in range(times))]
    return [_completed(data, fitted, means, draw) for fitted in fits]


def _completed(data: Repeated, fitted: Mmrm, means: Means, draw: np.random.Generator) -> Floats:
    x, filled = data.design(), data.y.copy()
    reference_x = np.column_stack([x[:, :1], np.zeros(len(x)), x[:, 2:]])
    own, reference = x @ fitted.coefficients, reference_x @ fitted.coefficients
    for i in np.flatnonzero(np.isnan(data.y).any(axis=1)):
        seen = np.isfinite(data.y[i])
        last = int(np.flatnonzero(seen)[-1]) if seen.any() else -1
        mean = means(own[i], reference[i], last) if data.active[i] else own[i]
        filled[i, ~seen] = _drawn(data.y[i], seen, mean, fitted.visits, draw)
    return filled


def _drawn(y: Floats, seen: Flags, mean: Floats, spread: Floats, draw: np.random.Generator) -> Floats:
    """Draw the missing visits given those seen."""
    gone = ~seen
    slope = np.linalg.solve(spread[np.ix_(seen, seen)], spread[np.ix_(seen, gone)]).T
    center = mean[gone] + slope @ (y[seen] - mean[seen])
    left = spread[np.ix_(gone, gone)] - slope @ spread[np.ix_(seen, gone)]
    return draw.multivariate_normal(center, (left + left.T) / 2, method="eigh")


def rubin(estimates: list[Estimate]) -> Estimate:
    """Combine estimates of imputations (Rubin 1987), degrees of freedom after Barnard & Rubin 1999."""
    effects, m = np.array([e.effect for e in estimates]), len(estimates)
    within = float(np.mean([e.error**2 for e in estimates]))
    between = float(effects.var(ddof=1))
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    complete = float(np.mean([e.freedom for e in estimates]))
    observed = (complete + 1) / (complete + 3) * complete * (1 - share) if np.isfinite(complete) else np.inf
    imputed = (m - 1) / share**2 if share > 0 else np.inf
    return Estimate(float(effects.mean()), float(np.sqrt(total)), 1 / (1 / imputed + 1 / observed))


def analyzed(data: Repeated, completed: list[Floats], delta: float = 0.0) -> Estimate:
    """Return the difference at the last visit; `delta` is added to imputed values of the active arm."""
    is_moved = np.isnan(data.y[:, -1]) & data.active
    each = [ancova(y[:, -1] + delta * is_moved, data.active, data.covariates) for y in completed]
    return rubin(each)


def tipping_point(data: Repeated, completed: list[Floats], most: float, alpha: float = 0.05) -> float | None:
    """Return the delta between 0 and `most` at which the difference stops being significant; None if never.

    `most` carries the sign that is worse for the active arm.
    """

    sign, bound = np.sign(analyzed(data, completed).effect), float(norm.isf(alpha / 2))

    def excess(delta: float) -> float:
        return bound - sign * analyzed(data, completed, delta).z

    if excess(0.0) >= 0:
        return 0.0
    return None if excess(most) < 0 else root(excess, 0.0, most, 1e-7 * abs(most))
