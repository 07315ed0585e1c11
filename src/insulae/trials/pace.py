"""How finely each patient's days are simulated: as finely as what moves in the patient asks for.

A simulated day stands for several as long as the slow clock moves little meanwhile. What moves is the
secretory capacity and the insulin sensitivity that the fast clock is told, as a relative change, and the
doses that act. A stretch of days over which a patient moved too far is lived again in shorter steps, so the
step shrinks by itself; it grows again when the patient has come to rest. Nobody's steps depend on anybody
else.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

MOST_MOVEMENT = 0.02
"""Relative change of capacity or sensitivity that one simulated day may stand for."""
MOST_CHANGE_OF_DOSE = 0.02
"""Relative change of any effect after which the next days are all simulated."""


def pieces(days: int, longest: int) -> list[int]:
    """Cut some days into nearly equal pieces that are no longer than allowed.

    >>> pieces(7, 3), pieces(7, 7), pieces(2, 1)
    ([3, 2, 2], [7], [1, 1])
    """
    n = -(-days // longest)
    return [days // n + (k < days % n) for k in range(n)]


@dataclasses.dataclass
class Pace:
    """The longest step each patient may take next."""

    longest: Whole

    @classmethod
    def start(cls, patients: int) -> "Pace":
        """Begin with single days for everybody."""
        return cls(np.ones(patients, np.int64))

    def wanted(self, longest: int, has_changed: NDArray[np.bool_]) -> Whole:
        """Return each patient's step within what the calendar allows; one day after a change of dose."""
        return np.where(has_changed, 1, np.minimum(self.longest, longest))

    def too_far(self, moved: Floats, steps: Whole) -> NDArray[np.bool_]:
        """Tell who moved too far within one step and could take a shorter one."""
        return (moved > MOST_MOVEMENT) & (steps > 1)

    def learn(self, chosen: NDArray[np.integer[Any]], moved: Floats, days: Floats) -> None:
        """Set the next steps from the movement per day, with some room to spare."""
        affordable = 0.5 * MOST_MOVEMENT * days / np.maximum(moved, np.finfo(np.float32).tiny)
        self.longest[chosen] = np.clip(affordable, 1, DAYS_PER_WEEK).astype(np.int64)


def shorter(steps: Whole) -> Whole:
    """Return about half of each step, one day at least."""
    return np.maximum(steps // 2, 1)
