"""Choose candidates by their chances so that the chosen show the expected means: the cube method.

Deville and Tille 2004 (Biometrika 91:893): chances walk at random, in directions that change no balanced
total, until each is 0 or 1. What is left undecided at the end, fewer candidates than there are totals, is
decided by giving up the last totals one by one; the number of the chosen is kept to the end.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from insulae.core import random

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

DECIDED = 1e-9


def balanced(chances: Floats, features: Floats, seed: int) -> Indices:
    """Return who is chosen, ascending: as many as the chances sum to, with balanced features [feature, one].

    A pure function of its arguments: the seed decides order and direction of the walk.
    """
    everybody = np.arange(len(chances))
    order = everybody[np.argsort(random.uniforms(seed, "balancing/order", everybody), kind="stable")]
    steps = iter(random.uniforms(seed, "balancing/steps", np.arange(2 * len(chances) + len(features))))
    scale = np.maximum(np.abs(features).max(axis=1, keepdims=True), DECIDED)
    rows = np.vstack([np.ones(len(chances)), features / scale])
    decided = _walk(chances.astype(np.float64).copy(), rows, order, steps)
    return np.flatnonzero(decided > 1 / 2)


def _walk(chances: Floats, rows: Floats, order: Indices, steps: Iterator[np.float32]) -> Floats:
    waiting = (int(i) for i in order if DECIDED < chances[i] < 1 - DECIDED)
    window: list[int] = []
    totals = len(rows)
    while True:
        while len(window) <= totals and (following := next(waiting, None)) is not None:
            window.append(following)
        totals = min(totals, len(window) - 1)
        if totals < 1:
            return np.rint(chances)
        direction = np.linalg.svd(rows[:totals, window])[2][-1]
        chances[window] = _step(chances[window], direction, float(next(steps)))
        window = [i for i in window if 0 < chances[i] < 1]


def _step(chances: Floats, direction: Floats, uniform: float) -> Floats:
    """Go as far as one of two opposite ways leads, each with the chance that keeps the expectation."""
    ahead, back = _reach(chances, direction), _reach(chances, -direction)
    moved = chances + (ahead if uniform * (ahead + back) < back else -back) * direction
    return np.where(moved < DECIDED, 0, np.where(moved > 1 - DECIDED, 1, moved))


def _reach(chances: Floats, direction: Floats) -> float:
    """Return how far a direction can be followed before a chance leaves 0 to 1."""
    moves = np.abs(direction) > DECIDED
    limit = np.where(direction > 0, 1 - chances, chances)
    return float((limit[moves] / np.abs(direction[moves])).min())


def thinned(chances: Floats, most: int, seed: int) -> tuple[Indices, Floats]:
    """Return at most about `most` candidates, ascending, and the chance that each still has to be chosen.

    Systematic sampling in random order, in proportion to the chances; who is as good as chosen stays.
    """
    everybody = np.arange(len(chances))
    order = np.argsort(random.uniforms(seed, "thinning/order", everybody), kind="stable")
    share = np.minimum(chances * most / chances.sum(), 1)
    start = float(random.uniforms(seed, "thinning/start", np.arange(1))[0])
    counts = np.floor(np.cumsum(share[order]) + start)
    is_kept = np.diff(counts, prepend=np.floor(start)) > 0
    kept = np.sort(order[is_kept])
    return kept, chances[kept] / share[kept]


def scaled(chances: Floats, total: int) -> Floats:
    """Return chances in proportion to those given, none above 1, that sum to `total`."""
    is_sure = np.zeros(len(chances), bool)
    while True:
        factor = (total - is_sure.sum()) / chances[~is_sure].sum()
        found = np.where(is_sure, 1.0, chances * factor)
        if not (found > 1).any():
            return found
        is_sure |= found > 1
