"""A matrix too large for memory, in a temporary file: filled a few rows at a time, read column by column."""

import contextlib
import tempfile
from collections.abc import Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import RunError

Floats = NDArray[np.float64]
BUFFER = 1 << 24
"""Bytes of rows that are collected before they are written."""


class Columns:
    """Rows of `width` numbers, at most `most` of them, in a file that vanishes with the process.

    It lies in `folder`, or where temporary files go; raises `RunError` when the disk is full.
    """

    def __init__(self, width: int, most: int, folder: Path | None = None) -> None:
        self.count = 0
        self._most = most
        self._buffer = np.empty((width, max(1, min(most, BUFFER // (8 * width)))))
        self._filled = 0
        with _refused():
            self._file = tempfile.TemporaryFile(dir=folder)

    def append(self, rows: Floats) -> None:
        """Add rows, [row, column]."""
        while len(rows):
            part, rows = np.split(rows, [self._buffer.shape[1] - self._filled])
            self._buffer[:, self._filled : self._filled + len(part)] = part.T
            self._filled += len(part)
            self.count += len(part)
            if self._filled == self._buffer.shape[1]:
                self._write()

    def _write(self) -> None:
        first = self.count - self._filled
        with _refused():
            for number, column in enumerate(self._buffer):
                self._file.seek(8 * (number * self._most + first))
                self._file.write(column[: self._filled].tobytes())
            self._file.flush()
        self._filled = 0

    def column(self, number: int) -> Floats:
        """Return one column of all rows."""
        if self._filled:
            self._write()
        self._file.seek(8 * number * self._most)
        return np.frombuffer(self._file.read(8 * self.count), np.float64)

    def close(self) -> None:
        """Remove the file; what a full disk refused is not wanted any more."""
        with contextlib.suppress(OSError):
            self._file.close()


@contextlib.contextmanager
def _refused() -> Generator[None]:
    try:
        yield
    except OSError as error:
        hint = "Free some space, or choose another place for temporary files with TMPDIR"
        raise RunError(f"cannot write temporary files: {error.strerror or error}", hint) from error
