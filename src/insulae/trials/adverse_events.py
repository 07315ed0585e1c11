"""Adverse events of one arm: drawn for each patient from all hazards, with severity, relation and outcome.

Every kind of event and patient has a clock of its own. A waiting amount of hazard is drawn from the standard
exponential distribution; the hazards of all treatments and of the body use it up, and the event happens on
the day it is gone. The risk p of a procedure uses up -log(1 - p) on one day. The draws are addressed by seed,
kind of event, patient and how many such events the patient has had: they depend neither on the steps of the
calendar nor on chunks, workers or other arms. Patients of two arms with the same hazard have the same events
on the same days, and more hazard never means fewer events.

A fatal event ends the patient on the day of its onset; what others do to the body is in `consequences.py`.
Not modelled: events that make others more likely, and events before enrollment.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.adverse_events import FATAL
from insulae.core.clock import DAYS_PER_YEAR
from insulae.core.counted_draws import begun, counted
from insulae.endpoints.base import Visit
from insulae.therapies.base import Enrolled, Floats, Treatment
from insulae.trials.body_events import BODY, BodyEvents, parts_of
from insulae.trials.happened import Happened, described, kind_of, kinds, together
from insulae.trials.hazards import Harm, Hazards

Whole = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]

DRAWS = 5
"""Draws of each event: waiting amount, severity, relation, ending, duration."""
SEVERE_HYPOGLYCEMIA = "severe_hypoglycemia"


@dataclasses.dataclass(frozen=True)
class EventDraws:
    """The draws of all events of some patients, the same in all arms of a trial."""

    seed: int
    patients: Whole

    def of(self, kind: Whole, number: Whole, who: Whole, n: int = DRAWS) -> NDArray[np.float64]:
        """Return n draws of events of some kinds, numbers and patients, from 0 on, [draw, event]."""
        return counted(self._streams[kind], self.patients[who], number, n)

    @functools.cached_property
    def _streams(self) -> NDArray[np.uint64]:
        return np.array([begun(self.seed, f"event/{name}") for name in kinds().name])


class Safety:
    """The running record of the adverse events of one arm.

    It holds, [kind, patient], the hazard still waiting until the next event and the number of events so far.
    """

    def __init__(self, draws: EventDraws, body: BodyEvents) -> None:
        self.draws, self.body = draws, body
        self.death_day = np.full(body.size, np.inf)
        self.serious_events = np.zeros(body.size, np.float32)
        self.severe_hypoglycemias = np.zeros(body.size, np.float32)
        self._number = np.zeros((len(kinds().name), body.size), np.int64)
        kind, who = np.indices(self._number.shape).reshape(2, -1)
        first = draws.of(kind, np.zeros_like(kind), who, n=1)
        self._waiting = -np.log(first).reshape(self._number.shape)
        self._found: list[Happened] = []
        self._new: list[Happened] = []
        self._told = 0

    def fresh(self) -> Happened:
        """Return what has happened since this was last asked."""
        new, self._told = self._found[self._told :], len(self._found)
        return together(new)

    def events(self) -> Happened:
        """Return everything that has happened, by patient, day and name."""
        return together(self._found)

    def pass_days(
        self, treatments: Mapping[str, Treatment], first: int, days: int, low_share: Floats
    ) -> None:
        """Let some days pass at the exposure in their middle, day by day for procedures."""
        middle, parts = first + days / 2, list(parts_of(treatments))
        rates = [(event, name, rate) for name, part in parts for event, rate in part.hazards(middle).items()]
        rates += self.body.rates(parts, middle, low_share)
        self._use_up(Hazards.of(rates, self.body.size), first, days)
        for day in range(first, first + days):
            risks = [
                (event, name, risk) for name, part in parts for event, risk in part.procedures(day).items()
            ]
            if risks:
                self._operate(risks, day)
        self._settle()

    def note_kidneys(self, egfr: Floats, day: int) -> None:
        """Note whose kidneys have failed; who comes with failed kidneys on day 0 has no event."""
        kind, failed = kind_of("renal_failure"), np.flatnonzero(self.body.in_kidney_failure(egfr))
        new = failed[self._number[kind, failed] == 0]
        if day > 0:
            self._note("renal_failure", new, day)
        self._number[kind, new] += day <= 0
        self._waiting[kind, failed] = np.inf

    def note_visit(self, visit: Visit, day: int) -> None:
        """Note at a visit who has lost the function of a graft, and who has new antibodies."""
        found = {"graft_loss": self.body.lost_graft(visit), "sensitization": self.body.sensitized(visit)}
        for event, is_new in found.items():
            self._note(event, np.flatnonzero(is_new), day)

    def _note(self, event: str, who: Whole, day: int) -> None:
        """Let an event of the body itself happen to those of some patients who are alive."""
        who = who[np.isinf(self.death_day[who])]
        if len(who):
            certain = Hazards.of([(event, BODY, np.ones(self.body.size))], self.body.size)
            self._tell(self._happen(np.full(len(who), kind_of(event)), who, np.full(len(who), day)), certain)
            self._settle()

    def _use_up(self, rates: Hazards, first: int, days: int) -> None:
        """Use up the waiting hazards at constant yearly rates; several events may happen within the days."""
        total = rates.total * (days / DAYS_PER_YEAR)
        left, found = total.copy(), list[Whole]()
        while len((due := np.nonzero(self._waiting[rates.kind] <= left))[0]):
            kind, who = rates.kind[due[0]], due[1]
            left[due] -= self._waiting[kind, who]
            day = first + np.floor((1 - left[due] / total[due]) * days).astype(np.int64)
            found.append(self._happen(kind, who, np.minimum(day, first + days - 1)))
        self._waiting[rates.kind] -= left
        if found:
            self._tell(np.concatenate(found, axis=1), rates)

    def _operate(self, risks: list[Harm], day: int) -> None:
        """Take the risks of the procedures of a day; one procedure leads to one event of a kind at most."""
        hazards = Hazards.of([(event, name, _as_hazard(risk)) for event, name, risk in risks], self.body.size)
        is_hit = self._waiting[hazards.kind] <= hazards.total
        self._waiting[hazards.kind] -= np.where(is_hit, 0, hazards.total)
        place, who = np.nonzero(is_hit & np.isinf(self.death_day))
        self._tell(self._happen(hazards.kind[place], who, np.full(len(who), day)), hazards)

    def _happen(self, kind: Whole, who: Whole, day: Whole) -> Whole:
        """Let events happen to some patients and draw when the next ones may.

        Return kind, patient, day and number of each, [4, event].
        """
        events = np.stack([kind, who, day, self._number[kind, who]])
        self._number[kind, who] += 1
        (following,) = self.draws.of(kind, self._number[kind, who], who, n=1)
        self._waiting[kind, who] = np.where(kinds().recurs[kind], -np.log(following), np.inf)
        return events

    def _tell(self, events: Whole, hazards: Hazards) -> None:
        """Draw what events were like, and what they are related to."""
        kind, who, day, number = events
        _, severity, source, ending, time = self.draws.of(kind, number, who)
        related = hazards.related(kind, who, source)
        self._new.append(described(kind, who, day, related, (severity, ending, time)))

    def _settle(self) -> None:
        """Take in what is new up to the first fatal event of each patient."""
        if not self._new:
            return
        new, self._new = together(self._new), []
        is_fatal = new.grade == FATAL
        place, last = np.arange(len(new.day)), np.full(self.body.size, len(new.day))
        np.minimum.at(last, new.patient[is_fatal], place[is_fatal])
        self._count(new.chosen(place <= last[new.patient]))

    def _count(self, new: Happened) -> None:
        self._found.append(new)
        np.add.at(self.serious_events, new.patient[new.serious], 1)
        np.add.at(self.severe_hypoglycemias, new.patient[new.event == SEVERE_HYPOGLYCEMIA], 1)
        is_fatal = new.grade == FATAL
        self.death_day[new.patient[is_fatal]] = new.day[is_fatal]
        self._waiting[:, new.patient[is_fatal]] = np.inf


def unwatched(enrolled: Enrolled) -> Safety:
    """Return a record for simulations of which nobody reads the adverse events."""
    body = BodyEvents(enrolled, has_background_mortality=False)
    return Safety(EventDraws(0, np.arange(enrolled.size)), body)


def _as_hazard(risk: Numbers) -> Numbers:
    """Return the hazard of a probability; infinite for what is certain."""
    with np.errstate(divide="ignore"):
        return -np.log1p(-np.asarray(risk, float))
