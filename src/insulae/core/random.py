"""Random streams addressed by seed, stream, patient and day; draws never depend on who else is simulated."""

import functools
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

Patients = Array | NDArray[np.integer[Any]]
"""Identifiers of patients [patient]."""


def key(seed: int, stream: str) -> Array:
    """Return the root key of a named stream of one study."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(stream.encode()))


@jax.jit
def _folded(root: Array, patients: Array) -> Array:
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(root, patients)


def patient_keys(seed: int, stream: str, patients: Patients) -> Array:
    """Return one key for each patient identifier [patient]."""
    return _folded(key(seed, stream), _padded(np.asarray(patients)))[: len(patients)]


def day_keys(keys: Array, day: Array) -> Array:
    """Return the keys of one day from the keys of the patients [patient]."""
    return jax.vmap(jax.random.fold_in, in_axes=(0, None))(keys, day)


# Fractional parts of the square roots of primes, as 32-bit integers: one irrational step per dimension.
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)
_STEPS = tuple(int((prime**0.5 % 1) * 2**32) for prime in _PRIMES)
_TINY = 2.0**-25
_BLOCK, _MOST_BLOCKS = 14, 40


_LADDER = (16, 64, 256, 1024, 4096)
"""Draws are compiled for these numbers of patients alone; in between the last patient is repeated."""


def _padded(patients: NDArray[Any]) -> NDArray[Any]:
    """Repeat the last patient up to the next step of the ladder."""
    n = len(patients)
    wanted = next((step for step in _LADDER if step >= n), -(-n // _LADDER[-1]) * _LADDER[-1])
    return np.concatenate([patients, np.repeat(patients[-1:], wanted - n, axis=0)])


@functools.partial(jax.jit, static_argnums=2)
def _independent_block(data: Array, first: Array, n: int) -> Array:
    """Return independent uniform draws of a block of days, [day, n, patient], from the data of keys."""
    keys = jax.random.wrap_key_data(data)

    def one(day: Array) -> Array:
        return jax.vmap(lambda k: jax.random.uniform(k, (n,), minval=_TINY))(day_keys(keys, day)).T

    return jax.vmap(one)(first + jnp.arange(_BLOCK, dtype=jnp.int32))


@functools.partial(jax.jit, static_argnums=1)
def _starts(data: Array, n: int) -> Array:
    keys = jax.random.wrap_key_data(data)
    return jax.vmap(lambda k: jax.random.bits(k, (n,), jnp.uint32))(keys).T


class DayDraws:
    """Uniform draws of the days of some patients; a draw depends on the patient's key and the day alone."""

    def __init__(self, keys: Array, n: int) -> None:
        """Prepare n draws a day, at most 25, for the patients with these keys (random.patient_keys)."""
        self.patients = len(keys)
        self._data, self._n = _padded(np.asarray(jax.random.key_data(keys))), n
        self._start = np.asarray(_starts(self._data, n))[:, : self.patients]
        self._step = np.asarray(_STEPS[:n], np.uint32)[:, None]
        self._blocks: dict[int, NDArray[np.float32]] = {}

    def independent(self, day: int) -> NDArray[np.float32]:
        """Return independent draws of one day, [n, patient]."""
        block = day // _BLOCK
        if block not in self._blocks:
            whole = np.asarray(_independent_block(self._data, np.int32(block * _BLOCK), self._n))
            drawn = np.ascontiguousarray(whole[..., : self.patients])
            if len(self._blocks) == _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = drawn
        return self._blocks[block][day - block * _BLOCK]

    def even(self, day: int) -> NDArray[np.float32]:
        """Return draws of one day that cover the unit interval evenly over successive days, [n, patient].

        A Kronecker sequence with a random start per patient: a few days represent many, and the draws of a
        day do not depend on which other days are simulated.
        """
        bits = (self._start + self._step * np.uint32(day % 2**32)) >> np.uint32(9)
        return bits.astype(np.float32) * np.float32(2.0**-23) + np.float32(2.0**-24)


def normals(seed: int, stream: str, patients: Patients) -> Array:
    """Return one standard normal draw of a named stream for each patient [patient]."""
    return jax.vmap(lambda k: jax.random.normal(k, ()))(patient_keys(seed, stream, patients))


@jax.jit
def _uniforms(root: Array, patients: Array) -> Array:
    return jax.vmap(lambda k: jax.random.uniform(k, (), minval=_TINY))(_folded(root, patients))


def uniforms(seed: int, stream: str, patients: Patients) -> Array:
    """Return one uniform draw of a named stream for each patient [patient]."""
    return _uniforms(key(seed, stream), _padded(np.asarray(patients)))[: len(patients)]


@jax.jit
def _stream_normals(root: Array, streams: Array, patients: Patients) -> Array:
    def one(stream: Array) -> Array:
        stem = jax.random.fold_in(root, stream)
        return jax.vmap(lambda patient: jax.random.normal(jax.random.fold_in(stem, patient), ()))(patients)

    return jax.vmap(one)(streams)


def stream_normals(seed: int, streams: Array | NDArray[np.uint32], patients: Patients) -> Array:
    """Return one standard normal draw for each stream and patient, as [stream, patient]."""
    padded = _padded(np.asarray(patients))
    return _stream_normals(jax.random.key(seed), jnp.asarray(streams), padded)[:, : len(patients)]
