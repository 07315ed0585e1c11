"""What the judged numbers come to: by domain, against the bars, and whether the intervals are honest.

Only verified numbers of the role validation count in the headline. The three layers of the prediction stand
side by side: chance; with doubt; with discrepancy. An interval so wide that everything hits shows in the
width beside the band, and in where observed values fall within the draws: evenly if the prediction is
right, all in the middle if it is too wide, all in the tails if it is too narrow.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from insulae.core.discrepancy import family_of
from insulae.validation.catalogue import DOMAINS
from insulae.validation.discrepancy import z_score
from insulae.validation.judgment import Judged
from insulae.validation.prediction import Predicted

SHARE_BAR, HBA1C_BAR, DOMAIN_BAR = 85.0, 0.25, 70.0
HBA1C = ("hba1c", "hba1c change")
COVERED = "verified validation values inside the 90 % prediction interval"
ACCEPTED = "of these inside the interval of chance alone, or within the band"
SPECIFIED, STRICTER = "specified", "stricter"
"""Bars that the project set itself at its start, and stricter ones, which a wide interval cannot reach."""
BINS = 10
LAYERS: tuple[tuple[str, Callable[[Judged], Predicted | None]], ...] = (
    ("chance", lambda j: j.predicted),
    ("chance and doubt", lambda j: j.layers.doubted if j.layers else None),
    ("chance, doubt and discrepancy", lambda j: j.full),
)
"""The layers of a prediction, each within the next."""


@dataclasses.dataclass(frozen=True)
class Count:
    """How many numbers of a group were judged, lie inside the interval of each layer, are accepted.

    `inside` is chance alone, `doubted` with doubt, `covered` with discrepancy as well.
    """

    name: str
    total: int
    inside: int
    doubted: int
    covered: int
    accepted: int

    def share(self, name: str) -> float:
        """Return the percentage of one of the counts."""
        return 100 * getattr(self, name) / self.total if self.total else math.nan


COUNTS = ("inside", "doubted", "covered", "accepted")


def count(name: str, found: Iterable[Judged]) -> Count:
    """Count some judged numbers; those without a prediction are misses."""
    group = list(found)
    return Count(
        name,
        len(group),
        sum(j.is_inside for j in group),
        sum(j.is_doubted for j in group),
        sum(j.is_covered for j in group),
        sum(j.is_accepted for j in group),
    )


def counted(found: Iterable[Judged]) -> list[Judged]:
    """Return those that count in the headline."""
    return [j for j in found if j.observed.counts]


def by_domain(found: Sequence[Judged], which: Callable[[Judged], bool]) -> list[Count]:
    """Count some of the judged numbers in each domain."""
    return [
        count(domain, [j for j in found if j.published.domain == domain and which(j)]) for domain in DOMAINS
    ]


def hba1c_error(found: Iterable[Judged]) -> float:
    """Return the median absolute error of HbA1c and its changes, in percentage points."""
    errors = [abs(j.error) for j in counted(found) if j.observed.kind in HBA1C and j.predicted]
    return float(np.median(errors)) if errors else math.nan


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bar of the headline: what was reached, and what was asked; True is met, None is nothing judged.

    `measure` says whether it is one of those specified or a stricter one beside it.
    """

    measure: str
    name: str
    reached: float
    asked: float
    unit: str
    is_met: bool | None


def bars(found: Sequence[Judged]) -> list[Bar]:
    """Return the headline: the specified bars, by the prediction interval, then those by what is accepted."""
    whole, error = count("all", counted(found)), hba1c_error(found)
    domains = [c for c in by_domain(found, lambda j: j.observed.counts) if c.total]

    def share(measure: str, name: str, which: str) -> Bar:
        reached = whole.share(which)
        return Bar(measure, name, reached, SHARE_BAR, "%", _met(reached >= SHARE_BAR, reached))

    def worst(measure: str, name: str, which: str) -> Bar:
        lowest = min(domains, key=lambda c: c.share(which), default=count("none", ()))
        reached = lowest.share(which)
        return Bar(
            measure, f"{name} ({lowest.name})", reached, DOMAIN_BAR, "%", _met(reached >= DOMAIN_BAR, reached)
        )

    return [
        share(SPECIFIED, COVERED, "covered"),
        Bar(
            *(SPECIFIED, "median absolute HbA1c error", error, HBA1C_BAR, "points"),
            _met(error <= HBA1C_BAR, error),
        ),
        worst(SPECIFIED, "share inside that interval in the worst domain", "covered"),
        share(STRICTER, ACCEPTED, "accepted"),
        worst(STRICTER, "share accepted in the worst domain", "accepted"),
    ]


def _met(is_met: bool, reached: float) -> bool | None:
    return None if math.isnan(reached) else is_met


def honesty(found: Iterable[Judged]) -> list[dict[str, Any]]:
    """Return of each layer how wide the intervals are and where the observed values fall in the draws."""
    group = [j for j in counted(found) if j.predicted and not j.observed.bound]
    return [_layer(name, [(j, p) for j in group if (p := of(j)) is not None]) for name, of in LAYERS]


def _layer(name: str, pairs: list[tuple[Judged, Predicted]]) -> dict[str, Any]:
    places = [p.place(j.observed.value) for j, p in pairs]
    scored = [z_score(p, family_of(j.observed.kind).scale, j) for j, p in pairs]
    z = np.array([one for one in scored if math.isfinite(one)])
    widths = np.array([(p.high - p.low) / 2 / j.band for j, p in pairs if j.band > 0])
    widths = widths[np.isfinite(widths)]
    inside = sum(j.is_in(p) for j, p in pairs)
    return {
        "layer": name,
        "numbers": len(pairs),
        "inside": inside,
        "share_inside": 100 * inside / len(pairs) if pairs else None,
        "places": np.histogram(places, BINS, (0, 1))[0].tolist(),
        "z_mean": _of(np.mean, z),
        "z_sd": _of(np.std, z),
        "median_absolute_z": _of(np.median, np.abs(z)),
        "half_width_over_band": _of(np.median, widths),
        "half_width_over_band_p90": _of(lambda x: np.percentile(x, 90), widths),
    }


def _of(statistic: Callable[[Any], Any], values: Any) -> float | None:
    return float(statistic(values)) if len(values) else None


def half_width(found: Iterable[Judged], domain: str) -> float | None:
    """Return the median half width of the prediction intervals of a domain in bands, of what counts."""
    group = [j for j in counted(found) if j.published.domain == domain and not j.observed.bound]
    return _layer("", [(j, j.full) for j in group if j.predicted and j.full])["half_width_over_band"]


def misses_first(found: Iterable[Judged]) -> list[Judged]:
    """Return misses, then accepted ones outside the interval, then hits; the farthest first."""

    def far(j: Judged) -> tuple[int, float]:
        off = abs(j.error) / j.band if j.band > 0 and not math.isnan(j.error) else math.inf
        return (j.is_accepted + j.is_inside, -off)

    return sorted(found, key=far)
