"""When patients enter: arrivals at sites that open one after the other; and who goes to which arm."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_YEAR
from insulae.trials.design.draws import Draws
from insulae.trials.design.protocol import Enrolment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAYS_PER_WEEK = 7
MONTHS_PER_YEAR = 12
WEEKS_PER_MONTH = DAYS_PER_YEAR / MONTHS_PER_YEAR / DAYS_PER_WEEK


def entry_weeks(enrolment: Enrolment, size: int, draws: Draws) -> Floats:
    """Return the calendar week in which each of the patients enters, rising.

    Arrivals are a Poisson process whose rate is that of the sites that are open; sites open evenly over
    `opening`.
    """
    waiting = draws.stream("arrivals").exponential(size=size).cumsum()
    per_site = enrolment.rate / WEEKS_PER_MONTH / enrolment.sites
    opened = np.linspace(0, enrolment.opening, enrolment.sites) if enrolment.sites > 1 else np.zeros(1)
    expected = per_site * np.array([np.maximum(week - opened, 0).sum() for week in opened])
    late = (waiting - expected[-1]) / (per_site * enrolment.sites) + opened[-1]
    return np.where(waiting < expected[-1], np.interp(waiting, expected, opened), late)


def allocated(ratio: Sequence[int], strata: Ints, blocks: int, draws: Draws) -> Ints:
    """Return the arm of each patient by permuted blocks within strata [patient]."""
    block = np.repeat(np.arange(len(ratio)), np.asarray(ratio) * blocks)
    found = np.empty(len(strata), np.int64)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        draw = draws.stream(f"allocation {stratum}")
        n_blocks = -(-len(members) // len(block))
        found[members] = np.concatenate([draw.permutation(block) for _ in range(n_blocks)])[: len(members)]
    return found
