"""Times to an event in the patients of a trial, cut off or competed for as the estimand's strategies say.

A patient is watched from enrollment to the week of the estimand, or to dropout. Treatment policy: the event
counts whatever happened before. Hypothetical and while on treatment: an intercurrent event cuts the time off.
Composite: it counts as the event where a late event is better, and otherwise as the end of all chance of it.
A death that is not the event itself competes with it (while on treatment), or is counted with it
(composite). Visits that were missed hide no event.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from insulae.trials.design.conduct import Data, Flags, Followed, known, met
from insulae.trials.design.outcomes import Floats
from insulae.trials.design.protocol import DEATH, Estimand
from insulae.trials.design.variables import DEATH_EVENT, measured

CUT, EVENT, COMPETING = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Times:
    """Week and what ended the time of each patient: cut off (0), the event (1), another that competes (2)."""

    week: Floats
    cause: NDArray[np.int64]

    @property
    def happened(self) -> Flags:
        """Tell who had the event."""
        return self.cause == EVENT


def happened_week(estimand: Estimand, followed: Followed) -> Floats:
    """Return the week of the event of each patient, infinite where none is known by the estimand's week."""
    inside = followed.weeks <= estimand.week + 1e-9
    values = followed.values[estimand.endpoint][:, inside]
    week = np.where(np.isfinite(values), values, np.inf).min(axis=1)
    return np.where(week <= estimand.week, week, np.inf)


def times(estimand: Estimand, data: Data) -> tuple[Times, Flags]:
    """Return the times of all patients and who belongs to the analysis."""
    followed = known(data)
    belongs = np.ones(len(followed.arm), bool)
    for criterion in estimand.population:
        belongs &= met(criterion, followed.values[criterion.endpoint][:, 0])
    event, competing = happened_week(estimand, followed), np.full(len(followed.arm), np.inf)
    cut = np.minimum(estimand.week, data.left)
    for name, week in followed.event_week.items():
        strategy = estimand.strategy(name)
        if name == DEATH and measured(estimand.endpoint).event == DEATH_EVENT:
            continue
        if strategy == "principal_stratum":
            belongs &= ~(week <= estimand.week)
        elif strategy == "composite" and measured(estimand.endpoint).better == "higher":
            event = np.minimum(event, week)
        elif strategy == "composite" or (name == DEATH and strategy == "while_on_treatment"):
            competing = np.minimum(competing, week)
        elif strategy != "treatment_policy":
            cut = np.minimum(cut, week)
    return _first(event, competing, cut), belongs


def _first(event: Floats, competing: Floats, cut: Floats) -> Times:
    """Return what comes first; an event in the week of the cut counts."""
    week = np.minimum(np.minimum(event, competing), cut)
    cause = np.where(event <= week, EVENT, np.where(competing <= week, COMPETING, CUT))
    return Times(np.maximum(week, SHORTEST), cause)


SHORTEST = 1 / 7
"""A day (weeks): who had the event or left on the day of enrollment was at risk for that long."""
