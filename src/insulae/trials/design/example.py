"""One replicate of a trial in full: who entered, how long they are free of events, until when it ran."""

import dataclasses
from typing import Any

import numpy as np

from insulae.statistics import survival
from insulae.trials.design.conduct import Data
from insulae.trials.design.designs import GroupSequential, Parallel, SingleArm
from insulae.trials.design.enrolment import WEEKS_PER_MONTH
from insulae.trials.design.event_times import Times, times
from insulae.trials.design.one_arm import enrolled
from insulae.trials.design.outcomes import Floats, Ints
from insulae.trials.design.protocol import Estimand
from insulae.trials.design.replicate import Found, Scene
from insulae.trials.design.two_arms import randomized

REPLICATE = 0
"""Which replicate is shown; the first one, whatever it found."""
NINETY_FIVE = 1.959964
RISK_COLUMNS = 6
SOON = 1e-6
SERIOUS_EVENT = "weeks_to_serious_event"


@dataclasses.dataclass(frozen=True)
class Example:
    """Data of all patients of a replicate, who they are (places), and the calendar week of its end."""

    data: Data
    patients: Ints
    end: float
    found: Found


def example(scene: Scene, found: Found) -> Example | None:
    """Return the replicate whose end is given; None for a design that is not shown (no fixed arms)."""
    design, draws = scene.spec.design, scene.draws(REPLICATE)
    if isinstance(design, Parallel | GroupSequential):
        data, patients = randomized(scene, design, draws)
    elif isinstance(design, SingleArm):
        data, patients = enrolled(scene, design, draws)
    else:
        return None
    if not np.isfinite(found.months):
        return None
    return Example(data, patients, found.months * WEEKS_PER_MONTH, found)


def followed_to(scene: Scene, shown: Example, estimand: Estimand) -> Data:
    """Return the data of an estimand: of those who have reached its visit by the end of the trial.

    Where its visit is later than that of the primary one, of all who have entered: they are followed on.
    """
    is_later = estimand.week > scene.spec.primary.week
    reached = shown.data.entered + (0.0 if is_later else estimand.week) <= shown.end + SOON
    return shown.data.chosen(reached)


def curves(scene: Scene, shown: Example) -> list[dict[str, Any]]:
    """Return Kaplan-Meier curves of every time to an event in the example, and of the first serious event."""
    estimands = [one for one in scene.spec.estimands if one.is_time()]
    if SERIOUS_EVENT in scene.outcomes.values and all(e.endpoint != SERIOUS_EVENT for e in estimands):
        last = float(scene.outcomes.weeks[-1])
        estimands.append(Estimand(name="first serious adverse event", endpoint=SERIOUS_EVENT, week=last))
    return [_curve(scene, shown, one) for one in estimands]


def _curve(scene: Scene, shown: Example, estimand: Estimand) -> dict[str, Any]:
    followed = np.maximum(shown.end - shown.data.entered, 0.0)
    until_end = dataclasses.replace(shown.data, left=np.minimum(shown.data.left, followed))
    found, belongs = times(estimand, until_end)
    belongs &= shown.data.entered < shown.end
    longest = float(found.week[belongs].max()) if belongs.any() else estimand.week
    at = [float(week) for week in np.linspace(0, longest, RISK_COLUMNS)]
    arms: dict[str, Any] = {}
    for name in scene.spec.design.arm_names():
        mine = belongs & (shown.data.followed.arm == scene.outcomes.arm(name))
        if mine.any():
            arms[name] = _of_arm(Times(found.week[mine], found.cause[mine]), at)
    return {
        "name": estimand.name,
        "endpoint": estimand.endpoint,
        "week": longest,
        "at": at,
        "arms": arms,
    }


def _of_arm(found: Times, at: list[float]) -> dict[str, Any]:
    """Return the curve of one arm, its 95 % band on a log-log scale, and the number at risk at some weeks."""
    curve = survival.kaplan_meier(found.week, found.happened)
    low, high = _band(curve.share, curve.error)
    return {
        "patients": len(found.week),
        "events": int(found.happened.sum()),
        "until": float(found.week.max()),
        "weeks": [0.0, *map(float, curve.times)],
        "share": [100.0, *map(float, 100 * curve.share)],
        "low": [100.0, *map(float, 100 * low)],
        "high": [100.0, *map(float, 100 * high)],
        "at_risk": [int((found.week >= week).sum()) for week in at],
    }


def _band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return the interval of a share without the event that stays within 0 and 1 (Kalbfleisch & Prentice)."""
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    reach = NINETY_FIVE * error / np.abs(safe * np.log(safe))
    return np.where(inside, safe ** np.exp(reach), share), np.where(inside, safe ** np.exp(-reach), share)
