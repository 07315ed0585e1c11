"""Costimulation blockade with abatacept: slows the autoimmune loss of the patient's own beta cells.

Known: monthly infusions for two years from soon after diagnosis shifted the fall of meal C-peptide by 9.5
months, still at 36 months, a year after the last infusion. Fitted: the strength, to that delay. Assumed: the
time in which the effect comes and goes. Not modelled: the loss of effect during treatment that was suspected,
drug levels. Belatacept, the like drug for grafts, is part of `immunosuppression`.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from insulae.core.parameters import parameter
from insulae.core.quantities import Days
from insulae.physiology.effects import Effects
from insulae.therapies.base import (
    Enrolled,
    Flags,
    Floats,
    Risks,
    TherapySpec,
    Treatment,
    drawn,
    exposure,
    register,
)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `costimulation_blockade.*`."""

    strength: Floats = parameter("dimensionless")
    onset: Floats = parameter("d")
    infection: Floats = parameter("1/year")


@dataclasses.dataclass(frozen=True)
class CostimulationBlockadeTreatment(Treatment):
    """The infusions as each patient gets them, from the day `start` until the day `stop`."""

    start: float
    stop: Floats
    parameters: Parameters

    def exposure(self, day: float) -> Floats:
        """Return the share of the full effect on a day, counted from the morning of the first infusion."""
        if day < self.start:
            return np.zeros_like(self.stop)
        return exposure(day + 1, self.start, self.stop + 1, self.parameters.onset)

    def effects(self, day: float) -> Effects:
        """Suppress autoimmunity in proportion to the day's exposure."""
        return Effects(autoimmune_suppression=self.parameters.strength * self.exposure(day))

    def hazards(self, day: float) -> Risks:
        """Return the infections of a year that exposure adds."""
        return {"infection": self.parameters.infection * self.exposure(day)}

    def is_taken(self, day: float) -> Flags:
        """Tell who gets infusions at the time of a day."""
        return (day >= self.start) & (day < self.stop)

    def event_days(self) -> list[float]:
        """Return the first days of the drug and of its absence."""
        return [self.start, float(self.stop[0])]


@register
class CostimulationBlockade(TherapySpec):
    """Monthly abatacept for some time."""

    family: ClassVar[str] = "protection"
    kind: Literal["costimulation_blockade"] = "costimulation_blockade"
    duration: Annotated[Days, Field(gt=0)] = 728.0
    """How long infusions are given."""

    def build(self, enrolled: Enrolled) -> CostimulationBlockadeTreatment:
        """Return the infusions of each patient."""
        stop = np.full(enrolled.size, self.start + self.duration, np.float32)
        parameters: Parameters = drawn(Parameters, enrolled)
        return CostimulationBlockadeTreatment(start=self.start, stop=stop, parameters=parameters)
