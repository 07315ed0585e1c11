"""Cut N patients into chunks of one fixed width: the simulator compiles once, and no answer depends on N.

The last chunk is filled up with the patients that would come next; they are simulated and left out of the
results. A patient therefore always lives among the same neighbors, however many patients a study asks for.
"""

import dataclasses

WIDTH = 128
"""Patients simulated together: enough to fill the vector units, few enough to spread over workers."""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Patients `first` to `first + WIDTH - 1`, of whom the first `kept` belong to the study."""

    first: int
    kept: int

    @property
    def ids(self) -> range:
        """Identifiers of all patients that are simulated."""
        return range(self.first, self.first + WIDTH)


def cut(size: int) -> list[Chunk]:
    """Return the chunks of a number of patients.

    >>> [(c.first, c.kept) for c in cut(200)]
    [(0, 128), (128, 72)]
    """
    return [Chunk(first, min(WIDTH, size - first)) for first in range(0, size, WIDTH)]
