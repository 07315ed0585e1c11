"""Draw parameters for patients: each row of the table and each patient has its own random stream."""

import zlib

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr

from insulae.core import random
from insulae.core.parameters import Row, lookup


def quantile(row: Row, normal: Array) -> Array:
    """Map a standard normal draw to the row's distribution, cut to its bounds.

    A lognormal row's value is its mean; a logit-normal row's value is its median.
    """
    if row.distribution == "fixed":
        return jnp.full_like(normal, row.value)
    if row.distribution == "lognormal":
        sigma = np.sqrt(np.log1p(row.spread**2))
        draw = row.value * jnp.exp(sigma * normal - sigma**2 / 2)
    elif row.distribution == "normal":
        draw = row.value + row.spread * normal
    elif row.distribution == "logit_normal":
        draw = 1 / (1 + jnp.exp(-(np.log(row.value / (1 - row.value)) + row.spread * normal)))
    else:
        draw = row.lower + (row.upper - row.lower) * ndtr(normal)
    return jnp.clip(draw, row.lower, row.upper)


def draw(name: str, population: str, seed: int, patients: Array) -> Array:
    """Return one parameter for each patient [patient], independent of every other parameter."""
    stream = np.array([zlib.crc32(name.encode())], np.uint32)
    normal = random.stream_normals(seed, stream, patients)[0]
    return quantile(lookup(name, population), normal)
