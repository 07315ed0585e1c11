"""One treated arm against external patients, made alike at enrollment by weights.

The external patients are drawn from everybody who was simulated, whether or not they could enter the trial;
what the weights do not balance remains as bias, which the type I error shows.
"""

import numpy as np

from insulae.statistics.ancova import weighted_difference
from insulae.statistics.balancing import effective_size, entropy_weights
from insulae.trials.design.conduct import Flags
from insulae.trials.design.designs import ExternalControl
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.estimators import NotEnoughPatients
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.replicate import Found, Scene, last_visit
from insulae.trials.design.two_arms import is_better


def external_control(scene: Scene, design: ExternalControl, replicate: int) -> Found:
    """Run a trial of one arm and compare it with weighted external patients."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    patients = scene.patients(design.size, draws)
    others = draws.stream("external").integers(0, scene.outcomes.size, design.external_size)
    treated, external = (scene.outcomes.arm(name) for name in (design.arm, design.external))
    arm = np.repeat([treated, external], [design.size, design.external_size])
    followed = scene.followed(np.concatenate([patients, others]), arm, draws)
    entered = np.concatenate([scene.entries(design.size, draws), np.zeros(design.external_size)])
    data = scene.data(followed, entered, draws)
    values, belongs = analyzed(primary, data)
    y = values[:, scene.outcomes.visit(primary.week)]
    x = np.column_stack([followed.values[name][:, 0] for name in design.balance])
    is_treated = arm == treated if treated != external else np.arange(len(arm)) < design.size
    used = belongs & np.isfinite(y) & np.isfinite(x).all(axis=1)
    ours, theirs = used & is_treated, used & ~is_treated
    try:
        weights = entropy_weights(x[theirs], x[ours].mean(axis=0))
    except ValueError as error:
        raise NotEnoughPatients(str(error)) from error
    adjusted = y - _explained(x, y, used, is_treated, x[ours].mean(axis=0))
    found = weighted_difference(adjusted[ours], adjusted[theirs], weights)
    inside = data.chosen(np.arange(design.size))
    ended = scene.ended_at(inside, last_visit(primary, inside))
    is_success = found.p <= scene.spec.alpha / 100 and is_better(primary, found.effect)
    return Found(is_success, *ended, "planned end", found, statistic=effective_size(weights))


def _explained(x: Floats, y: Floats, used: Flags, is_treated: Flags, center: Floats) -> Floats:
    """Return what values at enrollment explain of outcomes [patient], 0 at the center.

    Weights give both groups the same mean of it: taking it off changes the error and not the difference.
    """
    columns = np.column_stack([np.ones(len(x)), is_treated.astype(float), x - center])
    beta = np.linalg.lstsq(columns[used], y[used], rcond=None)[0]
    return columns[:, 2:] @ beta[2:]
