"""Operating characteristics: a trial run many times, with the Monte Carlo error of what is counted."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from insulae.core.errors import RunError
from insulae.statistics import multiplicity
from insulae.statistics.ancova import Estimate
from insulae.trials.design import designs
from insulae.trials.design.adaptive import response_adaptive
from insulae.trials.design.dose_escalation import dose_escalation
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.external_control import external_control
from insulae.trials.design.n_of_1 import n_of_1
from insulae.trials.design.null import null_scene
from insulae.trials.design.one_arm import run_in, simon, single_arm
from insulae.trials.design.platform import platform
from insulae.trials.design.protocol import Estimand
from insulae.trials.design.replicate import Found, Scene
from insulae.trials.design.two_arms import group_sequential_trial, parallel, randomized

BATCH = 100
"""Replicates between two looks at the Monte Carlo error."""
OTHER_SEED = 1
"""Added to the seed where a limit is found, so that it is not judged on the trials it was found with."""
OnProgress = Callable[[int], None]
Run = Callable[[int], Found]

_RUNS: dict[type, Callable[[Scene, Any, int], Found]] = {
    designs.Parallel: parallel,
    designs.GroupSequential: group_sequential_trial,
    designs.SingleArm: single_arm,
    designs.TwoStageDesign: simon,
    designs.DoseEscalation: dose_escalation,
    designs.Platform: platform,
    designs.ExternalControl: external_control,
    designs.RunIn: run_in,
    designs.NOf1: n_of_1,
}


@dataclasses.dataclass(frozen=True)
class Judged:
    """How an estimator of an estimand does: all in the unit of the endpoint, shares in percent."""

    name: str
    truth: float
    mean: float
    bias: float
    bias_error: float
    coverage: float
    coverage_error: float
    rejected: float
    rejected_error: float
    replicates: int


def share_error(share: float, n: int) -> float:
    """Return the Monte Carlo standard error of a share of n replicates."""
    return float(np.sqrt(max(share * (1 - share), 1 / n) / n)) if n else float("nan")


def runner(scene: Scene, limit: float | None = None) -> Run:
    """Return what runs one replicate of the scene's design; finds the limit of an adaptive design where none
    is given.
    """
    design = scene.spec.design
    if isinstance(design, designs.ResponseAdaptive):
        known = success_limit(scene) if limit is None else limit
        assert known is not None
        return lambda replicate: response_adaptive(scene, design, replicate, known)
    run = _RUNS[type(design)]
    return lambda replicate: run(scene, design, replicate)


def success_limit(scene: Scene) -> float | None:
    """Return the posterior probability that is exceeded in half of alpha of the trials without an effect.

    None for a design that needs none.
    """
    design = scene.spec.design
    if not isinstance(design, designs.ResponseAdaptive):
        return None
    if design.success is not None:
        return design.success / 100
    nothing = null_scene(dataclasses.replace(scene, seed=scene.seed + OTHER_SEED))
    assert nothing is not None
    times = scene.spec.replicates.most
    found = [response_adaptive(nothing, design, i, 1.0).statistic for i in range(times)]
    return float(np.quantile(found, 1 - scene.spec.alpha / 200, method="higher"))


def replicates(scene: Scene, on_progress: OnProgress, run: Run | None = None) -> list[Found]:
    """Run replicates until the Monte Carlo error is small enough, or the most were run.

    A replicate that cannot be analyzed counts as no success; raises `RunError` when none can be.
    """
    wanted, one, found = scene.spec.replicates, run or runner(scene), list[Found]()
    while len(found) < wanted.most:
        for replicate in range(len(found), min(len(found) + BATCH, wanted.most)):
            found.append(_tried(one, replicate))
            on_progress(1)
        share = float(np.mean([each.is_success for each in found]))
        if wanted.error and 100 * share_error(share, len(found)) <= wanted.error:
            break
    if all(each.ended == NOT_ANALYZED for each in found):
        raise RunError("no replicate of the trial could be analyzed", "Give it more patients")
    return found


NOT_ANALYZED = "could not be analyzed"


def _tried(run: Run, replicate: int) -> Found:
    try:
        return run(replicate)
    except NotEnoughPatients as error:
        return Found(False, 0, float("nan"), float("nan"), NOT_ANALYZED, chosen=str(error))


Estimates = dict[str, list[Estimate | None]]
"""Estimates of each estimand in replicates, None where there is none."""


def estimates(scene: Scene, times: int, on_progress: OnProgress) -> Estimates:
    """Return what the estimators of all estimands find in trials of two arms of the full size, on the same
    data.
    """
    design = scene.spec.design
    assert isinstance(design, designs.Parallel | designs.GroupSequential)
    active, found = scene.outcomes.arm(design.active), Estimates()
    for replicate in range(times):
        draws = scene.draws(replicate)
        data, _ = randomized(scene, design, draws)
        for estimand in scene.spec.estimands:
            one = found.setdefault(estimand.name, [])
            try:
                one.append(estimate(estimand, data, active, draws, design.strata))
            except NotEnoughPatients:
                one.append(None)
        on_progress(1)
    return found


def judged(scene: Scene, found: Estimates, truths: dict[str, float]) -> list[Judged]:
    """Return how the estimators of the estimands with a truth do."""
    wanted = [one for one in scene.spec.estimands if one.name in truths]
    return [_judged(scene, e, truths[e.name], [one for one in found[e.name] if one]) for e in wanted]


def _judged(scene: Scene, estimand: Estimand, truth: float, ones: Sequence[Estimate]) -> Judged:
    if not ones:
        raise RunError(
            f"the estimand '{estimand.name}' was estimated in no replicate", "Give it more patients"
        )
    effect, n = np.array([one.effect for one in ones]), len(ones)
    ends = [one.interval() for one in ones]
    covered = float(np.mean([low <= truth <= high for low, high in ends]))
    rejected = float(np.mean([one.p <= scene.spec.alpha / 100 for one in ones]))
    return Judged(
        name=estimand.name,
        truth=truth,
        mean=float(effect.mean()),
        bias=float(effect.mean()) - truth,
        bias_error=float(effect.std(ddof=1) / np.sqrt(n)),
        coverage=100 * covered,
        coverage_error=100 * share_error(covered, n),
        rejected=100 * rejected,
        rejected_error=100 * share_error(rejected, n),
        replicates=n,
    )


def shared_alpha(scene: Scene, found: Estimates) -> dict[str, Any] | None:
    """Return how often each estimand, and any of them, is a success when they share alpha; None when not."""
    wanted, estimands = scene.spec.multiplicity, scene.spec.estimands
    if wanted is None:
        return None
    won: list[list[bool]] = []
    for ones in zip(*(found[e.name] for e in estimands), strict=True):
        p = multiplicity.graphical(
            [1.0 if one is None else one.p for one in ones], wanted.weights, wanted.graph
        )
        rejected = p <= scene.spec.alpha / 100
        won.append(
            [
                bool(is_low) and one is not None and e.direction() * one.effect > 0
                for e, one, is_low in zip(estimands, ones, rejected, strict=True)
            ]
        )
    table = np.array(won)
    shares = [*table.mean(axis=0), table.any(axis=1).mean()]
    names = [*(e.name for e in estimands), "any"]
    return {
        name: {"success": 100 * float(share), "error": 100 * share_error(float(share), len(table))}
        for name, share in zip(names, shares, strict=True)
    }


def characteristics(found: Sequence[Found]) -> dict[str, Any]:
    """Return counts and means over replicates as plain data; shares in percent."""
    used = [one for one in found if one.ended != NOT_ANALYZED]
    share, n = float(np.mean([one.is_success for one in found])), len(found)

    def spread(name: str) -> dict[str, float]:
        values = np.array([getattr(one, name) for one in used], float)
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        return {"mean": float(values.mean()), "p05": float(low), "p50": float(middle), "p95": float(high)}

    effects = np.array([one.estimate.effect for one in used if one.estimate is not None])
    effects = effects[np.isfinite(effects)]
    result: dict[str, Any] = {
        "replicates": n,
        "success": 100 * share,
        "success_error": 100 * share_error(share, n),
        **{name: spread(name) for name in ("patients", "months", "serious_events")},
        "ended": _shares([one.ended for one in found]),
        "chosen": _shares([one.chosen for one in used if one.chosen]),
    }
    if len(effects):
        points = np.quantile(effects, [0.025, 0.25, 0.5, 0.75, 0.975])
        result["effect"] = {"mean": float(effects.mean()), "quantiles": [float(one) for one in points]}
    return result


def _shares(words: Sequence[str]) -> dict[str, float]:
    counts = Counter(words)
    return {word: 100 * counts[word] / len(words) for word in sorted(counts)}
