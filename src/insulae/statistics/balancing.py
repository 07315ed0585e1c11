"""Weights that give one group the means of another: entropy balancing (Hainmueller 2012)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from insulae.statistics.ancova import Estimate

Floats = NDArray[np.float64]
_CLOSE = 1e-6


def entropy_weights(x: Floats, means: Floats) -> Floats:
    """Return weights [patient], summing to 1 and nearest to equal ones, under which x [patient, k] has the
    means.

    Raises `ValueError` when no weights can: the means lie outside of what the patients span.
    """
    centered = x - means
    scale = np.where(centered.std(axis=0) > 0, centered.std(axis=0), 1.0)
    z = centered / scale

    def dual(theta: Floats) -> tuple[float, Floats]:
        tilt = z @ theta
        top = tilt.max()
        mass = np.exp(tilt - top)
        total = mass.sum()
        return float(np.log(total) + top), z.T @ mass / total

    found = minimize(dual, np.zeros(x.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-9})
    tilt = z @ found.x
    weights = np.exp(tilt - tilt.max())
    weights = weights / weights.sum()
    if np.abs(weights @ z).max() > _CLOSE:
        raise ValueError("no weights give these patients the wanted means")
    return weights


def effective_size(weights: Floats) -> float:
    """Return the number of equally weighted patients with the same variance."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def weighted_difference(treated: Floats, external: Floats, weights: Floats) -> Estimate:
    """Return the mean of treated minus the weighted mean of external ones [patient], weights as fixed."""
    w = weights / weights.sum()
    center = float(w @ external)
    size = effective_size(w)
    spread = float((w**2) @ (external - center) ** 2) * size / (size - 1)
    error = np.sqrt(spread + treated.var(ddof=1) / len(treated))
    return Estimate(float(treated.mean()) - center, float(error))
