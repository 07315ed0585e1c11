"""What the fitted body misses of a person's days in the same way each day: found, and carried forward.

Meals whose size nobody notes recur, and so do sleep and work: the deviation of sensor glucose from the fitted
body is in part the same at the same hour of each day, the more the nearer the days. With r the deviation
(logarithm) at one hour and l the days between two days,

    cov(r_d, r_d+l) = share * memory^l * size^2,   var(r_d) = size^2.

Share and memory are those that the days of the person themselves show, by least squares over l; from them
follow the expected deviation of coming days (the linear predictor) and what stays unknown of it. What a day
has for itself is drawn from what the person's days had: a meal that is not noted raises glucose for hours,
which no Gaussian around the hour shows.
"""

import dataclasses
from typing import Any

import numpy as np

MOST = 0.95
"""Largest share that days may have in common."""
MEMORIES = np.linspace(0.3, 1.0, 15)
"""Memories from one day to the next that are tried; one means that all days are alike."""


@dataclasses.dataclass(frozen=True)
class Recurring:
    """What is expected of coming days [day, time of day, draw], variance that stays unknown of it [day],
    and what single days had for themselves [day, time of day, draw]."""

    profile: np.ndarray
    uncertain: np.ndarray
    own: np.ndarray


def recurring(deviation: np.ndarray, coming: int) -> Recurring:
    """Return what deviations [day, time of day, draw] let expect of the coming days; NaN was not read."""
    known = np.isfinite(deviation)
    filled = np.where(known, deviation, 0.0)
    size = float((filled**2).sum() / known.sum())
    share, memory = _common(filled, known, size)
    days = np.arange(len(deviation))
    ahead = np.arange(len(days), len(days) + coming)
    alike = share * memory ** np.abs(days[:, None] - days) + (1 - share) * np.eye(len(days))
    towards = share * memory ** np.abs(ahead[:, None] - days)
    profile, explained = np.zeros((coming, *deviation.shape[1:])), np.zeros((coming, deviation.shape[1]))
    for hour in range(deviation.shape[1]):
        there = known[:, hour].all(axis=1)
        weights = np.linalg.solve(alike[np.ix_(there, there)], towards[:, there].T).T
        profile[:, hour] = weights @ filled[there, hour]
        explained[:, hour] = (weights * towards[:, there]).sum(axis=1)
    unknown = np.maximum(share - explained.mean(axis=1), 0) * size
    return Recurring(profile, unknown, _own(filled, known, (1 - share) * size))


def _own(filled: np.ndarray, known: np.ndarray, variance: float) -> np.ndarray:
    """Return deviations from the mean day, scaled to a variance; zero where nothing was read."""
    mean = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    apart = np.where(known, filled - mean, 0.0)
    found = float((apart**2).sum() / known.sum())
    return apart * np.sqrt(variance / found) if found > 0 else apart


def _common(filled: np.ndarray, known: np.ndarray, size: float) -> tuple[float, float]:
    """Return share and memory by least squares over the days between two days."""
    lags = np.arange(1, len(filled))
    pairs = np.array([(known[lag:] & known[:-lag]).sum() for lag in lags], float)
    products = np.array([(filled[lag:] * filled[:-lag]).sum() for lag in lags])
    seen = products / np.maximum(pairs, 1) / size
    tried: list[tuple[float, float, float]] = []
    for memory in MEMORIES:
        shape = memory**lags
        share = float(np.clip((pairs * shape * seen).sum() / (pairs * shape**2).sum(), 0, MOST))
        tried.append((float((pairs * (seen - share * shape) ** 2).sum()), share, float(memory)))
    return min(tried)[1:]


def carried(found: Recurring, previous: Any, seed: int) -> np.ndarray:
    """Return draws of the deviation of the coming days [day, time of day, draw].

    `previous` is the correlation of a reading's deviation with that of the reading before.
    """
    days, times, draws = found.profile.shape
    random = np.random.default_rng([seed, 6])
    unknown = _in_time(random, times, draws, previous) * np.sqrt(found.uncertain)[:, None, None]
    lived = random.integers(len(found.own), size=(days, draws))
    each = found.own[lived[:, None, :], np.arange(times)[:, None], np.arange(draws)]
    return found.profile + unknown + each


def _in_time(random: np.random.Generator, times: int, draws: int, previous: Any) -> np.ndarray:
    """Return standard normal numbers [time, draw] correlated from one time to the next."""
    fresh = random.standard_normal((times, draws))
    found = np.empty_like(fresh)
    found[0] = fresh[0]
    for place in range(1, times):
        found[place] = previous * found[place - 1] + np.sqrt(1 - previous**2) * fresh[place]
    return found
