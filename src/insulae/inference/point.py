"""The most probable values of one person and the Gaussian around them (Laplace), by Gauss-Newton steps.

Several starts are moved together: derivatives are differences in double precision, and each step is the best
of several dampings (Levenberg and Marquardt), all computed at once.
"""

import dataclasses

import numpy as np
from scipy.linalg import solve

from insulae.inference.evidence import NO_KIND
from insulae.inference.likelihood import Prior
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.model import Floats, Posterior

STARTS = 4
TRIED = 128
STEPS = 25
DIFFERENCE = 1e-5
DAMPINGS = 10.0 ** np.arange(-3, 5)
LONGEST_STEP = 1.5
"""Largest change of a logarithm in one step."""
DONE = 1e-4
"""A gain in log density below which a start has arrived."""


@dataclasses.dataclass(frozen=True)
class Point:
    """The most probable logarithms, their covariance, log density, and how far the best starts agree.

    `disagreement` is the distance of the second best start from the best, in standard deviations.
    """

    logarithms: Floats
    covariance: Floats
    density: float
    disagreement: float


def _curvature(posterior: Posterior, center: Floats) -> tuple[Floats, Floats, float]:
    """Return gradient, Gauss-Newton curvature and log density at a point."""
    n = len(center)
    columns = np.concatenate([center[:, None], center[:, None] + DIFFERENCE * np.eye(n)], axis=1)
    white, density = posterior(columns)
    jacobian = (white[:, 1:] - white[:, :1]) / DIFFERENCE
    weights = _weights(posterior, white[:, 0])
    projection = np.asarray(posterior.evidence.projection)
    along, left = projection @ jacobian, projection @ white[:, 0]
    # Directions of meals belong to sensor glucose alone, so that they share the weight of their first value.
    sensor = weights[np.argmax(np.abs(projection), axis=1)]
    prior = np.asarray(posterior.prior.whitening)
    pulled = prior @ (center - np.asarray(posterior.prior.mean))
    gradient = jacobian.T @ (weights * white[:, 0]) - along.T @ (sensor * left) + prior.T @ pulled
    curvature = (jacobian.T * weights) @ jacobian - (along.T * sensor) @ along + prior.T @ prior
    return gradient, curvature, float(density[0])


def _weights(posterior: Posterior, white: Floats) -> Floats:
    """Return the weight of each squared deviation: small for kinds that are described badly."""
    evidence = posterior.evidence
    freedom, quantity = float(evidence.freedom), np.asarray(evidence.quantity)
    explained = (np.asarray(evidence.projection) @ white) ** 2
    total = np.bincount(quantity, white**2, NO_KIND + 1)
    total[QUANTITIES.index("interstitial")] -= explained.sum()
    number = np.bincount(quantity, minlength=len(total))
    return ((freedom + number) / (freedom + total))[quantity]


def _climb(posterior: Posterior, start: Floats) -> tuple[Floats, float, Floats]:
    """Return the place that a start climbs to, its log density and the curvature there."""
    center = start
    gradient, curvature, density = _curvature(posterior, center)
    for _ in range(STEPS):
        scale = np.diag(np.diag(curvature))
        moves = np.stack([np.linalg.solve(curvature + d * scale, -gradient) for d in DAMPINGS], axis=1)
        tried = center[:, None] + np.clip(moves, -LONGEST_STEP, LONGEST_STEP)
        found = posterior.density(tried)
        best = int(np.argmax(found))
        if not found[best] > density + DONE:
            break
        center = tried[:, best]
        gradient, curvature, density = _curvature(posterior, center)
    return center, density, curvature


def most_probable(posterior: Posterior, seed: int) -> Point:
    """Climb from the prior's center and the best of some draws of the prior; return the best place."""
    drawn = draws(posterior.prior, TRIED, seed)
    order = np.argsort(-posterior.density(drawn))[: STARTS - 1]
    starts = np.concatenate([np.asarray(posterior.prior.mean)[:, None], drawn[:, order]], axis=1)
    ends = sorted((_climb(posterior, start) for start in starts.T), key=lambda end: -end[1])
    center, density, curvature = ends[0]
    away = ends[1][0] - center
    return Point(
        center, np.asarray(np.linalg.inv(curvature), float), density, float(np.sqrt(away @ curvature @ away))
    )


def climbed(posterior: Posterior, point: Point) -> Point:
    """Return the most probable place near a point of a slightly different posterior."""
    center, density, curvature = _climb(posterior, point.logarithms)
    return Point(center, np.asarray(np.linalg.inv(curvature), float), density, point.disagreement)


def draws(prior: Prior, number: int, seed: int) -> Floats:
    """Return draws of the prior, [fitted, draw]."""
    normal = np.random.default_rng([seed, 0]).standard_normal((len(prior.mean), number))
    return np.asarray(prior.mean, float)[:, None] + np.asarray(solve(prior.whitening, normal), float)
