"""Hold one observed number against what a trial of that size would find in simulated people.

It is inside when it lies in the 90 % prediction interval, and accepted when it is inside or nearer to the
simulated value than the band of its kind (`acceptance.csv`), which was fixed before any run. A bound is
inside when the interval reaches it.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.validation.catalogue import Band, Observed, Published, unit_of
from insulae.validation.prediction import Predicted, predicted

Floats = NDArray[np.floating[Any]]
TOO_FEW = "too few simulated people have an answer"


@dataclasses.dataclass(frozen=True)
class Judged:
    """An observed number beside the prediction; `reason` says why there is none."""

    published: Published
    observed: Observed
    unit: str
    band: float
    predicted: Predicted | None
    reason: str = ""

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
        """Tell whether the observed number lies in the prediction interval."""
        if self.predicted is None:
            return False
        above = self.predicted.low <= self.observed.value or self.observed.bound == "at_least"
        below = self.observed.value <= self.predicted.high or self.observed.bound == "at_most"
        return above and below

    @property
    def is_accepted(self) -> bool:
        """Tell whether it is inside or within the band."""
        return self.is_inside or abs(self.error) <= self.band


def judged(
    published: Published, observed: Observed, band: Band, answers: Callable[[tuple[str, ...]], Floats]
) -> Judged:
    """Judge one number; `answers` gives those of the people of some arms."""
    against = answers((observed.against,)) if observed.against else None
    found = predicted(answers(observed.arms), observed.n, observed.statistic, against, observed.week)
    unit = unit_of(observed.question, observed.statistic)
    reason = "" if found else TOO_FEW
    return Judged(published, observed, unit, band.around(observed.value), found, reason)
