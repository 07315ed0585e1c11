"""How well fitted values explain what was measured, for many draws at once.

For kind k of measurement with n_k values, deviations are whitened by their expected error and correlation;
S_k is their sum of squares. With the variance integrated out against an inverse-gamma prior of v degrees of
freedom, the logarithm of the likelihood is -(v + n_k)/2 log(1 + S_k/v) up to a constant. Meals of other size
than noted, and meals not noted, are a Gaussian along known directions (`meals.py`), integrated out as well.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from insulae.core.clock import STEPS_PER_DAY
from insulae.core.pytree import map_leaves, pytree
from insulae.inference import experiments
from insulae.inference.evidence import Evidence
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.person import Known, constants, exponential
from insulae.physiology.slow import hba1c

HBA1C = QUANTITIES.index("hba1c")


@pytree
class Prior:
    """A Gaussian over the logarithms of the fitted quantities: mean and inverse Cholesky factor."""

    mean: Array
    whitening: Array


def courses(evidence: Evidence, known: Known, logarithms: Array) -> experiments.Course:
    """Return the courses of all experiments, [time, experiment, draw], for logarithms [fitted, draw]."""
    personal = constants(known, exponential(logarithms))
    begun = (evidence.first_glucose, evidence.basal_insulin, evidence.pump_rate)
    state = experiments.fasting(personal, *(jnp.asarray(each)[:, None] for each in begun))
    schedule = map_leaves(_with_draws, evidence.schedule)
    return experiments.live(personal, state, schedule)


def _with_draws(leaf: Array) -> Array:
    """Give a leaf [step, experiment] the axis of draws, unless it differs between them."""
    return jnp.asarray(leaf) if jnp.ndim(leaf) > 2 else jnp.asarray(leaf)[..., None]


def predicted(evidence: Evidence, known: Known, glycation: hba1c.Parameters, logarithms: Array) -> Array:
    """Return the logarithms of what should be measured, [value, draw]."""
    course = courses(evidence, known, logarithms)
    per_weight = known.signals.metabolic_weight / known.body_weight
    kinds = [course.glucose, course.interstitial, course.insulin, course.c_peptide]
    series = jnp.stack([*kinds, course.infusion * per_weight])
    place = jnp.minimum(evidence.quantity, HBA1C - 1)
    below = series[place, evidence.row, evidence.experiment]
    above = series[place, evidence.row + 1, evidence.experiment]
    share = jnp.asarray(evidence.share)[:, None]
    value = (1 - share) * below + share * above
    lasting = course.interstitial[-STEPS_PER_DAY:].mean(axis=0)[evidence.experiment]
    value = jnp.where((evidence.quantity == HBA1C)[:, None], hba1c.equilibrium(glycation, lasting), value)
    return jnp.log(value + jnp.asarray(evidence.offset)[:, None])


def whitened(evidence: Evidence, deviation: Array) -> Array:
    """Return deviations [value, draw] in units of their expected error, free of correlation in time."""
    scaled = deviation / jnp.asarray(evidence.error)[:, None]
    before = jnp.concatenate([0 * scaled[:1], scaled[:-1]])
    previous = jnp.asarray(evidence.previous)[:, None]
    return (scaled - previous * before) / jnp.sqrt(1 - previous**2)


def of_kind(evidence: Evidence) -> Array:
    """Return which value is of which kind, [kind, value], as zeros and ones."""
    return jnp.asarray(jnp.arange(len(QUANTITIES))[:, None] == evidence.quantity, float)


def squares(evidence: Evidence, white: Array) -> Array:
    """Return the sums of squares by kind, [kind, draw], less what other meals would explain."""
    kinds = of_kind(evidence)
    explained = (jnp.asarray(evidence.projection) @ white) ** 2
    owner = jnp.asarray(kinds @ (jnp.asarray(evidence.projection) ** 2).T > 0, float)
    return kinds @ white**2 - owner @ explained


def log_likelihood(evidence: Evidence, white: Array) -> Array:
    """Return the logarithm of the likelihood of whitened deviations, [draw]."""
    number = of_kind(evidence).sum(axis=1)[:, None]
    freedom = evidence.freedom
    return (-(freedom + number) / 2 * jnp.log1p(squares(evidence, white) / freedom)).sum(axis=0)


def normalization(evidence: Evidence) -> float:
    """Return what the likelihood loses with its correlations and meals, to compare different ones."""
    projection = np.asarray(evidence.projection)
    # P P' = L^-1 (L L' - 1) L^-T, so that 1 - P P' = (L L')^-1 up to a rotation.
    left = np.linalg.slogdet(np.eye(len(projection)) - projection @ projection.T)[1]
    return float(0.5 * np.log1p(-(np.asarray(evidence.previous) ** 2)).sum() - 0.5 * left)


def log_prior(prior: Prior, logarithms: Array) -> Array:
    """Return the logarithm of the prior, up to a constant, [draw]."""
    return -0.5 * ((prior.whitening @ (logarithms - prior.mean[:, None])) ** 2).sum(axis=0)
