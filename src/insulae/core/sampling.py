"""Draw parameters for patients: each row of the table and each patient has its own random stream."""

import zlib

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from insulae.core import random
from insulae.core.parameters import Row, lookup

Floats = NDArray[np.float32]


def quantile(row: Row, normal: Floats) -> Floats:
    """Map a standard normal draw to the row's distribution, cut to its bounds.

    A lognormal row's value is its mean; a logit-normal row's value is its median.
    """
    if row.distribution == "fixed":
        return np.full_like(normal, row.value, np.float32)
    if row.distribution == "lognormal":
        sigma = np.sqrt(np.log1p(row.spread**2))
        draw = row.value * np.exp(sigma * normal - sigma**2 / 2)
    elif row.distribution == "normal":
        draw = row.value + row.spread * normal
    elif row.distribution == "logit_normal":
        draw = 1 / (1 + np.exp(-(np.log(row.value / (1 - row.value)) + row.spread * normal)))
    else:
        draw = row.lower + (row.upper - row.lower) * ndtr(normal)
    return np.clip(draw, row.lower, row.upper).astype(np.float32)


def draw(name: str, population: str, seed: int, patients: random.Patients) -> Floats:
    """Return one parameter for each patient [patient], independent of every other parameter."""
    stream = np.array([zlib.crc32(name.encode())], np.uint32)
    normal = np.asarray(random.stream_normals(seed, stream, patients))[0]
    return quantile(lookup(name, population), normal)
