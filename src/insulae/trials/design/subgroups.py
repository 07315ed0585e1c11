"""Subgroups: the true effect in each, and what a trial of the planned size would find of it.

A trait is cut at its median among those who may enter, sex by itself. The interval is what a trial would
report on average: mean estimate, mean standard error; none of it is adjusted for the number of subgroups.
"""

from typing import Any

import numpy as np

from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Flags
from insulae.trials.design.designs import GroupSequential, Parallel
from insulae.trials.design.estimators import NotEnoughPatients, estimate
from insulae.trials.design.replicate import Scene
from insulae.trials.design.truth import truth
from insulae.trials.design.two_arms import randomized

TRIALS = 60
CUT_AT = ("age", "bmi", "duration", "hba1c", "egfr", "insulin_dose", "fasting_c_peptide")


def subgroups(scene: Scene) -> list[dict[str, Any]]:
    """Return a row for everybody and each subgroup; none for a design without two arms, or without traits."""
    design = scene.spec.design
    if not isinstance(design, Parallel | GroupSequential) or not scene.outcomes.traits:
        return []
    members = _members(scene)
    found: dict[str, list[Estimate]] = {name: [] for name in members}
    active = scene.outcomes.arm(design.active)
    for replicate in range(TRIALS):
        draws = scene.draws(replicate)
        data, patients = randomized(scene, design, draws)
        for name, belongs in members.items():
            try:
                some = data.chosen(belongs[patients])
                found[name].append(estimate(scene.spec.primary, some, active, draws, design.strata))
            except NotEnoughPatients:
                continue
    rows = [_row(scene, name, members[name], ones) for name, ones in found.items() if len(ones) > 1]
    return [row for row in rows if row["truth"] is not None]


def _members(scene: Scene) -> dict[str, Flags]:
    """Return who of the whole cohort belongs to each subgroup."""
    traits, places = scene.outcomes.traits, scene.places
    found = {"everybody": np.ones(scene.outcomes.size, bool)}
    if "male" in traits and 0 < traits["male"][places].mean() < 1:
        found |= {"women": traits["male"] == 0, "men": traits["male"] > 0}
    for name in CUT_AT:
        values = traits.get(name)
        if values is None or np.ptp(values[places]) <= 1e-6 * max(1.0, float(np.abs(values).max())):
            continue
        cut = float(np.median(values[places]))
        found |= {f"{name}|below|{cut:.6g}": values <= cut, f"{name}|above|{cut:.6g}": values > cut}
    return found


def _row(scene: Scene, name: str, belongs: Flags, ones: list[Estimate]) -> dict[str, Any]:
    chosen = scene.places[belongs[scene.places]]
    arms = tuple(scene.spec.design.arm_names())
    known = truth(scene.spec, scene.spec.primary, scene.outcomes.chosen(chosen), arms).difference
    effect, error = (float(np.mean([getattr(one, key) for one in ones])) for key in ("effect", "error"))
    freedom = float(np.mean([min(one.freedom, 1e6) for one in ones]))
    low, high = Estimate(effect, error, freedom).interval()
    parts = name.split("|")
    return {
        "trait": parts[0],
        "side": parts[1] if len(parts) > 1 else "",
        "cut": float(parts[2]) if len(parts) > 1 else None,
        "people": len(chosen),
        "truth": known,
        "mean": effect,
        "low": low,
        "high": high,
    }
