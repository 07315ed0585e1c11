"""Chances and weights that give some people the statistics of others, and change as little else as possible.

Of n candidates `size` are to be chosen. Among all chances p between 0 and 1 that sum to `size` and give the
wanted means of some features, those of largest entropy are p = 1 / (1 + exp(-theta.f)) (Hainmueller 2012,
entropy balancing, here with an upper bound; Deville and Saernndal 1992, logit method of calibration). theta
minimizes a smooth convex function of as many variables as there are features. Weights without an upper bound,
exp(theta.f), are the chances of a very small choice from many.

A very small penalty on theta makes the answer unique: wanted means that no choice has are then approached as
closely as it goes. Weights are found without the penalty and refused where they miss the wanted means.

Not done: candidates are never changed, so what none of them shows cannot be reached.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]

PENALTY = 1e-4
CLOSE = 0.02
"""Largest distance of a reached mean from the wanted one, in standard deviations among the candidates."""
EXACT = 1e-6
"""The same for weights, which are to give the wanted means themselves."""
TINY = 1e-8
"""Share of a candidate in a choice so small that no chance comes near 1: weights differ by this much."""


@dataclasses.dataclass(frozen=True)
class Chances:
    """Chance of each candidate [candidate], and the means of the features [feature] they lead to."""

    of: Floats
    reached: Floats
    distance: Floats

    @property
    def is_reached(self) -> bool:
        """Tell whether every wanted mean is reached."""
        return bool((np.abs(self.distance) <= CLOSE).all())

    @property
    def effective_size(self) -> float:
        """Number of equally likely candidates that would be worth as much."""
        return effective_size(self.of)


def effective_size(weights: Floats) -> float:
    """Return the number of equal weights that would be worth as much (Kish): (sum w)^2 / sum w^2."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def chances(features: Floats, wanted: Floats, size: float, penalty: float = PENALTY) -> Chances:
    """Return the chances of candidates with features [feature, candidate] whose means shall be as wanted.

    There must be more candidates than `size`.
    """
    spread = features.std(axis=1)
    scale = np.where(spread > 0, spread, np.maximum(np.abs(wanted), 1))
    rows = np.vstack([np.ones(features.shape[1]), (features - wanted[:, None]) / scale[:, None]])
    found = expit(_theta(rows, size, penalty) @ rows)
    distance = rows[1:] @ found / found.sum()
    return Chances(found * size / found.sum(), wanted + scale * distance, distance)


def entropy_weights(x: Floats, means: Floats) -> Floats:
    """Return weights [patient], summing to 1 and nearest to equal ones, under which x [patient, k] has the
    means.

    Raises `ValueError` when no weights can: the means lie outside of what the patients span.
    """
    found = chances(np.asarray(x, float).T, np.asarray(means, float), TINY, penalty=0.0)
    if not np.isfinite(found.of).all() or np.abs(found.distance).max() > EXACT:
        raise ValueError("no weights give these patients the wanted means")
    return found.of / found.of.sum()


def _theta(rows: Floats, size: float, penalty: float) -> Floats:
    """Return the minimum of the mean of log(1 + exp(theta.f)) less what is wanted, with its small penalty."""
    from scipy.optimize import minimize  # an import that takes longer than many a run, needed by few

    n = rows.shape[1]
    goal = np.zeros(len(rows))
    goal[0] = 1
    penalties = np.full(len(rows), penalty)
    penalties[0] = 0

    def dual(theta: Floats) -> tuple[float, Floats]:
        tilt = theta @ rows
        value = np.logaddexp(0, tilt).sum() / size - theta @ goal + (penalties * theta**2).sum() / 2
        return value, rows @ expit(tilt) / size - goal + penalties * theta

    def curvature(theta: Floats) -> Floats:
        p = expit(theta @ rows)
        return (rows * (p * (1 - p) / size)) @ rows.T + np.diag(penalties)

    start = np.zeros(len(rows))
    start[0] = logit(size / n)
    options = {"maxiter": 60, "gtol": 1e-6 if penalty else EXACT / 1000}
    found: Any = minimize(dual, start, jac=True, hess=curvature, method="trust-exact", options=options)
    return np.asarray(found.x, np.float64)
