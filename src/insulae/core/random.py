"""Random streams addressed by seed, stream, patient and day; draws never depend on who else is simulated."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray


def key(seed: int, stream: str) -> Array:
    """Return the root key of a named stream of one study."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(stream.encode()))


def patient_keys(seed: int, stream: str, patients: Array) -> Array:
    """Return one key for each patient identifier [patient]."""
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key(seed, stream), patients)


def day_keys(keys: Array, day: Array) -> Array:
    """Return the keys of one day from the keys of the patients [patient]."""
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, day)


# Fractional parts of the square roots of primes, as 32-bit integers: one irrational step per dimension.
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
_STEPS = tuple(int((prime**0.5 % 1) * 2**32) for prime in _PRIMES)
_TINY = 2.0**-25


def independent_uniforms(keys: Array, day: Array, n: int) -> Array:
    """Return n independent uniform draws of one day for each patient key, as [n, patient]."""
    return jax.vmap(lambda k: jax.random.uniform(k, (n,), minval=_TINY))(day_keys(keys, day)).T


def even_uniforms(keys: Array, day: Array, n: int) -> Array:
    """Return n draws of one day that cover the unit interval evenly over successive days, as [n, patient].

    A Kronecker sequence with a random start per patient: a few days represent many, and the draws of a day do
    not depend on which other days are simulated. At most 25 dimensions.
    """
    start = jax.vmap(lambda k: jax.random.bits(k, (n,), jnp.uint32))(keys).T
    step = jnp.asarray(_STEPS[:n], jnp.uint32)[:, None] * jnp.asarray(day, jnp.int32).astype(jnp.uint32)
    return ((start + step) >> 9).astype(jnp.float32) * 2.0**-23 + 2.0**-24


def normals(seed: int, stream: str, patients: Array) -> Array:
    """Return one standard normal draw of a named stream for each patient [patient]."""
    return jax.vmap(lambda k: jax.random.normal(k, ()))(patient_keys(seed, stream, patients))


def uniforms(seed: int, stream: str, patients: Array) -> Array:
    """Return one uniform draw of a named stream for each patient [patient]."""
    return jax.vmap(lambda k: jax.random.uniform(k, (), minval=_TINY))(patient_keys(seed, stream, patients))


@jax.jit
def _stream_normals(root: Array, streams: Array, patients: Array) -> Array:
    def one(stream: Array) -> Array:
        stem = jax.random.fold_in(root, stream)
        return jax.vmap(lambda patient: jax.random.normal(jax.random.fold_in(stem, patient), ()))(patients)

    return jax.vmap(one)(streams)


def stream_normals(seed: int, streams: Array | NDArray[np.uint32], patients: Array) -> Array:
    """Return one standard normal draw for each stream and patient, as [stream, patient]."""
    return _stream_normals(jax.random.key(seed), jnp.asarray(streams), patients)
