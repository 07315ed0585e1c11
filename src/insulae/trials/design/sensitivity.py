"""How far what is missing could change the answer of one replicate: imputations, and the tipping point.

The analysis of all visits takes what is missing as missing at random. Beside it stand imputations in which
who left the active arm fares as the control from then on, and the shift of imputed outcomes of the active
arm, in the direction that is worse, at which the effect is no longer significant.
"""

from typing import Any

import numpy as np

from insulae.statistics import multiple_imputation
from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Data
from insulae.trials.design.designs import GroupSequential, Parallel
from insulae.trials.design.draws import Draws
from insulae.trials.design.estimands import analyzed
from insulae.trials.design.estimators import IMPUTATIONS, at_enrollment, kept_visits
from insulae.trials.design.example import Example, followed_to
from insulae.trials.design.protocol import Estimand
from insulae.trials.design.replicate import Scene

FARTHEST = 4.0
"""Largest shift that is tried, in standard deviations of the outcome."""
MEANS = {
    "missing at random": multiple_imputation.mar,
    "jump to reference": multiple_imputation.jump_to_reference,
    "copy increments": multiple_imputation.copy_increments,
}


def sensitivity(scene: Scene, shown: Example) -> list[dict[str, Any]]:
    """Return a row for each estimand of a number with missing outcomes; none for a design without two arms.

    An estimand whose model cannot be fitted, as too few have reached its visit, has no row.
    """
    design = scene.spec.design
    if not isinstance(design, Parallel | GroupSequential):
        return []
    numbers = [e for e in scene.spec.estimands if not e.is_time() and not e.is_yes_no()]
    rows = [_row(scene, design, one, followed_to(scene, shown, one)) for one in numbers]
    return [row for row in rows if row is not None]


def _row(
    scene: Scene, design: Parallel | GroupSequential, estimand: Estimand, data: Data
) -> dict[str, Any] | None:
    repeated = _repeated(scene, design, estimand, data)
    missing = np.isnan(repeated.y[:, -1])
    if not (missing & repeated.active).any():
        return None
    spread = float(np.nanstd(repeated.y[:, -1]))
    try:
        completed = {
            name: multiple_imputation.imputations(
                repeated, means, IMPUTATIONS, Draws(scene.seed, 0).stream(name)
            )
            for name, means in MEANS.items()
        }
        found = {name: multiple_imputation.analyzed(repeated, one) for name, one in completed.items()}
        worst = -estimand.direction() * FARTHEST * spread
        tips = multiple_imputation.tipping_point(
            repeated, completed["missing at random"], worst, scene.spec.alpha / 100
        )
    except (ValueError, np.linalg.LinAlgError):
        return None
    return {
        "name": estimand.name,
        "unit": estimand.unit(),
        "missing": {
            "control": int((missing & ~repeated.active).sum()),
            "active": int((missing & repeated.active).sum()),
        },
        "estimates": {name: _told(one) for name, one in found.items()},
        "tipping_point": tips,
        "farthest": worst,
    }


def _repeated(
    scene: Scene, design: Parallel | GroupSequential, estimand: Estimand, data: Data
) -> multiple_imputation.Repeated:
    values, belongs = analyzed(estimand, data)
    y = values[belongs][:, 1 : scene.outcomes.visit(estimand.week) + 1]
    covariates = at_enrollment((estimand.endpoint, *design.strata, *estimand.covariates), data)[belongs]
    active = data.followed.arm[belongs] == scene.outcomes.arm(design.active)
    return multiple_imputation.Repeated(
        y[:, kept_visits(y.shape[1])], active, covariates - covariates.mean(axis=0)
    )


def _told(found: Estimate) -> dict[str, float]:
    low, high = found.interval()
    return {"effect": found.effect, "low": low, "high": high, "p": found.p}
