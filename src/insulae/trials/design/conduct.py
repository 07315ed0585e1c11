"""How patients of a trial go on: outcomes of their arm, intercurrent events, dropout, missed visits."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from insulae.trials.design.draws import Draws
from insulae.trials.design.outcomes import SERIOUS, Floats, Ints, Outcomes
from insulae.trials.design.protocol import DEATH, Criterion, TrialSpec
from insulae.trials.design.variables import measured

WEEKS_PER_YEAR = 365.25 / 7
DAYS_PER_WEEK = 7
Flags = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Followed:
    """Patients of a trial as they truly go on: nothing is missing but after a death.

    `arm` and `path` [patient], [patient, visit]: arm of the study allocated, and whose outcomes are had;
    `values` by endpoint [patient, visit]; `event_week` by intercurrent event, death among them [patient],
    inf: none.
    """

    weeks: Floats
    arm: Ints
    path: Ints
    values: Mapping[str, Floats]
    event_week: Mapping[str, Floats]

    def chosen(self, which: Flags | Ints) -> "Followed":
        """Return some of the patients."""
        return Followed(
            self.weeks,
            self.arm[which],
            self.path[which],
            {name: one[which] for name, one in self.values.items()},
            {name: one[which] for name, one in self.event_week.items()},
        )


@dataclasses.dataclass(frozen=True)
class Data:
    """What the trial sees of the patients followed.

    `entered` calendar week of entry, `left` week since entry of dropout (inf: none) [patient]; `seen`
    whether each visit was, `offset` weeks from its day [patient, visit].
    """

    followed: Followed
    entered: Floats
    left: Floats
    seen: Flags
    offset: Floats

    def chosen(self, which: Flags | Ints) -> "Data":
        """Return some of the patients."""
        return Data(
            self.followed.chosen(which),
            self.entered[which],
            self.left[which],
            self.seen[which],
            self.offset[which],
        )

    def observed(self, endpoint: str) -> Floats:
        """Return the values seen [patient, visit], NaN where missed or after leaving.

        A number is that of the actual day within the visit window, interpolated between visits; a yes or no
        is that of the visit.
        """
        truth = self.followed.values[endpoint]
        if measured(endpoint).kind == "number" and self.offset.any():
            truth = _at_actual_weeks(truth, self.followed.weeks, self.offset)
        return np.where(self.seen, truth, np.nan)


def _at_actual_weeks(values: Floats, weeks: Floats, offset: Floats) -> Floats:
    """Return values at the visits' weeks plus offsets, on straight lines to the neighboring visit."""
    at = np.arange(len(weeks))
    toward = np.clip(at + np.where(offset < 0, -1, 1), 0, len(weeks) - 1)
    gap = np.abs(weeks[toward] - weeks[at])
    part = np.divide(np.abs(offset), gap, out=np.zeros_like(offset), where=gap > 0)
    neighbor = np.take_along_axis(values, toward, axis=1)
    moved = values + np.minimum(part, 1) * (neighbor - values)
    return np.where(np.isfinite(moved), moved, values)


def eligible(outcomes: Outcomes, criteria: tuple[Criterion, ...]) -> Ints:
    """Return the patients whose values at enrollment meet all criteria; they are the same in all arms."""
    meets = np.ones(outcomes.size, bool)
    for criterion in criteria:
        meets &= met(criterion, outcomes.values[criterion.endpoint][0, :, 0])
    return np.flatnonzero(meets)


def met(criterion: Criterion, values: Floats) -> Flags:
    """Tell which values meet a criterion; a missing one does not."""
    sign, limit = criterion.limit()
    return sign * values > sign * limit


def follow(spec: TrialSpec, outcomes: Outcomes, patients: Ints, arm: Ints, draws: Draws) -> Followed:
    """Return how patients go on in the arms of the study they were given, intercurrent events included."""
    n, n_visits = len(patients), len(outcomes.weeks)
    path = np.repeat(arm[:, None], n_visits, axis=1)
    events: dict[str, Floats] = {}
    for event in spec.intercurrent:
        chance = draws.stream(f"event {event.name}").random(n) * 100 < event.chance
        visit, origin, to = outcomes.visit(event.week), outcomes.arm(event.arm), outcomes.arm(event.to)
        happens = chance & (path[:, visit] == origin) & (outcomes.death_week[origin, patients] > event.week)
        if event.when is not None:
            happens &= met(event.when, outcomes.values[event.when.endpoint][origin, patients, visit])
        path[np.ix_(happens, np.arange(visit + 1, n_visits))] = to
        week = np.where(happens, outcomes.weeks[visit], np.inf)
        events[event.name] = np.minimum(week, events.get(event.name, np.inf))
    place = np.arange(n_visits)
    values = {name: one[path, patients[:, None], place] for name, one in outcomes.values.items()}
    events[DEATH] = outcomes.death_week[path[:, -1], patients]
    return Followed(outcomes.weeks, arm, path, values, events)


def observe(spec: TrialSpec, followed: Followed, entered: Floats, draws: Draws) -> Data:
    """Return what the trial sees of patients: dropout, missed visits, visits off their day."""
    n, n_visits = followed.path.shape
    missed = draws.stream("missed").random((n, n_visits)) * 100 < spec.missing_visits
    missed[:, 0] = False
    left = dropout_week(spec, followed, missed, draws)
    seen = (followed.weeks <= left[:, None]) & ~missed
    half = spec.visit_window / DAYS_PER_WEEK
    offset = draws.stream("window").uniform(-1, 1, (n, n_visits)) * half
    offset[:, 0] = 0.0
    return Data(followed, entered, left, seen, offset)


def dropout_week(spec: TrialSpec, followed: Followed, missed: Flags, draws: Draws) -> Floats:
    """Return the week in which each patient leaves; inf: never.

    Patients leave at the common rate and, from one visit to the next, at that of each departure whose limit
    the deciding visit is beyond.
    """
    waiting, common = draws.stream("dropout").exponential(size=len(missed)), _weekly(spec.dropout)
    if not spec.departures:
        return waiting / common if common else np.full(len(missed), np.inf)
    last_seen = np.maximum.accumulate(np.where(missed, 0, np.arange(missed.shape[1])), axis=1)
    rate = np.full((len(missed), missed.shape[1] - 1), common)
    for departure in spec.departures:
        values = followed.values[departure.when.endpoint]
        told = np.take_along_axis(values, last_seen, axis=1)[:, :-1]
        decides = told if departure.by == "last visit" else values[:, 1:]
        rate += _weekly(departure.rate) * met(departure.when, decides)
    return _first_beyond(waiting, rate, followed.weeks)


def _weekly(yearly: float) -> float:
    """Return the rate a week at which a share (%) leaves in a year."""
    return float(-np.log1p(-yearly / 100)) / WEEKS_PER_YEAR


def _first_beyond(waiting: Floats, rate: Floats, weeks: Floats) -> Floats:
    """Return the week in which each integral of a rate [patient, interval] reaches a value; inf: in none."""
    ends = np.cumsum(rate * np.diff(weeks), axis=1)
    place = (ends < waiting[:, None]).sum(axis=1)
    inside = place < rate.shape[1]
    row, k = np.flatnonzero(inside), place[inside]
    found = np.full(len(waiting), np.inf)
    found[row] = weeks[k + 1] - (ends[row, k] - waiting[row]) / rate[row, k]
    return found


def known(data: Data) -> Followed:
    """Return the patients with only the intercurrent events that happened before they left."""
    events = {
        name: np.where(week <= data.left, week, np.inf) for name, week in data.followed.event_week.items()
    }
    return dataclasses.replace(data.followed, event_week=events)


def serious_events(followed: Followed, until: Floats) -> float:
    """Return the serious adverse events of all patients until each one's week since entry."""
    counts = followed.values[SERIOUS]
    reached = (followed.weeks <= until[:, None]) & np.isfinite(counts)
    last = np.where(reached, counts, 0.0).max(axis=1)
    return float(last.sum() + (followed.event_week[DEATH] <= until).sum())
