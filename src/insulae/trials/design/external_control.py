"""One treated arm against external patients, made alike at enrollment by weights.

The external patients are simulated ones, drawn from everybody whether or not they could enter the trial, or
the real ones of a file, all of them in every replicate. What the weights do not balance remains as bias, and
so does what the model gets wrong of real patients; the type I error shows both.
"""

import numpy as np

from insulae.statistics.ancova import weighted_difference
from insulae.statistics.balancing import effective_size, entropy_weights
from insulae.trials.design.conduct import Data
from insulae.trials.design.designs import ExternalControl
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.estimators import NotEnoughPatients
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.real_patients import as_data
from insulae.trials.design.replicate import Found, Scene, last_visit
from insulae.trials.design.two_arms import is_better


def external_control(scene: Scene, design: ExternalControl, replicate: int) -> Found:
    """Run a trial of one arm and compare it with weighted external patients."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    treated, external = _both(scene, design, draws)
    (y, x), (others, their_x) = (_seen(scene, design, data) for data in (treated, external))
    if min(len(y), len(others)) < 2 + x.shape[1]:
        raise NotEnoughPatients("too few patients of one source have an outcome")
    try:
        weights = entropy_weights(their_x, x.mean(axis=0))
    except ValueError as error:
        raise NotEnoughPatients(str(error)) from error
    found = weighted_difference(y, others, (x, their_x), weights)
    ended = scene.ended_at(treated, last_visit(primary, treated))
    is_success = found.p <= scene.spec.alpha / 100 and is_better(primary, found.effect)
    return Found(is_success, *ended, "planned end", found, statistic=effective_size(weights))


def _both(scene: Scene, design: ExternalControl, draws: Draws) -> tuple[Data, Data]:
    """Return the data of the treated and of the external patients."""
    treated, external = (scene.outcomes.arm(name) for name in (design.arm, design.external))
    n, others = design.size, design.external_size or 0
    who = draws.stream("external").integers(0, scene.outcomes.size, others)
    patients = np.concatenate([scene.patients(n, draws), who])
    followed = scene.followed(patients, np.repeat([treated, external], [n, others]), draws)
    data = scene.data(followed, np.concatenate([scene.entries(n, draws), np.zeros(others)]), draws)
    inside = np.arange(n + others) < n
    real = scene.outcomes.real
    return data.chosen(inside), data.chosen(~inside) if real is None else as_data(real, external)


def _seen(scene: Scene, design: ExternalControl, data: Data) -> tuple[Floats, Floats]:
    """Return outcome and values at enrollment of the patients in whom all were seen."""
    values, belongs = analyzed(scene.spec.primary, data)
    y = values[:, scene.outcomes.visit(scene.spec.primary.week)]
    x = np.column_stack([data.followed.values[name][:, 0] for name in design.balance])
    used = belongs & np.isfinite(y) & np.isfinite(x).all(axis=1)
    return y[used], x[used]
