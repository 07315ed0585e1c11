"""Readings of one or many windows, and what several metrics need of them, computed once.

Every function of this folder takes an array of glucose. Who asks for several metrics of the same window wraps
the array in `Readings` and passes that instead: the answers are the same, and shared work is not repeated.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Floats = NDArray[np.floating[Any]]
Answer = TypeVar("Answer", bound=NamedTuple)
READINGS_AT_ONCE = 2**16


@dataclass(frozen=True, eq=False)
class Readings:
    """Glucose [..., time] in mg/dL at a fixed interval, NaN where missing; must not be changed afterwards.

    Single precision is kept, and every window lies in one piece of memory, so that its sums do not depend on
    the windows beside it.
    """

    glucose: Floats
    _known: dict[Callable[["Readings"], Any], Any] = field(default_factory=dict[Any, Any], repr=False)

    @classmethod
    def of(cls, glucose: ArrayLike) -> "Readings":
        """Wrap an array; `Readings` come back as they are, with all they already know."""
        if isinstance(glucose, cls):
            return glucose
        array = np.asarray(glucose)
        return cls(np.ascontiguousarray(array, dtype=np.result_type(array, np.float32)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Let numpy take readings for the array they hold."""
        return np.array(self.glucose, dtype=dtype, copy=copy)

    def once(self, compute: Callable[["Readings"], Answer]) -> Answer:
        """Return named quantities of each window, computed on the first call and remembered.

        `compute` gets a few windows at a time, [window, time], so that its work stays in the cache.
        """
        if compute not in self._known:
            parts = [compute(some) for some in self._few_at_a_time()]
            columns = (np.concatenate(column).reshape(self.windows) for column in zip(*parts, strict=True))
            self._known[compute] = parts[0]._make(columns)
        return self._known[compute]

    def _few_at_a_time(self) -> Iterator["Readings"]:
        step = READINGS_AT_ONCE // max(self.glucose.shape[-1], 1) + 1
        for start in range(0, max(len(self.rows), 1), step):
            yield Readings(self.rows[start : start + step])

    @property
    def windows(self) -> tuple[int, ...]:
        """Shape of what a metric returns: all axes but time."""
        return self.glucose.shape[:-1]

    @cached_property
    def rows(self) -> Floats:
        """The same readings as [window, time]."""
        return self.glucose.reshape(math.prod(self.windows), self.glucose.shape[-1])

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """True where a reading is missing, [..., time]."""
        return np.isnan(self.glucose)

    @cached_property
    def is_complete(self) -> bool:
        """True when no reading of any window is missing."""
        return not self.missing.any()

    @cached_property
    def number(self) -> NDArray[np.integer[Any]]:
        """Readings of each window that are not missing."""
        if self.is_complete:
            return np.full(self.windows, self.glucose.shape[-1])
        return self.count(~self.missing)

    def count(self, condition: NDArray[np.bool_]) -> NDArray[np.integer[Any]]:
        """Readings of each window for which the condition [..., time] holds."""
        bits = np.packbits(condition, axis=-1)  # eight at a time are counted faster
        return np.asarray(np.bitwise_count(bits).sum(axis=-1, dtype=np.intp))

    def total(self, values: Floats) -> Floats:
        """Sum of values [..., time] over each window; those of missing readings are set to zero in place."""
        if not self.is_complete:
            values[self.missing] = 0.0
        return np.asarray(values.sum(axis=-1))
