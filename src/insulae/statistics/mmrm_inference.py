"""Small-sample inference for the model of repeated measures: Satterthwaite and Kenward-Roger.

Satterthwaite: the degrees of freedom of a contrast c follow from the variance of its estimated variance v,
f = 2 v^2 / (g' A g) with g = dv / dtheta and A the inverse observed information of the covariances theta.
Kenward & Roger 1997 (Biometrics 53:983): the covariance of the coefficients is enlarged by
2 Phi { sum_ab W_ab (Q_ab - P_a Phi P_b) } Phi, W the inverse expected information; an unstructured covariance
is linear in theta, so second derivatives vanish. For one contrast the scale is 1 and the degrees of freedom
are those of Satterthwaite with W in place of A.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from insulae.statistics.ancova import Estimate
from insulae.statistics.mmrm import (
    Mmrm,
    State,
    basis,
    score_and_information,
    spread_out,
    state_at,
    traces,
)

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class _Slopes:
    """P_a [parameter, coefficient, coefficient] and inverse informations at the fitted covariance."""

    state: State
    p: Floats
    expected: Floats
    observed: Floats


def satterthwaite(fitted: Mmrm, weights: Floats) -> Estimate:
    """Return a contrast of coefficients [k, visit] with its model-based error and Satterthwaite's freedom."""
    effect, error = fitted.contrast(weights)
    slopes = _slopes(fitted)
    return Estimate(effect, error, _freedom(fitted.covariance, weights.ravel(), slopes.p, slopes.observed))


def kenward_roger(fitted: Mmrm, weights: Floats) -> Estimate:
    """Return a contrast of coefficients [k, visit] with Kenward and Roger's error and degrees of freedom."""
    slopes, phi, w = _slopes(fitted), fitted.covariance, weights.ravel()
    turned = slopes.p @ phi
    weighted = np.tensordot(slopes.expected, slopes.p, 1)
    inner = _crossed(fitted, slopes) - (turned @ weighted).sum(axis=0)
    enlarged = phi + 2 * phi @ inner @ phi
    effect, _ = fitted.contrast(weights)
    variance, freedom = float(w @ enlarged @ w), _freedom(phi, w, slopes.p, slopes.expected)
    if not variance > 0:
        raise ValueError("too few patients for as many visits: Kenward and Roger's variance is not positive")
    return Estimate(effect, float(np.sqrt(variance)), freedom)


def _slopes(fitted: Mmrm) -> _Slopes:
    e, state = basis(len(fitted.visits)), state_at(fitted.patterns, fitted.visits)
    _, expected = score_and_information(fitted.patterns, state, e)
    w = state.weights[:, None]
    observed = _quadratic(state, e) - expected
    return _Slopes(
        state, -spread_out(fitted.patterns.gram, w @ e @ w), _inverse(expected), _inverse(observed)
    )


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), float)


def _quadratic(state: State, e: Floats) -> Floats:
    """Return y' P V_a P V_b P y, whose expectation is twice the information."""
    w = state.weights[:, None]
    scatter = w @ state.scatter[:, None] @ w
    projected = (state.moved[:, None] @ w @ e @ w).sum(axis=0).reshape(len(e), -1)
    return traces(scatter @ e, w @ e) - projected @ state.covariance @ projected.T


def _crossed(fitted: Mmrm, slopes: _Slopes) -> Floats:
    """Return sum_ab W_ab Q_ab [coefficient, coefficient]."""
    e, w = basis(len(fitted.visits)), slopes.state.weights[:, None]
    weighted = np.tensordot(slopes.expected, e, 1)
    middle = (e @ w @ weighted).sum(axis=1, keepdims=True)
    return spread_out(fitted.patterns.gram, w @ middle @ w)[0]


def _freedom(phi: Floats, w: Floats, p: Floats, spread: Floats) -> float:
    """Return 2 v^2 / (g' A g); the slope of v = w' Phi w for a covariance is -w' Phi P_a Phi w."""
    turned = phi @ w
    gradient = -np.einsum("i,aij,j->a", turned, p, turned)
    variance = float(w @ phi @ w)
    return 2 * variance**2 / float(gradient @ spread @ gradient)
