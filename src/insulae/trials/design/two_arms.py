"""Randomized parallel trials of two arms, with or without looks at which they may stop."""

import functools

import numpy as np

from insulae.statistics import group_sequential, spending
from insulae.trials.design.conduct import Data
from insulae.trials.design.designs import GroupSequential, Parallel
from insulae.trials.design.draws import Draws
from insulae.trials.design.enrolment import allocated
from insulae.trials.design.estimators import estimate
from insulae.trials.design.harm import stopped_for_harm
from insulae.trials.design.outcomes import Ints
from insulae.trials.design.protocol import Estimand
from insulae.trials.design.replicate import Found, Scene, last_visit

STOPPED = "stopped for harm"
SPENDING = {"obrien_fleming": spending.obrien_fleming, "pocock": spending.pocock}


def randomized(scene: Scene, design: Parallel | GroupSequential, draws: Draws) -> tuple[Data, Ints]:
    """Return the data of all patients of a randomized trial, followed to the end, and who they are."""
    patients = scene.patients(design.size, draws)
    places = np.array([scene.outcomes.arm(name) for name in design.arm_names()])
    arm = places[allocated(design.ratio, scene.strata(patients), design.blocks, draws)]
    entered = scene.entries(design.size, draws)
    return scene.data(scene.followed(patients, arm, draws), entered, draws), patients


def parallel(scene: Scene, design: Parallel, replicate: int) -> Found:
    """Run a trial with one analysis, when the last patient has reached the visit."""
    draws = scene.draws(replicate)
    data, _ = randomized(scene, design, draws)
    primary = scene.spec.primary
    last = last_visit(primary, data)
    harm = harmed_by(scene, design, data)
    if harm is not None and harm < last:
        return Found(False, *scene.ended_at(data, harm), STOPPED)
    found = estimate(primary, data, scene.outcomes.arm(design.active), draws, design.strata)
    ended = scene.ended_at(data, last)
    is_success = found.p <= scene.spec.alpha / 100 and is_better(primary, found.effect)
    return Found(is_success, *ended, "planned end", found)


def group_sequential_trial(scene: Scene, design: GroupSequential, replicate: int) -> Found:
    """Run a trial that looks at patients whose outcome is known, and stops for efficacy or futility."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    data, _ = randomized(scene, design, draws)
    bounds = boundaries(design.looks, design.spending, scene.spec.alpha / 100)
    active, sign = scene.outcomes.arm(design.active), primary.direction()
    harm = harmed_by(scene, design, data)
    for look, (fraction, bound) in enumerate(zip(bounds.fractions, bounds.upper, strict=True)):
        complete = data.chosen(np.arange(round(fraction * design.size)))
        if harm is not None and harm < last_visit(primary, complete):
            return Found(False, *scene.ended_at(data, harm), STOPPED, look=look)
        found = estimate(primary, complete, active, draws, design.strata)
        z, ended = sign * found.z, scene.ended_at(data, last_visit(primary, complete))
        is_last = look == len(bounds.fractions) - 1
        if z >= bound or is_last:
            words = "planned end" if is_last else f"efficacy at look {look + 1}"
            return Found(bool(z >= bound), *ended, words, found, look=look + 1)
        chance = group_sequential.predictive_power(z, float(fraction), float(bounds.upper[-1]))
        if chance < design.futility / 100:
            return Found(False, *ended, f"futility at look {look + 1}", found, look=look + 1)
    raise AssertionError("the last look ends the trial")


def harmed_by(scene: Scene, design: Parallel | GroupSequential, data: Data) -> float | None:
    """Return the calendar week in which the trial stops for harm in the active arm; None when it does not."""
    if design.stopping is None:
        return None
    return stopped_for_harm(
        design.stopping, data.chosen(data.followed.arm == scene.outcomes.arm(design.active))
    )


@functools.lru_cache(maxsize=32)
def boundaries(looks: tuple[float, ...], name: str, alpha: float) -> group_sequential.Boundaries:
    """Return the upper bounds of looks with a named spending; half of the two-sided alpha is for benefit."""
    return group_sequential.spent(looks, alpha / 2, SPENDING[name])


def is_better(estimand: Estimand, effect: float) -> bool:
    """Tell whether an effect is in the direction of benefit."""
    return estimand.direction() * effect > 0
