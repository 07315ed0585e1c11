"""Metformin: lowers hepatic glucose production, raises hepatic insulin sensitivity, and less is eaten.

Known: -1.1 percentage points of HbA1c against placebo, more with a higher start; production is a quarter
lower in poorly controlled people (Hundal 2000) and unchanged in well-controlled ones (Gormsen 2019); two
kilograms less after a year; contraindicated below an eGFR of 30. Assumed: production falls in proportion to
how far HbA1c at enrollment lies between the two; the rest goes through hepatic sensitivity. Not modelled: the
effect on production as control changes later, uptake by the gut, lower doses between an eGFR of 30 and 45;
lactic acidosis, whose rate trials did not find raised.
"""

import dataclasses
from typing import Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import DailyMass
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Floats, drawn, register
from insulae.therapies.tablet import DailyTablet, Tablet


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `metformin.*`."""

    production_effect: Floats = parameter("dimensionless")
    controlled_hba1c: Floats = parameter("%")
    control_slope: Floats = parameter("1/%")
    sensitivity_effect: Floats = parameter("dimensionless")
    energy_effect: Floats = parameter("kcal/d")
    half_dose: Floats = parameter("mg/d")
    reference_dose: Floats = parameter("mg/d")
    highest_dose: Floats = parameter("mg/d")
    onset: Floats = parameter("d")
    caution: Floats = parameter("dimensionless")
    lowest_egfr: Floats = parameter("mL/min/1.73m2")


@dataclasses.dataclass(frozen=True)
class MetforminTreatment(Tablet):
    """Metformin as each patient takes it."""

    production: Floats
    sensitivity: Floats
    energy: Floats

    def effects(self, day: float) -> Effects:
        """Lower production and intake and raise hepatic sensitivity by the day's exposure."""
        e = self.exposure(day)
        return Effects(
            hepatic_production=1 - self.production * e,
            hepatic_sensitivity=1 + self.sensitivity * e,
            energy_intake=self.energy * e,
        )


@register
class Metformin(DailyTablet):
    """Oral metformin at a constant dose; effects are referred to 2000 mg/d and saturate with dose."""

    kind: Literal["metformin"] = "metformin"
    dose: DailyMass = 2000.0
    """Metformin taken a day."""

    def build(self, enrolled: Enrolled) -> MetforminTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        share = self.dose / (self.dose + p.half_dose) * (p.reference_dose + p.half_dose) / p.reference_dose
        uncontrolled = np.clip(p.control_slope * (enrolled.hba1c - p.controlled_hba1c), 0, 1)
        return MetforminTreatment(
            **self.course(enrolled, p),
            production=(p.production_effect * share * uncontrolled).astype(np.float32),
            sensitivity=(p.sensitivity_effect * share).astype(np.float32),
            energy=np.asarray(-p.energy_effect * share, np.float32),
        )
