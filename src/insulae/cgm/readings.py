"""Readings of one or many windows, and what several metrics need of them, computed once.

Every function of this folder takes an array of glucose. Who asks for several metrics of the same window wraps
the array in `Readings` and passes that instead: the answers are the same, and shared work is not repeated.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from insulae.cgm.limits import MG_PER_DL, Limits

Floats = NDArray[np.floating[Any]]
Answer = TypeVar("Answer")
Record = TypeVar("Record", bound=NamedTuple)
READINGS_AT_ONCE = 2**16  # half a megabyte as floats
STRIP = 64  # readings copied at once from each window


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
        array = np.atleast_1d(np.asarray(glucose))
        precision = np.result_type(array, np.float32)
        is_ready = array.flags.c_contiguous and array.dtype == precision
        return cls(array if is_ready else _copied(array, precision), limits)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Let numpy take readings for the array they hold."""
        return np.array(self.glucose, dtype=dtype, copy=copy)

    def once(self, compute: Callable[["Readings"], Answer]) -> Answer:
        """Return `compute(self)`, computed on the first call and remembered."""
        if compute not in self._known:
            self._known[compute] = compute(self)
        return self._known[compute]

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


def _copied(array: NDArray[Any], precision: DTypeLike) -> Floats:
    """Copy with time innermost, strip by strip: much faster than at once where the windows lie innermost."""
    copy = np.empty(array.shape, dtype=precision)
    for start in range(0, array.shape[-1], STRIP):
        copy[..., start : start + STRIP] = array[..., start : start + STRIP]
    return copy


def few_at_a_time(compute: Callable[[Readings], Record]) -> Callable[[Readings], Record]:
    """Let a function of readings work on a few windows after another, so that its arrays stay in the cache.

    It must return a record of arrays [window], which are joined.
    """

    @wraps(compute)
    def joined(readings: Readings) -> Record:
        step = READINGS_AT_ONCE // max(readings.rows.shape[-1], 1) + 1
        starts = range(0, max(len(readings.rows), 1), step)
        parts = [compute(Readings(readings.rows[start : start + step], readings.limits)) for start in starts]
        columns = zip(*parts, strict=True)
        return parts[0]._make(np.concatenate(column).reshape(readings.windows) for column in columns)

    return joined
