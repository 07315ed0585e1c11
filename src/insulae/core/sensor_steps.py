"""How often sensors are read, which readers of files and measures of records share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_STEP = 45.0
"""Minutes; a longer step is a gap, across which nothing is interpolated."""
STEPS = (1, 5, 10, 15)
"""Minutes between readings of sensors on the market."""


def usual_step(minute: NDArray[np.floating[Any]]) -> int:
    """Return the usual minutes between readings, one of those of sensors; 5 for a single reading.

    >>> usual_step(np.array([0.0, 5.1, 10.0, 60.0]))
    5
    """
    if minute.size < 2:
        return 5
    usual = float(np.median(np.diff(minute)))
    return min(STEPS, key=lambda step: abs(step - usual))
