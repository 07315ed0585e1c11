"""Immunosuppression: exposure that holds effector cells down, at a price in kidney, liver and islet function.

Known: eGFR falls by about 28 mL/min/1.73 m2 in the first year after islet infusion on tacrolimus-based drugs,
then by about 3 a year; secretory capacity is hardly lowered by tacrolimus. Assumed: exposure 1 stands for the
usual troughs of tacrolimus with mycophenolate. Not modelled: drug levels, infection, malignancy, neutropenia.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import Days
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, exposure, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `immunosuppression.*`."""

    exposure: Floats = parameter("dimensionless")
    onset: Floats = parameter("d")
    secretion_loss: Floats = parameter("dimensionless")
    hepatic_loss: Floats = parameter("dimensionless")
    vasoconstriction: Floats = parameter("dimensionless")
    nephrotoxicity: Floats = parameter("mL/min/1.73m2/year")


@dataclasses.dataclass(frozen=True)
class ImmunosuppressionTreatment(Treatment):
    """The drugs as each patient takes them."""

    start: float
    stop: Floats
    parameters: Parameters

    def effects(self, day: float) -> Effects:
        """Suppress, and harm, in proportion to the day's exposure."""
        p = self.parameters
        e = exposure(day, self.start, self.stop, p.onset)
        return Effects(
            immunosuppression=p.exposure * e,
            secretion_capacity=1 - p.secretion_loss * e,
            hepatic_sensitivity=1 - p.hepatic_loss * e,
            renal_vasoconstriction=p.vasoconstriction * e,
            nephrotoxicity=p.nephrotoxicity * e,
        )

    def is_taken(self, day: float) -> Flags:
        """Tell who takes the drugs on a day."""
        return (day >= self.start) & (day < self.stop)

    def event_days(self) -> list[float]:
        """Return the first days of the drugs and of their absence."""
        return [d for d in {self.start, float(self.stop[0])} if np.isfinite(d)]


@register
class Immunosuppression(TherapySpec):
    """Maintenance with tacrolimus and mycophenolate, for islets or an earlier organ graft."""

    family: ClassVar[str] = "protection"
    kind: Literal["immunosuppression"] = "immunosuppression"
    regimen: Literal["tacrolimus_mmf"] = "tacrolimus_mmf"
    """Which drugs are given together."""
    stop: Days | None = None
    """First day without them; never when left out."""

    def build(self, enrolled: Enrolled) -> ImmunosuppressionTreatment:
        """Return the treatment of each patient."""
        stop = np.inf if self.stop is None else self.stop
        return ImmunosuppressionTreatment(
            start=self.start,
            stop=np.full(enrolled.size, stop, np.float32),
            parameters=drawn(Parameters, enrolled),
        )
