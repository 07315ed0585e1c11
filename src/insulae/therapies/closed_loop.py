"""Closed loop: a pump steered from the glucose sensor gives the basal insulin that a therapy doses.

The doses, and with them the settings of the loop, are those of basal and meal insulin (`basal_bolus.py`); the
loop changes when and how much of the basal part is given, and meals are still counted and covered by the
patient. Use it beside `basal_bolus` with `titration: hold`, which keeps the settings as they are.

Known: the control law (`devices/controller.py`), the share of time that people let the loop run. Assumed:
settings as at enrollment, off by a personal error, and that the hours without the loop are in a row. The
sensor errs (`devices/sensor.py`), its fixed alarm wakes, infusion sets fail (`devices/pump.py`). Not
modelled: skin reactions, the ketoacidosis that follows a set that failed, meals that are never announced.
"""

import dataclasses
from typing import ClassVar, Literal

from insulae.core.parameters import parameter
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `closed_loop.*`."""

    use: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class ClosedLoopTreatment(Treatment):
    """The share of time in which each patient lets the loop run."""

    start: float
    use: Floats

    def effects(self, day: float) -> Effects:
        """Automate that share of the basal insulin from the start on."""
        return Effects() if day < self.start else Effects(automated_insulin=self.use)

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

    def build(self, enrolled: Enrolled) -> ClosedLoopTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        return ClosedLoopTreatment(start=self.start, use=p.use)
