"""Random streams addressed by seed, stream, patient and day; draws never depend on who else is simulated.

The generator is Threefry-2x32 with 20 rounds (Salmon 2011, Parallel random numbers: as easy as 1, 2, 3),
keyed as `jax.random` keys it and with the same bits. It is numpy here: draws need no compiler, so a run with
kept code begins without JAX, and they are the same on every processor.
"""

import copy
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.normal import standard_normal

Patients = NDArray[np.integer[Any]]
"""Identifiers of patients [patient]."""
Bits = NDArray[np.uint32]
Days = int | NDArray[np.int64]
"""A day, or one for each patient [patient]."""
Floats = NDArray[np.float32]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_SLAB = 1 << 16
"""Numbers hashed at once: few enough for the processor's own memory, enough to be worth a call."""


def _rotated(x: Bits, by: int, spare: Bits) -> None:
    """Rotate the bits of x to the left, in place."""
    np.left_shift(x, by, out=spare)
    np.right_shift(x, 32 - by, out=x)
    np.bitwise_or(x, spare, out=x)


def _hash_slab(key: tuple[Bits, Bits], x: Bits, y: Bits) -> None:
    """Hash pairs of numbers in place; key and numbers have the same length."""
    words = (*key, key[0] ^ key[1] ^ np.uint32(_PARITY))
    spare = np.empty_like(x)
    x += words[0]
    y += words[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x += y
            _rotated(y, rotation, spare)
            y ^= x
        x += words[(group + 1) % 3]
        y += words[(group + 2) % 3]
        y += np.uint32(group + 1)


def _threefry(keys: Bits, counts: Bits) -> Bits:
    """Return the hashes [..., 2] of (0, count) under keys [..., 2]; shapes are broadcast."""
    shape = np.broadcast_shapes(keys.shape[:-1], counts.shape)
    first, second, y = (
        np.broadcast_to(part, shape).reshape(-1) for part in (keys[..., 0], keys[..., 1], counts)
    )
    hashed = np.zeros((2, y.size), np.uint32)
    hashed[1] = y
    for start in range(0, y.size, _SLAB):
        part = slice(start, start + _SLAB)
        _hash_slab((first[part], second[part]), *hashed[:, part])
    return np.moveaxis(hashed.reshape(2, *shape), 0, -1)


def _bits(keys: Bits, n: int) -> Bits:
    """Return n random numbers for each key, [n, ...]."""
    counts = np.arange(n, dtype=np.uint32).reshape(-1, *[1] * (keys.ndim - 1))
    hashed = _threefry(keys, counts)
    return hashed[..., 0] ^ hashed[..., 1]


def _wrapped(numbers: Any) -> Bits:
    """Return whole numbers as 32 bits; negative ones wrap."""
    return np.asarray(numbers).astype(np.int64).astype(np.uint32)


def key(seed: int, stream: str) -> Bits:
    """Return the root key of a named stream of one study."""
    return _threefry(_root(seed), _wrapped(zlib.crc32(stream.encode())))


def _root(seed: int) -> Bits:
    return _wrapped([seed >> 32, seed])


def patient_keys(seed: int, stream: str, patients: Patients) -> Bits:
    """Return one key for each patient identifier, [patient, 2]."""
    return _threefry(key(seed, stream), _wrapped(patients))


# Fractional parts of the square roots of primes, as 32-bit integers: one irrational step per dimension. The
# primes are those whose days two, three, four and seven apart differ enough: what is recent, seen on few
# days, then varies little more than on all days (docs/decisions/0055, tests/unit/test_even_draws.py).
_PRIMES = (
    13, 17, 29, 37, 41, 59, 67, 79, 113, 149, 167, 227, 293, 317, 457, 467, 499, 521, 571, 709, 941, 1181,
    1201, 1361, 1381, 1607, 1747, 1951, 2441, 2767,
)  # fmt: skip
_STEPS = tuple(int((prime**0.5 % 1) * 2**32) for prime in _PRIMES)
_TINY = np.float32(2.0**-25)
_BLOCK, _MOST_BLOCKS = 7, 80


def _between_0_and_1(bits: Bits) -> Floats:
    """Return uniform numbers above 0 and below 1 from the upper 23 bits."""
    mantissa = bits >> np.uint32(9) | np.uint32(0x3F800000)
    return np.maximum(_TINY, mantissa.view(np.float32) - np.float32(1))


class DayDraws:
    """Uniform draws of the days of some patients; a draw depends on the patient's key and the day alone."""

    def __init__(self, keys: Bits, n: int, lasting: "DayDraws | None" = None, lasting_days: int = 1) -> None:
        """Prepare n draws a day, at most 30, for the patients with these keys (random.patient_keys).

        What `lasting` draws for day k follows them on the days from k times `lasting_days` on.
        """
        self.patients = len(keys)
        self._lasting, self._lasting_days = lasting, lasting_days
        self._who: NDArray[np.integer[Any]] | None = None
        self._keys, self._n = keys, n
        self._start = _bits(keys, n)
        self._step = np.asarray(_STEPS[:n], np.uint32)[:, None]
        self._blocks: dict[int, Floats] = {}

    def of(self, chosen: NDArray[np.integer[Any]]) -> "DayDraws":
        """Return the draws of some of the patients; those of the others are not computed."""
        if len(chosen) == self.patients and np.array_equal(chosen, np.arange(self.patients)):
            return self
        part = copy.copy(self)
        part.patients, part._keys = len(chosen), self._keys[chosen]
        part._start, part._blocks = self._start.take(chosen, axis=1), {}
        part._who = chosen if self._who is None else self._who[chosen]
        return part

    def _block(self, first: int) -> Floats:
        """Return independent draws of a block of days, [day, n, patient]."""
        days = _threefry(self._keys, _wrapped(np.arange(first, first + _BLOCK))[:, None])
        return np.ascontiguousarray(np.swapaxes(_between_0_and_1(_bits(days, self._n)), 0, 1))

    def independent(self, day: int) -> Floats:
        """Return independent draws of one day, [n, patient]."""
        block = day // _BLOCK
        if block not in self._blocks:
            drawn = self._block(block * _BLOCK)
            if len(self._blocks) == _MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = drawn
        return self._with_lasting(self._blocks[block][day - block * _BLOCK], day)

    def _with_lasting(self, drawn: Floats | Bits, day: Days) -> Floats:
        """Return draws of days [..., n, patient] followed by those that last, in memory of their own."""
        *days, n, patients = drawn.shape
        more = self._lasting._n if self._lasting else 0
        found = np.empty((*days, n + more, patients), np.float32)
        found[..., :n, :] = drawn
        if self._lasting:
            found[..., n:, :] = self._kept(self._lasting, day)
        return found

    def _kept(self, lasting: "DayDraws", day: Days) -> Floats:
        """Return the draws that last over a day, which may be another one for each patient."""
        periods = np.asarray(day) // self._lasting_days
        if not periods.ndim:
            return self._lasted(lasting, periods)
        periods = np.expand_dims(periods, -2)
        first, *others = np.unique(periods)
        found = self._lasted(lasting, first)
        for period in others:
            found = np.where(periods == period, self._lasted(lasting, period), found)
        return found

    def _lasted(self, lasting: "DayDraws", period: Any) -> Floats:
        drawn = lasting.independent(int(period))
        return drawn if self._who is None else drawn[:, self._who]

    def even(self, day: Days) -> Floats:
        """Return draws of one day that cover the unit interval evenly over successive days, [n, patient].

        A Kronecker sequence with a random start per patient: a few days represent many, and the draws of a
        day do not depend on which other days are simulated. Each patient may be at a day of the own, or at
        several, [day, patient]; the draws are [day, n, patient] then.
        """
        wrapped = _wrapped(day)
        bits = self._start + self._step * (wrapped[..., None, :] if wrapped.ndim else wrapped)
        bits >>= np.uint32(9)
        found = self._with_lasting(bits, day)
        drawn = found[..., : self._n, :]
        drawn *= np.float32(2.0**-23)
        drawn += np.float32(2.0**-24)
        return found

    def of_days(self, day: NDArray[np.int64], is_even: NDArray[np.bool_]) -> Floats:
        """Return draws of days [day, patient], even ones for some patients, as [day, n, patient]."""
        if not is_even.any():
            return np.stack([self.independent(int(days[0])) for days in day])
        found = self.even(day)
        others = np.flatnonzero(~is_even)
        if len(others):
            alone = self.of(others)
            for row, days in enumerate(day[:, others]):
                found[row][:, others] = alone.independent(int(days[0]))
        return found


def normals(seed: int, stream: str, patients: Patients) -> Floats:
    """Return one standard normal draw of a named stream for each patient [patient]."""
    return standard_normal(_bits(patient_keys(seed, stream, patients), 1)[0])


def uniforms(seed: int, stream: str, patients: Patients) -> Floats:
    """Return one uniform draw of a named stream for each patient [patient]."""
    return _between_0_and_1(_bits(patient_keys(seed, stream, patients), 1)[0])


def stream_normals(seed: int, streams: NDArray[np.uint32], patients: Patients) -> Floats:
    """Return one standard normal draw for each stream and patient, as [stream, patient]."""
    stems = _threefry(_root(seed), _wrapped(streams))
    keys = _threefry(stems[:, None], _wrapped(patients))
    return standard_normal(_bits(keys, 1)[0])
