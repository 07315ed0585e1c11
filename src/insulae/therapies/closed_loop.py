"""Closed loop: a pump steered from the glucose sensor gives the basal insulin that a therapy doses.

The doses, and with them the settings of the loop, are those of basal and meal insulin (`basal_bolus.py`); the
loop changes when and how much of the basal part is given, and meals are still counted and covered by the
patient. Use it beside `basal_bolus` with `titration: hold`, which keeps the settings as they are.

Known: the control law (`devices/controller.py`), the share of time that people let the loop run. Assumed:
settings as at enrollment, off by a personal error, and that the hours without the loop are in a row. Systems
aim at targets of their own: a study may state it. The sensor errs (`devices/sensor.py`), its alarm wakes,
infusion sets fail (`devices/pump.py`). Not modelled: skin reactions, the ketoacidosis that follows a set that
failed, meals that are never announced.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from insulae.core.parameters import parameter
from insulae.core.quantities import QuantityIn
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register

Target = Annotated[float, QuantityIn("mg/dL", "glucose", example="120 mg/dL"), Field(ge=90, le=200)]
USUAL_TARGET = "controller.target_glucose"


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `closed_loop.*`."""

    use: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class ClosedLoopTreatment(Treatment):
    """The share of time in which each patient lets the loop run, and by how much its target (mg/dL) is above
    the usual one."""

    start: float
    use: Floats
    target: Floats

    def effects(self, day: float) -> Effects:
        """Automate that share of the basal insulin from the start on."""
        if day < self.start:
            return NOTHING
        return Effects(automated_insulin=self.use, loop_target=self.target)

    def is_taken(self, day: float) -> Flags:
        """Tell who wears the system."""
        return (self.use > 0) & (day >= self.start)

    def event_days(self) -> list[float]:
        """Return the first day of the loop."""
        return [self.start]


@register
class ClosedLoop(TherapySpec):
    """Hybrid closed loop that gives the basal insulin of another therapy of the arm."""

    family: ClassVar[str] = "insulin"
    kind: Literal["closed_loop"] = "closed_loop"
    target: Target | None = None
    """Glucose that the loop steers to; the usual target when left out."""

    def build(self, enrolled: Enrolled) -> ClosedLoopTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        usual = enrolled.draw(USUAL_TARGET)
        target = usual if self.target is None else np.full(enrolled.size, self.target)
        return ClosedLoopTreatment(start=self.start, use=p.use, target=np.asarray(target - usual, np.float32))
