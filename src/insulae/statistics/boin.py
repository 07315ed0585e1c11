"""Bayesian optimal interval design of dose escalation (Liu & Yuan 2015, J R Stat Soc C 64:507)."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Ints = NDArray[np.int64]
FEWEST_TO_ELIMINATE = 3
_PRIOR = 0.05
"""Weight of the beta prior of the final estimate, on each side."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """Escalate at a share of toxicity of `escalate` or less, step back at `step_back` or more."""

    target: float
    escalate: float
    step_back: float
    eliminate_above: float = 0.95

    def escalates(self, toxicities: int, n: int) -> bool:
        """Tell whether the next cohort gets the next higher dose."""
        return toxicities <= self.escalate * n

    def steps_back(self, toxicities: int, n: int) -> bool:
        """Tell whether the next cohort gets the next lower dose."""
        return toxicities >= self.step_back * n

    def eliminates(self, toxicities: int, n: int) -> bool:
        """Tell whether the dose and all above are given up: P(p > target) is large, flat prior."""
        exceeds = beta.sf(self.target, 1 + toxicities, 1 + n - toxicities)
        return n >= FEWEST_TO_ELIMINATE and bool(exceeds > self.eliminate_above)


def interval(target: float, low: float = 0.6, high: float = 1.4) -> Interval:
    """Return the interval for a target; `low` and `high` times it are the shares that must be told apart.

    >>> found = interval(0.3)
    >>> round(found.escalate, 4), round(found.step_back, 4)
    (0.2365, 0.3585)
    """
    under, over = low * target, high * target
    escalate = np.log((1 - under) / (1 - target)) / np.log(target * (1 - under) / (under * (1 - target)))
    back = np.log((1 - target) / (1 - over)) / np.log(over * (1 - target) / (target * (1 - over)))
    return Interval(target, float(escalate), float(back))


def maximum_tolerated(
    toxicities: Sequence[int] | Ints, n: Sequence[int] | Ints, rule: Interval
) -> int | None:
    """Return the dose (from 0) whose rising estimate is nearest the target; None if the lowest is eliminated.

    Doses that were tried are made to rise with the dose by pooling neighbors, weighted by their inverse
    variance. Of doses equally near, the lower is taken when the estimate is above the target, the higher
    when below.
    """
    x, m = np.asarray(toxicities), np.asarray(n)
    lost = [rule.eliminates(int(a), int(b)) for a, b in zip(x, m, strict=True)]
    allowed = lost.index(True) if True in lost else len(lost)
    tried = np.flatnonzero(m[:allowed] > 0)
    if not len(tried):
        return None
    a, b = x[tried] + _PRIOR, m[tried] - x[tried] + _PRIOR
    share, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    rising = pooled(share, 1 / variance) + np.arange(len(tried)) * 1e-10
    return int(tried[np.argmin(np.abs(rising - rule.target))])


def pooled(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest rising sequence by pooling adjacent violators, weighted."""
    blocks: list[list[float]] = []
    for value, weight in zip(values, weights, strict=True):
        blocks.append([float(value), float(weight), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last, before = blocks.pop(), blocks.pop()
            total = last[1] + before[1]
            mean = (last[0] * last[1] + before[0] * before[1]) / total
            blocks.append([mean, total, last[2] + before[2]])
    return np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])
