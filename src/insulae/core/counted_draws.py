"""Uniform draws found by counting: addressed by seed, stream, patient and number, made without compilation.

Each draw is a hash of its address, by the mixing function of SplitMix64 applied once for each part of the
address (splitmix2014). For what is drawn rarely and for a few patients at a time; the draws of days come from
`insulae.core.random`.
"""

import functools
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.integer[Any]]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _mixed(state: NDArray[np.uint64], part: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the state after one more part of the address; products wrap at 64 bits."""
    z = state + (part + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@functools.lru_cache(maxsize=1024)
def begun(seed: int, stream: str) -> np.uint64:
    """Return the state after the parts of the address that many draws share."""
    state = np.zeros(1, np.uint64)
    for part in (seed, zlib.crc32(stream.encode())):
        state = _mixed(state, np.asarray([part]).astype(np.uint64))
    return state[0]


def counted(begun: NDArray[np.uint64], patients: Whole, numbers: Whole, n: int) -> NDArray[np.float64]:
    """Return n uniform draws within 0 and 1 for each pair of patient and number, [n, pair].

    `begun` is where the streams begin, one or that of each pair. The numbers are [pair], or [n, pair] where
    each draw has one of its own.
    """
    state = begun
    for part in (patients, numbers, np.arange(n)[:, None]):
        state = _mixed(state, np.asarray(part).astype(np.uint64))
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54


def counted_uniforms(seed: int, stream: str, patients: Whole, numbers: Whole, n: int) -> NDArray[np.float64]:
    """Return n uniform draws of one stream for each pair of patient and number, as `counted`."""
    return counted(np.array([begun(seed, stream)]), patients, numbers, n)
