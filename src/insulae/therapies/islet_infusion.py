"""Islet infusion: a number of islet equivalents of one product at one site.

Known: early losses after portal infusion, revascularization within two weeks, the slow rise of C-peptide after stem-cell
islets. Assumed: potency per islet equivalent as in donor islets with wide spread, oxygen at each site, early loss in muscle.
An autologous product carries no alloantigen; whether it meets autoimmunity is the patient's phenotype.
"""

import dataclasses
from typing import Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import quantity_type
from insulae.physiology.effects import Effects, Infusion
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register

IsletDose = quantity_type("IEQ", example="1.2e6 IEQ")


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `islet_infusion.*`."""

    portal_vein_instant_loss: Floats = parameter("dimensionless")
    portal_vein_portal_fraction: Floats = parameter("dimensionless")
    portal_vein_oxygen_early: Floats = parameter("mmHg")
    portal_vein_oxygen_late: Floats = parameter("mmHg")
    rectus_sheath_instant_loss: Floats = parameter("dimensionless")
    rectus_sheath_portal_fraction: Floats = parameter("dimensionless")
    rectus_sheath_oxygen_early: Floats = parameter("mmHg")
    rectus_sheath_oxygen_late: Floats = parameter("mmHg")
    stem_cell_maturity: Floats = parameter("dimensionless")
    stem_cell_maturation_time: Floats = parameter("d")
    stem_cell_potency: Floats = parameter("dimensionless")
    donor_maturity: Floats = parameter("dimensionless")
    donor_maturation_time: Floats = parameter("d")
    donor_potency: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class InfusionTreatment(Treatment):
    """The infusion each patient gets on one day."""

    day: float
    infusion: Infusion

    def effects(self, day: float) -> Effects:
        """Give the islets on their day, nothing on any other."""
        return Effects(infusion=self.infusion) if day == self.day else Effects()

    def is_taken(self, day: float) -> Flags:
        """Tell who has received islets by a day."""
        return (np.asarray(self.infusion.dose) > 0) & (day >= self.day)

    def event_days(self) -> list[float]:
        """Return the day of the infusion."""
        return [self.day]


@register
class IsletInfusion(TherapySpec):
    """One infusion of islets; `dose` in IEQ, IEQ per kilogram, or cells."""

    kind: Literal["islet_infusion"] = "islet_infusion"
    dose: IsletDose
    site: Literal["portal_vein", "rectus_sheath"] = "portal_vein"
    product: Literal["stem_cell", "donor"] = "stem_cell"
    source: Literal["autologous", "allogeneic"]

    def build(self, enrolled: Enrolled) -> InfusionTreatment:
        """Return the infusion of each patient; quantities of the site and the product vary between patients."""
        p: Parameters = drawn(Parameters, enrolled)
        infusion = Infusion(
            dose=np.full(enrolled.size, self.dose, np.float32),
            instant_loss=getattr(p, f"{self.site}_instant_loss"),
            portal_fraction=getattr(p, f"{self.site}_portal_fraction"),
            oxygen_early=getattr(p, f"{self.site}_oxygen_early"),
            oxygen_late=getattr(p, f"{self.site}_oxygen_late"),
            maturity=getattr(p, f"{self.product}_maturity"),
            maturation_time=getattr(p, f"{self.product}_maturation_time"),
            potency=getattr(p, f"{self.product}_potency"),
            alloantigen=np.full(enrolled.size, float(self.source == "allogeneic"), np.float32),
        )
        return InfusionTreatment(day=self.start, infusion=infusion)
