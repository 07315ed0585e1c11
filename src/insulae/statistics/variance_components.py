"""Components of variance of people in groups: how much groups differ beyond the chance of who is in them.

One-way analysis of variance with unequal groups (Searle 1992, Variance components, chapter 3): between =
(mean square between - mean square within) / n0, zero where that is negative; n0 is the mean size of a
group, a little less where sizes differ. Rank correlations tell which of the numbers that groups differ by
goes along with their means.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.integer[Any]]
FEWEST_GROUPS = 3
"""Groups with people below which no difference between groups is estimated."""

LEAST_FREEDOM = 3.0


@dataclasses.dataclass(frozen=True)
class Components:
    """Mean of all people, standard deviations within groups and between the true means of groups.

    `freedom` are the degrees of freedom of the latter (Satterthwaite 1946), at least three; below
    `resolution` it drowns in the chance of people: the root of one standard error of its square at zero.
    """

    mean: float
    within: float
    between: float
    people: int
    groups: int
    freedom: float
    resolution: float

    @property
    def error(self) -> float:
        """Return the standard error of the mean by the chance of people."""
        return self.within / np.sqrt(self.people)


def components(values: NDArray[Any], groups: Groups) -> Components | None:
    """Return the components of values [person]; missing ones are left out.

    None where a value is infinite, or too few groups hold two people or more.
    """
    there = ~np.isnan(values)
    x, g = np.asarray(values[there], float), np.asarray(groups[there])
    if not len(x) or not np.isfinite(x).all():
        return None
    counts = np.bincount(g)
    k = int(np.count_nonzero(counts))
    if k < FEWEST_GROUPS or len(x) < 2 * k:
        return None
    sums = np.bincount(g, weights=x)
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    mean = float(x.mean())
    within = float(((x - means[g]) ** 2).sum()) / (len(x) - k)
    between = float((counts * (means - mean) ** 2).sum()) / (k - 1)
    size = (len(x) - float((counts.astype(float) ** 2).sum()) / len(x)) / (k - 1)
    variance = max(0.0, (between - within) / size)
    share = variance * size / between if between > 0 else 0.0
    freedom = max(LEAST_FREEDOM, (k - 1) * share**2)
    resolution = float(np.sqrt(within / size * np.sqrt(2 / (k - 1))))
    return Components(mean, float(np.sqrt(within)), float(np.sqrt(variance)), len(x), k, freedom, resolution)


def group_means(values: NDArray[Any], groups: Groups, count: int) -> Floats:
    """Return the mean of each group [group]; NaN where nobody has a value."""
    there = np.isfinite(values)
    n = np.bincount(groups[there], minlength=count)
    sums = np.bincount(groups[there], weights=np.asarray(values[there], float), minlength=count)
    return np.divide(sums, n, out=np.full(count, np.nan), where=n > 0)


def rank_correlations(means: Floats, draws: Floats) -> Floats:
    """Return the rank correlation of the means [group] with each row of draws [row, group].

    Zero where fewer than three groups have a mean, or all are equal.
    """
    # Loaded here: a run without doubt needs no statistics library, which loads slowly.
    from scipy.stats import rankdata

    there = np.isfinite(means)
    if np.count_nonzero(there) < FEWEST_GROUPS or np.ptp(means[there]) == 0:
        return np.zeros(len(draws))
    y = _centered(rankdata(means[there])[None])
    x = _centered(np.apply_along_axis(rankdata, 1, draws[:, there]))
    return np.asarray(x @ y[0], float)


def _centered(ranks: Floats) -> Floats:
    off = ranks - ranks.mean(axis=1, keepdims=True)
    return off / np.sqrt((off**2).sum(axis=1, keepdims=True))
