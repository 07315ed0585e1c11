"""Cut N patients into chunks of one width; no answer depends on it, because patients do not know each other.

The last chunk holds only the patients that are left.
"""

import dataclasses
from collections.abc import Iterator

from insulae.core.errors import RunError

WIDTH = 128
"""Patients simulated together: enough to fill the vector units, few enough to spread over workers."""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Patients `first` to `first + size - 1`."""

    first: int
    size: int

    @property
    def ids(self) -> range:
        """Identifiers of the patients."""
        return range(self.first, self.first + self.size)


def cut(size: int, width: int = WIDTH) -> Iterator[Chunk]:
    """Yield the chunks of a number of patients; raises `RunError` for a width below one.

    >>> list(cut(200))
    [Chunk(first=0, size=128), Chunk(first=128, size=72)]
    """
    if width < 1:
        raise RunError(f"{width} patients cannot be simulated together", "Choose at least 1 with --chunk")
    return (Chunk(first, min(width, size - first)) for first in range(0, size, width))
