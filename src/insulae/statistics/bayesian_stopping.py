"""Bayesian monitoring of one proportion, beta prior: toxicity bounds, predictive probability of success.

Stop for toxicity when P(p > limit | events, n) > cutoff (Thall & Simon 1994, Biometrics 50:337); stop for
futility when the predicted chance of a final success falls below a bound (Lee & Liu 2008, Clin Trials 5:93).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, betabinom, binom

Prior = tuple[float, float]
NEVER = np.iinfo(np.int64).max


def toxicity_bound(n: int, limit: float, prior: Prior, cutoff: float) -> int | None:
    """Return the fewest events of n at which to stop; None when even n of n would not do.

    A flat prior with a low limit stops without any event while n is small: prefer Beta(limit, 1 - limit).
    """
    events = np.arange(n + 1)
    exceeds = beta.sf(limit, prior[0] + events, prior[1] + n - events) > cutoff
    return int(events[exceeds][0]) if exceeds.any() else None


def chance_to_stop(bounds: Sequence[tuple[int, int]], share: float) -> tuple[float, float]:
    """Return the exact probability to stop and the expected patients, for bounds (n, events) at rising n.

    The trial ends at the last n when no bound was met before.
    """
    mass, before, stopped, patients = np.ones(1), 0, 0.0, 0.0
    for n, limit in bounds:
        mass = np.convolve(mass, binom.pmf(np.arange(n - before + 1), n - before, share))
        over = np.arange(len(mass)) >= limit
        leaving = float(mass[over].sum())
        stopped, patients = stopped + leaving, patients + leaving * n
        mass, before = np.where(over, 0.0, mass), n
    return stopped, patients + (1 - stopped) * before


def predictive_probability(
    responses: int, n: int, most: int, null: float, prior: Prior, success: float
) -> float:
    """Return the chance that `most` patients end with P(p > null | data) > success, given those seen."""
    left = most - n
    further = np.arange(left + 1)
    a, b = prior[0] + responses, prior[1] + n - responses
    weights = betabinom.pmf(further, left, a, b)
    wins = beta.sf(null, a + further, b + left - further) > success
    return float(weights[wins].sum())


def futility_bounds(
    looks: Sequence[int], most: int, null: float, prior: Prior, success: float, futile: float
) -> NDArray[np.int64]:
    """Return for each look the most responses at which to stop for futility; -1 where none does."""
    found = [-1] * len(looks)
    for i, n in enumerate(looks):
        for responses in range(n + 1):
            if predictive_probability(responses, n, most, null, prior, success) >= futile:
                break
            found[i] = responses
    return np.array(found)
