"""The population that people who drank glucose come from, given each one's test along a straight line.

    logarithms_i  ~ Normal(covariates_i B, D C D)        D spreads, C correlations (LKJ)
    measured_i    = f(m_i) + J_i (logarithms_i - m_i) + assay + error, error correlated within the test

At the point m_i the fast body is replaced by its tangent (first order, conditional: FOCE), so that the own
logarithms of the person drop out and what was measured is normal about its mean with J C J' + R. The points
are the most probable values of each person given the population; they and the population are found in turns
(`hierarchy_fit.py`). Covariates: 1, prediabetes, type 2, ln(BMI/24). Priors of means are centered at the
parameter table; `PRIORS` says how wide. Insulin beside C-peptide tells only the product of what the liver
lets pass and what is cleared afterwards: the mean clearance is held near the table, with which insulin clamps
agree, and the extraction is free.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import Array
from jax.scipy.special import ndtr, ndtri

from calibration.hierarchy_people import CLASSES, KINDS, MINUTES, NAMES, SHARED, Sample
from insulae.core.parameters import value
from insulae.inference import person

COVARIATES = ("mean", "prediabetes", "type2", "bmi")
N_OWN = len(person.FITTED)
TIED = 0.05
"""Spread of the quantities that all people share: small, so that the tangent still moves with them."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Prior of one quantity: central value, standard deviations (in logarithms) of the mean, of what class
    and of what body mass index change, and the scale of its spread between people."""

    center: float
    mean: float
    by_class: float
    by_bmi: float
    spread: float


def _row(name: str, mean: float, by_class: float, by_bmi: float, spread: float) -> Quantity:
    return Quantity(value(name), mean, by_class, by_bmi, spread)


TRACED_DRINK = 0.182
"""What tracers say of `absorption.drink_emptying`, python -m calibration.drink, with 16 % standard error."""
PRIORS: dict[str, Quantity] = {
    "peripheral_sensitivity": Quantity(1.0, 0.3, 0.4, 1.0, 0.4),
    "hepatic_sensitivity": Quantity(1.0, 0.2, 0.3, 0.7, 0.3),
    "capacity": Quantity(1.0, 0.3, 0.5, 0.5, 0.4),
    "first_phase": _row("secretion.dynamic_gain", 0.4, 0.4, 0, 0.4),
    "half_glucose": _row("secretion.half_glucose", 0.1, 0, 0, 0.06),
    "incretin_gain": _row("secretion.incretin_gain", 0.25, 0, 0, 0.2),
    "hepatic_production": _row("glucose.hepatic_production", 0.04, 0, 0, 0.06),
    "emptying_rate": _row("absorption.emptying_rate", 0, 0, 0, 0.3),
    "insulin_clearance": _row("insulin.clearance_rate", 0.05, 0.15, 0.3, 0.2),
    "c_peptide_elimination": _row("c_peptide.elimination_rate", 0.05, 0, 0, 0.12),
    "drink_emptying": Quantity(TRACED_DRINK, 0.16, 0, 0, 0),
    "hepatic_extraction": _row("insulin.hepatic_extraction", 0.15, 0, 0, 0),
    "exchange": Quantity(1.0, 0.0, 0, 0, 0),
    "secretion_delay": _row("secretion.delay_rate", 0, 0, 0, 0),
    "peripheral_action": _row("insulin.peripheral_action_rate", 0, 0, 0, 0),
}
ERRORS = {"glucose": 0.1, "insulin": 0.3, "c_peptide": 0.15}
"""Scale of the errors' prior (half-normal), relative."""
ASSAY = 0.3
"""Prior of the logarithm of Vanderbilt's insulin assay over that of Kobe."""
CONCENTRATION = 2.0


@dataclasses.dataclass(frozen=True)
class Tangents:
    """Each person's test along a line: what was measured less f(m) - J m, derivatives, what is there."""

    left: Any  # [person, value]
    slopes: Any  # [person, value, fitted]
    is_there: Any  # [person, value]
    covariates: Any  # [person, covariate]
    offsets: Any  # [person, fitted]
    other_assay: Any  # [person, value]


def covariates(sample: Sample) -> np.ndarray:
    """Return the covariates, [person, covariate]."""
    one = np.ones(sample.number)
    classes = [(sample.phenotype == place).astype(float) for place in range(1, len(CLASSES))]
    return np.stack([one, *classes, np.log(sample.bmi / value("insulin_resistance.reference_bmi"))], axis=1)


def offsets(sample: Sample) -> np.ndarray:
    """Return what the table already says of age, [person, fitted]."""
    found = np.zeros((sample.number, len(NAMES)))
    years = sample.age - value("insulin_resistance.reference_age")
    found[:, NAMES.index("peripheral_sensitivity")] = -value("insulin_resistance.age_slope") * years
    return found


def correlation_in_time() -> np.ndarray:
    """Return the correlation of errors within a test, [value, value]."""
    kind = np.repeat(np.arange(len(KINDS)), len(MINUTES))
    minute = np.tile(MINUTES, len(KINDS))
    apart = np.abs(minute[:, None] - minute)
    return np.exp(-apart / value("measurement_error.test_time")) * (kind[:, None] == kind)


def scales() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return prior means and standard deviations of B [covariate, fitted] and scales of spreads."""
    chosen = [PRIORS[name] for name in NAMES]
    center = np.zeros((len(COVARIATES), len(NAMES)))
    center[0] = np.log([q.center for q in chosen])
    width = np.array([[q.mean, q.by_class, q.by_class, q.by_bmi] for q in chosen]).T
    return center, width, np.array([q.spread for q in chosen[:N_OWN]])


def population(tangents: Tangents) -> None:
    """The numpyro model; see the top of the file."""
    center, width, scale = scales()
    raw = numpyro.sample("raw", dist.Normal(0, 1).expand(center.shape).to_event(2))
    mean = numpyro.deterministic("coefficients", center + width * raw)
    place = numpyro.sample("place", dist.Normal(0, 1).expand(scale.shape).to_event(1))
    spread = numpyro.deterministic("spread", scale * half_normal(place))
    root = numpyro.sample("root", dist.LKJCholesky(N_OWN, CONCENTRATION))
    numpyro.deterministic("correlation", root @ root.T)
    size = np.array([ERRORS[kind] for kind in KINDS])
    error = numpyro.sample("error", dist.HalfNormal(size).to_event(1))
    assay = numpyro.sample("assay", dist.Normal(0, ASSAY))
    expected = tangents.covariates @ mean + tangents.offsets
    residual = tangents.left - jnp.einsum("pvk,pk->pv", tangents.slopes, expected)
    residual = (residual - assay * tangents.other_assay) * tangents.is_there
    numpyro.factor("tests", density(residual, covariance(tangents, spread, root, error)))


def half_normal(place: Array) -> Array:
    """Return the half-normal number that has the same share of its kind below it as a normal one has.

    NUTS moves in the normal number: the logarithm of a spread that no test tells from zero has a long tail,
    in which it stays for long.
    """
    return -ndtri(ndtr(-place) / 2)


def between(spread: Array, root: Array) -> Array:
    """Return the covariance of the logarithms between people, [fitted, fitted]."""
    scaled = spread[:, None] * root
    whole = jnp.zeros((len(NAMES), len(NAMES))).at[:N_OWN, :N_OWN].set(scaled @ scaled.T)
    return whole + TIED**2 * jnp.diag(jnp.array([0.0] * N_OWN + [1.0] * len(SHARED)))


def error_covariance(error: Array, is_there: Array) -> Array:
    """Return the covariance of errors, [person, value, value]; one where nothing was measured."""
    size = jnp.repeat(error, len(MINUTES))
    whole = size[:, None] * size * correlation_in_time()
    both = is_there[:, :, None] * is_there[:, None, :]
    return whole * both + (1 - is_there)[:, :, None] * jnp.eye(len(size))


def covariance(tangents: Tangents, spread: Array, root: Array, error: Array) -> Array:
    """Return the covariance of what was measured, [person, value, value]."""
    omega = between(spread, root)
    return tangents.slopes @ omega @ jnp.swapaxes(tangents.slopes, 1, 2) + error_covariance(
        error, tangents.is_there
    )


def density(residual: Array, whole: Array) -> Array:
    """Return the logarithm of the normal density, summed over people, up to a constant."""
    lower = jnp.linalg.cholesky(whole)
    white = jax.scipy.linalg.solve_triangular(lower, residual[..., None], lower=True)[..., 0]
    return -0.5 * (white**2).sum() - jnp.log(jnp.diagonal(lower, axis1=1, axis2=2)).sum()


jax.tree_util.register_dataclass(
    Tangents, data_fields=[f.name for f in dataclasses.fields(Tangents)], meta_fields=[]
)
