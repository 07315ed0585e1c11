"""Many hypotheses in one trial: graphical procedures, of which Holm and fixed sequences are cases; Hochberg,
Bonferroni, Dunnett.

Bretz, Maurer, Brannath & Posch 2009 (Stat Med 28:586): a hypothesis that is rejected hands its alpha on along
the edges of a graph.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import multivariate_normal

Floats = NDArray[np.float64]


def graphical(p: Sequence[float], weights: Sequence[float], graph: ArrayLike) -> Floats:
    """Return adjusted p-values; a hypothesis is rejected at any alpha at or above its own.

    `weights` sum to at most 1; row i of `graph`: the parts of its weight that a rejected hypothesis i hands
    on.
    """
    p_left, w, g = np.asarray(p, float), np.array(weights, float), np.array(graph, float)
    _check(w, g)
    adjusted, highest = np.ones(len(w)), 0.0
    active = list(range(len(w)))
    while active:
        ratios = [p_left[i] / w[i] if w[i] > 0 else np.inf for i in active]
        best = active[int(np.argmin(ratios))]
        highest = min(1.0, max(highest, min(ratios)))
        adjusted[best] = highest
        active.remove(best)
        w, g = _without(best, active, w, g)
    return adjusted


def _check(w: Floats, g: Floats) -> None:
    is_valid = np.all(w >= 0) and w.sum() <= 1 + 1e-9 and np.all(g >= 0)
    if not is_valid or np.any(np.diag(g) != 0) or np.any(g.sum(axis=1) > 1 + 1e-9):
        raise ValueError("weights sum to at most 1, as do the rows of the graph, whose diagonal is 0")


def _without(j: int, active: list[int], w: Floats, g: Floats) -> tuple[Floats, Floats]:
    """Return weights and graph after hypothesis j was rejected."""
    new_w, new_g = w.copy(), np.zeros_like(g)
    for i in active:
        new_w[i] = w[i] + w[j] * g[j, i]
        loop = g[i, j] * g[j, i]
        for k in active:
            if k != i and loop < 1:
                new_g[i, k] = (g[i, k] + g[i, j] * g[j, k]) / (1 - loop)
    new_w[j] = 0.0
    return new_w, new_g


def holm(p: Sequence[float]) -> Floats:
    """Return p-values adjusted by Holm 1979: equal weights, handed on in equal parts."""
    m = len(p)
    graph = (np.ones((m, m)) - np.eye(m)) / max(m - 1, 1)
    return graphical(p, [1 / m] * m, graph)


def fixed_sequence(p: Sequence[float]) -> Floats:
    """Return p-values adjusted for testing in the given order, each at full alpha."""
    return np.maximum.accumulate(np.asarray(p, float))


def hochberg(p: Sequence[float]) -> Floats:
    """Return p-values adjusted by Hochberg 1988, for independent or positively related tests."""
    values = np.asarray(p, float)
    order = np.argsort(values)[::-1]
    adjusted = np.minimum.accumulate(values[order] * np.arange(1, len(values) + 1))
    found = np.empty_like(values)
    found[order] = np.minimum(adjusted, 1)
    return found


def bonferroni(p: Sequence[float]) -> Floats:
    """Return p-values times their number."""
    return np.minimum(np.asarray(p, float) * len(p), 1)


def shared_control_correlation(active: Sequence[int], control: ArrayLike) -> Floats:
    """Return the correlation of comparisons [i, j] of arms with controls that they partly share.

    `active`: patients of each arm; `control[i, j]`: controls that i and j both are compared with, those of
    i on the diagonal. Variances are taken as equal; with all controls shared and arms of one size it is 1/2.
    """
    n, shared = np.asarray(active, float), np.asarray(control, float)
    own = np.diag(shared)
    spread = np.sqrt(1 / n + 1 / own)
    found = shared / np.outer(own, own) / np.outer(spread, spread)
    np.fill_diagonal(found, 1.0)
    return found


def dunnett(z: Sequence[float], correlation: Floats) -> Floats:
    """Return two-sided p-values of comparisons with a control, adjusted for the largest of all of them.

    Dunnett 1955 in large samples: `z` are normal deviates with the correlation that the control makes.
    """
    reach = np.abs(np.asarray(z, float))
    if len(reach) == 1:
        return np.array([2 * multivariate_normal.cdf(-reach[0])])
    draw = np.random.default_rng(0)
    mean, covariance = np.zeros(len(reach)), cast(Any, correlation)
    within = [
        multivariate_normal.cdf(
            np.full(len(reach), r), mean, covariance, lower_limit=np.full(len(reach), -r), rng=draw
        )
        for r in reach
    ]
    return 1 - np.array(within)
