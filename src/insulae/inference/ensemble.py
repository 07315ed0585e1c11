"""Draws of a posterior by many walkers at once: differential evolution and steps from the Laplace Gaussian.

Walkers form two halves; each half moves with proposals made from the other (ter Braak 2006), which keeps the
posterior exactly. A third of the proposals is drawn from a multivariate t around the most probable values,
accepted by Metropolis and Hastings: where the posterior is nearly Gaussian most of these are taken.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.stats import multivariate_t

from insulae.inference.diagnostics import Convergence, converged
from insulae.inference.model import TOGETHER, Floats, Posterior
from insulae.inference.point import Point

FREEDOM = 5.0
"""Degrees of freedom of the proposals around the most probable values: heavier tails than the posterior."""
INDEPENDENT = 0.35
"""Share of proposals that ask nobody else."""
LONG_JUMP = 0.1
"""Share of differential moves of full length, which find other modes."""
JITTER = 1e-5
CHECKED_EVERY = 25
WARM_UP = 25
ENOUGH = 400
LARGEST_R_HAT = 1.01
MOST_STEPS = 600


@dataclasses.dataclass(frozen=True)
class Draws:
    """Draws [walker, step, fitted] after warming up, their log density, acceptance and convergence."""

    logarithms: Floats
    density: Floats
    acceptance: float
    convergence: Convergence


class _Walkers:
    """Where the walkers are; `step` moves all of them once."""

    def __init__(self, posterior: Posterior, point: Point, seed: int) -> None:
        self.posterior, self.random = posterior, np.random.default_rng([seed, 1])
        self.around = multivariate_t(point.logarithms, point.covariance, df=FREEDOM, seed=self.random)  # type: ignore[arg-type]
        self.place = self.around.rvs(2 * TOGETHER).T
        self.density = posterior.density(self.place)
        self.accepted: list[float] = []

    def step(self) -> None:
        """Move one half after the other."""
        halves = (np.arange(TOGETHER), np.arange(TOGETHER, 2 * TOGETHER))
        for moving, others in (halves, halves[::-1]):
            proposal, log_ratio = self._proposed(moving, others)
            density = self.posterior.density(proposal)
            gain = density - self.density[moving] + log_ratio
            taken = np.log(self.random.uniform(size=TOGETHER)) < gain
            chosen = moving[taken]
            self.place[:, chosen], self.density[chosen] = proposal[:, taken], density[taken]
            self.accepted.append(float(taken.mean()))

    def _proposed(self, moving: np.ndarray, others: np.ndarray) -> tuple[Floats, Floats]:
        """Return where the moving half would go and the logarithm of the Hastings ratio."""
        here, n = self.place[:, moving], len(self.place)
        picked = np.array([self.random.choice(others, 2, replace=False) for _ in moving])
        gamma = np.where(self.random.uniform(size=TOGETHER) < LONG_JUMP, 1.0, 2.38 / np.sqrt(2 * n))
        difference = self.place[:, picked[:, 0]] - self.place[:, picked[:, 1]]
        moved = here + gamma * difference + JITTER * self.random.standard_normal(here.shape)
        fresh = self.around.rvs(TOGETHER).T
        independent = self.random.uniform(size=TOGETHER) < INDEPENDENT
        ratio = np.where(independent, self.around.logpdf(here.T) - self.around.logpdf(fresh.T), 0.0)
        return np.where(independent, fresh, moved), ratio


def sample(
    posterior: Posterior, point: Point, seed: int, on_step: Callable[[int, int], None] = lambda done, of: None
) -> Draws:
    """Draw until the effective sample size of every quantity is enough, or for the most steps allowed."""
    walkers = _Walkers(posterior, point, seed)
    for _ in range(WARM_UP):
        walkers.step()
    places: list[Floats] = []
    densities: list[Floats] = []
    walkers.accepted.clear()
    found: Convergence | None = None
    while found is None or not (found.is_enough(ENOUGH, LARGEST_R_HAT) or len(places) >= MOST_STEPS):
        for _ in range(CHECKED_EVERY):
            walkers.step()
            places.append(walkers.place.T.copy())
            densities.append(walkers.density.copy())
        found = converged(np.stack(places, axis=1))
        on_step(len(places), MOST_STEPS)
    kept = np.stack(places, axis=1)
    return Draws(kept, np.stack(densities, axis=1), float(np.mean(walkers.accepted)), found)
