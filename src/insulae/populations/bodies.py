"""Patients on the move: their constants and state in the compiled kernel's form, lived day by day."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.pytree import Value
from insulae.core.random import DayDraws
from insulae.engine.records import Packed
from insulae.physiology import course
from insulae.physiology.day import DaySummary, Trace
from insulae.physiology.effects import Effects
from insulae.populations.patient import Parameters
from insulae.populations.routine import (
    TEST_MEAL_STEP,
    TEST_STEPS,
    compiled_day,
    compiled_meal_test,
)

Floats = NDArray[np.float32]
Chosen = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True)
class Lived:
    """One day: summary [patient], traces [step, patient], and how far the slow clock moved (relative)."""

    summary: DaySummary
    trace: Trace
    movement: Floats


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

    def packed(self, effects: Effects) -> Packed[Effects]:
        """Return effects in the kernel's form."""
        return self._kernel.inputs[2].pack(effects, self.patients)

    def live(self, effects: Packed[Effects], day: int, days: int, is_even: bool) -> Lived:
        """Live a day that stands for some days; even draws spread over days that stand for several."""
        state, found = self._lived(self._state, self._parameters, effects, self._uniforms(day, is_even), days)
        self._state = state
        return found

    def live_some(
        self, chosen: Chosen, effects: Packed[Effects], day: int, days: int, is_even: bool
    ) -> Lived:
        """Let some of the patients live a day that stands for some days."""
        if len(chosen) == self.patients:
            return self.live(effects, day, days, is_even)
        uniforms = self._uniforms(day, is_even).take(chosen)
        records = (self._state.take(chosen), self._parameters.take(chosen), effects.take(chosen))
        state, found = self._lived(*records, uniforms, days)
        self._state.put(chosen, state)
        return found

    def kept(self) -> Packed[course.State]:
        """Return a copy of the present state, to go back to."""
        return dataclasses.replace(self._state, matrix=self._state.matrix.copy())

    def go_back(self, chosen: Chosen, kept: Packed[course.State]) -> None:
        """Put some patients back where they were."""
        self._state.put(chosen, kept.take(chosen))

    def meal_test(self, effects: Packed[Effects], carbohydrate: Value) -> Trace:
        """Return the traces of a meal test (g), from the fasting value to four hours later; nobody moves."""
        kernel, n = compiled_meal_test(), self.patients
        drink = kernel.inputs[3].pack(carbohydrate, n)
        (whole,) = kernel([self._state, self._parameters, effects, drink])
        window = slice(TEST_MEAL_STEP - 1, TEST_MEAL_STEP + TEST_STEPS)
        trace: Trace = whole.record
        return Trace(
            glucose=trace.glucose[window], insulin=trace.insulin[window], c_peptide=trace.c_peptide[window]
        )

    def _uniforms(self, day: int, is_even: bool) -> Packed[Floats]:
        rows = self._draws.even(day) if is_even else self._draws.independent(day)
        return self._kernel.inputs[3].pack(rows, self.patients)

    def _lived(self, *arguments: Any) -> tuple[Packed[course.State], Lived]:
        *records, days = arguments
        state, summary, trace, moved = self._kernel(records, (days,))
        return state, Lived(summary.record, trace.record, moved.record)
