"""What a trial of n people like the simulated ones would find: draws of its result, in 90 of 100 where.

Three layers, each within the next:

* chance: the simulated people are a sample of those the model describes, so they are drawn again for every
  trial; and the trial has n people of its own. Shares use a beta prior of Jeffreys, medians the order
  statistic of n, means and rates n people drawn.
* doubt about the values of parameters: how much groups of people with own draws of them differ beyond
  chance (`statistics/variance_components.py`); of a share on the logit scale, of a median as the place
  among the people, of a rate as a factor.
* discrepancy: trials of one kind differ, and equations err. Its size by kind of number comes from
  `core/discrepancy.py`, drawn from a t distribution with as many degrees of freedom as studies behind it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from insulae.core.discrepancy import IDENTITY, LOG, LOGIT, Discrepancy
from insulae.statistics.variance_components import Components, components
from insulae.validation.questions import WEEKS_PER_YEAR

Floats = NDArray[np.floating[Any]]
Groups = NDArray[np.integer[Any]]
DRAWS = 1000
AT_ONCE = 2_000_000
"""People drawn at once, for memory."""
SEED = 20260101
SHARE = 0.9
TAILS = (100 * (1 - SHARE) / 2, 100 * (1 + SHARE) / 2)
FEWEST = 20
"""Simulated people below whom nothing is judged."""
ANYTHING = (-np.inf, np.inf)
LIMITS = {"percent": (0.0, 100.0), "rate": (0.0, np.inf)}
"""What a statistic of one arm can be."""
PLACES = (0.02, 0.98)
"""Doubt moves a median at most so far among the people."""


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


@dataclasses.dataclass(frozen=True)
class People:
    """The answers of simulated people, and the group of doubt of each; None without such groups."""

    answers: Floats
    groups: Groups | None = None

    def present(self) -> "People":
        """Return those who have an answer."""
        there = ~np.isnan(np.asarray(self.answers, float))
        groups = None if self.groups is None else self.groups[there]
        return People(np.asarray(self.answers, float)[there], groups)


@dataclasses.dataclass(frozen=True)
class Trial:
    """What of the trial decides its chance: people, statistic, and weeks of follow-up of a rate."""

    n: int
    statistic: str
    followed: float


@dataclasses.dataclass(frozen=True)
class Layers:
    """What a trial would find by chance; with doubt; and, once discrepancy is known, with everything.

    `draw(doubted, shift)` gives results with or without doubt, with a shift on the logit scale of a share;
    `limits` are those of what can be found at all.
    """

    chance: Predicted
    doubted: Predicted
    is_share: bool
    limits: tuple[float, float]
    draw: Callable[[bool, Floats], Floats]

    def whole(self, spread: Discrepancy, band: float) -> Predicted:
        """Return the prediction with doubt and discrepancy; `band` is that of the kind of number."""
        generator = np.random.default_rng(SEED + 2)
        off = spread.tau * generator.standard_t(spread.freedom, DRAWS)
        if spread.scale == LOGIT and self.is_share:
            return summarized(self.draw(True, off))
        results = self.draw(True, np.zeros(DRAWS))
        if spread.scale == LOG:
            return summarized(results * np.exp(off))
        moved = results + off * (1 if spread.scale == IDENTITY else band)
        return summarized(np.clip(moved, *self.limits))


def layers(people: People, trial: Trial, against: People | None) -> Layers | None:
    """Return what a trial would find; None with too few people who have an answer.

    `against` are the people of the arm to subtract, the same ones in the same order.
    """
    arms = [each.present() for each in (people, against) if each is not None]
    if any(len(arm.answers) < FEWEST for arm in arms):
        return None
    generator = np.random.default_rng(SEED)
    samplers = [_sampler(generator, arm.answers, trial) for arm in arms]
    nothing = np.zeros(DRAWS)
    if len(arms) > 1:
        less = People(people.answers - against.answers, people.groups) if against else people
        doubts, outer = [nothing, nothing], _doubt(less, "mean")
    else:
        doubts, outer = [_doubt(arms[0], trial.statistic)], nothing

    def draw(is_doubted: bool, shift: Floats) -> Floats:
        found = [s(d * is_doubted + shift) for s, d in zip(samplers, doubts, strict=True)]
        return found[0] - found[1] + outer * is_doubted if len(found) > 1 else found[0]

    limits = LIMITS.get(trial.statistic, ANYTHING) if len(arms) == 1 else ANYTHING
    chance, doubted = (summarized(draw(is_doubted, nothing)) for is_doubted in (False, True))
    return Layers(chance, doubted, limits == LIMITS["percent"], limits, draw)


def predicted(
    answers: Floats, n: int, statistic: str, against: Floats | None, followed: float
) -> Predicted | None:
    """Return what a trial of n would find by chance alone; None with too few people who have an answer."""
    other = None if against is None else People(against)
    found = layers(People(answers), Trial(n, statistic, followed), other)
    return found.chance if found else None


def summarized(results: Floats) -> Predicted:
    """Return median, interval and deviation of draws."""
    low, median, high = np.percentile(results, (TAILS[0], 50, TAILS[1]), method="closest_observation")
    finite = results[np.isfinite(results)]
    deviation = float(np.std(finite)) if len(finite) == len(results) else float("nan")
    return Predicted(float(median), float(low), float(high), deviation, results)


def _doubt(people: People, statistic: str) -> Floats:
    """Return draws of the doubt, as the sampler of a statistic takes them; zeros without groups.

    They are of a t distribution, for how much groups differ is itself known from few groups.
    """
    if people.groups is None:
        return np.zeros(DRAWS)
    found, scale = _between(people.answers, people.groups, statistic)
    if found is None:
        return np.zeros(DRAWS)
    return found.between / scale * np.random.default_rng(SEED + 1).standard_t(found.freedom, DRAWS)


def _between(x: Floats, groups: Groups, statistic: str) -> tuple[Components | None, float]:
    """Return the components of what a statistic counts, and what leads from there to its scale."""
    if statistic == "percent":
        holds = x > 0 if np.isfinite(x).all() else np.isfinite(x)
        share = (holds.sum() + 0.5) / (len(x) + 1)
        return components(holds.astype(float), groups), float(share * (1 - share))
    if statistic == "rate":
        holds = np.isfinite(x)
        return components(holds.astype(float), groups), float((holds.sum() + 0.5) / (len(x) + 1))
    if statistic == "median":
        return components((x <= np.nanmedian(x)).astype(float), groups), 1.0
    return components(x, groups), 1.0


Sampler = Callable[[Floats], Floats]
"""Gives results of trials from how far each is moved by doubt, on the scale of the statistic."""


def _sampler(generator: np.random.Generator, group: Floats, trial: Trial) -> Sampler:
    if trial.statistic == "percent":
        return _shares(generator, group, trial.n)
    if trial.statistic == "median":
        return _medians(generator, group, trial.n)
    drawn = _of_people(generator, group, trial)
    if trial.statistic == "rate":
        return lambda moved: drawn * np.exp(moved)
    return lambda moved: drawn + moved


def _shares(generator: np.random.Generator, group: Floats, n: int) -> Sampler:
    yes = np.count_nonzero(group > 0) if np.isfinite(group).all() else np.count_nonzero(group < np.inf)
    chance = generator.beta(yes + 0.5, len(group) - yes + 0.5, DRAWS)
    seed = int(generator.integers(2**31))

    def draw(moved: Floats) -> Floats:
        moving = special.expit(special.logit(chance) + moved)
        return 100 * np.random.default_rng(seed).binomial(n, moving) / n

    return draw


def _medians(generator: np.random.Generator, group: Floats, n: int) -> Sampler:
    """Return medians of n: the place of a median among equally likely values is beta distributed."""
    places = special.betaincinv((n + 1) / 2, (n + 1) / 2, generator.random(DRAWS))
    again = np.sort(generator.choice(group, (DRAWS, len(group))), axis=1)

    def draw(moved: Floats) -> Floats:
        at = np.where(moved == 0, places, np.clip(places + moved, *PLACES))
        return again[np.arange(DRAWS), np.minimum((at * len(group)).astype(int), len(group) - 1)]

    return draw


def _of_people(generator: np.random.Generator, group: Floats, trial: Trial) -> Floats:
    """Return means or rates of n people, drawn from people drawn again; some trials at a time."""
    size, n, results = len(group), trial.n, list[Floats]()
    at_once = max(1, AT_ONCE // (size + n))
    for first in range(0, DRAWS, at_once):
        count = min(at_once, DRAWS - first)
        again = group[generator.integers(size, size=(count, size))]
        people = np.take_along_axis(again, generator.integers(size, size=(count, n)), axis=1)
        is_rate = trial.statistic == "rate"
        results.append(_rates(people, trial.followed) if is_rate else people.mean(axis=1))
    return np.concatenate(results)


def _rates(weeks: Floats, followed: float) -> Floats:
    """Return events per 100 person-years; a person is followed to the event or to the end."""
    years = np.minimum(weeks, followed).sum(axis=1) / WEEKS_PER_YEAR
    return 100 * np.isfinite(weeks).sum(axis=1) / years


def pooled(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the answers of several arms, or their groups, as those of one."""
    return np.concatenate([np.asarray(column) for column in columns])
