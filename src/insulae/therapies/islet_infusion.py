"""Islet infusion: a number of islet equivalents of one product at one site.

Known: early losses after portal infusion, revascularization within two weeks, the slow rise of C-peptide
after stem-cell islets. Fitted: potency and maturation time of stem-cell islets. Assumed: oxygen at each site,
early loss in muscle. An autologous product carries no alloantigen; whether it meets autoimmunity is the
patient's phenotype.
"""

import dataclasses
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from insulae.core.errors import InvalidQuantity
from insulae.core.parameters import parameter
from insulae.core.units import quantity
from insulae.physiology.effects import Effects, Infusion
from insulae.therapies.base import Enrolled, Flags, Floats, Risks, TherapySpec, Treatment, drawn, register
from insulae.therapies.residual_cells import ResidualShare, ResidualTable, growth_risks

DOSE_UNITS = ("IEQ", "IEQ/kg", "cells")


def read_dose(text: object) -> tuple[float, str]:
    """Return the number and the unit of a dose; raises `InvalidQuantity` for anything but islets or cells.

    >>> read_dose("1.2e6 IEQ")
    (1200000.0, 'IEQ')
    """
    for unit in DOSE_UNITS:
        try:
            return quantity(text, unit), unit
        except InvalidQuantity:
            continue
    raise InvalidQuantity(
        f"'{text}' is not a dose of islets", f"Expected {', '.join(DOSE_UNITS)}, for example '1.2e6 IEQ'"
    )


def _valid_dose(text: Any) -> str:
    try:
        number, _ = read_dose(text)
    except InvalidQuantity as error:
        raise ValueError(str(error)) from error
    if number < 0:
        raise ValueError(f"'{text}' is negative; a dose is zero or more")
    return str(text)


IsletDose = Annotated[
    str, BeforeValidator(_valid_dose), WithJsonSchema({"type": "string", "examples": ["1.2e6 IEQ"]})
]


@dataclasses.dataclass(frozen=True)
class Parameters(ResidualTable):
    """Values and sources: tables/parameters.csv, `islet_infusion.*`."""

    portal_vein_instant_loss: Floats = parameter("dimensionless")
    portal_vein_portal_fraction: Floats = parameter("dimensionless")
    portal_vein_vascularization_time: Floats = parameter("d")
    portal_vein_oxygen_early: Floats = parameter("mmHg")
    portal_vein_oxygen_late: Floats = parameter("mmHg")
    rectus_sheath_instant_loss: Floats = parameter("dimensionless")
    rectus_sheath_portal_fraction: Floats = parameter("dimensionless")
    rectus_sheath_vascularization_time: Floats = parameter("d")
    rectus_sheath_oxygen_early: Floats = parameter("mmHg")
    rectus_sheath_oxygen_late: Floats = parameter("mmHg")
    stem_cell_maturity: Floats = parameter("dimensionless")
    stem_cell_maturation_time: Floats = parameter("d")
    stem_cell_potency: Floats = parameter("dimensionless")
    donor_maturity: Floats = parameter("dimensionless")
    donor_maturation_time: Floats = parameter("d")
    donor_potency: Floats = parameter("dimensionless")
    cells_per_islet: Floats = parameter("cells/IEQ")


@dataclasses.dataclass(frozen=True)
class InfusionTreatment(Treatment):
    """The infusion each patient gets on one day."""

    day: float
    infusion: Infusion
    growth: Risks

    def effects(self, day: float) -> Effects:
        """Give the islets on their day, nothing on any other."""
        return Effects(infusion=self.infusion) if day == self.day else Effects()

    def is_taken(self, day: float) -> Flags:
        """Tell who has received islets by a day."""
        return (np.asarray(self.infusion.dose) > 0) & (day >= self.day)

    def hazards(self, day: float) -> Risks:
        """Return the risk that residual pluripotent cells grow, from the day of the infusion on."""
        return {event: np.where(self.is_taken(day), rate, 0) for event, rate in self.growth.items()}

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
    residual_pluripotent: ResidualShare | None = None

    def islets(self, enrolled: Enrolled, parameters: Parameters) -> Floats:
        """Return the islet equivalents each patient receives."""
        number, unit = read_dose(self.dose)
        per_patient = {"IEQ": 1.0, "IEQ/kg": enrolled.weight, "cells": 1 / parameters.cells_per_islet}[unit]
        return np.broadcast_to(number * np.asarray(per_patient, np.float32), (enrolled.size,)).astype(
            np.float32
        )

    def build(self, enrolled: Enrolled) -> InfusionTreatment:
        """Return the infusion of each patient; what the site and the product do varies between patients."""
        p: Parameters = drawn(Parameters, enrolled)
        islets, is_grown = self.islets(enrolled, p), self.product == "stem_cell"
        growth = growth_risks(self.site, self.residual_pluripotent, islets, enrolled) if is_grown else {}
        infusion = Infusion(
            dose=islets,
            instant_loss=getattr(p, f"{self.site}_instant_loss"),
            portal_fraction=getattr(p, f"{self.site}_portal_fraction"),
            vascularization=np.zeros(enrolled.size, np.float32),
            vascularization_time=getattr(p, f"{self.site}_vascularization_time"),
            oxygen_early=getattr(p, f"{self.site}_oxygen_early"),
            oxygen_late=getattr(p, f"{self.site}_oxygen_late"),
            maturity=getattr(p, f"{self.product}_maturity"),
            maturation_time=getattr(p, f"{self.product}_maturation_time"),
            potency=getattr(p, f"{self.product}_potency"),
            alloantigen=np.full(enrolled.size, float(self.source == "allogeneic"), np.float32),
            autoantigen=np.ones(enrolled.size, np.float32),
            innate_killing=np.zeros(enrolled.size, np.float32),
        )
        return InfusionTreatment(day=self.start, infusion=infusion, growth=growth)
