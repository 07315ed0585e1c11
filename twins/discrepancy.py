"""What a clamp differs by from what a glucose test lets expect, learned from half of the people.

As published studies are judged (docs/decisions/0037): measured less predicted logarithms of a person's clamp
have the covariance of the prediction, error of measurement included, plus tau^2 for all values of a quantity
alike. tau is the likeliest in one half of the people and judges the other (who come first, third ... in the
data are one half), so that nobody is judged by what was learned from them. Its mean is zero: no prediction
is shifted, so what all people have in common widens the interval and stays visible as an error. What is asked
of the level of sensor glucose foreseen stands in `levels.py`.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import minimize_scalar

from twins.clamp import INTERVAL, Prediction, of_quantity

One = TypeVar("One")
SMALLEST = 0.1
"""Below this (in any unit) a logarithm says nothing."""
WIDEST = 3.0
RIDGE = 1e-4
SEED = 2


def _deviation(p: Prediction, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """Return measured less predicted logarithms of one quantity, and their covariance in the prediction."""
    rows = of_quantity(p, quantity) & np.isfinite(p.observed)
    drawn = np.log(np.maximum(p.values[rows], SMALLEST))
    seen = np.log(np.maximum(p.observed[rows], SMALLEST))
    return seen - drawn.mean(axis=1), np.atleast_2d(np.cov(drawn)) + RIDGE * np.eye(len(seen))


def likeliest(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the likeliest standard deviation of what the deviations of each part share."""

    def cost(size: float) -> float:
        total = 0.0
        for deviation, within in parts:
            whole = within + size**2
            total += np.linalg.slogdet(whole)[1] + deviation @ np.linalg.solve(whole, deviation)
        return float(total)

    found: Any = minimize_scalar(cost, bounds=(0, WIDEST), method="bounded")
    return float(found.x)


def tau(found: Sequence[Prediction], quantity: str) -> float:
    """Return the likeliest standard deviation of the discrepancy, in logarithms."""
    return likeliest([_deviation(p, quantity) for p in found])


def widened(p: Prediction, quantity: str, size: float) -> np.ndarray:
    """Return draws of a quantity as measured with a discrepancy that all its values share, [value, draw]."""
    values = p.values[of_quantity(p, quantity)]
    shared = np.random.default_rng([SEED, int(p.subject.name)]).standard_normal(values.shape[1])
    return np.maximum(values, SMALLEST) * np.exp(size * shared)


def halves(found: Sequence[One]) -> tuple[list[One], list[One]]:
    """Return the two halves of the people: what is learned from one is judged by the other."""
    return list(found[::2]), list(found[1::2])


def coverage(found: Sequence[Prediction], quantity: str, size: float) -> tuple[float, int]:
    """Return the share (%) of measured values inside the interval with a discrepancy, and their number."""
    inside = []
    for p in found:
        seen = p.observed[of_quantity(p, quantity)]
        low, high = np.percentile(widened(p, quantity, size), INTERVAL, axis=1)
        inside += list(((seen >= low) & (seen <= high))[np.isfinite(seen)])
    return 100 * float(np.mean(inside)), len(inside)
