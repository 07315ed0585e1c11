"""Where a continuous function of one number crosses zero, between two places where its signs differ."""

from collections.abc import Callable
from typing import Any, cast

from scipy.optimize import brentq


def root(function: Callable[[float], float], low: float, high: float, close: float = 1e-12) -> float:
    """Return the root between `low` and `high`; raises `ValueError` when the signs there do not differ."""
    found = brentq(cast(Any, function), low, high, xtol=close)
    return cast(float, found)
