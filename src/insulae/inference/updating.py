"""A twin after a further visit: its draws are weighted by how well they explain the new measurements.

Old data are not fitted again. Weights concentrate on fewer draws with every surprise; when too few stay
effective, the draws can no longer stand for the posterior and everything must be fitted together.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from insulae.core.errors import RunError
from insulae.inference.evidence import Experiment, stacked
from insulae.inference.likelihood import Prior, log_likelihood
from insulae.inference.meals import with_meals
from insulae.inference.measurement_error import ErrorTable
from insulae.inference.model import Posterior
from insulae.inference.person import Known
from insulae.inference.twin import Twin

FEWEST = 100.0
"""Effective draws below which a twin must be fitted anew."""


def updated(twin: Twin, known: Known, experiments: Sequence[Experiment], errors: ErrorTable) -> Twin:
    """Return the twin after new experiments; raises `RunError` when too few draws explain them."""
    evidence = stacked(experiments, errors)
    evidence = with_meals(evidence, experiments, known, twin.logarithms @ twin.weights)
    flat = Prior(mean=jnp.asarray(twin.prior_mean), whitening=0 * jnp.eye(len(twin.prior_mean)))
    white, _ = Posterior(evidence, known, flat)(twin.logarithms)
    with jax.enable_x64(True):
        gained = np.asarray(log_likelihood(evidence, jnp.asarray(white)))
    logarithm = np.log(twin.weights) + np.where(np.isfinite(gained), gained, -np.inf)
    weights = np.exp(logarithm - logarithm.max())
    found = dataclasses.replace(twin, weights=weights / weights.sum())
    if found.effective < FEWEST:
        raise RunError(
            f"only {found.effective:.0f} of {len(weights)} draws explain the new data",
            f"At least {FEWEST:.0f} are needed; fit all data together with `insulae fit`",
        )
    return found
