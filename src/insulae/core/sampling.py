"""Draw parameters for patients: each row of the table and each patient has its own random stream.

Where people are split into groups of doubt (`insulae.core.doubts`), a group moves the value of a row for all
of its people alike: a logit-normal value on the logit scale, a normal one by an amount, any other by a factor
of mean 1.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from insulae.core import doubts, random
from insulae.core.parameters import Row, lookup

Floats = NDArray[np.float32]


def quantile(row: Row, normal: Floats, doubt: doubts.Floats | None = None) -> Floats:
    """Map a standard normal draw to the row's distribution, cut to its bounds.

    A lognormal row's value is its mean; a logit-normal row's value is its median. `doubt` is how far off the
    value is for each patient (`doubts.drawn`), None for not at all.
    """
    if doubt is not None:
        return _doubted(row, normal, doubt)
    if row.distribution == "fixed":
        return np.full_like(normal, row.value, np.float32)
    return np.clip(_spread(row, normal), row.lower, row.upper).astype(np.float32)


def _doubted(row: Row, normal: Floats, doubt: doubts.Floats) -> Floats:
    if row.distribution == "normal":
        draw = _spread(row, normal) + doubt
    elif row.distribution == "logit_normal":
        odds = _logit(row.value) + row.spread * normal + doubt
        draw = 1 / (1 + np.exp(-odds))
    else:
        size = doubts.size_of(row)
        sigma = np.sqrt(np.log1p(size**2))
        draw = _spread(row, normal) * np.exp(sigma * doubt / size - sigma**2 / 2)
    return np.clip(draw, row.lower, row.upper).astype(np.float32)


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _spread(row: Row, normal: Floats) -> NDArray[np.floating[Any]]:
    """Return the values of a row at standard normal draws, not yet cut to its bounds."""
    if row.distribution == "fixed":
        return np.full_like(normal, row.value, np.float32)
    if row.distribution == "lognormal":
        sigma = np.sqrt(np.log1p(row.spread**2))
        return row.value * np.exp(sigma * normal - sigma**2 / 2)
    if row.distribution == "normal":
        return row.value + row.spread * normal
    if row.distribution == "logit_normal":
        return 1 / (1 + np.exp(-(np.log(row.value / (1 - row.value)) + row.spread * normal)))
    return row.lower + (row.upper - row.lower) * ndtr(normal)


def draw(name: str, population: str, seed: int, patients: random.Patients, groups: int = 0) -> Floats:
    """Return one parameter for each patient [patient], independent of every other parameter.

    With `groups`, the value is doubted: each group of patients has an own one.
    """
    row = lookup(name, population)
    normal = _normals(row, seed, patients)
    return quantile(row, normal, doubts.drawn(row, seed, groups, patients))


def _normals(row: Row, seed: int, patients: random.Patients) -> Floats:
    """Return a row's standard normal draws [patient]; zeros where the row is the same for everybody."""
    if row.distribution == "fixed":
        return np.zeros(len(patients), np.float32)
    stream = np.array([zlib.crc32(row.name.encode())], np.uint32)
    return np.asarray(random.stream_normals(seed, stream, patients))[0]
