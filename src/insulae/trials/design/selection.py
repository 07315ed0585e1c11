"""Who should be enrolled first: benefit predicted at enrollment, against the true benefit and harm of each.

A trial shows each patient in one arm. From such data a model predicts the benefit of every patient from
traits at enrollment, for the patients it has not seen (`statistics/benefit.py`). The simulation then tells
what no trial can: what each would have had under both arms.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.statistics import benefit
from insulae.trials.design.conduct import Flags
from insulae.trials.design.designs import GroupSequential, Parallel
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import variable
from insulae.trials.design.outcomes import SERIOUS, Floats
from insulae.trials.design.predicted_benefit import FEWEST, known_at_enrollment
from insulae.trials.design.replicate import Scene

ALLOCATIONS = 20
"""How often everybody is allocated anew; what is told is the mean, and its spread."""
PARTS = 5
"""Groups of equal size by predicted benefit."""


@dataclasses.dataclass(frozen=True)
class _Known:
    """Traits and, from both arms, true benefit and additional serious events of everybody who may enter."""

    names: list[str]
    traits: Floats
    outcome: Floats
    benefit: Floats
    harm: Floats


def selection(scene: Scene) -> dict[str, Any] | None:
    """Return how well benefit can be predicted and who has it, as plain data.

    None for a design without two arms, for a primary outcome that is a time, and for too few people.
    """
    design = scene.spec.design
    if not isinstance(design, Parallel | GroupSequential) or scene.spec.primary.is_time():
        return None
    known = _known(scene, design)
    if len(known.benefit) < FEWEST or not known.names or not known.benefit.std():
        return None
    draws = [Draws(scene.seed, i) for i in range(ALLOCATIONS)]
    rounds = [_judged(known, one, scene.spec.primary.direction()) for one in draws]
    numbers = ("slope", "intercept", "concordance", "c_for_benefit")
    predicted = np.mean([one["predicted"] for one in rounds], axis=0)
    return {
        "people": len(known.benefit),
        "allocations": ALLOCATIONS,
        **{name: _spread([one[name] for one in rounds]) for name in numbers},
        "benefit": float(known.benefit.mean()),
        "harm": float(known.harm.mean()),
        "parts": _parts(known, rounds),
        "first": _first(known, predicted),
        "points": [[float(a), float(b)] for a, b in zip(predicted, known.benefit, strict=True)],
    }


def _known(scene: Scene, design: Parallel | GroupSequential) -> _Known:
    primary, outcomes = scene.spec.primary, scene.outcomes
    people = scene.places
    visit = outcomes.visit(primary.week)
    each: list[tuple[Floats, Floats]] = []
    for arm in design.arm_names():
        followed = scene.followed(people, np.full(len(people), outcomes.arm(arm)), Draws(0, 0))
        events = followed.values[SERIOUS][:, : visit + 1]
        each.append((variable(primary, followed, outcomes, people), np.nanmax(events, axis=1)))
    x, names = known_at_enrollment(outcomes, people)
    gain = primary.direction() * (each[1][0] - each[0][0])
    harm = each[1][1] - each[0][1]
    used = np.isfinite(gain) & np.isfinite(x).all(axis=1)
    both = np.column_stack([each[0][0], each[1][0]])[used]
    return _Known(names, x[used], both, gain[used], harm[used])


def _judged(known: _Known, draws: Draws, direction: float) -> dict[str, Any]:
    """Return the predictions from one allocation of everybody, and how good they are."""
    n = len(known.benefit)
    active: Flags = draws.stream("selection allocation").permutation(np.arange(n)) % 2 == 0
    seen = direction * np.where(active, known.outcome[:, 1], known.outcome[:, 0])
    predicted = benefit.cross_validated(known.traits, active, seen, draws.stream("selection folds"))
    slope, intercept = benefit.calibration(predicted, known.benefit)
    return {
        "predicted": predicted,
        "slope": slope,
        "intercept": intercept,
        "concordance": benefit.concordance(predicted, known.benefit),
        "c_for_benefit": benefit.c_for_benefit(predicted, active, seen),
    }


def _spread(values: list[float]) -> dict[str, float]:
    there = np.array([one for one in values if np.isfinite(one)])
    if not len(there):
        return {"mean": float("nan"), "sd": float("nan")}
    return {"mean": float(there.mean()), "sd": float(there.std(ddof=1)) if len(there) > 1 else 0.0}


def _parts(known: _Known, rounds: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return predicted and true benefit and true harm of fifths by predicted benefit, the highest first."""
    found: list[dict[str, float]] = []
    orders = [np.argsort(-one["predicted"], kind="stable") for one in rounds]
    for k in range(PARTS):
        chosen = [np.array_split(order, PARTS)[k] for order in orders]
        predicted = [one["predicted"][some].mean() for one, some in zip(rounds, chosen, strict=True)]
        found.append(
            {
                "predicted": float(np.mean(predicted)),
                "true": float(np.mean([known.benefit[some].mean() for some in chosen])),
                "true_sd": float(np.std([known.benefit[some].mean() for some in chosen], ddof=1)),
                "harm": float(np.mean([known.harm[some].mean() for some in chosen])),
            }
        )
    return found


def _first(known: _Known, predicted: Floats) -> list[dict[str, float | str]]:
    """Return the mean of each trait in the fifth to be enrolled first and in the others, widest gap first."""
    first = np.zeros(len(predicted), bool)
    first[np.array_split(np.argsort(-predicted, kind="stable"), PARTS)[0]] = True
    rows: list[dict[str, float | str]] = []
    for name, values in zip(known.names, known.traits.T, strict=True):
        gap = float((values[first].mean() - values[~first].mean()) / values.std())
        rows.append(
            {
                "trait": name,
                "first": float(values[first].mean()),
                "others": float(values[~first].mean()),
                "gap": gap,
            }
        )
    return sorted(rows, key=lambda row: -abs(float(row["gap"])))
