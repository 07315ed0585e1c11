"""Group-sequential designs: boundaries, crossing probabilities, inflation and expected sample size.

At information fractions t_k the statistics Z_k are jointly normal, Z_k ~ N(drift sqrt(t_k), 1) with
Cov(Z_j, Z_k) = sqrt(t_j / t_k) for j <= k; `drift` is the expected Z at full information. The density of
those who go on is carried from look to look by numerical integration (Armitage, McPherson & Rowe 1969;
Jennison & Turnbull 2000, chapter 19), here with Gauss-Legendre nodes between the boundaries, where it is
smooth.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from insulae.statistics.roots import root

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)
_REACH = 9.0
"""Standard deviations beyond which a normal density is nothing."""
_WIDEST = 12.0


@dataclasses.dataclass(frozen=True)
class Boundaries:
    """Bounds on Z at each look: stop for efficacy at `upper` or above, stop below `lower` (-inf: never).

    For a two-sided test `lower` is -`upper` and both are rejections; otherwise below `lower` is futility.
    """

    fractions: Floats
    upper: Floats
    lower: Floats

    @property
    def nominal_p(self) -> Floats:
        """One-sided p-values that correspond to the upper bounds [look]."""
        return norm.sf(self.upper)


@dataclasses.dataclass(frozen=True)
class Exits:
    """Probabilities of leaving above and below at each look [look]."""

    above: Floats
    below: Floats

    def expected_fraction(self, fractions: Floats) -> float:
        """Return the expected information at the end as a part of the maximum."""
        leaving = self.above + self.below
        return float(leaving @ fractions + (1 - leaving.sum()) * fractions[-1])


class _Walk:
    """The density of those still in the trial, on nodes of the score S = Z sqrt(t)."""

    def __init__(self, drift: float) -> None:
        self.drift, self.t = drift, 0.0
        self.nodes, self.mass = np.zeros(1), np.ones(1)

    def beyond(self, t: float, z: float) -> float:
        """Return the probability of reaching the look at t with Z of at least z."""
        step = t - self.t
        mean = self.nodes + self.drift * step
        return float(self.mass @ norm.sf((z * np.sqrt(t) - mean) / np.sqrt(step)))

    def short_of(self, t: float, z: float) -> float:
        """Return the probability of reaching the look at t with Z below z."""
        step = t - self.t
        mean = self.nodes + self.drift * step
        return float(self.mass @ norm.cdf((z * np.sqrt(t) - mean) / np.sqrt(step)))

    def pass_look(self, t: float, lower: float, upper: float) -> None:
        """Go on with those whose Z at t lies between the bounds."""
        step, scale = t - self.t, np.sqrt(t)
        low = max(lower, self.drift * scale - _REACH) * scale
        high = min(upper, self.drift * scale + _REACH) * scale
        nodes = (high + low) / 2 + (high - low) / 2 * _NODES
        away = (nodes[:, None] - self.nodes - self.drift * step) / np.sqrt(step)
        density = norm.pdf(away) @ self.mass / np.sqrt(step)
        self.nodes, self.mass, self.t = nodes, density * _WEIGHTS * max(high - low, 0) / 2, t


def exits(bounds: Boundaries, drift: float) -> Exits:
    """Return the probabilities of leaving at each look when the expected Z at full information is `drift`."""
    walk, above, below = _Walk(drift), [], []
    for t, lower, upper in zip(bounds.fractions, bounds.lower, bounds.upper, strict=True):
        above.append(walk.beyond(t, upper))
        below.append(walk.short_of(t, lower))
        walk.pass_look(t, lower, upper)
    return Exits(np.array(above), np.array(below))


def wang_tsiatis(fractions: Sequence[float], alpha: float, delta: float) -> Boundaries:
    """Return two-sided bounds C t^(delta - 1/2) of total error alpha (Wang & Tsiatis 1987).

    delta 0 is O'Brien & Fleming 1979 (Biometrics 35:549), delta 1/2 is Pocock 1977 (Biometrika 64:191).
    """
    t = _checked(fractions)
    return _two_sided(t, alpha, lambda constant: constant * t ** (delta - 0.5))


def one_sided_wang_tsiatis(fractions: Sequence[float], alpha: float, delta: float) -> Boundaries:
    """Return upper bounds of the same shape whose one-sided error is alpha."""
    t = _checked(fractions)
    never = np.full(len(t), -np.inf)
    return _solved(alpha, lambda c: Boundaries(t, c * t ** (delta - 0.5), never))


def haybittle_peto(fractions: Sequence[float], alpha: float, interim: float = 3.0) -> Boundaries:
    """Return two-sided bounds `interim` at all looks but the last, which makes the total error alpha."""
    t = _checked(fractions)
    return _two_sided(t, alpha, lambda last: np.append(np.full(len(t) - 1, interim), last))


def _two_sided(t: Floats, alpha: float, shape: Callable[[float], Floats]) -> Boundaries:
    return _solved(alpha, lambda constant: Boundaries(t, shape(constant), -shape(constant)))


def _solved(alpha: float, made: Callable[[float], Boundaries]) -> Boundaries:
    """Return the boundaries of the constant at which the probability to leave without an effect is alpha."""

    def excess(constant: float) -> float:
        found = exits(made(constant), 0.0)
        return float(found.above.sum() + found.below.sum()) - alpha

    return made(root(excess, 0.0, _WIDEST))


def spent(
    fractions: Sequence[float], alpha: float, spending: Callable[[float, Floats], Floats]
) -> Boundaries:
    """Return upper bounds that use a one-sided error alpha as `spending(alpha, t)` says."""
    t = _checked(fractions)
    walk, upper, used = _Walk(0.0), list[float](), 0.0
    for fraction, total in zip(t, spending(alpha, t), strict=True):
        bound = _solve(lambda z, f=fraction: walk.beyond(f, z), float(total) - used)
        walk.pass_look(fraction, -np.inf, bound)
        upper.append(bound)
        used = float(total)
    return Boundaries(t, np.array(upper), np.full(len(t), -np.inf))


def _solve(probability: Callable[[float], float], wanted: float) -> float:
    """Return the z at which a falling probability is as wanted."""
    if wanted <= probability(_WIDEST):
        return _WIDEST
    if wanted >= probability(-_WIDEST):
        return -_WIDEST
    return root(lambda z: probability(z) - wanted, -_WIDEST, _WIDEST)


def with_futility(
    efficacy: Boundaries, power: float, spending: Callable[[float, Floats], Floats]
) -> tuple[Boundaries, float]:
    """Add non-binding futility bounds that use the error 1 - power as `spending` says; also return the drift.

    Non-binding: the efficacy bounds keep their error whether or not the trial stops for futility. The drift
    is found so that the futility bound of the last look meets the efficacy bound.
    """
    t, upper = efficacy.fractions, efficacy.upper
    beta = spending(1 - power, t)

    def lower_at(drift: float) -> Floats:
        walk, lower, used = _Walk(drift), list[float](), 0.0
        for fraction, bound, total in zip(t, upper, beta, strict=True):
            wanted = float(total) - used
            found = -_solve(lambda z, f=fraction: walk.short_of(f, -z), wanted)
            lower.append(found)
            walk.pass_look(fraction, min(found, bound), bound)
            used = float(total)
        return np.array(lower)

    drift = root(lambda d: lower_at(d)[-1] - upper[-1], 0.5, _WIDEST, 1e-10)
    lower = lower_at(drift)
    lower[-1] = upper[-1]
    return Boundaries(t, upper, np.minimum(lower, upper)), drift


def drift_for(bounds: Boundaries, power: float) -> float:
    """Return the expected Z at full information that gives the power to leave above."""
    return root(lambda d: exits(bounds, d).above.sum() - power, 0.0, _WIDEST)


def inflation(bounds: Boundaries, alpha: float, power: float) -> float:
    """Return the maximum information relative to a fixed design of the same one-sided alpha and power."""
    fixed = float(norm.isf(alpha) + norm.ppf(power))
    return (drift_for(bounds, power) / fixed) ** 2


def conditional_power(z: float, fraction: float, bound: float, drift: float) -> float:
    """Return the probability that Z passes a bound at full information, given z at a fraction of it.

    `drift` is the expected Z at full information; z / sqrt(fraction) is the trend seen so far.
    """
    left = 1 - fraction
    return float(norm.cdf((z * np.sqrt(fraction) + drift * left - bound) / np.sqrt(left)))


def predictive_power(z: float, fraction: float, bound: float) -> float:
    """Return the conditional power averaged over the drift's posterior under a flat prior.

    The drift is N(z / sqrt(fraction), 1 / fraction) given z (Spiegelhalter, Freedman & Blackburn 1986).
    """
    return float(norm.cdf((z / np.sqrt(fraction) - bound) / np.sqrt((1 - fraction) / fraction)))


def _checked(fractions: Sequence[float]) -> Floats:
    t = np.asarray(fractions, float)
    if not (len(t) and np.all(np.diff(t, prepend=0) > 0) and abs(t[-1] - 1) < 1e-9):
        raise ValueError(f"information fractions must rise from above 0 to 1, not {list(fractions)}")
    return t
