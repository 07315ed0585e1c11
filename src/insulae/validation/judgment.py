"""Hold one observed number against what a trial of that size would find in simulated people.

It is inside when it lies in the 90 % interval of chance, and accepted when it is inside or nearer to the
simulated value than the band of its kind (`acceptance.csv`), which was fixed before any run. It is covered
when it lies in the 90 % prediction interval of chance, doubt and discrepancy together. A bound is inside
when the interval reaches it.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.validation.catalogue import Band, Observed, Published, unit_of
from insulae.validation.prediction import Groups, Layers, People, Predicted, Trial, layers

Floats = NDArray[np.floating[Any]]
TOO_FEW = "too few simulated people have an answer"


@dataclasses.dataclass(frozen=True)
class Judged:
    """An observed number beside the prediction of chance; `reason` says why there is none.

    `layers` hold chance and doubt; `full` is the prediction with discrepancy, once that is known.
    """

    published: Published
    observed: Observed
    unit: str
    band: float
    predicted: Predicted | None
    reason: str = ""
    layers: Layers | None = None
    full: Predicted | None = None

    @property
    def error(self) -> float:
        """Return simulated less observed; nothing where a bound is met."""
        if self.predicted is None:
            return math.nan
        off = self.predicted.median - self.observed.value
        met = {"at_least": off >= 0, "at_most": off <= 0}
        return 0.0 if met.get(self.observed.bound, False) else off

    @property
    def z(self) -> float:
        """Return observed less simulated in standard deviations of the prediction; NaN where it has none."""
        if self.predicted is None or not self.predicted.deviation > 0:
            return math.nan
        return -self.error / self.predicted.deviation

    @property
    def is_inside(self) -> bool:
        """Tell whether the observed number lies in the interval of chance."""
        return self.is_in(self.predicted)

    @property
    def is_doubted(self) -> bool:
        """Tell whether it lies in the interval of chance and doubt."""
        return self.is_in(self.layers.doubted if self.layers else None)

    @property
    def is_covered(self) -> bool:
        """Tell whether it lies in the prediction interval of chance, doubt and discrepancy."""
        return self.is_in(self.full)

    def is_in(self, found: Predicted | None) -> bool:
        """Tell whether the observed number lies in the interval of a prediction."""
        if found is None:
            return False
        above = found.low <= self.observed.value or self.observed.bound == "at_least"
        below = self.observed.value <= found.high or self.observed.bound == "at_most"
        return above and below

    @property
    def is_accepted(self) -> bool:
        """Tell whether it is inside or within the band."""
        return self.is_inside or abs(self.error) <= self.band


def judged(
    published: Published,
    observed: Observed,
    band: Band,
    answers: Callable[[tuple[str, ...]], Floats],
    groups: Callable[[tuple[str, ...]], Groups | None] = lambda arms: None,
) -> Judged:
    """Judge one number; `answers` gives those of the people of some arms, `groups` their groups of doubt."""

    def people(arms: tuple[str, ...]) -> People:
        return People(answers(arms), groups(arms))

    against = people((observed.against,)) if observed.against else None
    trial = Trial(observed.n, observed.statistic, observed.week)
    found = layers(people(observed.arms), trial, against)
    unit = unit_of(observed.question, observed.statistic)
    chance, reason = (found.chance, "") if found else (None, TOO_FEW)
    return Judged(published, observed, unit, band.around(observed.value), chance, reason, found)
