"""A trial that was run, replayed: where its reported means lie among those of simulated replicates."""

from typing import Any, Protocol

import numpy as np

from insulae.trials.design.replicate import Scene
from insulae.trials.design.variables import measured


class Value(Protocol):
    """What is compared: an endpoint of an arm at a week (the last visit: None), a mean or a percentage."""

    endpoint: str
    arm: str
    week: float | None
    source: str


def replayed(scene: Scene, value: Value, reported: float, times: int) -> dict[str, Any]:
    """Return the distribution over replicates of the mean of an arm, and the place of a value in it.

    `below` is the percentage of replicates whose mean is lower, those equal counted half.
    """
    size, arm = int(getattr(scene.spec.design, "size")), scene.outcomes.arm(value.arm)  # noqa: B009
    week = scene.outcomes.weeks[-1] if value.week is None else value.week
    visit = scene.outcomes.visit(float(week))
    means = np.empty(times)
    for replicate in range(times):
        draws = scene.draws(replicate)
        followed = scene.followed(scene.patients(size, draws), np.full(size, arm), draws)
        data = scene.data(followed, np.zeros(size), draws)
        seen = data.observed(value.endpoint)[:, visit]
        means[replicate] = np.nanmean(seen) if np.isfinite(seen).any() else np.nan
    there = means[np.isfinite(means)]
    member = measured(value.endpoint)
    return {
        "endpoint": value.endpoint,
        "label": member.label,
        "unit": member.unit,
        "week": float(week),
        "reported": reported,
        "source": value.source,
        "replicates": len(there),
        "below": 100 * float((there < reported).mean() + (there == reported).mean() / 2),
        "quantiles": [float(q) for q in np.quantile(there, [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975])],
        "mean": float(there.mean()),
    }
