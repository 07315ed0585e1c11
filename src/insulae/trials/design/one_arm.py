"""Trials of one arm: against a fixed share or a known curve, with sentinels and a stopping rule; Simon's
stages; run-in.
"""

import dataclasses
import functools

import numpy as np
from scipy.stats import beta

from insulae.statistics import ancova, binomial, survival, two_stage
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.designs import RunIn, SingleArm, TwoStageDesign
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.estimators import NotEnoughPatients
from insulae.trials.design.event_times import times
from insulae.trials.design.harm import stopped_for_harm
from insulae.trials.design.outcomes import Floats, Ints
from insulae.trials.design.protocol import NOTHING_LOST
from insulae.trials.design.replicate import Found, Scene, last_visit
from insulae.trials.design.two_arms import is_better
from insulae.trials.design.variables import measured


def single_arm(scene: Scene, design: SingleArm, replicate: int) -> Found:
    """Run a trial of one arm; who has no outcome counts as no success."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    data, _ = enrolled(scene, design, draws)
    stopped = stopped_for_harm(design.stopping, data) if design.stopping else None
    if stopped is not None:
        return Found(False, *scene.ended_at(data, stopped), "stopped for harm")
    judge = _against_curve if primary.is_time() else _against_share
    is_success, found = judge(scene, design, data)
    return Found(is_success, *scene.ended_at(data, last_visit(primary, data)), "planned end", found)


def _against_share(scene: Scene, design: SingleArm, data: Data) -> tuple[bool, ancova.Estimate]:
    wins, alpha = successes(scene, data), scene.spec.alpha / 200
    assert design.reference is not None
    won, n, share = int(wins.sum()), len(wins), design.reference / 100
    if design.prior is None:
        return binomial.at_least(won, n, share) <= alpha, _share(wins)
    a, b = design.prior
    return bool(beta.cdf(share, a + won, b + n - won) < alpha), _share(wins)


def _against_curve(scene: Scene, design: SingleArm, data: Data) -> tuple[bool, ancova.Estimate]:
    """Return the one-sample log-rank test (mid-P) and the log hazard ratio by one step from none, (O - E) /
    E.
    """
    primary, (found, belongs) = scene.spec.primary, times(scene.spec.primary, data)
    expected = float(_known_curve(scene, design).at(found.week[belongs]).sum())
    if expected <= 0:
        raise NotEnoughPatients("the curve of the reference arm expects no event while patients are watched")
    observed = int(found.happened[belongs].sum())
    more = survival.more_events(observed, expected)
    one = ancova.Estimate((observed - expected) / expected, expected**-0.5)
    p = more if primary.direction() > 0 else 1 - more
    return p <= scene.spec.alpha / 200, one


def _known_curve(scene: Scene, design: SingleArm) -> survival.CumulativeHazard:
    """Return the cumulative hazard of everybody who may enter under the arm of reference, nobody lost."""
    assert design.reference_arm is not None
    whole = dataclasses.replace(scene, spec=scene.spec.model_copy(update=NOTHING_LOST))
    arm, draws = np.full(len(scene.places), scene.outcomes.arm(design.reference_arm)), scene.draws(0)
    data = whole.data(whole.followed(scene.places, arm, draws), np.zeros(len(arm)), draws)
    found, belongs = times(scene.spec.primary, data)
    return survival.cumulative_hazard(found.week[belongs], found.happened[belongs])


def enrolled(scene: Scene, design: SingleArm, draws: Draws) -> tuple[Data, Ints]:
    """Return the data of all patients of a trial of one arm, followed to the end, and who they are."""
    arm = scene.outcomes.arm(design.arm)
    entered = scene.entries(design.size, draws)
    if design.sentinel is not None:
        entered = _staggered(entered, design.sentinel.patients, design.sentinel.wait)
    patients = scene.patients(design.size, draws)
    followed = scene.followed(patients, np.full(design.size, arm), draws)
    return scene.data(followed, entered, draws), patients


def _staggered(entered: Floats, sentinels: int, wait: float) -> Floats:
    """Return entries in which each of the first patients waits for the one before, the rest for the last."""
    found = entered.copy()
    for i in range(1, len(found)):
        if i <= sentinels:
            found[i] = max(found[i], found[i - 1] + wait)
    return np.maximum(found, found[min(sentinels, len(found) - 1)] * (np.arange(len(found)) >= sentinels))


def successes(scene: Scene, data: Data) -> Flags:
    """Tell who has the primary yes or no, in its direction of benefit; the missing have not."""
    primary = scene.spec.primary
    values, belongs = analyzed(primary, data)
    last = values[belongs, scene.outcomes.visit(primary.week)]
    is_yes = last > 0
    return is_yes if measured(primary.endpoint).better == "higher" else ~is_yes & np.isfinite(last)


def _share(wins: Flags) -> ancova.Estimate:
    n, share = len(wins), float(wins.mean())
    adjusted = (wins.sum() + 1) / (n + 2)
    return ancova.Estimate(100 * share, 100 * float(np.sqrt(adjusted * (1 - adjusted) / (n + 2))))


def two_stage_of(design: TwoStageDesign, alpha: float) -> two_stage.TwoStage:
    """Return Simon's design for the one-sided half of alpha."""
    found = _searched(
        design.reference / 100, design.alternative / 100, alpha / 2, 1 - design.power / 100, design.most
    )
    return found[0 if design.choice == "optimal" else 1]


_searched = functools.lru_cache(maxsize=32)(two_stage.search)


def simon(scene: Scene, design: TwoStageDesign, replicate: int) -> Found:
    """Run Simon's two stages; enrollment waits for the outcomes of the first stage."""
    draws, rule = scene.draws(replicate), two_stage_of(design, scene.spec.alpha / 100)
    arm = scene.outcomes.arm(design.arm)
    entered = scene.entries(rule.n, draws)
    first_known = entered[rule.n1 - 1] + scene.spec.primary.week
    entered[rule.n1 :] += max(0.0, first_known - entered[rule.n1])
    followed = scene.followed(scene.patients(rule.n, draws), np.full(rule.n, arm), draws)
    data = scene.data(followed, entered, draws)
    wins = successes(scene, data)
    if rule.is_stopped(int(wins[: rule.n1].sum())):
        first = data.chosen(np.arange(rule.n1))
        return Found(
            False, *scene.ended_at(first, first_known), "stopped after stage one", _share(wins[: rule.n1])
        )
    ended = scene.ended_at(data, last_visit(scene.spec.primary, data))
    return Found(rule.is_success(int(wins.sum())), *ended, "planned end", _share(wins))


def run_in(scene: Scene, design: RunIn, replicate: int) -> Found:
    """Run one arm whose patients are their own controls: change from enrollment to the visit."""
    draws, primary = scene.draws(replicate), scene.spec.primary
    arm = scene.outcomes.arm(design.arm)
    followed = scene.followed(scene.patients(design.size, draws), np.full(design.size, arm), draws)
    data = scene.data(followed, scene.entries(design.size, draws), draws)
    values, belongs = analyzed(primary, data)
    change = values[belongs, scene.outcomes.visit(primary.week)] - values[belongs, 0]
    try:
        found = ancova.paired(change)
    except ValueError as error:
        raise NotEnoughPatients(str(error)) from error
    ended = scene.ended_at(data, last_visit(primary, data))
    is_success = found.p <= scene.spec.alpha / 100 and is_better(primary, found.effect)
    return Found(is_success, *ended, "planned end", found)
