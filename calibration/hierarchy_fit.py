"""Population and people in turns: most probable values of each person, tangents there, the population anew.

`turns` ends at the most probable population; `drawn` then draws populations by NUTS from the same tangents.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpyro.diagnostics import effective_sample_size, gelman_rubin
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import initialize_model
from scipy.optimize import minimize

from calibration import hierarchy_population as prior
from calibration.hierarchy_people import KINDS, MINUTES, Sample, known, linearized, predicted
from calibration.hierarchy_population import Tangents, covariates, offsets
from insulae.inference.person import Known

Floats = np.ndarray[Any, Any]
STEPS = 4
DAMPINGS = (0.0, 0.1, 1.0, 10.0)
LONGEST = 0.7
"""Largest change of a logarithm in one step of a person."""
ARRIVED = 1e-3
TURNS = 16
CLIMB = 80
SHARE = 0.4
"""Share of the way to the new population that a turn goes, so that turns do not swing."""
DEPTH = 5
"""Largest depth of the trees of NUTS: 31 steps."""
APART = 0.7
"""How far from the most probable population chains begin, in standard deviations."""
FLATTEST = 0.1
"""Least curvature of a coordinate that steps are measured by: where priors are standard normal it is one."""
SETTLED = 0.02
"""Largest move of a mean (in logarithms) in a turn at which turns end."""


@dataclasses.dataclass(frozen=True)
class Point:
    """One population: coefficients [covariate, fitted], spreads, Cholesky factor of correlations, errors of
    glucose, insulin and C-peptide, logarithm of the other insulin assay."""

    coefficients: Floats
    spread: Floats
    root: Floats
    error: Floats
    assay: float

    @property
    def between(self) -> Floats:
        """Covariance of the logarithms between people."""
        return np.asarray(prior.between(jnp.asarray(self.spread), jnp.asarray(self.root)))


def expected(sample: Sample, point: Point) -> Floats:
    """Return what is expected of people by class and size alone, [fitted, person]."""
    return np.asarray((covariates(sample) @ point.coefficients + offsets(sample)).T)


_predicted = jax.jit(predicted)


class People:
    """The people of a sample with their tests, ready to be fitted again and again."""

    def __init__(self, sample: Sample) -> None:
        """Take the people."""
        self.sample = sample
        self.known: Known = known(sample)
        self.first: Any = jnp.asarray(np.exp(sample.measured[0]))
        self.is_there = np.isfinite(sample.measured).T.astype(float)
        insulin = np.repeat([kind == "insulin" for kind in KINDS], len(MINUTES))
        self.other_assay = self.is_there * insulin * (sample.study == 1)[:, None]
        self.values = np.where(self.is_there > 0, sample.measured.T, 0.0)

    def predicted(self, logarithms: Floats) -> Floats:
        """Return predictions, [person, value]."""
        return np.asarray(_predicted(self.known, self.first, jnp.asarray(logarithms))).T

    def tangents(self, logarithms: Floats) -> Tangents:
        """Return the tests along their tangents at some logarithms [fitted, person]."""
        f, slopes = linearized(self.known, self.first, jnp.asarray(logarithms))
        there = np.moveaxis(np.asarray(slopes), 2, 0) * self.is_there[:, :, None]
        left = (self.values - np.asarray(f).T) * self.is_there + np.einsum("pvk,kp->pv", there, logarithms)
        fixed = covariates(self.sample), offsets(self.sample)
        return Tangents(left, there, self.is_there, *fixed, self.other_assay)

    def climbed(self, point: Point, start: Floats) -> tuple[Floats, Floats]:
        """Return the most probable logarithms of each person given a population, and their covariance."""
        goal = _Goal(self, point)
        now, lowest = start, goal.cost(start)
        for _ in range(STEPS):
            curvature, gradient = goal.curvature(now)
            best, best_cost = now, lowest
            for damping in DAMPINGS:
                tried = now + np.clip(_step(curvature, gradient, damping), -LONGEST, LONGEST)
                found = goal.cost(tried)
                is_better = found < best_cost
                best, best_cost = np.where(is_better, tried, best), np.where(is_better, found, best_cost)
                if is_better.mean() > 0.95:
                    break
            moved = float(np.abs(best - now).max())
            now, lowest = best, best_cost
            if moved < ARRIVED:
                break
        return now, np.linalg.inv(goal.curvature(now)[0])


def _step(curvature: Floats, gradient: Floats, damping: float) -> Floats:
    scale = damping * np.eye(curvature.shape[1]) * np.diagonal(curvature, axis1=1, axis2=2)[:, None]
    return np.linalg.solve(curvature + scale, gradient[..., None])[..., 0].T


class _Goal:
    """Minus twice the logarithm of each person's posterior given a population."""

    def __init__(self, people: People, point: Point) -> None:
        self.people, self.mean = people, expected(people.sample, point)
        self.values = people.values - point.assay * people.other_assay
        error = prior.error_covariance(jnp.asarray(point.error), jnp.asarray(people.is_there))
        self.weight, self.inverse = np.linalg.inv(np.asarray(error)), np.linalg.inv(point.between)

    def cost(self, logarithms: Floats) -> Floats:
        left = (self.values - self.people.predicted(logarithms)) * self.people.is_there
        away = (logarithms - self.mean).T
        found = np.einsum("pv,pvw,pw->p", left, self.weight, left)
        found = found + np.einsum("pk,kl,pl->p", away, self.inverse, away)
        return np.where(np.isfinite(found), found, np.inf)

    def curvature(self, logarithms: Floats) -> tuple[Floats, Floats]:
        tangents = self.people.tangents(logarithms)
        slopes = tangents.slopes
        left = tangents.left - np.einsum("pvk,kp->pv", slopes, logarithms)
        left = left + (self.values - self.people.values)
        weighted = np.einsum("pvk,pvw->pkw", slopes, self.weight)
        gradient = np.einsum("pkw,pw->pk", weighted, left) - (logarithms - self.mean).T @ self.inverse
        return weighted @ slopes + self.inverse, gradient


class Population:
    """The numpyro model of the population, compiled once for all tangents."""

    def __init__(self, tangents: Tangents) -> None:
        """Take tangents of the people to come, for their shapes."""
        made = initialize_model(
            jax.random.PRNGKey(0), prior.population, dynamic_args=True, model_args=(tangents,)
        )
        self.named = made.postprocess_fn
        self.start = jax.tree_util.tree_map(lambda leaf: 0 * leaf, made.param_info.z)
        _, self._back = ravel_pytree(self.start)
        self._potential = potential = made.potential_fn
        self._value = jax.jit(jax.value_and_grad(lambda vector, given: potential(given)(self._back(vector))))

    def climbed(self, tangents: Tangents, start: Any) -> tuple[Point, Any]:
        """Return the most probable population, and its unconstrained coordinates."""

        def of(vector: Floats) -> tuple[float, Floats]:
            value, gradient = self._value(jnp.asarray(vector), tangents)
            return float(value), np.asarray(gradient)

        first = np.asarray(ravel_pytree(start)[0])
        found = minimize(of, first, jac=True, method="L-BFGS-B", options={"maxiter": CLIMB})
        free = self._back(jnp.asarray(found.x))
        return point_of(self.named(tangents)(free)), free

    def covariance(self, tangents: Tangents, free: Any) -> Floats:
        """Return the covariance of the unconstrained coordinates by the curvature at some of them."""
        vector = ravel_pytree(free)[0]

        def along(unit: Any) -> Any:
            return jax.jvp(lambda v: self._value(v, tangents)[1], (vector,), (unit,))[1]

        curvature = np.asarray(jax.lax.map(along, jnp.eye(len(vector))))
        values, vectors = np.linalg.eigh((curvature + curvature.T) / 2)
        return vectors @ np.diag(1 / np.maximum(values, FLATTEST)) @ vectors.T

    def apart(self, free: Any, covariance: Floats, number: int, rng: np.random.Generator) -> Any:
        """Return where chains begin, [chain, ...] each: around some coordinates."""
        center = np.asarray(ravel_pytree(free)[0])
        away = rng.standard_normal((number, len(center))) @ np.linalg.cholesky(covariance).T
        each = [self._back(jnp.asarray(center + APART * one)) for one in away]
        return jax.tree_util.tree_map(lambda *leaves: jnp.stack(leaves), *each)


def point_of(made: Any) -> Point:
    """Return one population of named values."""
    arrays = {n: np.asarray(made[n]) for n in ("coefficients", "spread", "root", "error")}
    return Point(assay=float(made["assay"]), **arrays)


@dataclasses.dataclass(frozen=True)
class Turned:
    """Where turns end: the population, the people given it (covariance [person, fitted, fitted]), how far
    the last turn moved."""

    point: Point
    free: Any
    logarithms: Floats
    covariance: Floats
    tangents: Tangents
    moved: float


def first_guess() -> Point:
    """Return the population of the table with resistance of the classes as a beginning."""
    center, _, scale = prior.scales()
    guess = {"peripheral_sensitivity": (-0.5, -1.0, -2.0), "hepatic_sensitivity": (0.0, -0.3, -1.0)}
    guess |= {"capacity": (-0.1, -0.7, 0.3), "first_phase": (-0.4, -0.8, 0.0)}
    for name, values in guess.items():
        center[1:, prior.NAMES.index(name)] = values
    errors = np.array(list(prior.ERRORS.values()))
    return Point(center, scale * 0.7, np.eye(len(scale)), errors, 0.0)


def _between(old: Point, new: Point, share: float) -> Point:
    """Return a population some share of the way from one to another."""
    mixed = (1 - share) * old.root @ old.root.T + share * new.root @ new.root.T
    return Point(
        coefficients=(1 - share) * old.coefficients + share * new.coefficients,
        spread=old.spread ** (1 - share) * new.spread**share,
        root=np.linalg.cholesky(mixed),
        error=old.error ** (1 - share) * new.error**share,
        assay=(1 - share) * old.assay + share * new.assay,
    )


def turns(people: People, quiet: bool = False) -> Turned:
    """Fit people and population in turns until the population stays."""
    point, moved = first_guess(), np.inf
    logarithms = expected(people.sample, point)
    solver: Population | None = None
    free: Any = None
    for turn in range(TURNS):
        logarithms, covariance = people.climbed(point, logarithms)
        tangents = people.tangents(logarithms)
        solver = solver or Population(tangents)
        new, free = solver.climbed(tangents, solver.start if free is None else free)
        moved = float(np.abs(new.coefficients - point.coefficients).max())
        if not quiet:
            which = np.unravel_index(
                np.abs(new.coefficients - point.coefficients).argmax(), new.coefficients.shape
            )
            name = f"{prior.COVARIATES[which[0]]} of {prior.NAMES[which[1]]}"
            print(f"turn {turn}: moved by {moved:.3f} ({name}), errors {new.error.round(3)}", flush=True)
        point = _between(point, new, SHARE)
        if moved < SETTLED:
            break
    logarithms, covariance = people.climbed(point, logarithms)
    return Turned(point, free, logarithms, covariance, people.tangents(logarithms), moved)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Populations drawn by NUTS, by name [draw, ...], and how well they mixed."""

    values: dict[str, Floats]
    r_hat: dict[str, Floats]
    effective: dict[str, Floats]
    divergences: int
    chains: int


SITES = ("coefficients", "spread", "correlation", "error", "assay", "root")


def drawn(turned: Turned, draws: int, warm_up: int, chains: int, seed: int) -> Drawn:
    """Draw populations given the tangents at the most probable one.

    Steps are measured by the curvature there, which is known, so that warming up finds only their length;
    chains begin apart, some by `APART` standard deviations of the Gaussian with that curvature.
    """
    solver = Population(turned.tangents)
    covariance = solver.covariance(turned.tangents, turned.free)
    kernel = NUTS(
        prior.population,
        dense_mass=True,
        inverse_mass_matrix=jnp.asarray(covariance),
        adapt_mass_matrix=False,
        max_tree_depth=DEPTH,
    )
    mcmc = MCMC(
        kernel,
        num_warmup=warm_up,
        num_samples=draws,
        num_chains=chains,
        progress_bar=False,
        chain_method="vectorized",
    )
    starts = solver.apart(turned.free, covariance, chains, np.random.default_rng(seed))
    mcmc.run(jax.random.PRNGKey(seed), turned.tangents, extra_fields=("diverging",), init_params=starts)
    by_chain = {n: np.asarray(v) for n, v in mcmc.get_samples(group_by_chain=True).items() if n in SITES}
    varying = {n: v for n, v in by_chain.items() if n != "root"}
    return Drawn(
        values={n: v.reshape(-1, *v.shape[2:]) for n, v in by_chain.items()},
        r_hat={n: np.asarray(gelman_rubin(v)) for n, v in varying.items()},
        effective={n: np.asarray(effective_sample_size(v)) for n, v in varying.items()},
        divergences=int(np.asarray(mcmc.get_extra_fields()["diverging"]).sum()),
        chains=chains,
    )
