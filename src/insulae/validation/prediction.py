"""What a trial of n people like the simulated ones would find: draws of its result, in 90 of 100 where.

Two doubts enter: the simulated people are a sample of those the model describes, so they are drawn again for
every trial; and the trial has n people of its own. What differs between trials of one kind besides (centers,
care, assays) does not enter; the equivalence bands stand for it. Shares use a beta prior of Jeffreys, medians
the order statistic of n, means and rates n people drawn.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from insulae.validation.questions import WEEKS_PER_YEAR

Floats = NDArray[np.floating[Any]]
DRAWS = 1000
AT_ONCE = 2_000_000
"""People drawn at once, for memory."""
SEED = 20260101
SHARE = 0.9
TAILS = (100 * (1 - SHARE) / 2, 100 * (1 + SHARE) / 2)
FEWEST = 20
"""Simulated people below whom nothing is judged."""


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Median and 90 % interval of the result of a trial, its standard deviation, and the draws."""

    median: float
    low: float
    high: float
    deviation: float
    draws: Floats

    def place(self, value: float) -> float:
        """Return the share of draws below a value, ties counted half: uniform where the model is right."""
        below, same = np.mean(self.draws < value), np.mean(self.draws == value)
        return float(below + same / 2)


def predicted(
    answers: Floats, n: int, statistic: str, against: Floats | None, followed: float
) -> Predicted | None:
    """Return what a trial of n would find; None with too few people who have an answer.

    `against` are the answers of the arm to subtract; `followed` are the weeks of follow-up of a rate.
    """
    groups = [_present(each) for each in (answers, against) if each is not None]
    if any(len(group) < FEWEST for group in groups):
        return None
    generator = np.random.default_rng(SEED)
    drawn = [_draws(generator, group, n, statistic, followed) for group in groups]
    results = drawn[0] - drawn[1] if len(drawn) > 1 else drawn[0]
    low, median, high = np.percentile(results, (TAILS[0], 50, TAILS[1]), method="closest_observation")
    finite = results[np.isfinite(results)]
    deviation = float(np.std(finite)) if len(finite) == len(results) else float("nan")
    return Predicted(float(median), float(low), float(high), deviation, results)


def _present(answers: Floats) -> Floats:
    return np.asarray(answers, float)[~np.isnan(answers)]


def _draws(generator: np.random.Generator, group: Floats, n: int, statistic: str, followed: float) -> Floats:
    if statistic == "percent":
        yes = np.count_nonzero(group > 0) if np.isfinite(group).all() else np.count_nonzero(group < np.inf)
        chance = generator.beta(yes + 0.5, len(group) - yes + 0.5, DRAWS)
        return 100 * generator.binomial(n, chance) / n
    if statistic == "median":
        return _medians(generator, group, n)
    return _of_people(generator, group, n, statistic, followed)


def _medians(generator: np.random.Generator, group: Floats, n: int) -> Floats:
    """Return medians of n: the place of a median among equally likely values is beta distributed."""
    places = special.betaincinv((n + 1) / 2, (n + 1) / 2, generator.random(DRAWS))
    again = np.sort(generator.choice(group, (DRAWS, len(group))), axis=1)
    return again[np.arange(DRAWS), np.minimum((places * len(group)).astype(int), len(group) - 1)]


def _of_people(
    generator: np.random.Generator, group: Floats, n: int, statistic: str, followed: float
) -> Floats:
    """Return means or rates of n people, drawn from people drawn again; some trials at a time."""
    size, results = len(group), list[Floats]()
    at_once = max(1, AT_ONCE // (size + n))
    for first in range(0, DRAWS, at_once):
        count = min(at_once, DRAWS - first)
        again = group[generator.integers(size, size=(count, size))]
        people = np.take_along_axis(again, generator.integers(size, size=(count, n)), axis=1)
        results.append(_rates(people, followed) if statistic == "rate" else people.mean(axis=1))
    return np.concatenate(results)


def _rates(weeks: Floats, followed: float) -> Floats:
    """Return events per 100 person-years; a person is followed to the event or to the end."""
    years = np.minimum(weeks, followed).sum(axis=1) / WEEKS_PER_YEAR
    return 100 * np.isfinite(weeks).sum(axis=1) / years


def pooled(columns: Sequence[Floats]) -> Floats:
    """Return the answers of several arms as those of one."""
    return np.concatenate([np.asarray(column) for column in columns])
