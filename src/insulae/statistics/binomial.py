"""Exact statistics of proportions: test, interval, size of one arm; two arms by normal approximation."""

import numpy as np
from scipy.stats import beta, binom, norm

Pair = tuple[float, float]
"""Numbers of two arms; not whole where they stand for what patients are worth."""


def at_least(events: int, n: int, share: float) -> float:
    """Return P(X >= events) for X ~ Binomial(n, share): the one-sided exact p-value against a share."""
    return float(binom.sf(events - 1, n, share))


def clopper_pearson(events: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of Clopper & Pearson 1934 (Biometrika 26:404).

    >>> [round(end, 3) for end in clopper_pearson(10, 12)]
    [0.516, 0.979]
    """
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, events, n - events + 1) if events else 0.0
    high = beta.isf(tail, events + 1, n - events) if events < n else 1.0
    return float(low), float(high)


def critical_count(n: int, null: float, alpha: float) -> int:
    """Return the fewest events of n that reject `share <= null` at one-sided alpha; n + 1 when none does."""
    counts = np.arange(n + 2)
    return int(counts[binom.sf(counts - 1, n, null) <= alpha][0])


def power(n: int, null: float, alternative: float, alpha: float) -> float:
    """Return the exact power of the one-sided test of one proportion."""
    return float(binom.sf(critical_count(n, null, alpha) - 1, n, alternative))


def sample_size(null: float, alternative: float, alpha: float, wanted: float, most: int = 2000) -> int:
    """Return the smallest n from which on the exact power stays at or above the wanted one.

    Exact power is a saw-tooth in n, so the smallest n that reaches the power once may lose it again at n + 1.
    """
    enough = [power(n, null, alternative, alpha) >= wanted for n in range(1, most + 1)]
    if not enough[-1]:
        raise ValueError(f"more than {most} patients would be needed")
    short = [n for n, is_enough in enumerate(enough, start=1) if not is_enough]
    return max(short, default=0) + 1


def smallest_sample(null: float, alternative: float, alpha: float, wanted: float, most: int = 2000) -> int:
    """Return the smallest n whose exact power reaches the wanted one."""
    for n in range(1, most + 1):
        if power(n, null, alternative, alpha) >= wanted:
            return n
    raise ValueError(f"more than {most} patients would be needed")


def two_arm_size(first: float, second: float, alpha: float, wanted: float) -> float:
    """Return both arms' patients together for a two-sided test of two proportions, equal arms.

    The variance is pooled under the null and not under the alternative (Fleiss 1981).
    """
    pooled, difference = (first + second) / 2, abs(first - second)
    under_null = norm.isf(alpha / 2) * np.sqrt(2 * pooled * (1 - pooled))
    under_alternative = norm.ppf(wanted) * np.sqrt(first * (1 - first) + second * (1 - second))
    return float(2 * ((under_null + under_alternative) / difference) ** 2)


def pooled_error(events: Pair, n: Pair) -> float:
    """Return the standard error of the difference of two shares that are the same, for the score test."""
    share = sum(events) / sum(n)
    return float(np.sqrt(share * (1 - share) * (1 / n[0] + 1 / n[1])))


def difference(events: Pair, n: Pair) -> tuple[float, float]:
    """Return the difference of two shares (second minus first) and its standard error.

    The error is that of Agresti & Caffo 2000 (Am Stat 54:280): one event and one non-event are added to each
    arm, so that an arm without events still has one.
    """
    shares = [e / m for e, m in zip(events, n, strict=True)]
    added = [(e + 1) / (m + 2) for e, m in zip(events, n, strict=True)]
    variance = sum(s * (1 - s) / (m + 2) for s, m in zip(added, n, strict=True))
    return shares[1] - shares[0], float(np.sqrt(variance))
