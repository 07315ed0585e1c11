"""Records of many patients as one matrix: a row for each number of the record, a column for each patient."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from insulae.core.pytree import leaves, maker, map_leaves, reader

T = TypeVar("T")
Matrix = NDArray[np.float32]

LANES = 16
"""Columns come in multiples of the widest vector unit; spare ones repeat the last patient and are cut off."""


LINE, BYTES = 64, 4
"""Bytes that the processor fetches at once, and those of a number."""


def room(height: int, columns: int) -> Matrix:
    """Return an empty matrix whose rows are an odd number of cache lines apart.

    Rows a power of two apart would share few places of the cache, and drive one another out of it.
    """
    per_line = LINE // BYTES
    stride = (-(-columns // per_line) | 1) * per_line
    return np.empty((height, stride), np.float32)[:, :columns]


def padded(patients: int) -> int:
    """Return the number of columns for some patients.

    >>> padded(1), padded(16), padded(17)
    (16, 16, 32)
    """
    return -(-patients // LANES) * LANES


def single(record: T) -> T:
    """Return a record of one patient with zeros of single precision for its numbers and arrays."""
    return map_leaves(lambda leaf: np.zeros(np.shape(leaf), np.float32), record)


class Layout(Generic[T]):
    """How a record lies in the rows of a matrix: its structure and the shape of each leaf for one patient."""

    def __init__(self, example: T) -> None:
        """Take the layout of a record of one patient; arrays and abstract shapes both serve."""
        self._made, self._leaves = maker(example), reader(example)
        self.shapes: list[tuple[int, ...]] = [tuple(np.shape(leaf)) for leaf in leaves(example)]
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        self.rows = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        self.height = int(ends[-1])
        self.places: T = self._made(iter(self.rows))
        """A record that holds the rows of each leaf in its place."""

    def pack(self, record: T, patients: int) -> "Packed[T]":
        """Copy a record of many patients into a matrix; a leaf without the patient axis counts for all."""
        return self._filled(room(self.height, padded(patients)), patients, self._leaves(record))

    def pack_changes(self, record: T, base: T, packed: "Packed[T]") -> "Packed[T]":
        """Do as `pack`, but take the leaves that are the very ones of another record from where that is
        packed."""
        pairs = zip(self._leaves(record), self._leaves(base), strict=True)
        changed = [None if leaf is old else leaf for leaf, old in pairs]
        return self._filled(packed.copy().matrix, packed.patients, changed)

    def _filled(self, matrix: Matrix, patients: int, leaves: Sequence[Any]) -> "Packed[T]":
        """Copy the leaves that are given into their rows."""
        for leaf, rows, shape in zip(leaves, self.rows, self.shapes, strict=True):
            # A slice of one row is much faster than broadcasting, which whole records of them would need.
            if leaf is None:
                continue
            if not shape:
                matrix[rows.start, :patients] = leaf
            else:
                matrix[rows, :patients] = np.broadcast_to(leaf, (*shape, patients)).reshape(-1, patients)
        matrix[:, patients:] = matrix[:, patients - 1 : patients]
        return Packed(self, matrix, patients)

    def wrap(self, rows: Matrix) -> "Packed[T]":
        """Return a matrix as it is, where its columns fit already, or a copy that does.

        Where the last rows are missing nobody may read them.
        """
        height, patients = rows.shape
        fits = patients == padded(patients) and rows.strides[1] == BYTES and rows.dtype == np.float32
        if fits and height == self.height:
            return Packed(self, rows, patients)
        matrix = room(self.height, padded(patients))
        matrix[:height, :patients] = rows
        matrix[:height, patients:] = rows[:, -1:]
        return Packed(self, matrix, patients)

    def unfilled(self, patients: int) -> "Packed[T]":
        """Return a record of some patients whose numbers are to be filled in."""
        return Packed(self, room(self.height, padded(patients)), patients)

    def unpack(self, matrix: Any, patients: int) -> T:
        """Return the record whose leaves are views of the rows of a matrix, patients last."""
        values = (
            matrix[rows.start, :patients] if not shape else matrix[rows, :patients].reshape(*shape, patients)
            for rows, shape in zip(self.rows, self.shapes, strict=True)
        )
        return self._made(values)


@dataclasses.dataclass(frozen=True)
class Packed(Generic[T]):
    """A record of some patients in a matrix."""

    layout: Layout[T]
    matrix: Matrix
    patients: int

    @property
    def record(self) -> T:
        """The record, its leaves views of the matrix."""
        return self.layout.unpack(self.matrix, self.patients)

    def number(self, of: Callable[[T], Any]) -> Matrix:
        """Return a copy of one number of the record, [patient]; `of` tells which."""
        return self.matrix[of(self.layout.places).start, : self.patients].copy()

    def take(self, chosen: NDArray[np.integer[Any]]) -> "Packed[T]":
        """Return the record of some of the patients."""
        n = len(chosen)
        if is_everybody(chosen, self.patients):
            return self
        columns = filling(chosen)
        matrix = room(self.layout.height, len(columns))
        self.matrix.take(columns, axis=1, out=matrix, mode="clip")
        return Packed(self.layout, matrix, n)

    def copy(self) -> "Packed[T]":
        """Return the record in memory of its own."""
        matrix = room(*self.matrix.shape)
        matrix[:] = self.matrix
        return Packed(self.layout, matrix, self.patients)

    def put(self, chosen: NDArray[np.integer[Any]], part: "Packed[T]") -> None:
        """Write the record of some of the patients back."""
        self.matrix[:, chosen] = part.matrix[:, : part.patients]


def filling(chosen: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return some patients, the last one repeated until they fill the columns of a matrix."""
    return np.concatenate([chosen, np.full(padded(len(chosen)) - len(chosen), chosen[-1])])


def is_everybody(chosen: NDArray[np.integer[Any]], n: int) -> bool:
    """Tell whether these are all of n patients in their order."""
    return len(chosen) == n and np.array_equal(chosen, np.arange(n))
