"""The 3+3 rule of dose escalation with its exact operating characteristics.

0 of 3 with a dose-limiting toxicity: next dose. 1 of 3: three more, next dose if still 1 of 6. Otherwise
stop; the maximum tolerated dose is the one below.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

COHORT = 3


@dataclasses.dataclass(frozen=True)
class Escalation:
    """P(no dose is tolerated), P(each dose is the maximum tolerated one), patients expected."""

    none: float
    chosen: NDArray[np.float64]
    expected_n: float


def is_tolerated(toxicities: int, n: int) -> bool | None:
    """Tell whether a dose is tolerated after a cohort of 3 or 6; None asks for three more."""
    if n == COHORT and toxicities == 1:
        return None
    return toxicities == 0 if n == COHORT else toxicities <= 1


def operating(shares: Sequence[float]) -> Escalation:
    """Return the exact probabilities for true shares of toxicity by rising dose."""
    p = np.asarray(shares, float)
    first, second = binom.pmf(0, COHORT, p), binom.pmf(1, COHORT, p)
    passes = first + second * binom.pmf(0, COHORT, p)
    reached = np.cumprod(np.append(1.0, passes), dtype=float)
    stopped = reached[:-1] * (1 - passes)
    patients = float(reached[:-1] @ (COHORT + COHORT * second))
    return Escalation(float(stopped[0]), np.append(stopped[1:], reached[-1]), patients)
