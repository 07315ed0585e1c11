"""Cut N patients into chunks of one width; no answer depends on it, because patients do not know each other.

The last chunk holds only the patients that are left. The last patients of a large study come in narrower
chunks, so that no worker waits long for another one at the end.
"""

import dataclasses
from collections.abc import Iterator

from insulae.core.errors import RunError

WIDEST, NARROWEST, FEWEST = 1024, 16, 4
"""Patients simulated together at most and at least, and the chunks a study is cut into where it can be.

Wide chunks spend less on everything around the compiled days; a small study is cut finer, to give every core
something to do.
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
    [16, 32, 64, 1024]
    """
    even = -(-size // (FEWEST * NARROWEST)) * NARROWEST
    return min(max(even, NARROWEST), WIDEST)


def cut(size: int, width: int) -> Iterator[Chunk]:
    """Yield the chunks of a number of patients; raises `RunError` for a width below one.

    >>> list(cut(200, 128))
    [Chunk(first=0, size=128), Chunk(first=128, size=72)]
    >>> [chunk.size for chunk in cut(4000, 1024)]
    [1024, 1024, 512, 512, 512, 416]
    """
    if width < 1:
        raise RunError(f"{width} patients cannot be simulated together", "Choose at least 1 with --chunk")
    return _cut(size, width)


def _cut(size: int, width: int) -> Iterator[Chunk]:
    first, narrow = 0, width // 2 if width >= WIDEST else width
    while first < size:
        left = size - first
        chunk = Chunk(first, min(left, width if left > 2 * width else narrow))
        yield chunk
        first += chunk.size
