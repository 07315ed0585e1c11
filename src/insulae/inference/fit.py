"""Fit one person: prior and measurements to the most probable values and draws of the posterior."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from insulae.inference import ensemble, point
from insulae.inference.ensemble import Draws
from insulae.inference.evidence import Experiment, stacked
from insulae.inference.likelihood import Prior, normalization
from insulae.inference.meals import with_meals
from insulae.inference.measurement_error import ErrorTable
from insulae.inference.model import Floats, Posterior
from insulae.inference.person import Known
from insulae.inference.point import Point

CORRELATION_TIMES = (15.0, 30.0, 60.0, 120.0, 240.0)
"""Minutes over which the error of sensor glucose may last; the likeliest is taken."""
ROUNDS = 2
KEPT = 1024
"""Draws kept of a posterior, spread evenly over walkers and steps."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A person's posterior, its most probable point, and how it was drawn from."""

    posterior: Posterior
    point: Point
    draws: Draws

    @property
    def logarithms(self) -> Floats:
        """Draws of the logarithms of the fitted quantities, [fitted, draw]."""
        flat = self.draws.logarithms.swapaxes(0, 1).reshape(-1, self.draws.logarithms.shape[2])
        chosen = np.linspace(0, len(flat) - 1, min(KEPT, len(flat))).round().astype(int)
        return flat[chosen].T


def fit(
    known: Known,
    prior: Prior,
    experiments: Sequence[Experiment],
    errors: ErrorTable,
    seed: int,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> Fitted:
    """Return the posterior of a person who was measured in some experiments."""
    posterior = Posterior(stacked(experiments, errors), known, prior)
    best = point.most_probable(posterior, seed)
    if any(experiment.meals for experiment in experiments):
        for _ in range(ROUNDS):
            posterior = _with_diary(posterior, experiments, errors, best)
            best = point.climbed(posterior, best)
    return Fitted(posterior, best, ensemble.sample(posterior, best, seed, on_step))


def _with_diary(
    posterior: Posterior, experiments: Sequence[Experiment], errors: ErrorTable, best: Point
) -> Posterior:
    """Return the posterior with meals integrated out around a point, and the likeliest correlation time."""
    tried: list[tuple[float, Posterior]] = []
    for time in CORRELATION_TIMES:
        plain = stacked(experiments, dataclasses.replace(errors, sensor_time=time))
        evidence = with_meals(plain, experiments, posterior.known, best.logarithms)
        candidate = dataclasses.replace(posterior, evidence=evidence)
        density = float(candidate.density(best.logarithms[:, None])[0]) - normalization(evidence)
        tried.append((density, candidate))
    return max(tried, key=lambda pair: pair[0])[1]
