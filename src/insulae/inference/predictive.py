"""What a fitted person would show: expected values, and values as measured, with their error."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from insulae.core.parameters import values
from insulae.inference.evidence import NO_KIND, Evidence, number_of_values
from insulae.inference.likelihood import predicted, squares
from insulae.inference.model import TOGETHER, Posterior
from insulae.inference.person import Known
from insulae.physiology.slow import hba1c

Floats = NDArray[np.float64]


def _logarithms(evidence: Evidence, known: Known, logarithms: Array) -> Array:
    return predicted(evidence, known, values(hba1c.Parameters), logarithms)


@functools.cache
def _compiled() -> Any:
    return jax.jit(_logarithms)


def expected(evidence: Evidence, known: Known, logarithms: Floats) -> Floats:
    """Return what should be measured without error, in its unit, [value, draw]."""
    n = logarithms.shape[1]
    filled = np.pad(logarithms, ((0, 0), (0, -n % TOGETHER)), mode="edge")
    with jax.enable_x64(True):
        parts = [
            np.asarray(_compiled()(evidence, known, filled[:, first : first + TOGETHER]))
            for first in range(0, filled.shape[1], TOGETHER)
        ]
    return _natural(evidence, np.concatenate(parts, axis=1)[:, :n])


def _natural(evidence: Evidence, logarithms: Floats) -> Floats:
    """Return measured values only, in their unit."""
    n = number_of_values(evidence)
    return np.exp(logarithms[:n]) - np.asarray(evidence.offset)[:n, None]


def variances(posterior: Posterior, logarithms: Floats, seed: int) -> Floats:
    """Return draws of each kind's error variance in units of the expected one, [kind, draw]."""
    white, _ = posterior(logarithms)
    with jax.enable_x64(True):
        total = np.asarray(squares(posterior.evidence, jnp.asarray(white)))
    freedom = float(posterior.evidence.freedom)
    number = np.bincount(np.asarray(posterior.evidence.quantity), minlength=NO_KIND)[:NO_KIND, None]
    chance = np.random.default_rng([seed, 2]).chisquare(np.broadcast_to(freedom + number, total.shape))
    return (freedom + total) / chance


def measured(evidence: Evidence, mean: Floats, variance: Floats, seed: int) -> Floats:
    """Return values as measured: expected ones with an error correlated in time, [value, draw]."""
    normal = np.random.default_rng([seed, 3]).standard_normal(mean.shape)
    n = len(mean)
    previous = np.asarray(evidence.previous)[:n, None]
    error = np.empty_like(normal)
    last: Any = np.zeros(mean.shape[1])
    for place, (share, fresh) in enumerate(zip(previous, normal, strict=True)):
        last = share * last + np.sqrt(1 - share**2) * fresh
        error[place] = last
    size = np.asarray(evidence.error)[:n, None] * np.sqrt(variance[np.asarray(evidence.quantity)[:n]])
    offset = np.asarray(evidence.offset)[:n, None]
    return (mean + offset) * np.exp(size * error) - offset
