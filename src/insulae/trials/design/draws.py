"""Random numbers of trial replicates, addressed by seed, replicate and stream.

The same replicate draws the same patients, times and losses whatever the design, so that designs are
compared on common random numbers; a larger trial keeps the patients of a smaller one.
"""

import zlib

import numpy as np


class Draws:
    """The streams of one replicate."""

    def __init__(self, seed: int, replicate: int) -> None:
        """Prepare the streams of a replicate of a study with a seed."""
        self._address = (seed, replicate)

    def stream(self, name: str) -> np.random.Generator:
        """Return the generator of a named stream, from its beginning."""
        return np.random.default_rng([*self._address, zlib.crc32(name.encode())])
