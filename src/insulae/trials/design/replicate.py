"""What one trial replicate found, and the scene it plays in."""

import dataclasses
import functools

import numpy as np

from insulae.statistics.ancova import Estimate
from insulae.trials.design.conduct import Data, Followed, follow, observe, serious_events
from insulae.trials.design.draws import Draws
from insulae.trials.design.enrolment import WEEKS_PER_MONTH, entry_weeks
from insulae.trials.design.outcomes import Floats, Ints, Outcomes
from insulae.trials.design.predicted_benefit import enrolled
from insulae.trials.design.protocol import Estimand, TrialSpec


@dataclasses.dataclass(frozen=True)
class Found:
    """The end of one replicate.

    `estimate` of the primary estimand where the design gives one; `patients` entered, `months` from the
    first entry to the last analysis; `serious_events` of all who entered until then; `ended` says why in
    words; `chosen` is what the design chose, such as a dose or the arms that succeeded; `statistic` is the
    design's own, such as a posterior probability.
    """

    is_success: bool
    patients: int
    months: float
    serious_events: float
    ended: str
    estimate: Estimate | None = None
    chosen: str = ""
    look: int = 0
    statistic: float = float("nan")


@dataclasses.dataclass(frozen=True)
class Scene:
    """A trial, the outcomes its patients have, and those who may enter (`places` in the cohort)."""

    spec: TrialSpec
    outcomes: Outcomes
    places: Ints
    seed: int
    weights: Floats | None = None

    @classmethod
    def of(cls, spec: TrialSpec, outcomes: Outcomes, seed: int) -> "Scene":
        """Return the scene of a trial; raises `ValueError` when nobody may enter."""
        places = enrolled(spec, outcomes, seed)
        if not len(places):
            raise ValueError("no simulated patient meets trial.eligibility")
        return cls(spec, outcomes, places, seed)

    @property
    def entering(self) -> Outcomes:
        """Outcomes of those who may enter."""
        return self.outcomes.chosen(self.places)

    @property
    def screened_per_patient(self) -> float:
        """Patients who must be screened for one who may enter."""
        return self.outcomes.size / len(self.places)

    def draws(self, replicate: int) -> Draws:
        """Return the random numbers of a replicate."""
        return Draws(self.seed, replicate)

    def patients(self, size: int, draws: Draws) -> Ints:
        """Draw patients with replacement from those who may enter, by their weights where there are any."""
        return self.places[np.searchsorted(self._ladder, draws.stream("patients").random(size))]

    @functools.cached_property
    def _ladder(self) -> Floats:
        """Rising shares of the weights of those who may enter."""
        weights = np.ones(len(self.places)) if self.weights is None else self.weights
        return weights.cumsum() / weights.sum()

    @functools.cached_property
    def _cuts(self) -> dict[str, float]:
        """Median at enrollment of the endpoints that cut strata, among those who may enter."""
        names = getattr(self.spec.design, "strata", ())
        return {name: float(np.median(self.outcomes.values[name][0, self.places, 0])) for name in names}

    def strata(self, patients: Ints) -> Ints:
        """Return the number of each patient's stratum; all in one where the design has none."""
        found = np.zeros(len(patients), np.int64)
        for name, cut in self._cuts.items():
            found = 2 * found + (self.outcomes.values[name][0, patients, 0] > cut)
        return found

    def entries(self, size: int, draws: Draws) -> Floats:
        """Return the calendar weeks of entry, counted from the first."""
        weeks = entry_weeks(self.spec.enrolment, size, draws)
        return weeks - weeks[0]

    def followed(self, patients: Ints, arm: Ints, draws: Draws) -> Followed:
        """Return how patients go on in arms of the study (places)."""
        return follow(self.spec, self.outcomes, patients, arm, draws)

    def data(self, followed: Followed, entered: Floats, draws: Draws) -> Data:
        """Return what the trial sees of them."""
        return observe(self.spec, followed, entered, draws)

    def ended_at(self, data: Data, week: float) -> tuple[int, float, float]:
        """Return patients, months and serious events of a trial whose last analysis is in a calendar week."""
        there = data.entered <= week
        events = serious_events(data.followed.chosen(there), week - data.entered[there])
        return int(there.sum()), week / WEEKS_PER_MONTH, events


def last_visit(estimand: Estimand, data: Data) -> float:
    """Return the calendar week in which the last patient reaches the visit of the estimand."""
    return float(np.max(data.entered) + estimand.week)
