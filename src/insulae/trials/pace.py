"""How finely each patient's days are simulated: as finely as what moves in the patient asks for.

A simulated day stands for several as long as the slow clock moves little meanwhile. What moves is the
secretory capacity and the insulin sensitivity that the fast clock is told, as a relative change, and the
doses that act. A stretch of days over which a patient moved too far is lived again in shorter steps, so the
step shrinks by itself; it grows again when the patient has come to rest. What only differs from day to day is
no movement: to live a stretch again because of one bad day would leave bad days out. Nobody's steps depend on
anybody else.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

PLANNED_MOVEMENT = 0.025
"""Relative change of capacity or sensitivity for which the next steps are planned."""
MOST_MOVEMENT = 0.05
"""Relative change within one step, in the mean of a stretch, after which a shorter one is tried."""
LENGTHS = (1, 2, 4, 7)
"""Days that a simulated day may stand for; few, so that many patients step alike."""
MOST_CHANGE_OF_DOSE = 0.15
"""Relative change of any effect after which the next day stands for itself; titration takes smaller steps."""
SETTLING_DAYS = 1
"""Days until glucose has come to rest after a change of dose."""


_TINY = np.finfo(np.float32).tiny
_LENGTHS = np.asarray(LENGTHS)


def pieces(days: int, longest: int, is_settling: bool = False) -> list[int]:
    """Cut some days into nearly equal pieces that are no longer than allowed, single days first to settle.

    >>> pieces(7, 4), pieces(7, 7), pieces(2, 1), pieces(7, 4, is_settling=True)
    ([4, 3], [7], [1, 1], [1, 3, 3])
    """
    if is_settling:
        first = min(days, SETTLING_DAYS)
        return [1] * first + (pieces(days - first, longest) if days > first else [])
    n = -(-days // longest)
    return [days // n + (k < days % n) for k in range(n)]


@dataclasses.dataclass
class Pace:
    """The trend of each patient's movement per day, [3, patient], and the longest step that it allows."""

    trend: Floats
    longest: Whole

    @classmethod
    def start(cls, patients: int) -> "Pace":
        """Begin with single days for everybody."""
        return cls(np.zeros((3, patients), np.float32), np.ones(patients, np.int64))

    def wanted(self, longest: int) -> Whole:
        """Return each patient's step within what the calendar allows."""
        return np.minimum(self.longest, longest)

    def too_far(self, moved: Floats, steps: Whole) -> NDArray[np.bool_]:
        """Tell who moved too far in a step, in the mean of a stretch, and could take a shorter one."""
        return (moved > MOST_MOVEMENT) & (steps > 1)

    def learn(self, chosen: NDArray[np.integer[Any]], moved: Floats, days: int) -> None:
        """Take in the movement over some days and set the next steps, with some room to spare.

        The trend is an exponential mean over about a week: what only differs from day to day asks for no
        finer steps.
        """
        share = np.float32(1 - np.exp(-days / DAYS_PER_WEEK))
        trend = self.trend[:, chosen]
        trend += share * (moved / days - trend)
        self.trend[:, chosen] = trend
        speed = np.maximum(np.abs(trend).max(axis=0), _TINY)
        self.longest[chosen] = _allowed(PLANNED_MOVEMENT / speed)

    def kept(self) -> Floats:
        """Return a copy of the trends, to go back to."""
        return self.trend.copy()

    def go_back(self, chosen: NDArray[np.integer[Any]], kept: Floats) -> None:
        """Put the trends of some patients back."""
        self.trend[:, chosen] = kept[:, chosen]


def _allowed(days: Floats) -> Whole:
    """Return the longest of the lengths that is no longer than some days, one at least."""
    return _LENGTHS[np.searchsorted(_LENGTHS, np.maximum(days, 1), side="right") - 1]


def shorter(steps: Whole) -> Whole:
    """Return the next shorter of the lengths."""
    return _allowed((steps - 1).astype(np.float32))
