"""Repeated measures: visits with an unstructured covariance, by restricted maximum likelihood (MMRM).

Y_i = B' x_i + e_i, e_i ~ N(0, S): every covariate has its own effect at every visit, as is usual in trials;
S [visit, visit] is unstructured; missing visits are missing at random. Patients with the same visits share
their matrices, so the cost grows with the patterns and not with the patients. Fisher scoring: the information
is the expected one. Not modeled: covariates common to all visits, covariances that differ between arms.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST_STEPS = 60
_CLOSE = 1e-9
"""Newton decrement below which the likelihood is at its maximum."""
_FEWEST = 2
_WORST_CONDITION = 1e9


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Patients seen at the same visits: covariates [patient, k], outcomes [patient, visit], 0 missing."""

    seen: NDArray[np.bool_]
    x: Floats
    y: Floats

    @property
    def gram(self) -> Floats:
        """Sums of products of covariates [k, k]."""
        return self.x.T @ self.x


@dataclasses.dataclass(frozen=True)
class Mmrm:
    """A fitted model: coefficients [k, visit] with covariance [k * visit, k * visit], visits' covariance."""

    patterns: tuple[Pattern, ...]
    coefficients: Floats
    covariance: Floats
    visits: Floats
    log_likelihood: float

    def contrast(self, weights: Floats) -> tuple[float, float]:
        """Return a sum of coefficients weighted by [k, visit] and its model-based standard error."""
        w = weights.ravel()
        return float(w @ self.coefficients.ravel()), float(np.sqrt(w @ self.covariance @ w))


def basis(visits: int) -> Floats:
    """Return the symmetric matrices [parameter, visit, visit] whose sum, weighted, is a covariance."""
    pairs = [(s, t) for s in range(visits) for t in range(s, visits)]
    found = np.zeros((len(pairs), visits, visits))
    for a, (s, t) in enumerate(pairs):
        found[a, s, t] = found[a, t, s] = 1.0
    return found


def patterns_of(y: Floats, x: Floats) -> tuple[Pattern, ...]:
    """Group patients by the visits at which they were seen; who was never seen is left out."""
    seen = np.isfinite(y)
    rows, place = np.unique(seen, axis=0, return_inverse=True)
    found = [
        Pattern(row, x[place.ravel() == i], np.where(row, y[place.ravel() == i], 0.0))
        for i, row in enumerate(rows)
        if row.any()
    ]
    return tuple(found)


def weight_of(pattern: Pattern, visits: Floats) -> Floats:
    """Return the inverse covariance of the visits seen, with zeros at the missing ones [visit, visit]."""
    there = np.flatnonzero(pattern.seen)
    found = np.zeros_like(visits)
    found[np.ix_(there, there)] = np.linalg.inv(visits[np.ix_(there, there)])
    return found


@dataclasses.dataclass(frozen=True)
class State:
    """Everything at one covariance of visits that likelihood and its derivatives need."""

    weights: list[Floats]
    coefficients: Floats
    covariance: Floats
    residuals: list[Floats]
    log_likelihood: float


def state_at(patterns: Sequence[Pattern], visits: Floats) -> State:
    """Return generalized least squares and the restricted log likelihood at a covariance of visits."""
    weights = [weight_of(p, visits) for p in patterns]
    k, m = patterns[0].x.shape[1], len(visits)
    normal = sum(
        (np.kron(p.gram, w) for p, w in zip(patterns, weights, strict=True)), np.zeros((k * m, k * m))
    )
    right = sum((p.x.T @ p.y @ w for p, w in zip(patterns, weights, strict=True)), np.zeros((k, m)))
    covariance = np.linalg.inv(normal)
    beta = (covariance @ right.ravel()).reshape(k, m)
    residuals = [np.where(p.seen, p.y - p.x @ beta, 0.0) for p in patterns]
    total = sum(len(p.x) * int(p.seen.sum()) for p in patterns) - k * m
    log = -0.5 * (total * np.log(2 * np.pi) + np.linalg.slogdet(normal)[1])
    for p, w, r in zip(patterns, weights, residuals, strict=True):
        there = np.ix_(p.seen, p.seen)
        log += 0.5 * len(p.x) * np.linalg.slogdet(w[there])[1] - 0.5 * float(np.einsum("it,tu,iu", r, w, r))
    return State(weights, beta, np.asarray(covariance, float), residuals, float(log))


def spread_out(gram: Floats, small: Floats) -> Floats:
    """Return Kronecker products [a, k * visit, k * visit] of one matrix [k, k] with each [visit, visit]."""
    a, k, m = len(small), len(gram), small.shape[1]
    return (gram[None, :, None, :, None] * small[:, None, :, None, :]).reshape(a, k * m, k * m)


def traces(a: Floats, b: Floats) -> Floats:
    """Return the traces [i, j] of the products of matrices a_i and b_j."""
    return a.reshape(len(a), -1) @ b.transpose(0, 2, 1).reshape(len(b), -1).T


def score_and_information(patterns: Sequence[Pattern], state: State, e: Floats) -> tuple[Floats, Floats]:
    """Return the gradient and the expected information of the restricted likelihood for the covariances."""
    q, (k, m) = len(e), state.coefficients.shape
    phi = state.covariance.reshape(k, m, k, m)
    score, information = np.zeros(q), np.zeros((q, q))
    tilted = np.zeros((q, k * m, k * m))
    for p, w, r in zip(patterns, state.weights, state.residuals, strict=True):
        we = w @ e
        wew = we @ w
        scatter = w @ (r.T @ r) @ w
        shared = np.einsum("kl,ktlu->tu", p.gram, phi)
        score += 0.5 * (
            np.einsum("tu,aut->a", scatter + w @ shared @ w, e) - len(p.x) * np.trace(we, axis1=1, axis2=2)
        )
        pairs = traces(we, we)
        crossed = traces(shared @ we, wew)
        information += 0.5 * (len(p.x) * pairs - 2 * (crossed + crossed.T) / 2)
        tilted += spread_out(p.gram, wew)
    turned = state.covariance @ tilted
    information += 0.5 * traces(turned, turned)
    return score, information


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


def _climbed(patterns: Sequence[Pattern], visits: Floats, state: State, step: Floats) -> tuple[Floats, State]:
    """Take the step, or the first half of it that keeps a covariance and does not lose likelihood."""
    for halvings in range(40):
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
    values, vectors = np.linalg.eigh(found)
    if seen.all():
        return found
    return (vectors * np.maximum(values, 1e-3 * values.max())) @ vectors.T
