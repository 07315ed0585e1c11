"""One chunk of patients through all arms: the same patients and days in each, endpoints at every visit."""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.random import DayDraws
from insulae.endpoints.base import evaluate
from insulae.populations.baseline import Start, starting
from insulae.populations.enrolled import traits
from insulae.populations.patient import ClinicNumbers
from insulae.populations.recruitment import Recruits
from insulae.populations.routine import compiled_day, compiled_days, compiled_meal_test, day_draws
from insulae.therapies.base import TherapySpec, Treatment
from insulae.trials.adverse_events import EventDraws, Safety
from insulae.trials.body_events import BodyEvents
from insulae.trials.calendar import Step, calendar
from insulae.trials.happened import Happened
from insulae.trials.readings import Readings
from insulae.trials.simulation import Visited, Window, simulate_arm

LONG_PAST = -30.0
"""Days before enrollment after which an event no longer asks for fine steps."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """What the patients of one arm take, standing treatment included, and the days that are simulated."""

    name: str
    therapies: tuple[TherapySpec, ...]
    steps: tuple[Step, ...]


@dataclasses.dataclass(frozen=True)
class Trial:
    """Everything that decides the results of a patient; of visits on `stored_days` the traces are kept.

    `recruits` tells which candidates the patients are; without them, patient n is candidate n.
    """

    numbers: ClinicNumbers
    treatment: tuple[TherapySpec, ...]
    arms: tuple[Arm, ...]
    endpoints: tuple[str, ...]
    seed: int
    stored_days: frozenset[int]
    has_background_mortality: bool = False
    recruits: Recruits | None = None


@dataclasses.dataclass(frozen=True)
class ArmVisit:
    """The endpoints of one arm at one visit, each [patient], and the traces where they are kept."""

    arm: str
    day: int
    values: Mapping[str, NDArray[np.floating[Any]]]
    window: Window | None


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a chunk; `is_finite` is False for patients whose numbers broke in any arm.

    `events` are the adverse events of each arm; from a patient's death on, endpoints and traces are missing.
    `enrolled` holds the traits of each patient at enrollment.
    """

    ids: NDArray[np.int64]
    is_solved: NDArray[np.bool_]
    attempts: NDArray[np.int32]
    is_finite: NDArray[np.bool_]
    visits: list[ArmVisit]
    events: Mapping[str, Happened] = dataclasses.field(default_factory=dict[str, Happened])
    enrolled: Mapping[str, NDArray[np.floating[Any]]] = dataclasses.field(
        default_factory=dict[str, NDArray[np.floating[Any]]]
    )


def steps_of(
    treatments: Iterable[Treatment], visit_weeks: Iterable[float], every_day: bool = False
) -> tuple[Step, ...]:
    """Return the days to simulate: fine after anything that acts fast and where readings steer doses."""
    given = list(treatments)
    events = [day for t in given for day in t.event_days() if day > LONG_PAST]
    longest = min((part.longest_step() for t in given for part in t.parts()), default=DAYS_PER_WEEK)
    return tuple(calendar(visit_weeks, events, 1 if every_day else longest))


_compiling = threading.Lock()


def prepare() -> None:
    """Create the compiled functions once, so that threads share one compilation."""
    with _compiling:
        compiled_day()
        compiled_days()
        compiled_meal_test()


def simulate_chunk(
    trial: Trial, ids: range, on_start: Callable[[], None], on_step: Callable[[int], None]
) -> Outcome:
    """Bring the patients to their starting state and take them through every arm.

    `on_start` is called when the starting state is found, `on_step` after every step of an arm with its days,
    the fewest that may be simulated.
    """
    who = np.asarray(ids if trial.recruits is None else trial.recruits.of(ids), np.int64)
    start = starting(trial.numbers, list(trial.treatment), trial.seed, who)
    on_start()
    return simulate_from(trial, start, ids, on_step)


def simulate_from(trial: Trial, start: Start, ids: range, on_step: Callable[[int], None]) -> Outcome:
    """Take patients at a starting state through every arm; see `simulate_chunk` for `on_step`."""
    is_finite, visits = np.ones(len(ids), bool), list[ArmVisit]()
    who = np.asarray(start.cohort.ids, np.int64)
    draws, event_draws = day_draws(trial.seed, who), EventDraws(trial.seed, who)
    readings = Readings(trial.seed, who)
    events: dict[str, Happened] = {}
    for arm in trial.arms:
        safety = Safety(event_draws, BodyEvents(start.enrolled, trial.has_background_mortality))
        for visited in _visits(arm, start, (draws, safety, readings), on_step):
            is_finite &= visited.is_finite
            visits.append(_arm_visit(trial, arm.name, visited))
        events[arm.name] = safety.events()
    is_solved = np.asarray(start.is_solved)
    enrolled = traits(start, trial.treatment)
    return Outcome(np.asarray(ids), is_solved, start.attempts, is_finite, visits, events, enrolled)


def _visits(
    arm: Arm, start: Start, chance: tuple[DayDraws, Safety, Readings], on_step: Callable[[int], None]
) -> Iterable[Visited]:
    treatments = {spec.kind: spec.build(start.enrolled) for spec in arm.therapies}
    course = simulate_arm(start, treatments, list(arm.steps), *chance)
    for step, visited in zip(arm.steps, course, strict=True):
        on_step(step.least)
        if visited is not None:
            yield visited


def _arm_visit(trial: Trial, arm: str, visited: Visited) -> ArmVisit:
    day = round(visited.visit.week * DAYS_PER_WEEK)
    values = {n: _while_alive(v, visited) for n, v in evaluate(trial.endpoints, visited.visit).items()}
    return ArmVisit(arm, day, values, _traces(visited) if day in trial.stored_days else None)


def _while_alive(values: NDArray[np.floating[Any]], visited: Visited) -> NDArray[np.floating[Any]]:
    """Return values [patient, ...] with those of the dead missing."""
    if visited.is_alive.all():
        return values
    found = np.array(values)
    found[~visited.is_alive] = np.nan
    return found


def _traces(visited: Visited) -> Window:
    window = visited.window
    names = ("glucose", "sensor", "insulin", "c_peptide")
    return dataclasses.replace(window, **{n: _while_alive(getattr(window, n), visited) for n in names})
