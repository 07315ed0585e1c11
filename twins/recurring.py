"""What the fitted body misses of a person's days in the same way each day: found, and carried forward.

Meals whose size nobody notes recur, and so do sleep and work: the deviation of sensor glucose from the fitted
body is in part the same at the same hour of each day. With r the deviation (logarithm) at an hour of day d,

    r_d = p + e_d,   var(p) = share * size^2,   var(e) = (1 - share) * size^2,

the share is what two days have in common on average, and the profile p of n days is their mean times
n share / (1 + (n - 1) share), known to 1 - that factor of its variance.
"""

import dataclasses
from typing import Any

import numpy as np

MOST = 0.95
"""Largest share that days may have in common."""


@dataclasses.dataclass(frozen=True)
class Recurring:
    """Expected deviation [time of day, draw], variances of what is left of it and of a single day."""

    profile: np.ndarray
    uncertain: float
    daily: float


def recurring(deviation: np.ndarray) -> Recurring:
    """Return what deviations [day, time of day, draw] have in common; what was not read is NaN."""
    known = np.isfinite(deviation)
    days = known.sum(axis=0)
    filled = np.where(known, deviation, 0.0)
    total, squares = filled.sum(axis=0), (filled**2).sum(axis=0)
    pairs = days * (days - 1)
    size = squares.sum() / known.sum()
    common = ((total**2 - squares)[pairs > 0]).sum() / max(pairs.sum(), 1)
    share = float(np.clip(common / size, 0, MOST))
    factor = days * share / (1 + (days - 1) * share)
    profile = np.where(days > 0, total / np.maximum(days, 1), 0.0) * factor
    left = 1 - float(np.mean(factor))
    return Recurring(profile, share * float(size) * left, (1 - share) * float(size))


def carried(found: Recurring, previous: Any, days: int, seed: int) -> np.ndarray:
    """Return draws of the deviation of some coming days [day, time of day, draw].

    `previous` is the correlation of a reading's deviation with that of the reading before.
    """
    times, draws = found.profile.shape
    random = np.random.default_rng([seed, 6])
    unknown = _in_time(random, times, draws, previous) * np.sqrt(found.uncertain)
    each = _in_time(random, days * times, draws, previous).reshape(days, times, draws)
    return found.profile + unknown + each * np.sqrt(found.daily)


def _in_time(random: np.random.Generator, times: int, draws: int, previous: Any) -> np.ndarray:
    """Return standard normal numbers [time, draw] correlated from one time to the next."""
    fresh = random.standard_normal((times, draws))
    found = np.empty_like(fresh)
    found[0] = fresh[0]
    for place in range(1, times):
        found[place] = previous * found[place - 1] + np.sqrt(1 - previous**2) * fresh[place]
    return found
