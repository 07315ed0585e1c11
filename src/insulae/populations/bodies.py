"""Patients on the move: their constants and state in the compiled kernel's form, lived day by day."""

import copy
import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.pytree import Value, map_leaves
from insulae.core.random import DayDraws
from insulae.engine.records import Layout, Packed, filling, is_everybody
from insulae.physiology import course
from insulae.physiology.day import DaySummary, Trace
from insulae.physiology.effects import NOTHING, Effects
from insulae.populations.patient import Parameters
from insulae.populations.routine import (
    TEST_MEAL_STEP,
    TEST_STEPS,
    compiled_day,
    compiled_days,
    compiled_meal_test,
)

Floats = NDArray[np.float32]
Chosen = NDArray[np.integer[Any]]
Whole = NDArray[np.int64]
Days = int | Whole
"""A number of days, or one for each patient [patient]."""


TRACE = 2
"""Number of the traces among the results of the kernel."""


class Lived:
    """One day: summary [patient], traces [step, patient], and the slow clock's movement [3, patient]."""

    def __init__(
        self, summary: Packed[DaySummary], trace: Packed[Trace] | None, movement: Packed[Floats]
    ) -> None:
        """Take the kernel's results; a record is made of them when it is asked for."""
        self._summary, self._trace, self._movement = summary, trace, movement

    @functools.cached_property
    def summary(self) -> DaySummary:
        """What the day was like."""
        return self._summary.record

    @functools.cached_property
    def trace(self) -> Trace:
        """The day every five minutes; raises `ValueError` for a day that was passed without traces."""
        if self._trace is None:
            raise ValueError("the traces of this day were not asked for")
        return self._trace.record

    @functools.cached_property
    def movement(self) -> Floats:
        """How far the slow clock moved meanwhile; see `insulae.populations.routine.movement`."""
        return self._movement.record


class Bodies:
    """Some patients and where they are; `live` moves them on."""

    def __init__(self, parameters: Parameters, state: course.State, draws: DayDraws) -> None:
        """Begin with a state; `draws` are the patients' days."""
        self.patients, self._draws = draws.patients, draws
        self._kernel = compiled_day()
        layouts = self._kernel.inputs
        self._state: Packed[course.State] = layouts[0].pack(state, self.patients)
        self._parameters: Packed[Parameters] = layouts[1].pack(parameters, self.patients)

    @property
    def state(self) -> course.State:
        """A copy of the present state, leaves [patient]."""
        return self.kept().record

    def number(self, of: Callable[[course.State], Any]) -> Floats:
        """Return a copy of one number of the present state, [patient]; `of` tells which."""
        return self._state.number(of)

    def packed(self, effects: Effects) -> Packed[Effects]:
        """Return effects in the kernel's form."""
        return self._kernel.inputs[2].pack_changes(effects, NOTHING, _nothing(self.patients))

    def live(self, effects: Packed[Effects], day: Days, days: Days, is_even: bool) -> Lived:
        """Live a day that stands for some days; even draws spread over days that stand for several.

        With even draws, each patient may be at a day of the own.
        """
        records = self._records(effects, day, days, is_even)
        self._state, *found = self._kernel(records)
        return Lived(*found)

    def pass_day(self, effects: Packed[Effects], day: Days, days: Days, is_even: bool) -> Lived:
        """Live a day of which nobody wants the traces; the result has none."""
        records = self._records(effects, day, days, is_even)
        self._state, summary, _, movement = self._kernel(records, unused=TRACE)
        return Lived(summary, None, movement)

    def pass_days(
        self, effects: Packed[Effects], day: Whole, days: Whole, is_even: NDArray[np.bool_]
    ) -> tuple[DaySummary, Floats]:
        """Live up to a week's days one after another: which they are [day, patient], and for how many each
        stands; one that stands for none is passed over. `effects` are those `on_days`.

        Return the summaries [day, patient] and the slow clock's movement [day, 3, patient].
        """
        kernel, n = compiled_days(), len(day)
        *_, uniforms, lengths = kernel.inputs
        draws = self._draws.of_days(day, is_even).reshape(-1, self.patients)
        standing = np.zeros((DAYS_PER_WEEK, self.patients), np.float32)
        standing[:n] = days
        self._state, summaries, movement = kernel(
            [
                self._state,
                self._parameters,
                effects,
                uniforms.wrap(draws),
                lengths.wrap(standing),
            ]
        )
        return map_leaves(lambda leaf: leaf[:n], summaries.record), movement.record[:n]

    def part(self, chosen: Chosen) -> "Bodies":
        """Return some of the patients, to live by themselves for a while; see `put`."""
        part = copy.copy(self)
        part.patients = len(chosen)
        part._state, part._parameters = self._state.take(chosen), self._parameters.take(chosen)
        part._draws = self._draws.of(chosen)
        return part

    def put(self, chosen: Chosen, part: "Bodies") -> None:
        """Take some patients back in, where they are now."""
        if is_everybody(chosen, self.patients):
            self._state = part._state
        else:
            self._state.put(chosen, part._state)

    def kept(self) -> Packed[course.State]:
        """Return a copy of the present state, to go back to."""
        return self._state.copy()

    def go_back(self, chosen: Chosen, kept: Packed[course.State]) -> None:
        """Put some patients back where they were."""
        self._state.put(chosen, kept.take(chosen))

    def meal_test(self, effects: Packed[Effects], carbohydrate: Value) -> Trace:
        """Return the traces after a liquid mixed meal (g), from the fasting value to four hours later; nobody
        moves."""
        return self._tested(effects, carbohydrate, 0.0)

    def glucose_test(self, effects: Packed[Effects], glucose: Value) -> Trace:
        """Return the traces after a drink of glucose in water (g), as `meal_test`."""
        return self._tested(effects, 0.0, glucose)

    def _tested(self, effects: Packed[Effects], carbohydrate: Value, glucose: Value) -> Trace:
        kernel, n = compiled_meal_test(), self.patients
        drunk = [kernel.inputs[3].pack(carbohydrate, n), kernel.inputs[4].pack(glucose, n)]
        (whole,) = kernel([self._state, self._parameters, effects, *drunk])
        window = slice(TEST_MEAL_STEP - 1, TEST_MEAL_STEP + TEST_STEPS)
        trace: Trace = whole.record
        return map_leaves(lambda values: values[window], trace)

    def _records(self, effects: Packed[Effects], day: Days, days: Days, is_even: bool) -> list[Packed[Any]]:
        draws, (*_, uniforms, lengths) = self._draws, self._kernel.inputs
        rows = draws.even(day) if is_even else draws.independent(operator.index(day))
        return [
            self._state,
            self._parameters,
            effects,
            uniforms.wrap(rows),
            lengths.pack(days, self.patients),
        ]


@functools.lru_cache(maxsize=8)
def _nothing(patients: int) -> Packed[Effects]:
    """Return what does nothing to so many patients, in the kernel's form."""
    layout: Layout[Effects] = compiled_day().inputs[2]
    return layout.pack(NOTHING, patients)


def on_days(effects: Callable[[int], Packed[Effects]], day: Whole, chosen: Chosen) -> Packed[Effects]:
    """Return the effects on some patients on days of their own [day, patient], for `pass_days`.

    Days of the week that are not asked for are left as they are; nobody lives them.
    """
    columns = filling(chosen)
    given = compiled_days().inputs[2].unfilled(len(chosen))
    rows = given.matrix.reshape(-1, DAYS_PER_WEEK, len(columns))
    first = effects(int(day[0, 0]))
    rows[:, : len(day)] = first.matrix.take(columns, axis=1)[:, None]
    for one in np.unique(day):
        if (found := effects(int(one))) is not first:
            row, who = (day == one).nonzero()
            rows[:, row, who] = found.matrix[:, chosen[who]]
    rows[:, :, len(chosen) :] = rows[:, :, len(chosen) - 1 : len(chosen)]
    return given
