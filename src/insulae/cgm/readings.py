"""Readings of one or many windows, and what several metrics need of them, computed once.

Every function of this folder takes an array of glucose. Who asks for several metrics of the same window wraps
the array in `Readings` and passes that instead: the answers are the same, and shared work is not repeated.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from insulae.cgm.limits import MG_PER_DL, Limits

Floats = NDArray[np.floating[Any]]
Answer = TypeVar("Answer")
Record = TypeVar("Record", bound=NamedTuple)
READINGS_AT_ONCE = 2**16  # half a megabyte as floats


@dataclass(frozen=True, eq=False)
class Readings:
    """Glucose [..., time] in mg/dL at a fixed interval, NaN where missing; must not be changed afterwards.

    Single precision is kept, and every window lies in one piece of memory, so that its sums do not depend on
    the windows beside it. `limits` are those by which the readings are judged.
    """

    glucose: Floats
    limits: Limits = MG_PER_DL
    _known: dict[Callable[["Readings"], Any], Any] = field(default_factory=dict[Any, Any], repr=False)

    @classmethod
    def of(cls, glucose: ArrayLike, limits: Limits = MG_PER_DL) -> "Readings":
        """Wrap an array; `Readings` come back as they are, with their limits and all they already know."""
        if isinstance(glucose, cls):
            return glucose
        array = np.asarray(glucose)
        return cls(np.ascontiguousarray(array, np.result_type(array, np.float32)), limits)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Let numpy take readings for the array they hold."""
        return np.array(self.glucose, dtype=dtype, copy=copy)

    def once(self, compute: Callable[["Readings"], Answer]) -> Answer:
        """Return `compute(self)`, computed on the first call and remembered."""
        if compute not in self._known:
            self._known[compute] = compute(self)
        return self._known[compute]

    def in_parts(self, compute: Callable[["Readings"], Record]) -> Record:
        """Return the record of arrays [window] that `compute` makes, a few windows at a time; remembered."""
        if compute not in self._known:
            columns = zip(*(part.once(compute) for part in self.parts), strict=True)
            joined = (np.concatenate(column).reshape(self.windows) for column in columns)
            self._known[compute] = self.parts[0].once(compute)._make(joined)
        return self._known[compute]

    @cached_property
    def parts(self) -> list["Readings"]:
        """The same readings, a few windows [window, time] in each, so that their arrays stay in the cache."""
        step = READINGS_AT_ONCE // max(self.rows.shape[-1], 1) + 1
        starts = range(0, max(len(self.rows), 1), step)
        return [Readings(self.rows[start : start + step], self.limits) for start in starts]

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
        return not np.isnan(self.glucose.min(initial=0.0))  # the least is missing if any is

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
