"""The posterior of one person as one compiled function of many draws, in double precision."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from insulae.core.parameters import values
from insulae.inference.evidence import Evidence
from insulae.inference.likelihood import Prior, log_likelihood, log_prior, predicted, whitened
from insulae.inference.person import Known
from insulae.physiology.slow import hba1c

Floats = NDArray[np.float64]

TOGETHER = 64
"""Draws computed at once: enough to fill the vector unit, few enough for the cache."""


def whitened_and_density(
    evidence: Evidence, known: Known, prior: Prior, logarithms: Array
) -> tuple[Array, Array]:
    """Return whitened deviations [value, draw] and the logarithm of the posterior [draw]."""
    expected = predicted(evidence, known, values(hba1c.Parameters), logarithms)
    white = whitened(evidence, jnp.asarray(evidence.logarithm)[:, None] - expected)
    density = log_prior(prior, logarithms) + log_likelihood(evidence, white)
    return white, jnp.where(jnp.isfinite(density), density, -jnp.inf)


@functools.cache
def _compiled() -> Any:
    return jax.jit(whitened_and_density)


@dataclasses.dataclass(frozen=True)
class Posterior:
    """The posterior of one person; calls compute any number of draws, `TOGETHER` at a time."""

    evidence: Evidence
    known: Known
    prior: Prior

    def __call__(self, logarithms: Floats) -> tuple[Floats, Floats]:
        """Return whitened deviations [value, draw] and log density [draw] of logarithms [fitted, draw]."""
        n = logarithms.shape[1]
        filled = np.pad(logarithms, ((0, 0), (0, -n % TOGETHER)), mode="edge")
        found: list[tuple[Any, Any]] = []
        with jax.enable_x64(True):
            for first in range(0, filled.shape[1], TOGETHER):
                part = filled[:, first : first + TOGETHER]
                made = _compiled()(self.evidence, self.known, self.prior, part)
                found.append((np.asarray(made[0]), np.asarray(made[1])))
        white = np.concatenate([one[0] for one in found], axis=1)[:, :n]
        return white, np.concatenate([one[1] for one in found])[:n]

    def density(self, logarithms: Floats) -> Floats:
        """Return the logarithm of the posterior density, up to a constant, [draw]."""
        return self(logarithms)[1]
