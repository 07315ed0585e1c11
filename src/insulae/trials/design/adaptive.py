"""Bayesian response-adaptive trials of a yes-or-no outcome: allocation follows the outcomes, bad arms are
given up.

Shares have flat priors. Active arms get patients in proportion to P(best) ^ (n / 2N) (Thall & Wathen 2007),
the control always its even share; an arm is dropped when P(better than control) is small. Only outcomes
known by a patient's entry count. Success: the best arm that is left is better than the control with a
posterior probability above a limit, which is found by simulating the null hypothesis where the study states
none. The trial ends for futility when the predictive probability of that success is small: the mean, over
shares drawn from what is known, of whether the trial would succeed with patients allocated as now.
"""

import functools
from collections.abc import Callable

import numpy as np
from scipy.special import betainc, betaincinv

from insulae.statistics.ancova import Estimate
from insulae.statistics.binomial import difference
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.designs import ResponseAdaptive
from insulae.trials.design.draws import Draws
from insulae.trials.design.one_arm import successes
from insulae.trials.design.outcomes import Floats, Ints
from insulae.trials.design.replicate import Found, Scene

_PLACES = (np.arange(200) + 0.5) / 200
_DRAWS_FOR_BEST = 200
PREDICTIONS = 100
"""Futures drawn for a predictive probability; its Monte Carlo error is at most 5 %."""


@functools.lru_cache(maxsize=100_000)
def chance_better(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return P(share of one > share of other), flat priors, from (successes, patients) of each.

    >>> round(chance_better((5, 10), (5, 10)), 3)
    0.5
    """
    return float(betainc(1 + other[0], 1 + other[1] - other[0], _posterior(one)).mean())


@functools.lru_cache(maxsize=20_000)
def _posterior(seen: tuple[int, int]) -> Floats:
    """Return evenly likely shares given successes and patients, under a flat prior."""
    return np.asarray(betaincinv(1 + seen[0], 1 + seen[1] - seen[0], _PLACES))


def response_adaptive(scene: Scene, design: ResponseAdaptive, replicate: int, limit: float) -> Found:
    """Run an adaptive trial whose success needs a posterior probability above `limit`."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    entered = scene.entries(design.size, draws)
    won = _outcomes(scene, design, entered, draws)
    arm, open_arms, is_futile = _allocated(scene, design, entered, won, draws, limit)
    n = len(arm)
    counts = _counts(arm, won[:, :n], np.ones(n, bool), len(won))
    chances = {a: chance_better(counts(a), counts(0)) for a in open_arms} if open_arms else {0: 0.0}
    best = max(chances, key=lambda a: chances[a])
    data = _followed(scene, design, arm, entered[:n], draws)
    ended = scene.ended_at(data, float(entered[n - 1] + primary.week))
    words = "planned end" if open_arms else "all arms given up"
    if is_futile:
        words = "futility"
    (e1, n1), (e0, n0) = counts(best), counts(0)
    effect = difference((e0, e1), (n0, n1)) if best else (float("nan"), float("nan"))
    found = Estimate(100 * effect[0], 100 * effect[1])
    name = design.actives[best - 1] if best else "none"
    is_success = chances[best] > limit and not is_futile
    return Found(is_success, *ended, words, found, name, statistic=chances[best])


def _followed(scene: Scene, design: ResponseAdaptive, arm: Ints, entered: Floats, draws: Draws) -> Data:
    places = np.array([scene.outcomes.arm(name) for name in design.arm_names()])
    patients = scene.patients(design.size, draws)[: len(arm)]
    return scene.data(scene.followed(patients, places[arm], draws), entered, draws)


def _outcomes(scene: Scene, design: ResponseAdaptive, entered: Floats, draws: Draws) -> Flags:
    """Return whether each patient would succeed in each arm of the design [arm, patient]."""
    each = [
        _followed(scene, design, np.full(design.size, a), entered, draws)
        for a in range(len(design.arm_names()))
    ]
    return np.array([successes(scene, data) for data in each])


def _counts(arm: Ints, won: Flags, is_known: Flags, n_arms: int) -> Callable[[int], tuple[int, int]]:
    """Return a function that gives successes and patients of an arm among those known."""
    table = [
        (int(won[a, is_known & (arm == a)].sum()), int((is_known & (arm == a)).sum())) for a in range(n_arms)
    ]
    return lambda a: table[a]


def _allocated(
    scene: Scene, design: ResponseAdaptive, entered: Floats, won: Flags, draws: Draws, limit: float
) -> tuple[Ints, list[int], bool]:
    """Return the arm of each patient until the end, the arms that are left, and whether it was futile.

    It ends early when no arm is left, or when success is not to be expected any more.
    """
    draw, n_arms = draws.stream("adaptive allocation"), len(won)
    predicting = draws.stream("adaptive prediction")
    arm = np.empty(0, np.int64)
    open_arms, shares = list(range(1, n_arms)), np.full(n_arms, 1 / n_arms)
    while len(arm) < design.size:
        n = len(arm)
        if n >= design.burn_in:
            known = entered[:n] + scene.spec.primary.week <= entered[n]
            counts = _counts(arm, won[:, :n], known, n_arms)
            open_arms = [
                a for a in open_arms if chance_better(counts(a), counts(0)) >= design.drop_below / 100
            ]
            if not open_arms:
                return arm, open_arms, False
            seen = [counts(a) for a in range(n_arms)]
            shares = _shares(seen, open_arms, n / (2 * design.size), draw)
            if design.futility and limit < 1:
                left = shares * (design.size - sum(m for _, m in seen))
                if predicted_success(seen, open_arms, left, limit, predicting) < design.futility / 100:
                    return arm, open_arms, True
        some = min(design.every if n >= design.burn_in else design.burn_in, design.size - n)
        arm = np.append(arm, draw.choice(n_arms, some, p=shares))
    return arm, open_arms, False


def predicted_success(
    seen: list[tuple[int, int]],
    open_arms: list[int],
    left: Floats,
    limit: float,
    draw: np.random.Generator,
) -> float:
    """Return the predictive probability that an arm ends with a posterior above `limit`.

    `seen`: successes and patients with a known outcome of each arm, the control first; `left`: patients of
    each arm whose outcome is still to come. Shares are drawn from their posteriors, outcomes from shares.
    """
    future = {a: round(float(left[a])) for a in (0, *open_arms)}
    share = {a: draw.beta(1 + seen[a][0], 1 + seen[a][1] - seen[a][0], PREDICTIONS) for a in future}
    end = {a: (seen[a][0] + draw.binomial(m, share[a]), seen[a][1] + m) for a, m in future.items()}
    wins = [
        max(chance_better((int(end[a][0][i]), end[a][1]), (int(end[0][0][i]), end[0][1])) for a in open_arms)
        > limit
        for i in range(PREDICTIONS)
    ]
    return float(np.mean(wins))


def _shares(
    counts: list[tuple[int, int]], open_arms: list[int], power: float, draw: np.random.Generator
) -> Floats:
    """Return the allocation of the next patients [arm]."""
    n_arms = len(counts)
    drawn = np.stack(
        [draw.beta(1 + counts[a][0], 1 + counts[a][1] - counts[a][0], _DRAWS_FOR_BEST) for a in open_arms]
    )
    best = np.bincount(drawn.argmax(axis=0), minlength=len(open_arms)) / _DRAWS_FOR_BEST
    weights = (best + 1 / _DRAWS_FOR_BEST) ** power
    shares = np.zeros(n_arms)
    shares[0] = 1 / (len(open_arms) + 1)
    shares[open_arms] = (1 - shares[0]) * weights / weights.sum()
    return shares
