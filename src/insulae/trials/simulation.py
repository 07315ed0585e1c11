"""Simulate one arm: day after day, the body lives under its treatments, the clinic observes and changes them.

The same patients with the same days enter every arm. Treatments act only through `Effects`; what a visit
measures goes out as a `Visit`, the only thing endpoints see.
"""

import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK, STEP_MINUTES
from insulae.core.random import DayDraws
from insulae.endpoints.base import Visit
from insulae.engine.records import Packed
from insulae.physiology.day import DaySummary, Trace
from insulae.physiology.effects import Effects, combine
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies, Chosen, on_days
from insulae.therapies.base import Floats, Treatment
from insulae.trials.adverse_events import Safety, unwatched
from insulae.trials.calendar import WINDOW_DAYS, Step
from insulae.trials.consequences import Consequences
from insulae.trials.monitor import Monitor
from insulae.trials.pace import MOST_CHANGE_OF_DOSE, Pace, Whole, pieces, shorter
from insulae.trials.readings import Readings

DRINK, DRINK_MINUTE = 75.0, 120
"""Glucose of the oral glucose tolerance test in g, and the minute of the value that tells (ada2025)."""
TEST_MEAL_CARBOHYDRATE = 50.0
"""Carbohydrate of the liquid mixed meal in g (360 mL, Greenbaum 2008)."""
MEAL_TEST_MINUTES = (0, 30, 60, 90, 120)


@dataclasses.dataclass(frozen=True)
class Window:
    """Traces of the days before a visit, [patient, time]: interstitial glucose and what a sensor showed of it
    (mg/dL), insulin and C-peptide (pmol/L)."""

    glucose: Floats
    sensor: Floats
    insulin: Floats
    c_peptide: Floats
    first_day: int


@dataclasses.dataclass(frozen=True)
class Visited:
    """One visit of one arm: what endpoints see, the traces of the days before it, who could be integrated,
    who is alive, and how many days of each patient were simulated so far."""

    visit: Visit
    traces: tuple[Trace, ...]
    is_finite: NDArray[np.bool_]
    is_alive: NDArray[np.bool_]
    days_simulated: NDArray[np.int64]

    @functools.cached_property
    def window(self) -> Window:
        """The traces as one record, made when somebody asks."""
        joined = {
            name: _joined([getattr(trace, name) for trace in self.traces])
            for name in ("glucose", "sensor", "insulin", "c_peptide")
        }
        day = round(self.visit.week * DAYS_PER_WEEK)
        return Window(**joined, first_day=day - len(self.traces))


class Arm:
    """The running state of one arm of the trial."""

    def __init__(
        self, start: Start, treatments: dict[str, Treatment], draws: DayDraws, safety: Safety
    ) -> None:
        """Begin at enrollment; without `readings`, what is read is what is true."""
        self.treatments, self.size, self.safety = treatments, start.cohort.size, safety
        self.accounted, self.acts = 0, True
        self.readings: Readings | None = None
        self.consequences = Consequences.none(start.enrolled)
        self.bodies = Bodies(start.cohort.parameters, start.state, draws)
        self.monitor = Monitor.start(start.enrolled)
        self.pace = Pace.start(self.size)
        self.enrolled_hba1c = np.array(start.state.slow.hba1c.value)
        self.enrolled_weight = np.array(start.state.slow.body_weight.weight)
        self.days_simulated = np.zeros(self.size, np.int64)
        self.last_effects: Packed[Effects] | None = None
        self._acting: tuple[list[Effects], Packed[Effects] | None] = [], None
        self.summaries: deque[DaySummary] = deque(maxlen=WINDOW_DAYS)
        self.traces: deque[Trace] = deque(maxlen=WINDOW_DAYS)

    def effects(self, day: float) -> Packed[Effects]:
        """Return what all treatments do on a day, the same record as long as each of them does the same."""
        events, (before, together) = self.consequences, self._acting
        given = [events.of(treatment, day) for treatment in self.treatments.values()]
        given.append(events.effects(day))
        if together is None or any(now is not old for now, old in zip(given, before, strict=True)):
            together = self.bodies.packed(combine(given))
            self._acting = given, together
        return together

    def live(self, step: Step) -> None:
        """Simulate the days of a step, each patient at the own pace, and let the clinic take note."""
        if step.is_in_window:
            self._live_window(step)
        else:
            self._live_stretch(step)
        self.monitor.record(self.treatments.values(), range(step.day, step.day + step.days))

    def _live_window(self, step: Step) -> None:
        """Live days of a window before a visit and keep their traces."""
        everybody = np.arange(self.size)
        for day in range(step.day, step.day + step.days):
            self.last_effects = self.effects(day)
            lived = self.bodies.live(self.last_effects, day, 1, is_even=False)
            self.monitor.add(lived.summary, 1, everybody)
            self.pace.learn(everybody, lived.movement, 1)
            self.summaries.append(lived.summary)
            self.traces.append(lived.trace)
        self.days_simulated += step.days

    def _live_stretch(self, step: Step) -> None:
        """Live some days in steps that suit each patient; who moved too far goes back for shorter ones."""
        effects = functools.cache(self.effects)
        steps, is_settling = self.pace.wanted(step.longest), self._has_changed(effects(step.day))
        active = np.arange(self.size)
        before = (self.bodies.kept(), self.monitor.kept(), self.pace.kept())
        while len(active):
            cuts = _cuts(step.days, steps[active], is_settling[active])
            # Who lives as many days as others is simulated beside them.
            order = np.argsort(np.count_nonzero(cuts, axis=0), kind="stable")
            active = active[order]
            farthest = self._cross(step, active, cuts[:, order], effects)
            active = np.sort(active[self.pace.too_far(farthest, steps[active])])
            if len(active):
                steps[active] = shorter(np.minimum(steps[active], step.days))
                self.bodies.go_back(active, before[0])
                self.monitor.go_back(active, before[1])
                self.pace.go_back(active, before[2])
        self.last_effects = effects(step.day)

    def _has_changed(self, effects: Packed[Effects]) -> NDArray[np.bool_]:
        """Tell whose effects differ from those of the step before."""
        if self.last_effects is None:
            return np.ones(self.size, bool)
        if self.last_effects is effects:
            return np.zeros(self.size, bool)
        old, new = (e.matrix[:, : self.size] for e in (self.last_effects, effects))
        return np.any(np.abs(new - old) > MOST_CHANGE_OF_DOSE * np.abs(old), axis=0)

    def _cross(
        self, step: Step, chosen: Chosen, cuts: Whole, effects: Callable[[int], Packed[Effects]]
    ) -> Floats:
        """Live a step's days with some patients; return how far each moved in a simulated day, in the mean.

        `cuts` are the days that each patient's simulated days stand for, [simulated day, patient]; who has
        fewer of them than others ends with days that stand for none, which nobody lives.
        """
        group, cuts = self.bodies.part(chosen), cuts[cuts.any(axis=1)]
        day = np.where(cuts > 0, step.day + np.cumsum(cuts, axis=0) - cuts, step.day)
        given, is_even = on_days(effects, day, chosen), np.max(cuts, axis=0) > 1
        lived, movement = group.pass_days(given, day, cuts, is_even)
        self.bodies.put(chosen, group)
        self.monitor.add(lived, cuts, chosen)
        moved, lived_days = movement.sum(axis=0), np.count_nonzero(cuts, axis=0)
        self.pace.learn(chosen, moved, step.days)
        self.days_simulated[chosen] += lived_days
        return np.asarray(np.abs(moved).max(axis=0) / lived_days, np.float32)

    def account(self, day: int) -> None:
        """Count the adverse events until a day, from enrollment on."""
        if day > self.accounted:
            days = day - self.accounted
            self.safety.pass_days(self.treatments, self.accounted, days, self.monitor.low_share)
            self.accounted = day
            if self.acts:
                self.consequences = self.consequences.after(self.safety.fresh(), day)

    def contact(self, day: int, is_visit: bool) -> None:
        """Let each treatment respond to what was observed; HbA1c is new at visits only."""
        number = self.bodies.number
        if is_visit:
            true = number(lambda body: body.slow.hba1c.value)
            self.monitor.hba1c = self.readings.hba1c(true, day) if self.readings else true
        self.monitor.body_weight = number(lambda body: body.slow.body_weight.weight)
        constricted = number(lambda body: body.slow.renal_function.constriction)
        self.monitor.egfr = number(lambda body: body.slow.renal_function.structural) * (1 - constricted)
        self.safety.note_kidneys(self.monitor.egfr, day)
        observed = self.monitor.observed(day, is_visit)
        self.treatments = {kind: t.after(observed) for kind, t in self.treatments.items()}

    def visit(self, step: Step) -> Visited:
        """Measure everything a visit measures; visits close together share days of their windows."""
        day = step.day + step.days
        visit = self._measured(day)
        if step.has_drink:
            after_drink = self._drink(day)
            visit = dataclasses.replace(
                visit, two_hour_glucose=after_drink, two_hour_glucose_again=after_drink
            )
        self.safety.note_visit(visit, day)
        if self.readings:
            visit = self.readings.of(visit, day)
        is_alive = np.isinf(self.safety.death_day)
        finite = np.isfinite([day.mean_glucose for day in self.summaries]).all(axis=0)
        finite &= np.isfinite(visit.hba1c)
        return Visited(visit, tuple(self.traces), finite, is_alive, self.days_simulated.copy())

    def _measured(self, day: int) -> Visit:
        slow, m = self.bodies.state.slow, self.monitor
        test = self._meal_test(day)
        fasting = np.mean([np.asarray(s.fasting_glucose) for s in self.summaries], axis=0)
        kidney, graft = slow.renal_function, slow.graft
        share = np.asarray(graft.function * graft.maturation * graft.potency)
        return Visit(
            week=day / DAYS_PER_WEEK,
            glucose=_joined([np.asarray(trace.sensor) for trace in self.traces]),
            insulin_dose=np.stack([np.asarray(s.insulin_dose) for s in self.summaries], axis=1),
            fasting_glucose=fasting,
            fasting_glucose_again=fasting,
            hba1c=np.asarray(slow.hba1c.value),
            meal_test_c_peptide=test[1],
            meal_test_glucose=test[0],
            native_mass=np.asarray(slow.beta_cells.mass),
            graft_mass=np.asarray(graft.mass),
            graft_function=np.where(np.asarray(graft.mass) > 0, share, 0),
            antibody_panel=np.asarray(slow.immunity.antibody),
            egfr=np.asarray(kidney.structural * (1 - kidney.constriction)),
            body_weight=np.asarray(slow.body_weight.weight),
            days_off_insulin=m.days_off_insulin(),
            days_off_drugs=m.off_drugs,
            insulin_stopped_week=m.insulin_stopped_week(),
            first_tablet_stopped_week=m.first_tablet_stop,
            last_tablet_stopped_week=m.last_tablet_stop,
            enrolled_hba1c=self.enrolled_hba1c,
            enrolled_weight=self.enrolled_weight,
            serious_events=self.safety.serious_events.copy(),
            severe_hypoglycemias=self.safety.severe_hypoglycemias.copy(),
        )

    def _drink(self, day: int) -> Floats:
        """Return glucose two hours after a drink of glucose, [patient]."""
        trace = self.bodies.glucose_test(self.effects(day - 0.5), DRINK)
        return np.asarray(trace.glucose)[DRINK_MINUTE // STEP_MINUTES]

    def _meal_test(self, day: int) -> tuple[Floats, Floats]:
        """Return glucose and C-peptide of a mixed-meal test, [patient, 5]."""
        trace = self.bodies.meal_test(self.effects(day - 0.5), TEST_MEAL_CARBOHYDRATE)
        rows = [minute // STEP_MINUTES for minute in MEAL_TEST_MINUTES]
        return np.asarray(trace.glucose)[rows].T, np.asarray(trace.c_peptide)[rows].T


def _joined(days: list[Floats]) -> Floats:
    """Return traces of some days, each [step, patient], one after another as [patient, time]."""
    steps, patients = days[0].shape
    joined = np.empty((patients, len(days), steps), np.float32)
    for number, day in enumerate(days):
        joined[:, number] = day.T
    return joined.reshape(patients, -1)


def _cuts(days: int, steps: Whole, is_settling: NDArray[np.bool_]) -> Whole:
    """Return the days that each patient's simulated days stand for, [simulated day, patient], zeros last."""
    cuts, kinds = np.zeros((days, len(steps)), np.int64), 2 * steps + is_settling
    for kind in np.unique(kinds):
        cut = pieces(days, int(kind // 2), bool(kind % 2))
        cuts[: len(cut), kinds == kind] = np.reshape(cut, (-1, 1))
    return cuts


def simulate_arm(
    start: Start,
    treatments: dict[str, Treatment],
    steps: list[Step],
    draws: DayDraws,
    safety: Safety | None = None,
    readings: Readings | None = None,
) -> Iterator[Visited | None]:
    """Yield a visit where a step ends in one and `None` after every other step; arms may share draws.

    `safety` takes in the adverse events of the arm, where somebody wants to read them; without it none acts.
    `readings` err as a clinic's do; without them every value is read as it is.
    """
    arm = Arm(start, treatments, draws, safety or unwatched(start.enrolled))
    arm.acts, arm.readings = safety is not None, readings
    arm.accounted = max(0, steps[0].day)
    for step in steps:
        arm.live(step)
        is_visit = step.visit_week is not None
        if is_visit or step.is_contact:
            arm.account(step.day + step.days)
        yield arm.visit(step) if is_visit else None
        if step.is_contact:
            arm.contact(step.day + step.days, is_visit)
