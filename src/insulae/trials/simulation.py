"""Simulate one arm: day after day, the body lives under its treatments, the clinic observes and changes them.

The same patients with the same days enter every arm. Treatments act only through `Effects`; what a visit
measures goes out as a `Visit`, the only thing endpoints see.
"""

import dataclasses
from collections import deque
from collections.abc import Iterator

import numpy as np
from jax import Array
from numpy.typing import NDArray

from insulae.core import random
from insulae.core.clock import DAYS_PER_WEEK, STEP_MINUTES
from insulae.endpoints.base import Visit
from insulae.physiology import course
from insulae.physiology.day import DaySummary, Trace
from insulae.physiology.effects import Effects, combine
from insulae.populations.baseline import Start
from insulae.populations.patient import Parameters
from insulae.populations.routine import as_arrays, compiled_advance, compiled_meal_test, ordinary
from insulae.therapies.base import Floats, Treatment
from insulae.trials.calendar import WINDOW_DAYS, Step
from insulae.trials.monitor import Monitor

TEST_MEAL_CARBOHYDRATE = 50.0
"""Carbohydrate of the liquid mixed meal in g (360 mL, Greenbaum 2008)."""
MEAL_TEST_MINUTES = (0, 30, 60, 90, 120)


@dataclasses.dataclass(frozen=True)
class Window:
    """Traces of the days before a visit, [patient, time]."""

    glucose: Floats
    insulin: Floats
    c_peptide: Floats
    first_day: int


@dataclasses.dataclass(frozen=True)
class Visited:
    """One visit of one arm: what endpoints see, the traces behind it, and who could be integrated."""

    visit: Visit
    window: Window
    is_finite: NDArray[np.bool_]


class Arm:
    """The running state of one arm of the trial."""

    def __init__(self, start: Start, treatments: dict[str, Treatment], seed: int) -> None:
        self.treatments = treatments
        self.state: course.State = start.state
        self.parameters: Parameters = start.cohort.parameters
        self.size = start.cohort.size
        self.keys: Array = random.patient_keys(seed, "day", start.cohort.ids)
        e = start.enrolled
        hba1c = np.asarray(start.cohort.traits.hba1c)
        self.monitor = Monitor.start(e.fasting_glucose, e.daytime_glucose, hba1c)
        self.summaries: deque[DaySummary] = deque(maxlen=WINDOW_DAYS)
        self.traces: deque[Trace] = deque(maxlen=WINDOW_DAYS)

    def effects(self, day: float) -> Effects:
        """Return what all treatments do on a day."""
        combined = combine(t.effects(day) for t in self.treatments.values())
        return as_arrays(combined, self.size)

    def live(self, step: Step) -> None:
        """Simulate one step and let the clinic take note."""
        advance, arguments = compiled_advance(), ordinary(step.day, step.days, even=step.days > 1)
        effects = self.effects(step.day)
        self.state, summary, trace = advance(self.state, self.parameters, effects, self.keys, *arguments)
        self.monitor.add(summary, step.days)
        self.monitor.record(self.treatments, step.day, step.days)
        if step.is_in_window:
            self.summaries.append(summary)
            self.traces.append(trace)

    def contact(self, day: float, is_visit: bool) -> None:
        """Let each treatment respond to what was observed; HbA1c is new at visits only."""
        if is_visit:
            self.monitor.hba1c = np.asarray(self.state.slow.hba1c.value)
        observed = self.monitor.observed(day, is_visit)
        self.treatments = {kind: t.after(observed) for kind, t in self.treatments.items()}

    def visit(self, step: Step) -> Visited:
        """Measure everything a visit measures; visits close together share days of their windows."""
        day = step.day + step.days
        window = self._window(day)
        visit = self._measured(day, window)
        finite = np.isfinite(window.glucose).all(axis=1) & np.isfinite(visit.hba1c)
        return Visited(visit=visit, window=window, is_finite=finite)

    def _window(self, day: int) -> Window:
        stacked = {
            name: np.concatenate([np.asarray(getattr(trace, name)) for trace in self.traces]).T
            for name in ("glucose", "insulin", "c_peptide")
        }
        return Window(**stacked, first_day=day - len(self.traces))

    def _measured(self, day: int, window: Window) -> Visit:
        slow, m = self.state.slow, self.monitor
        test = self._meal_test(day)
        kidney, graft = slow.renal_function, slow.graft
        share = np.asarray(graft.function * graft.maturation * graft.potency)
        return Visit(
            week=day / DAYS_PER_WEEK,
            glucose=window.glucose,
            insulin_dose=np.stack([np.asarray(s.insulin_dose) for s in self.summaries], axis=1),
            fasting_glucose=np.mean([np.asarray(s.fasting_glucose) for s in self.summaries], axis=0),
            hba1c=np.asarray(slow.hba1c.value),
            meal_test_c_peptide=test[1],
            meal_test_glucose=test[0],
            native_mass=np.asarray(slow.beta_cells.mass),
            graft_mass=np.asarray(graft.mass),
            graft_function=np.where(np.asarray(graft.mass) > 0, share, 0),
            egfr=np.asarray(kidney.structural * (1 - kidney.constriction)),
            body_weight=np.asarray(slow.body_weight.weight),
            days_off_insulin=m.days_off_insulin(),
            days_off_drugs=m.off_drugs,
            insulin_stopped_week=m.insulin_stopped_week(),
            first_tablet_stopped_week=m.first_tablet_stop,
            last_tablet_stopped_week=m.last_tablet_stop,
        )

    def _meal_test(self, day: int) -> tuple[Floats, Floats]:
        """Return glucose and C-peptide of a mixed-meal test, [patient, 5]."""
        carbohydrate = np.full(self.size, TEST_MEAL_CARBOHYDRATE, np.float32)
        effects = self.effects(day - 0.5)
        glucose, _, c_peptide = compiled_meal_test()(self.state, self.parameters, effects, carbohydrate)
        rows = [minute // STEP_MINUTES for minute in MEAL_TEST_MINUTES]
        return np.asarray(glucose)[rows].T, np.asarray(c_peptide)[rows].T


def simulate_arm(
    start: Start, treatments: dict[str, Treatment], steps: list[Step], seed: int
) -> Iterator[Visited | None]:
    """Yield a visit where a step ends in one and `None` after every other step."""
    arm = Arm(start, treatments, seed)
    for step in steps:
        arm.live(step)
        is_visit = step.visit_week is not None
        yield arm.visit(step) if is_visit else None
        if step.is_contact:
            arm.contact(step.day + step.days, is_visit)
