"""Random numbers inside compiled code: uniform numbers found by hashing a draw and a count.

What is drawn every five minutes would be too much to draw outside. A patient's draw of the day is the key,
the step and the purpose are counted; the hash is the quadratic permutation of RC6 (x -> x(2x + 1) modulo
2^32, Rivest 1998), applied twice around odd multipliers. Not for cryptography; the uniformity and the
independence of neighbors are tested. Whole numbers wrap at 32 bits, so every engine finds the same numbers.
"""

import numpy as np

from insulae.core.jax_later import Array, jnp

_STRIDE, _FACTOR, _OFFSET = (np.uint32(n).astype(np.int32) for n in (0x9E3779B9, 0x85EBCA6B, 0xC2B2AE35))
_KEYS = np.float32(2.0**23)
_SCALE = np.float32(2.0**-32)
_SPREAD = np.float32((105 / 179) ** 0.5)
"""Makes the variance of x + 2 x^3 one, for x between -1 and 1."""


def key(uniform: Array) -> Array:
    """Return the key behind a uniform draw, a whole number."""
    return (uniform * _KEYS).astype(jnp.int32) * _FACTOR


def _permuted(x: Array) -> Array:
    return x * (2 * x + 1)


def uniform(key: Array, count: Array | int) -> Array:
    """Return the uniform number from 0 to 1 that stands at a count, a whole number, under a key."""
    mixed = _permuted(key + jnp.asarray(count, jnp.int32) * _STRIDE)
    mixed = _permuted(mixed * _FACTOR + _OFFSET)
    return mixed.astype(jnp.float32) * _SCALE + 0.5


def bell(key: Array, count: Array | int) -> Array:
    """Return a number of mean 0 and variance 1 at a count, with tails nearly as long as normal ones.

    A cubic of a uniform number: kurtosis 2.8, at most 2.3.
    """
    even = 2 * uniform(key, count) - 1
    return _SPREAD * even * (1 + 2 * even * even)
