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
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.adverse_events import FATAL, AdverseEvent, adverse_event
from insulae.core.clock import DAYS_PER_YEAR
from insulae.core.counted_draws import counted_uniforms
from insulae.endpoints.base import Visit
from insulae.therapies.base import Enrolled, Floats, Risks, Treatment
from insulae.trials.body_events import BODY, BodyEvents, parts_of

Whole = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]
Names = NDArray[np.str_]

DRAWS = 5
"""Draws of each event: waiting amount, severity, relation, ending, duration."""
AND_NEXT = np.array([1, 0, 0, 0, 0])[:, None]
"""Added to the number of an event: its draws, with the waiting amount of the one that follows."""
OUTCOMES = np.array(["recovered", "sequelae", "not recovered", "fatal"])
SEVERE_HYPOGLYCEMIA = "severe_hypoglycemia"


@dataclasses.dataclass(frozen=True)
class Happened:
    """Events, one in each place of the arrays.

    `patient` counts within the chunk; `duration` in days is NaN for what lasts or ended in death.
    """

    event: Names
    patient: Whole
    day: Whole
    grade: Whole
    serious: NDArray[np.bool_]
    relation: Names
    outcome: Names
    duration: NDArray[np.float64]

    def chosen(self, which: NDArray[np.bool_] | Whole) -> "Happened":
        """Return some of the events."""
        return Happened(**{f.name: getattr(self, f.name)[which] for f in dataclasses.fields(self)})


def together(some: list[Happened]) -> Happened:
    """Return events by patient, day and name."""
    columns = {f.name: [getattr(one, f.name) for one in some] for f in dataclasses.fields(Happened)}
    joined = Happened(**{name: np.concatenate(parts) for name, parts in columns.items()})
    return joined.chosen(np.lexsort((joined.event, joined.day, joined.patient)))


@dataclasses.dataclass(frozen=True)
class EventDraws:
    """The draws of all events of some patients, the same in all arms of a trial."""

    seed: int
    patients: Whole

    def of(self, event: str, number: Whole, who: Whole, n: int = DRAWS) -> NDArray[np.float64]:
        """Return n draws of some patients' events of a kind, from 0 on, [draw, patient].

        Events are numbered by patient, or by draw and patient.
        """
        return counted_uniforms(self.seed, f"event/{event}", self.patients[who], number, n)


@dataclasses.dataclass
class _Clock:
    """One kind of event: hazard still waiting and number of events so far, of each patient."""

    kind: AdverseEvent
    waiting: NDArray[np.float64]
    number: Whole


Hazards = dict[str, list[tuple[str, Numbers]]]
"""Of each event, what it is related to and the rate or the hazard from there."""


class Safety:
    """The running record of the adverse events of one arm."""

    def __init__(self, draws: EventDraws, body: BodyEvents) -> None:
        self.draws, self.body = draws, body
        self.death_day = np.full(body.size, np.inf)
        self.serious_events = np.zeros(body.size, np.float32)
        self.severe_hypoglycemias = np.zeros(body.size, np.float32)
        self._clocks: dict[str, _Clock] = {}
        self._found: list[Happened] = []
        self._new: list[Happened] = []
        self._told = 0

    def fresh(self) -> Happened:
        """Return what has happened since this was last asked."""
        new, self._told = self._found[self._told :], len(self._found)
        return together(new) if new else _nothing()

    def events(self) -> Happened:
        """Return everything that has happened, by patient, day and name."""
        return together(self._found) if self._found else _nothing()

    def pass_days(
        self, treatments: Mapping[str, Treatment], first: int, days: int, low_share: Floats
    ) -> None:
        """Let some days pass at the exposure in their middle, day by day for procedures."""
        middle = first + days / 2
        hazards: Hazards = defaultdict(list)
        for relation, part in parts_of(treatments):
            _gather(hazards, relation, part.hazards(middle))
        for event, relation, rate in self.body.rates(treatments, middle, low_share):
            hazards[event].append((relation, rate))
        for event in sorted(hazards):
            self._use_up(event, hazards[event], first, days)
        for day in range(first, first + days):
            self._operate(treatments, day)
        self._settle()

    def note_kidneys(self, egfr: Floats, day: int) -> None:
        """Note whose kidneys have failed; who comes with failed kidneys on day 0 has no event."""
        failed = np.flatnonzero(self.body.in_kidney_failure(egfr))
        clock = self._clock("renal_failure")
        new = failed[clock.number[failed] == 0]
        if day > 0:
            self._happen(clock, new, np.full(len(new), day), [(BODY, np.ones(self.body.size))])
            self._settle()
        clock.number[new] += day <= 0
        clock.waiting[failed] = np.inf

    def note_visit(self, visit: Visit, day: int) -> None:
        """Note at a visit who has lost the function of a graft, and who has new antibodies."""
        found = {"graft_loss": self.body.lost_graft(visit), "sensitization": self.body.sensitized(visit)}
        for event, is_new in found.items():
            who = np.flatnonzero(is_new)
            self._happen(self._clock(event), who, np.full(len(who), day), [(BODY, np.ones(self.body.size))])
        self._settle()

    def _clock(self, event: str) -> _Clock:
        if event not in self._clocks:
            everybody = np.arange(self.body.size)
            first = self.draws.of(event, np.zeros_like(everybody), everybody, n=1)
            waiting = np.where(np.isinf(self.death_day), -np.log(first[0]), np.inf)
            self._clocks[event] = _Clock(adverse_event(event), waiting, np.zeros_like(everybody))
        return self._clocks[event]

    def _use_up(self, event: str, rates: list[tuple[str, Numbers]], first: int, days: int) -> None:
        """Use up the waiting hazard at constant rates; several events may happen within the days."""
        clock = self._clock(event)
        total = np.sum([rate for _, rate in rates], axis=0, dtype=float) * (days / DAYS_PER_YEAR)
        left = total.copy()
        while len(who := np.flatnonzero(clock.waiting <= left)):
            left[who] -= clock.waiting[who]
            day = first + np.floor((1 - left[who] / total[who]) * days).astype(np.int64)
            self._happen(clock, who, np.minimum(day, first + days - 1), rates)
        clock.waiting -= left

    def _operate(self, treatments: Mapping[str, Treatment], day: int) -> None:
        """Take the risks of the procedures of a day; one procedure leads to one event of a kind at most."""
        risks: Hazards = defaultdict(list)
        for relation, part in parts_of(treatments):
            _gather(risks, relation, part.procedures(day))
        for event in sorted(risks):
            clock = self._clock(event)
            hazards = [(relation, _as_hazard(risk)) for relation, risk in risks[event]]
            total = np.sum([hazard for _, hazard in hazards], axis=0)
            is_hit = clock.waiting <= total
            clock.waiting -= np.where(is_hit, 0, total)
            who = np.flatnonzero(is_hit)
            self._happen(clock, who, np.full(len(who), day), hazards)

    def _happen(self, clock: _Clock, who: Whole, day: Whole, rates: list[tuple[str, Numbers]]) -> None:
        """Let an event happen to some patients and draw when the next one may."""
        who, day = who[alive := np.isinf(self.death_day[who])], day[alive]
        if not len(who):
            return
        numbers = clock.number[who] + AND_NEXT
        following, severity, source, ending, time = self.draws.of(clock.kind.name, numbers, who)
        related = self._related(rates, who, source)
        self._new.append(_described(clock.kind, who, day, related, (severity, ending, time)))
        clock.number[who] += 1
        clock.waiting[who] = -np.log(following) if clock.kind.recurs else np.inf

    def _related(self, rates: list[tuple[str, Numbers]], who: Whole, source: Numbers) -> Names:
        """Return what the events of some patients are related to, from a draw of each."""
        relations = np.array([relation for relation, _ in rates])
        if len(relations) == 1:
            return relations.repeat(len(who))
        shares = np.cumsum([np.broadcast_to(rate, self.body.size)[who] for _, rate in rates], axis=0)
        return relations[np.argmax(shares >= source * shares[-1], axis=0)]

    def _settle(self) -> None:
        """Take in what is new up to the first fatal event of each patient."""
        if not self._new:
            return
        new = together(self._new)
        self._new = []
        is_fatal = new.grade == FATAL
        _, first = np.unique(new.patient[is_fatal], return_index=True)
        last = np.flatnonzero(is_fatal)[first]
        place = np.full(self.body.size, len(new.day))
        place[new.patient[last]] = last
        kept = new.chosen(np.arange(len(new.day)) <= place[new.patient])
        self._count(kept)

    def _count(self, new: Happened) -> None:
        self._found.append(new)
        np.add.at(self.serious_events, new.patient[new.serious], 1)
        np.add.at(self.severe_hypoglycemias, new.patient[new.event == SEVERE_HYPOGLYCEMIA], 1)
        is_fatal = new.grade == FATAL
        self.death_day[new.patient[is_fatal]] = new.day[is_fatal]
        for clock in self._clocks.values():
            clock.waiting[new.patient[is_fatal]] = np.inf


def unwatched(enrolled: Enrolled) -> Safety:
    """Return a record for simulations of which nobody reads the adverse events."""
    body = BodyEvents(enrolled, has_background_mortality=False)
    return Safety(EventDraws(0, np.arange(enrolled.size)), body)


def _gather(hazards: Hazards, relation: str, risks: Risks) -> None:
    for event, risk in risks.items():
        hazards[event].append((relation, risk))


def _as_hazard(risk: Numbers) -> Numbers:
    """Return the hazard of a probability; infinite for what is certain."""
    with np.errstate(divide="ignore"):
        return -np.log1p(-np.asarray(risk, float))


def _described(
    kind: AdverseEvent, who: Whole, day: Whole, related: Names, uniforms: tuple[Numbers, ...]
) -> Happened:
    """Describe events from their draws: the most severe are the serious ones."""
    severity, ending, time = uniforms
    grade = 1 + np.searchsorted(np.cumsum(kind.grades)[:-1], severity, side="right")
    is_fatal, is_lasting = grade == FATAL, np.isinf(kind.resolution)
    survived = np.where(is_lasting, 2, ending < kind.sequelae)
    days = np.nan if is_lasting else np.maximum(1, np.ceil(-np.log(time) * kind.resolution))
    return Happened(
        event=np.full(len(who), kind.name),
        patient=who,
        day=day,
        grade=grade,
        serious=is_fatal | (severity >= 1 - kind.serious),
        relation=related,
        outcome=OUTCOMES[np.where(is_fatal, 3, survived)],
        duration=np.where(is_fatal, np.nan, days),
    )


def _nothing() -> Happened:
    text, whole = np.array([], np.str_), np.array([], np.int64)
    return Happened(text, whole, whole, whole, np.array([], bool), text, text, np.array([], float))
