"""The benefit that a twin predicts for each patient at enrollment, and who is enrolled by it.

A twin knows the values of a patient at enrollment and the model; it does not know what the model draws for
the patient besides. What it can predict at best is the mean benefit of all simulated people with these
values, found by a regression on them and their products (`statistics/benefit.py`) that has not seen the
patient. Doubt about the model's parameters is averaged over, as people of all groups teach it. An error
stated in the study comes on top.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.core.errors import RunError
from insulae.statistics import benefit
from insulae.trials.design.conduct import Flags, eligible, follow
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import variable
from insulae.trials.design.outcomes import Floats, Ints, Outcomes
from insulae.trials.design.protocol import Enrichment, Estimand, TrialSpec

FEWEST = 40
"""People from whom a prediction is learned."""


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Places of those who may enter, their predicted and true benefit, and who of them is enrolled."""

    places: Ints
    predicted: Floats
    true: Floats
    is_enrolled: Flags

    def record(self) -> dict[str, Any]:
        """Return what the page tells of it."""
        some = self.is_enrolled
        there = np.isfinite(self.true)
        slope, _ = benefit.calibration(self.predicted[there], self.true[there])
        return {
            "eligible": len(self.places),
            "enrolled": int(some.sum()),
            "predicted": float(self.predicted[some].mean()),
            "true": float(np.nanmean(self.true[some])),
            "true_of_others": float(np.nanmean(self.true[~some])) if not some.all() else None,
            "true_of_all": float(np.nanmean(self.true)),
            "slope": slope,
            "concordance": benefit.concordance(self.predicted[there], self.true[there]),
        }


def enrolled(spec: TrialSpec, outcomes: Outcomes, seed: int) -> Ints:
    """Return the places of those who may enter, after enrichment where the trial has one."""
    found = predictions(spec, outcomes, seed)
    return eligible(outcomes, spec.eligibility) if found is None else found.places[found.is_enrolled]


def predictions(spec: TrialSpec, outcomes: Outcomes, seed: int) -> Predictions | None:
    """Return what twins predict; None without enrichment; raises `RunError` for too few people."""
    wanted = spec.enrichment
    if wanted is None:
        return None
    places = eligible(outcomes, spec.eligibility)
    if len(places) < FEWEST:
        raise RunError(
            f"only {len(places)} people may enter; a prediction of benefit is learned from {FEWEST} or more",
            "Give population.size more people",
        )
    endpoint = wanted.endpoint or spec.primary.endpoint
    true = true_benefit(spec, wanted, outcomes, places)
    x, _ = known_at_enrollment(outcomes, places)
    draws = Draws(seed, 0)
    there = np.isfinite(true)
    predicted = benefit.cross_validated_difference(
        x, np.where(there, true, np.nan), draws.stream("twin folds")
    )
    error = draws.stream("twin error").normal(size=outcomes.size)[places]
    predicted = predicted + wanted.amount("error", endpoint) * error
    return Predictions(places, predicted, true, _enrolled(wanted, predicted, endpoint))


def _enrolled(wanted: Enrichment, predicted: Floats, endpoint: str) -> Flags:
    if wanted.best is None:
        found = predicted > wanted.amount("above", endpoint)
        if not found.any():
            raise RunError(
                f"nobody has a predicted benefit above {wanted.above}",
                f"The largest is {predicted.max():.3g}",
            )
        return found
    most = max(1, round(wanted.best / 100 * len(predicted)))
    found = np.zeros(len(predicted), bool)
    found[np.argsort(-predicted, kind="stable")[:most]] = True
    return found


def true_benefit(spec: TrialSpec, wanted: Enrichment, outcomes: Outcomes, places: Ints) -> Floats:
    """Return the difference of what each patient has under both arms, positive when it is good [patient]."""
    endpoint = wanted.endpoint or spec.primary.endpoint
    week = spec.primary.week if wanted.week is None else wanted.week
    arms = spec.design.arm_names()
    sought = Estimand(name="benefit", endpoint=endpoint, week=week)
    undisturbed = spec.model_copy(update={"intercurrent": ()})
    each = [
        variable(sought, follow(undisturbed, outcomes, places, place, Draws(0, 0)), outcomes, places)
        for place in (
            np.full(len(places), outcomes.arm(name))
            for name in (wanted.control or arms[0], wanted.active or arms[-1])
        )
    ]
    judged = spec.primary if endpoint == spec.primary.endpoint else sought
    return judged.direction() * (each[1] - each[0])


def known_at_enrollment(outcomes: Outcomes, people: Ints) -> tuple[Floats, list[str]]:
    """Return traits, and endpoints at the first visit that no trait tells [patient, name]; their names."""
    found = {name: one[people] for name, one in outcomes.traits.items()}
    for name, values in outcomes.values.items():
        first = values[0, people, 0]
        if name not in found and np.isfinite(first).all() and first.std() > 0:
            found[name] = first
    kept = [name for name, one in found.items() if one.std() > 0]
    return np.column_stack([found[name] for name in kept]) if kept else np.empty((len(people), 0)), kept
