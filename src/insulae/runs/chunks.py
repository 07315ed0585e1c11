"""Cut N patients into chunks of one width; no answer depends on it, because patients do not know each other.

The last chunk holds only the patients that are left.
"""

import dataclasses
from collections.abc import Iterator

from insulae.core.errors import RunError

WIDEST, NARROWEST, FEWEST = 1280, 16, 4
"""Patients simulated together at most and at least; a study has a multiple of so many chunks where it can.

What a chunk takes beside its compiled days hardly depends on its patients, so the widest chunks are the
fastest. A multiple of alike chunks lets two or four workers end together.
"""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Patients `first` to `first + size - 1`."""

    first: int
    size: int

    @property
    def ids(self) -> range:
        """Identifiers of the patients."""
        return range(self.first, self.first + self.size)


def width_for(size: int) -> int:
    """Return how many of the patients of a study are simulated together unless told otherwise.

    >>> [width_for(size) for size in (1, 100, 200, 10_000)]
    [16, 32, 64, 1264]
    """
    count = FEWEST * -(-size // (FEWEST * WIDEST))
    return -(-size // (count * NARROWEST)) * NARROWEST


def cut(size: int, width: int) -> Iterator[Chunk]:
    """Yield the chunks of a number of patients; raises `RunError` for a width below one.

    >>> list(cut(200, 128))
    [Chunk(first=0, size=128), Chunk(first=128, size=72)]
    """
    if width < 1:
        raise RunError(f"{width} patients cannot be simulated together", "Choose at least 1 with --chunk")
    return _cut(size, width)


def _cut(size: int, width: int) -> Iterator[Chunk]:
    for first in range(0, size, width):
        yield Chunk(first, min(width, size - first))
