"""Spending functions: how much of an error probability may be used by an information fraction t in (0, 1].

Lan & DeMets 1983 (Biometrika 70:659) with the O'Brien-Fleming-like and Pocock-like functions, Kim & DeMets
1987 (Biometrika 74:149), Hwang, Shih & DeCani 1990 (Stat Med 9:1439). The error is one-sided.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]


def obrien_fleming(error: float, t: Floats) -> Floats:
    """Spend little early: 2 - 2 Phi(z(1 - error / 2) / sqrt(t))."""
    return 2 * norm.sf(norm.isf(error / 2) / np.sqrt(t))


def pocock(error: float, t: Floats) -> Floats:
    """Spend about evenly: error ln(1 + (e - 1) t)."""
    return error * np.log1p((np.e - 1) * t)


def kim_demets(error: float, t: Floats, rho: float) -> Floats:
    """Spend error t^rho, rho above 0."""
    return error * t**rho


def hwang_shih_decani(error: float, t: Floats, gamma: float) -> Floats:
    """Spend error (1 - exp(-gamma t)) / (1 - exp(-gamma)); gamma below 0 spends late, 0 is linear."""
    if gamma == 0:
        return error * t
    return error * np.expm1(-gamma * t) / np.expm1(-gamma)
