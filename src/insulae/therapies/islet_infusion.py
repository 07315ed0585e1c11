"""Islet infusion: a number of islet equivalents of one product at one site.

Known: early losses after portal infusion, revascularization within two weeks, the slow rise of C-peptide
after stem-cell islets. Fitted: potency and maturation time of stem-cell islets. Assumed: oxygen at each site,
early loss in muscle. An autologous product carries no alloantigen; whether it meets autoimmunity is the
patient's phenotype.
"""

import dataclasses
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from insulae.core.errors import InvalidQuantity
from insulae.core.parameters import parameter
from insulae.core.units import quantity
from insulae.manufacturing.supply import LotRequest
from insulae.physiology.effects import Effects, Infusion
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register
from insulae.therapies.lots import given_lot, mistake

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
class Parameters:
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
    lot_number: Floats = parameter("dimensionless")


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
    """One infusion of islets; `dose` in IEQ, IEQ per kilogram, or cells, or a `lot` made to order."""

    kind: Literal["islet_infusion"] = "islet_infusion"
    lot: LotRequest | None = None
    dose: Annotated[IsletDose | None, Field(validate_default=True)] = None
    site: Literal["portal_vein", "rectus_sheath"] = "portal_vein"
    product: Literal["stem_cell", "donor"] = "stem_cell"
    source: Literal["autologous", "allogeneic"]

    @field_validator("dose")
    @classmethod
    def _asked_for(cls, dose: str | None, info: ValidationInfo) -> str | None:
        if dose is None and info.data.get("lot", ...) is None:
            raise PydanticKnownError("missing")
        return dose

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        found = mistake(self.dose, self.lot, self.source, self.product)
        if found:
            raise ValueError(found)
        return self

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
        given = given_lot(self.lot, enrolled) if self.lot else None
        infusion = Infusion(
            dose=given.islets if given else self.islets(enrolled, p),
            instant_loss=getattr(p, f"{self.site}_instant_loss"),
            portal_fraction=getattr(p, f"{self.site}_portal_fraction"),
            vascularization=np.zeros(enrolled.size, np.float32),
            vascularization_time=getattr(p, f"{self.site}_vascularization_time"),
            oxygen_early=getattr(p, f"{self.site}_oxygen_early"),
            oxygen_late=getattr(p, f"{self.site}_oxygen_late"),
            maturity=getattr(p, f"{self.product}_maturity"),
            maturation_time=getattr(p, f"{self.product}_maturation_time"),
            potency=getattr(p, f"{self.product}_potency") * (given.potency if given else np.float32(1)),
            alloantigen=np.full(enrolled.size, float(self.source == "allogeneic"), np.float32),
            autoantigen=np.ones(enrolled.size, np.float32),
            innate_killing=np.zeros(enrolled.size, np.float32),
        )
        return InfusionTreatment(day=self.start, infusion=infusion)
