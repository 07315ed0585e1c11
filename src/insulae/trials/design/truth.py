"""True values of estimands, known because every simulated patient has outcomes under every arm.

The outcomes are those of all who may enter. The truth of a difference of means or shares is that difference
over them. The truth of a ratio
is what its estimator finds when everybody is watched to the end under both arms: an odds ratio or a hazard
ratio has no other meaning than the model that it belongs to.
"""

import dataclasses

import numpy as np

from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Data, follow, observe
from insulae.trials.design.designs import NOf1
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import REPETITIONS, true_means
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.event_estimators import share_with_event
from insulae.trials.design.event_times import Times, times
from insulae.trials.design.n_of_1 import period_means
from insulae.trials.design.outcomes import Outcomes
from insulae.trials.design.protocol import NOTHING_LOST, Estimand, TrialSpec


@dataclasses.dataclass(frozen=True)
class Truth:
    """Means or percentages by arm, and the last arm against the first in the unit of the effect."""

    arms: dict[str, float]
    difference: float | None


def truth(spec: TrialSpec, estimand: Estimand, outcomes: Outcomes, arms: tuple[str, ...]) -> Truth:
    """Return the true values of an estimand; None for a difference that does not exist."""
    if isinstance(spec.design, NOf1):
        return _in_turn(spec, spec.design, estimand, outcomes)
    if not estimand.is_time():
        means = dict(zip(arms, true_means(spec, estimand, outcomes, arms), strict=True))
        if len(arms) < 2 or estimand.chosen_estimator() != "odds_ratio":
            return Truth(means, means[arms[-1]] - means[arms[0]] if len(arms) > 1 else None)
        return Truth(means, _difference(spec, estimand, outcomes, (arms[0], arms[-1])))
    complete = _complete(spec, estimand)
    shares = {arm: share_with_event(_times(complete, estimand, outcomes, arm)) for arm in arms}
    found = _difference(spec, estimand, outcomes, (arms[0], arms[-1])) if len(arms) > 1 else None
    return Truth(shares, found)


def _in_turn(spec: TrialSpec, design: NOf1, estimand: Estimand, outcomes: Outcomes) -> Truth:
    """Return the mean of B against that of A in everybody, over all orders, which balance the periods."""
    data = _everybody(_complete(spec, estimand), outcomes, tuple(design.sequences), 0)
    values = period_means(design, data, estimand.endpoint)
    letters = np.array([list(order) for order in design.sequences.values()])
    is_b = np.repeat(letters == "B", len(data.entered) // len(letters), axis=0)
    means = {"A": float(np.nanmean(values[~is_b])), "B": float(np.nanmean(values[is_b]))}
    return Truth(means, means["B"] - means["A"])


def _complete(spec: TrialSpec, estimand: Estimand) -> TrialSpec:
    """Return the trial without losses, and without events that the estimand thinks away."""
    kept = tuple(e for e in spec.intercurrent if estimand.strategy(e.name) != "hypothetical")
    lost = {**NOTHING_LOST, "intercurrent": kept}
    return spec.model_copy(update=lost)


def _everybody(spec: TrialSpec, outcomes: Outcomes, arms: tuple[str, ...], repetition: int) -> Data:
    """Return the data of everybody, once in each of some arms."""
    patients = np.arange(outcomes.size)
    draws = Draws(0, repetition)
    arm = np.repeat([outcomes.arm(name) for name in arms], len(patients))
    followed = follow(spec, outcomes, np.tile(patients, len(arms)), arm, draws)
    return observe(spec, followed, np.zeros(len(arm)), draws)


def _times(spec: TrialSpec, estimand: Estimand, outcomes: Outcomes, arm: str) -> Times:
    found, belongs = times(estimand, _everybody(spec, outcomes, (arm,), 0))
    return Times(found.week[belongs], found.cause[belongs])


def _difference(
    spec: TrialSpec, estimand: Estimand, outcomes: Outcomes, arms: tuple[str, str]
) -> float | None:
    """Return what the estimator finds in everybody, the mean over draws of events that happen by chance.

    None where it finds nothing in everybody, as the hazard ratio of an arm in which nobody has the event.
    """
    complete, estimand = _complete(spec, estimand), estimand.model_copy(update={"prior": None})
    is_chance = any(0 < event.chance < 100 for event in complete.intercurrent)
    strata = tuple(getattr(spec.design, "strata", ()))
    found: list[Estimate] = []
    for repetition in range(REPETITIONS if is_chance else 1):
        data = _everybody(complete, outcomes, arms, repetition)
        try:
            found.append(estimate(estimand, data, outcomes.arm(arms[1]), Draws(0, repetition), strata))
        except NotEnoughPatients:
            return None
    return float(np.mean([one.effect for one in found]))
