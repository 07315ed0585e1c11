"""Simon's two-stage designs of one arm (Simon 1989, Control Clin Trials 10:1), found by exact search.

Stage one treats n1 and stops with r1 responses or fewer; with r or fewer of n in all the treatment is given
up.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class TwoStage:
    """A design with its exact properties: error, power, expected patients and early stopping under p0."""

    r1: int
    n1: int
    r: int
    n: int
    alpha: float
    power: float
    expected_n: float
    stops_early: float

    def is_stopped(self, responses: int) -> bool:
        """Tell whether the first stage's responses end the trial."""
        return responses <= self.r1

    def is_success(self, responses: int) -> bool:
        """Tell whether all responses of both stages are enough."""
        return responses > self.r


def reach(r1: int, n1: int, r: int, n: int, share: float) -> float:
    """Return the probability of ending with more than r responses without stopping early."""
    first = np.arange(r1 + 1, n1 + 1)
    return float(binom.pmf(first, n1, share) @ binom.sf(r - first, n - n1, share))


def search(p0: float, p1: float, alpha: float, beta: float, most: int = 60) -> tuple[TwoStage, TwoStage]:
    """Return the optimal design (least expected patients under p0) and the minimax one (least patients).

    Raises `ValueError` when no design of at most `most` patients has the wanted errors.
    """
    designs = [design for n in range(2, most + 1) for design in _designs_of(n, p0, p1, alpha, beta)]
    if not designs:
        raise ValueError(f"no two-stage design of at most {most} patients has these errors")
    optimal = min(designs, key=lambda d: d.expected_n)
    minimax = min(designs, key=lambda d: (d.n, d.expected_n))
    return optimal, minimax


def _designs_of(n: int, p0: float, p1: float, alpha: float, beta: float) -> list[TwoStage]:
    """Return the best design for each first stage n1 and r1 among those of n patients."""
    found: list[TwoStage] = []
    for n1 in range(1, n):
        mass0, error = _first_and_reached(n1, n, p0)
        _, power = _first_and_reached(n1, n, p1)
        good = (error <= alpha) & (power >= 1 - beta)
        stops = mass0.cumsum()
        for r1 in np.flatnonzero(good[1:].any(axis=1)):
            r, early = int(good[r1 + 1].argmax()), float(stops[r1])
            expected = n1 + (1 - early) * (n - n1)
            errors = float(error[r1 + 1, r]), float(power[r1 + 1, r])
            found.append(TwoStage(int(r1), n1, r, n, *errors, expected, early))
    return found


def _first_and_reached(n1: int, n: int, share: float) -> tuple[Floats, Floats]:
    """Return P(k responses in stage one) [k] and P(at least k in stage one and more than r in all) [k, r]."""
    first, rest = np.arange(n1 + 1), np.arange(n - n1 + 1)
    mass = binom.pmf(first, n1, share)
    more_than = np.concatenate([np.ones(n1 + 1), binom.sf(rest, n - n1, share), np.zeros(n1)])
    place = np.arange(n)[None, :] - first[:, None] + n1 + 1
    return mass, (mass[:, None] * more_than[place])[::-1].cumsum(axis=0)[::-1]
