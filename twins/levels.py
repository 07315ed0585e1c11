"""How the level of the days foreseen differs from what the first days let expect, told by other people.

People in hospital are there to have their treatment changed: glucose ends lower than their first days let
expect, in some much, in some not at all, and it has better and worse days. With d the mean logarithm of a
person's sensor glucose on each day foreseen, seen less foreseen, and W its covariance in the twin,

    d ~ Normal(shift, W + stay^2 between all days + day^2 of each day by itself).

Shift, stay and day are the likeliest in half of the people and stated for the other half. The shift is a
property of such stays, not of the body: it is shown apart, and no twin outside of a hospital gets it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

RIDGE = 1e-4
SEED = 3
BEGIN = (-0.05, 0.08, 0.05)
"""Shift, stay and day (logarithms) from which the likeliest are looked for."""


@dataclasses.dataclass(frozen=True)
class Level:
    """Mean of the deviation of a stay, its standard deviation, and that of single days (logarithms)."""

    shift: float
    stay: float
    day: float

    def draws(self, days: int, number: int) -> np.ndarray:
        """Return deviations of some days, [day, draw]."""
        normal = np.random.default_rng([SEED, days]).standard_normal((1 + days, number))
        return self.shift + self.stay * normal[0] + self.day * normal[1:]


NONE = Level(0.0, 0.0, 0.0)


def deviation(seen: np.ndarray, glucose: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return seen less foreseen mean logarithms of each day, and their covariance in the twin.

    `seen` [time] and `glucose` [time, draw] hold all days one after the other; days without any reading are
    left out.
    """
    logarithms = np.log(glucose).reshape(days, -1, glucose.shape[1])
    read = np.log(seen).reshape(days, -1)
    there = [place for place in range(days) if np.isfinite(read[place]).any()]
    foreseen = np.stack([logarithms[p][np.isfinite(read[p])].mean(axis=0) for p in there])
    found = np.array([np.nanmean(read[place]) for place in there])
    return found - foreseen.mean(axis=1), np.atleast_2d(np.cov(foreseen)) + RIDGE * np.eye(len(there))


def likeliest(parts: Sequence[tuple[np.ndarray, np.ndarray]], is_shifted: bool) -> Level:
    """Return the likeliest level of some people; without a shift where none is wanted."""

    def cost(place: np.ndarray) -> float:
        shift, stay, day = place
        total = 0.0
        for found, within in parts:
            left = found - (shift if is_shifted else 0.0)
            whole = within + stay**2 + day**2 * np.eye(len(found))
            total += np.linalg.slogdet(whole)[1] + left @ np.linalg.solve(whole, left)
        return float(total)

    found: Any = minimize(cost, BEGIN, method="Nelder-Mead")
    shift, stay, day = (float(each) for each in found.x)
    return Level(shift if is_shifted else 0.0, abs(stay), abs(day))
