"""Tables of one replicate as a trial would publish them: flow of patients, enrollment by arm, outcomes by
arm.
"""

from typing import Any

import numpy as np

from insulae.populations.enrolled import TRAITS
from insulae.trials.design import example
from insulae.trials.design.conduct import Data, Flags
from insulae.trials.design.designs import GroupSequential, Parallel
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.event_times import times
from insulae.trials.design.example import Example, followed_to
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.protocol import DEATH, Estimand
from insulae.trials.design.replicate import Scene
from insulae.trials.design.variables import measured

Record = dict[str, Any]


def flow(scene: Scene, shown: Example) -> Record:
    """Return how many were screened, and by arm how many went each way until the end (CONSORT 2010)."""
    data = _entered(shown)
    watched, primary = shown.end - data.entered, scene.spec.primary
    week = primary.week
    seen = data.seen[:, scene.outcomes.visit(week)] & (watched + example.SOON >= week)
    left = (data.left < week) & (data.left <= watched)
    due = (watched + example.SOON >= week) & ~left
    happened = {name: one <= np.minimum(watched, data.left) for name, one in data.followed.event_week.items()}
    rows: dict[str, dict[str, int]] = {}
    for arm, mine in _arms(scene, data).items():
        counts = {
            "allocated": mine.sum(),
            **{name: (one & mine).sum() for name, one in happened.items() if name != DEATH},
            "died": (happened[DEATH] & mine).sum(),
            f"left before week {week:g}": (left & mine).sum(),
            f"not yet at week {week:g} at the end": (~left & ~due & mine).sum(),
            f"seen at week {week:g}": (seen & mine).sum(),
            f"alive, visit of week {week:g} missed": (due & ~seen & ~happened[DEATH] & mine).sum(),
        }
        rows[arm] = {name: int(count) for name, count in counts.items()}
    return {"screened": round(len(data.entered) * scene.screened_per_patient), "arms": rows}


def baseline(scene: Scene, shown: Example) -> list[Record]:
    """Return mean and standard deviation of each trait at enrollment by arm."""
    data = _entered(shown)
    patients, arms = shown.patients[shown.data.entered <= shown.end], _arms(scene, data)
    rows: list[Record] = []
    for name, values in scene.outcomes.traits.items():
        trait = TRAITS.get(name)
        if trait is not None:
            each = {arm: spread(values[patients[mine]]) for arm, mine in arms.items()}
            rows.append({"label": trait.label, "unit": trait.unit, "is_share": trait.is_share, "arms": each})
    return rows


def outcomes(scene: Scene, shown: Example) -> list[Record]:
    """Return what each estimand has by arm, and the estimate, in those who have reached its visit."""
    return [_outcome(scene, shown, estimand) for estimand in scene.spec.estimands]


def _outcome(scene: Scene, shown: Example, estimand: Estimand) -> Record:
    data, design = followed_to(scene, shown, estimand), scene.spec.design
    row: Record = {
        "name": estimand.name,
        "unit": estimand.unit(),
        "value": measured(estimand.endpoint).unit,
        "is_share": estimand.is_yes_no() or estimand.is_time(),
        "arms": {
            arm: _of_arm(estimand, data.chosen(data.followed.arm == scene.outcomes.arm(arm)), scene)
            for arm in _arms(scene, _entered(shown))
        },
        "estimate": None,
    }
    if not isinstance(design, Parallel | GroupSequential) or not len(data.entered):
        return row
    try:
        found = estimate(estimand, data, scene.outcomes.arm(design.active), scene.draws(0), design.strata)
    except NotEnoughPatients as error:
        return row | {"not_estimated": str(error)}
    low, high = found.interval()
    return row | {"estimate": {"effect": found.effect, "low": low, "high": high, "p": found.p}}


def _of_arm(estimand: Estimand, data: Data, scene: Scene) -> Record:
    """Return mean and spread of a number, or the percentage with a yes or an event, where it is known."""
    if not len(data.entered):
        return spread(np.empty(0))
    if estimand.is_time():
        found, belongs = times(estimand, data)
        return spread(np.where(found.happened[belongs], 100.0, 0.0))
    values, belongs = analyzed(estimand, data)
    last = values[belongs, scene.outcomes.visit(estimand.week)]
    last = last[np.isfinite(last)]
    return spread(np.where(last > 0, 100.0, 0.0) if estimand.is_yes_no() else last)


def _entered(shown: Example) -> Data:
    return shown.data.chosen(shown.data.entered <= shown.end)


def _arms(scene: Scene, data: Data) -> dict[str, Flags]:
    """Return who was allocated to each arm of the design that has patients."""
    every = {name: data.followed.arm == scene.outcomes.arm(name) for name in scene.spec.design.arm_names()}
    return {name: mine for name, mine in every.items() if mine.any()}


def spread(values: Floats) -> Record:
    """Return number, mean and standard deviation, in the unit of the values; None where there are none."""
    if not len(values):
        return {"n": 0, "mean": None, "sd": None}
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return {"n": len(values), "mean": float(values.mean()), "sd": deviation}
