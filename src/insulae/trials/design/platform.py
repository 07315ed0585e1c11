"""Platform trials: arms enter one after the other and are compared with controls allocated meanwhile."""

import numpy as np

from insulae.statistics import multiplicity
from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Flags
from insulae.trials.design.designs import Platform
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimators import estimate
from insulae.trials.design.outcomes import Floats, Ints
from insulae.trials.design.replicate import Found, Scene
from insulae.trials.design.two_arms import is_better


def platform(scene: Scene, design: Platform, replicate: int) -> Found:
    """Run a platform; success is that of any arm, adjusted for their number as the design says; `chosen`
    names those that succeed.
    """
    draws, primary = scene.draws(replicate), scene.spec.primary
    arm, joined = allocation(design, draws)
    places = np.array([scene.outcomes.arm(name) for name in design.arm_names()])
    entered = scene.entries(len(arm), draws)
    patients = scene.patients(len(arm), draws)
    data = scene.data(scene.followed(patients, places[arm], draws), entered, draws)
    found: list[Estimate] = []
    for k in range(1, len(places)):
        mine = (arm == k) | ((arm == 0) & joined[:, k])
        found.append(estimate(primary, data.chosen(mine), int(places[k]), draws))
    alpha = scene.spec.alpha / 100
    rejected = adjusted(design, found, arm, joined) <= alpha
    won = [
        name
        for name, one, is_won in zip(design.actives, found, rejected, strict=True)
        if is_won and is_better(primary, one.effect)
    ]
    ended = scene.ended_at(data, float(entered[-1] + primary.week))
    return Found(bool(won), *ended, "planned end", chosen=", ".join(won) or "none")


def adjusted(design: Platform, found: list[Estimate], arm: Ints, joined: Flags) -> Floats:
    """Return the two-sided p-value of each arm [arm], adjusted for their number as the design says."""
    p = [one.p for one in found]
    if design.multiplicity == "dunnett":
        active = [int((arm == k).sum()) for k in range(1, len(p) + 1)]
        control = (joined[:, 1:] & (arm == 0)[:, None]).astype(float)
        correlation = multiplicity.shared_control_correlation(active, control.T @ control)
        return multiplicity.dunnett([one.z for one in found], correlation)
    if design.multiplicity == "graphical":
        return multiplicity.graphical(p, design.weights, design.graph)
    known = {"none": np.asarray, "bonferroni": multiplicity.bonferroni, "holm": multiplicity.holm}
    return known[design.multiplicity](p)


def allocation(design: Platform, draws: Draws) -> tuple[Ints, Flags]:
    """Return the arm of each patient (0 the control) and which arms were open at each entry [patient, arm].

    Open arms and the control get patients in permuted blocks; a block ends early when an arm opens or is
    full.
    """
    draw, n_arms = draws.stream("platform allocation"), len(design.actives) + 1
    filled, arm, joined = np.zeros(n_arms, int), list[int](), list[Flags]()
    block, before = list[int](), np.zeros(n_arms, bool)
    while True:
        due = len(arm) // design.enter_every + 1 if design.enter_every else n_arms - 1
        is_open = np.array([True, *(k < due and filled[k + 1] < design.per_arm for k in range(n_arms - 1))])
        if not is_open[1:].any():
            if (filled[1:] >= design.per_arm).all():
                return np.array(arm), np.array(joined)
            is_open[1 + int(np.argmin(filled[1:] >= design.per_arm))] = True
        if not block or not np.array_equal(is_open, before):
            block, before = list(draw.permutation(np.flatnonzero(is_open))), is_open
        chosen = int(block.pop())
        filled[chosen] += 1
        arm.append(chosen)
        joined.append(is_open)
