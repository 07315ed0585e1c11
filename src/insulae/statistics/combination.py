"""Combination of independent stages by the inverse normal method with weights fixed in advance.

Lehmacher & Wassmer 1999 (Biometrics 55:1286): the stages may be changed after each look without harm to the
type I error. Z_k = sum_j w_j Phi^-1(1 - p_j) / sqrt(sum_j w_j^2), j <= k.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from insulae.statistics.group_sequential import Boundaries, exits
from insulae.statistics.roots import root

Floats = NDArray[np.float64]


def inverse_normal(p: Sequence[float], weights: Sequence[float]) -> Floats:
    """Return the combined Z after each stage from one-sided p-values of the stages."""
    z, w = norm.isf(np.asarray(p, float)), np.asarray(weights, float)[: len(p)]
    return np.cumsum(w * z) / np.sqrt(np.cumsum(w**2))


def repeated_p(z: float, look: int, bounds: Callable[[float], Boundaries]) -> float:
    """Return the smallest one-sided error at which z at a look (from 0) would have passed.

    `bounds` makes the design's boundaries of a given one-sided error.
    """
    return root(lambda alpha: bounds(alpha).upper[look] - z, 1e-9, 0.4999)


def stagewise_p(z: float, look: int, bounds: Boundaries) -> float:
    """Return the p-value of a trial that ended at a look (from 0) with z, by stage-wise ordering."""
    upper = bounds.upper.copy()
    upper[look] = z
    ended = Boundaries(bounds.fractions[: look + 1], upper[: look + 1], bounds.lower[: look + 1])
    return float(exits(ended, 0.0).above.sum())
