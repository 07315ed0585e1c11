"""Repeated measures: visits with an unstructured covariance, by restricted maximum likelihood (MMRM).

Y_i = B' x_i + e_i, e_i ~ N(0, S): every covariate has its own effect at every visit, as is usual in trials;
S [visit, visit] is unstructured; missing visits are missing at random. Sums over patients with the same
visits are all the likelihood needs, so the cost grows with the patterns and not with the patients. The
information of Fisher scoring is the expected one. Not modeled: covariates common to all visits, covariances
that differ between arms.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_STEPS = 60
_MOST_HALVINGS = 40
_CLOSE = 1e-9
"""Newton decrement below which the likelihood is at its maximum."""
_FEWEST = 2
_WORST_CONDITION = 1e9


@dataclasses.dataclass(frozen=True)
class Patterns:
    """Sums over the patients of each pattern of visits seen; missing outcomes count as 0 in them.

    `seen` [pattern, visit] 0 or 1; `n` [pattern]; `gram` [pattern, k, k]; `xy` [pattern, k, visit];
    `yy` [pattern, visit, visit].
    """

    seen: Floats
    n: Floats
    gram: Floats
    xy: Floats
    yy: Floats

    @property
    def both(self) -> Floats:
        """1 where both visits were seen [pattern, visit, visit]."""
        return self.seen[:, :, None] * self.seen[:, None, :]


@dataclasses.dataclass(frozen=True)
class Mmrm:
    """A fitted model: coefficients [k, visit] with covariance [k * visit, k * visit], visits' covariance."""

    patterns: Patterns
    coefficients: Floats
    covariance: Floats
    visits: Floats
    log_likelihood: float

    def contrast(self, weights: Floats) -> tuple[float, float]:
        """Return a sum of coefficients weighted by [k, visit] and its model-based standard error."""
        w = weights.ravel()
        return float(w @ self.coefficients.ravel()), float(np.sqrt(w @ self.covariance @ w))


@dataclasses.dataclass(frozen=True)
class State:
    """What likelihood and derivatives need at one covariance of visits.

    `weights` are inverse covariances of the visits seen, 0 elsewhere, `scatter` sums of products of
    residuals, both [pattern, visit, visit]; `moved` sums of covariates times residuals [pattern, k, visit].
    """

    weights: Floats
    coefficients: Floats
    covariance: Floats
    scatter: Floats
    moved: Floats
    log_likelihood: float


def basis(visits: int) -> Floats:
    """Return the symmetric matrices [parameter, visit, visit] whose sum, weighted, is a covariance."""
    pairs = [(s, t) for s in range(visits) for t in range(s, visits)]
    found = np.zeros((len(pairs), visits, visits))
    for a, (s, t) in enumerate(pairs):
        found[a, s, t] = found[a, t, s] = 1.0
    return found


def patterns_of(y: Floats, x: Floats) -> Patterns:
    """Sum over patients by the visits at which they were seen; who was never seen is left out."""
    seen = np.isfinite(y)
    rows, place = np.unique(seen, axis=0, return_inverse=True)
    filled = np.where(seen, y, 0.0)
    groups = [np.flatnonzero(place.ravel() == i) for i, row in enumerate(rows) if row.any()]
    rows = rows[rows.any(axis=1)]

    def sums(left: Floats, right: Floats) -> Floats:
        return np.array([left[g].T @ right[g] for g in groups])

    sizes = np.array([len(g) for g in groups], float)
    return Patterns(rows.astype(float), sizes, sums(x, x), sums(x, filled), sums(filled, filled))


def state_at(patterns: Patterns, visits: Floats) -> State:
    """Return generalized least squares and the restricted log likelihood at a covariance of visits."""
    both, m, k = patterns.both, len(visits), patterns.gram.shape[1]
    padded = both * visits + np.eye(m) * (1 - patterns.seen)[:, None, :]
    weights = np.linalg.inv(padded) * both
    normal = spread_out(patterns.gram, weights[:, None]).sum(axis=0)
    covariance = np.asarray(np.linalg.inv(normal), float)
    beta = (covariance @ (patterns.xy @ weights).sum(axis=0).ravel()).reshape(k, m)
    fitted = beta.T @ patterns.xy
    scatter = (patterns.yy - fitted - fitted.transpose(0, 2, 1) + beta.T @ patterns.gram @ beta) * both
    moved = (patterns.xy - patterns.gram @ beta) * patterns.seen[:, None, :]
    total = float(patterns.n @ patterns.seen.sum(axis=1)) - k * m
    log = -0.5 * (total * np.log(2 * np.pi) + np.linalg.slogdet(normal)[1])
    log -= 0.5 * float(patterns.n @ np.linalg.slogdet(padded)[1] + (weights * scatter).sum())
    return State(weights, beta, covariance, scatter, moved, float(log))


def spread_out(gram: Floats, small: Floats) -> Floats:
    """Return sums over patterns of Kronecker products [a, k * visit, k * visit].

    `gram` [pattern, k, k], `small` [pattern, a, visit, visit].
    """
    k, (_, a, m, _) = gram.shape[1], small.shape
    found = np.tensordot(gram, small, axes=(0, 0))
    return found.transpose(2, 0, 3, 1, 4).reshape(a, k * m, k * m)


def traces(a: Floats, b: Floats, weights: Any = 1.0) -> Floats:
    """Return traces [i, j] of the products of a [pattern, i, ...] and b [pattern, j, ...], summed."""
    left = (a * weights).transpose(1, 0, 2, 3).reshape(a.shape[1], -1)
    return left @ b.transpose(1, 0, 3, 2).reshape(b.shape[1], -1).T


def score_and_information(patterns: Patterns, state: State, e: Floats) -> tuple[Floats, Floats]:
    """Return gradient and expected information of the restricted likelihood for the covariances."""
    k, m = state.coefficients.shape
    w = state.weights
    phi = state.covariance.reshape(k, m, k, m)
    shared = np.tensordot(patterns.gram, phi, axes=((1, 2), (0, 2)))
    gain = (w @ (state.scatter + shared) @ w - patterns.n[:, None, None] * w).sum(axis=0)
    we = w[:, None] @ e
    wew = we @ w[:, None]
    crossed = traces(shared[:, None] @ we, wew)
    turned = (state.covariance @ spread_out(patterns.gram, wew))[None]
    pairs = traces(we, we, patterns.n[:, None, None, None])
    information = 0.5 * (pairs - crossed - crossed.T + traces(turned, turned))
    return 0.5 * (e * gain).sum(axis=(1, 2)), np.asarray(information, float)


def fit(y: Floats, x: Floats) -> Mmrm:
    """Fit outcomes y [patient, visit] (NaN missing) on covariates x [patient, k], the constant among them.

    Raises `ValueError` when covariates are missing or too few patients were seen to estimate the model.
    """
    if not np.isfinite(x).all():
        raise ValueError("covariates of a model for repeated measures may not be missing")
    k, m = x.shape[1], y.shape[1]
    pairs = np.isfinite(y).T.astype(float) @ np.isfinite(y)
    if pairs.min() < k + _FEWEST:
        raise ValueError(f"too few patients were seen at two of the {m} visits to estimate their covariance")
    patterns, e = patterns_of(y, x), basis(m)
    visits = _first_guess(y, x)
    if np.linalg.cond(visits) > _WORST_CONDITION:
        raise ValueError("some visits are nearly copies of others; their covariance cannot be estimated")
    state = state_at(patterns, visits)
    for _ in range(_MOST_STEPS):
        score, information = score_and_information(patterns, state, e)
        step = np.linalg.solve(information, score)
        visits, state = _climbed(patterns, visits, state, np.tensordot(step, e, 1))
        if float(score @ step) < _CLOSE:
            return Mmrm(patterns, state.coefficients, state.covariance, visits, state.log_likelihood)
    raise ValueError("the likelihood of the repeated measures has no maximum that could be found")


def _climbed(patterns: Patterns, visits: Floats, state: State, step: Floats) -> tuple[Floats, State]:
    """Take the step, or the first half of it that keeps a covariance and does not lose likelihood."""
    for halvings in range(_MOST_HALVINGS):
        tried = visits + step / 2**halvings
        if np.linalg.eigvalsh(tried)[0] > 0:
            found = state_at(patterns, tried)
            if found.log_likelihood >= state.log_likelihood - 1e-10:
                return tried, found
    return visits, state


def _first_guess(y: Floats, x: Floats) -> Floats:
    """Return the covariance of the residuals of each visit, from pairs, made positive definite."""
    residual = np.full_like(y, np.nan)
    for t in range(y.shape[1]):
        there = np.isfinite(y[:, t])
        beta = np.linalg.lstsq(x[there], y[there, t], rcond=None)[0]
        residual[there, t] = y[there, t] - x[there] @ beta
    seen = np.isfinite(residual)
    filled = np.where(seen, residual, 0.0)
    found = filled.T @ filled / np.maximum(seen.T.astype(float) @ seen - x.shape[1], 1)
    if seen.all():
        return found
    values, vectors = np.linalg.eigh(found)
    return (vectors * np.maximum(values, 1e-3 * values.max())) @ vectors.T
