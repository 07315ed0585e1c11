"""Metformin: lowers hepatic glucose production and raises hepatic insulin sensitivity.

Known: about -1 percentage point of HbA1c at 2 g/d in type 2 diabetes. Assumed: the share of the effect that
goes through hepatic sensitivity. Not modelled: gut effects, lactic acidosis, dose limits in renal failure.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import DailyMass, Days
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Floats, TherapySpec, drawn, register
from insulae.therapies.tablet import Tablet, Withdrawal


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `metformin.*`."""

    production_effect: Floats = parameter("dimensionless")
    sensitivity_effect: Floats = parameter("dimensionless")
    half_dose: Floats = parameter("mg/d")
    reference_dose: Floats = parameter("mg/d")
    onset: Floats = parameter("d")
    caution: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class MetforminTreatment(Tablet):
    """Metformin as each patient takes it."""

    production: Floats
    sensitivity: Floats

    def effects(self, day: float) -> Effects:
        """Lower production and raise hepatic sensitivity by the day's exposure."""
        e = self.exposure(day)
        return Effects(
            hepatic_production=1 - self.production * e, hepatic_sensitivity=1 + self.sensitivity * e
        )


@register
class Metformin(TherapySpec):
    """Oral metformin at a constant dose; effects are referred to 2000 mg/d and saturate with dose."""

    family: ClassVar[str] = "drugs"
    kind: Literal["metformin"] = "metformin"
    dose: DailyMass = 2000.0
    """Metformin taken a day."""
    withdraw: Withdrawal | None = None
    """When a clinician stops it; never when left out."""
    stop: Days | None = None
    """Last day, the same for everybody."""

    def build(self, enrolled: Enrolled) -> MetforminTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        share = self.dose / (self.dose + p.half_dose) * (p.reference_dose + p.half_dose) / p.reference_dose
        return MetforminTreatment(
            start=np.full(enrolled.size, self.start, np.float32),
            stop=np.full(enrolled.size, np.inf if self.stop is None else self.stop, np.float32),
            onset=p.onset,
            caution=p.caution,
            withdrawal=self.withdraw,
            production=(p.production_effect * share).astype(np.float32),
            sensitivity=(p.sensitivity_effect * share).astype(np.float32),
        )
