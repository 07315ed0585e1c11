"""The hierarchical fit: tangents are tangents, densities are normal, people are found where they were put."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from calibration import hierarchy_fit, hierarchy_people, hierarchy_population
from scipy.stats import halfnorm, multivariate_normal, norm

N = 6
ERRORS = np.array([0.03, 0.06, 0.05])


@pytest.fixture(autouse=True)
def in_double() -> Any:
    with jax.enable_x64(True):
        yield


def population() -> hierarchy_fit.Point:
    guess = hierarchy_fit.first_guess()
    return hierarchy_fit.Point(guess.coefficients, guess.spread * 0.5, guess.root, ERRORS, 0.2)


def nobody_measured() -> hierarchy_people.Sample:
    height = np.full(N, 1.7)
    bmi = np.array([21.0, 24, 27, 30, 33, 36])
    return hierarchy_people.Sample(
        table=pd.DataFrame(index=range(N)),
        phenotype=np.array([0, 0, 1, 1, 2, 2]),
        study=np.array([0, 1, 0, 1, 0, 1]),
        bmi=bmi,
        age=np.full(N, 50.0),
        weight=bmi * height**2,
        height=height,
        measured=np.full((15, N), np.log(90.0)),
    )


@pytest.fixture(scope="module")
def made() -> tuple[hierarchy_fit.People, np.ndarray]:
    """Six people whose tests, without error, are those of known values; Vanderbilt has no C-peptide."""
    with jax.enable_x64(True):
        sample, point = nobody_measured(), population()
        nobody = hierarchy_fit.People(sample)
        rng = np.random.default_rng(1)
        own = np.linalg.cholesky(point.between) @ rng.standard_normal((len(hierarchy_people.NAMES), N))
        truth = hierarchy_fit.expected(sample, point) + own
        values = nobody.predicted(truth).T + point.assay * nobody.other_assay.T
        values[10:, sample.study == 1] = np.nan
        people = hierarchy_fit.People(hierarchy_people.Sample(**{**vars(sample), "measured": values}))
        return people, truth


def test_a_tangent_is_that_of_differences(made: Any):
    people, truth = made
    tangents = people.tangents(truth)
    way = np.random.default_rng(2).normal(size=truth.shape) * 1e-4
    moved = (people.predicted(truth + way) - people.predicted(truth - way)) / 2
    along = np.einsum("pvk,kp->pv", tangents.slopes, way)
    np.testing.assert_allclose(along, moved * people.is_there, atol=1e-7)


def test_what_was_measured_is_normal_about_its_mean(made: Any):
    """Against scipy, person by person, with what is missing left out."""
    people, truth = made
    tangents, point = people.tangents(truth), population()
    whole = np.asarray(
        hierarchy_population.covariance(
            tangents, jnp.asarray(point.spread), jnp.asarray(point.root), jnp.asarray(point.error)
        )
    )
    residual = np.random.default_rng(3).normal(size=people.values.shape) * 0.1 * people.is_there
    wanted = 0.0
    for person in range(N):
        there = people.is_there[person] > 0
        part = whole[person][np.ix_(there, there)]
        wanted += multivariate_normal.logpdf(residual[person, there], cov=part) + there.sum() * 0.5 * np.log(
            2 * np.pi
        )
    found = float(hierarchy_population.density(jnp.asarray(residual), jnp.asarray(whole)))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_spreads_have_the_half_normal_prior_that_they_are_said_to_have():
    """Against the distribution function of scipy, far into both tails."""
    place = np.array([-4.0, -3, -1, 0, 1, 3, 8])
    found = np.asarray(hierarchy_population.half_normal(jnp.asarray(place)))
    np.testing.assert_allclose(halfnorm.cdf(found[:6]), norm.cdf(place[:6]), rtol=1e-8)
    np.testing.assert_allclose(halfnorm.sf(found[1:]), norm.sf(place[1:]), rtol=1e-9)


def test_people_are_found_where_their_tests_are_explained(made: Any):
    people, truth = made
    point = population()
    start = hierarchy_fit.expected(people.sample, point)
    found, covariance = people.climbed(point, start)
    for _ in range(3):
        found, covariance = people.climbed(point, found)
    left = (people.values - people.predicted(found) - point.assay * people.other_assay) * people.is_there
    # Errors of 3 to 6 % are expected, tests without error leave a fraction of them.
    assert np.abs(left).max() < 0.05
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)).T
    assert np.mean(np.abs(found - truth) < 2.5 * spread) > 0.95
    # Capacity is what secretion tells best: nearer than the population alone would be.
    place = hierarchy_people.NAMES.index("capacity")
    assert np.abs(found - truth)[place].mean() < np.abs(start - truth)[place].mean()
