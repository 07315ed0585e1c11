"""Sample sizes by formula: two means by the t test, events of a survival trial (proportions: `binomial`)."""

import math

import numpy as np
from scipy.stats import nct, norm
from scipy.stats import t as student

from insulae.statistics.roots import root


def t_test_power(n: float, difference: float, deviation: float, alpha: float) -> float:
    """Return the power of a two-sided t test of two equal arms of n patients together."""
    freedom = n - 2
    shift = difference / deviation * math.sqrt(n) / 2
    bound = student.isf(alpha / 2, freedom)
    return float(nct.sf(bound, freedom, shift) + nct.cdf(-bound, freedom, shift))


def t_test_size(difference: float, deviation: float, alpha: float, wanted: float) -> float:
    """Return both arms' patients together, not rounded, for a two-sided t test of two means."""
    normal = 4 * float((norm.isf(alpha / 2) + norm.ppf(wanted)) * deviation / difference) ** 2
    most = 2 * normal + 20
    return root(lambda n: t_test_power(n, difference, deviation, alpha) - wanted, 2.01, most)


def events_needed(hazard_ratio: float, alpha: float, wanted: float) -> float:
    """Return the events for a two-sided log-rank test of two equal arms (Schoenfeld 1981)."""
    return float(4 * (norm.isf(alpha / 2) + norm.ppf(wanted)) ** 2 / math.log(hazard_ratio) ** 2)


def share_with_event(median: float, accrual: float, follow_up: float) -> float:
    """Return the expected share with an event under an exponential time with uniform accrual.

    All three in the same unit of time; follow-up counts from the last enrollment.
    """
    rate = math.log(2) / median
    times = np.array([follow_up, follow_up + accrual])
    survived = -np.diff(np.exp(-rate * times))[0] / (rate * accrual)
    return float(1 - survived)
