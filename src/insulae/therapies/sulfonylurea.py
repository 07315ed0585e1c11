"""Sulfonylurea (as glimepiride): closes the channels of beta cells, which secrete more at any glucose.

Known: HbA1c falls by 1.5 percentage points against placebo within months, weight rises by two to three
kilograms, and the effect fades faster than that of metformin. Assumed: how the effect divides between a
stronger answer to glucose and secretion that does not ask for glucose; the latter brings the hypoglycemia,
which follows from simulated glucose and is not declared here as a harm. That the effect fades is a faster
loss of beta cells under stress. The energy retained fades with the years on the drug, as the weight gained
does (kahn2010, ukpds33); that it fades evenly is assumed. Not modelled: the drug's own kinetics over the day,
differences between sulfonylureas (give another one by its dose in glimepiride), accumulation in renal
failure.
"""

import dataclasses
from typing import Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import DailyMass
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Floats, drawn, register
from insulae.therapies.tablet import DailyTablet, Tablet, dose_share


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `sulfonylurea.*`."""

    capacity_effect: Floats = parameter("dimensionless")
    independent_effect: Floats = parameter("pmol/kg/min")
    stress_effect: Floats = parameter("dimensionless")
    energy_effect: Floats = parameter("kcal/d")
    energy_time: Floats = parameter("d")
    half_dose: Floats = parameter("mg/d")
    reference_dose: Floats = parameter("mg/d")
    highest_dose: Floats = parameter("mg/d")
    onset: Floats = parameter("d")
    caution: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class SulfonylureaTreatment(Tablet):
    """A sulfonylurea as each patient takes it."""

    capacity: Floats
    independent: Floats
    stress: Floats
    energy: Floats
    energy_time: Floats

    def effects(self, day: float) -> Effects:
        """Raise secretion, with and without glucose, the stress of beta cells, and intake."""
        e = self.exposure(day)
        return Effects(
            secretion_capacity=1 + self.capacity * e,
            independent_secretion=self.independent * e,
            beta_cell_stress=1 + self.stress * e,
            energy_intake=self.energy * e * self._kept(day),
        )

    def _kept(self, day: float) -> Floats:
        """Return the share of the retained energy that is left after the days on the drug."""
        return np.exp(-np.maximum(day - self.start, 0) / self.energy_time).astype(np.float32)


@register
class Sulfonylurea(DailyTablet):
    """A sulfonylurea at a constant dose, as glimepiride; effects are referred to 4 mg/d and saturate."""

    kind: Literal["sulfonylurea"] = "sulfonylurea"
    dose: DailyMass = 4.0
    """Glimepiride taken a day, or what equals another sulfonylurea."""

    def build(self, enrolled: Enrolled) -> SulfonylureaTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        share = dose_share(self.dose, p.half_dose, p.reference_dose)
        return SulfonylureaTreatment(
            **self.course(enrolled, p),
            capacity=np.asarray(p.capacity_effect * share, np.float32),
            independent=np.asarray(p.independent_effect * share, np.float32),
            stress=np.asarray(p.stress_effect * share, np.float32),
            energy=np.asarray(p.energy_effect * share, np.float32),
            energy_time=p.energy_time,
        )
