"""An axis of a small drawing: its limits, where its marks stand and what is written beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Tick = tuple[float, str]
"""A value and what is written beside it."""

MOST_TICKS = 7
NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
FEW_DECADES = 2


@dataclass
class Axis:
    """One axis; what is not set follows from the values that are drawn."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    ticks: Sequence[Tick] | None = None
    is_log: bool = False
    has_grid: bool = True
    margin: float = 0.05
    """Room beyond the values, as a share of their span."""
    size: float = 10.5
    """Size of what is written beside the marks, in points."""
    _seen: list[float] = field(default_factory=list[float])

    def see(self, values: Any) -> None:
        """Take values into account that are drawn."""
        found = np.asarray(values, float).ravel()
        found = found[np.isfinite(found) & ((found > 0) | (not self.is_log))]
        if found.size:
            self._seen += [float(found.min()), float(found.max())]

    def limits(self) -> tuple[float, float]:
        """Return the lowest and the highest value of the axis."""
        low, high = self._scaled([min(self._seen, default=1.0), max(self._seen, default=1.0)])
        room = self.margin * (high - low) or self.margin * max(abs(float(high)), 1.0)
        outer = [low - room, high + room]
        spread = [float(10**x) if self.is_log else float(x) for x in outer]
        return (
            spread[0] if self.low is None else self.low,
            spread[1] if self.high is None else self.high,
        )

    def share(self, values: Any) -> Floats:
        """Return how far along the axis values lie, from 0 to 1."""
        low, high = self._scaled(self.limits())
        return (self._scaled(values) - low) / (high - low)

    def _scaled(self, values: Any) -> Floats:
        found = np.asarray(values, float)
        return np.log10(found) if self.is_log else found

    def shown(self) -> list[Tick]:
        """Return the marks within the limits."""
        low, high = self.limits()
        ticks = self.ticks
        if ticks is None:
            ticks = _decades(low, high) if self.is_log else _even(low, high)
        room = 1e-9 * (high - low)
        return [(value, text) for value, text in ticks if low - room <= value <= high + room]


def _even(low: float, high: float) -> list[Tick]:
    """Return marks a round step apart.

    >>> [text for _, text in _even(0.0, 2.1)]
    ['0.0', '0.5', '1.0', '1.5', '2.0']
    """
    least = (high - low) / MOST_TICKS
    power = math.floor(math.log10(least))
    step = next(n for n in NICE if n * 10.0**power >= least * (1 - 1e-9)) * 10.0**power
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    digits = next(d for d in range(20) if math.isclose(round(step, d), step, rel_tol=1e-6))
    return [(n * step, f"{n * step:.{digits}f}".replace("-", "\N{MINUS SIGN}")) for n in numbers]


def _decades(low: float, high: float) -> list[Tick]:
    """Return powers of ten about two limits, and twice and five times as much where there are few.

    >>> [text for _, text in _decades(0.1, 300.0)]
    ['0.1', '1', '10', '100', '1000']
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 2, 5) if math.log10(high / low) < FEW_DECADES else (1,)
    values = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    return [(value, f"{value:g}") for value in values]
