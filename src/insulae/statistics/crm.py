"""Continual reassessment of the dose (O'Quigley, Pepe & Fisher 1990, Biometrics 46:33), empiric model.

P(toxicity at dose j) = skeleton_j ^ exp(b), b ~ N(0, variance); the next patient gets the dose whose estimate
is nearest the target. Skeletons by indifference intervals after Lee & Cheung 2009 (Clin Trials 6:227).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
VARIANCE = 1.34
_GRID = np.linspace(-8.0, 8.0, 4001)


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Mean and variance of b, shares of toxicity at that mean [dose], the dose to give next (from 0)."""

    mean: float
    variance: float
    shares: Floats
    recommended: int


def skeleton(half_width: float, target: float, nearest: int, doses: int) -> Floats:
    """Return prior shares of toxicity whose indifference intervals are `target` plus or minus `half_width`.

    `nearest` is the dose (from 0) thought to have the target share.
    """
    low, high = np.log(target - half_width), np.log(target + half_width)
    shares = np.full(doses, target)
    for k in range(nearest, 0, -1):
        shares[k - 1] = np.exp(low * np.log(shares[k]) / high)
    for k in range(nearest, doses - 1):
        shares[k + 1] = np.exp(high * np.log(shares[k]) / low)
    return shares


def posterior(
    prior: Sequence[float],
    doses: Sequence[int],
    toxic: Sequence[int],
    target: float,
    variance: float = VARIANCE,
) -> Posterior:
    """Return what is known after patients at `doses` (from 0) had toxicity (1) or not (0)."""
    skeleton_log = np.log(np.asarray(prior, float))
    given, event = np.asarray(doses, int), np.asarray(toxic, bool)
    powers = np.exp(_GRID)[:, None] * skeleton_log[given]
    log_likelihood = np.where(event, powers, np.log(-np.expm1(np.minimum(powers, -1e-300)))).sum(axis=1)
    log_density = log_likelihood - _GRID**2 / (2 * variance)
    density = np.exp(log_density - log_density.max())
    mass = density / density.sum()
    mean = float(mass @ _GRID)
    shares = np.exp(np.exp(mean) * skeleton_log)
    spread = float(mass @ (_GRID - mean) ** 2)
    return Posterior(mean, spread, shares, int(np.argmin(np.abs(shares - target))))
