"""Islet infusion: a number of islet equivalents of one product at one site, bare or in a device.

Known: early losses after portal infusion, revascularization within two weeks, the slow rise of C-peptide
after stem-cell islets. Fitted: potency and maturation time of stem-cell islets; potency of donor islets,
how it differs between people, and how fast they are lost under immunosuppression (`calibration/islets.py`).
Assumed: sites and devices, see `sites.py` and `encapsulation.py`; that a person's own islets escape that
loss. An autologous product carries no alloantigen; whether it meets autoimmunity is the patient's
phenotype. Not modelled: islets that come in several infusions count as one.
"""

import dataclasses
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema, model_validator

from insulae.core.errors import InvalidQuantity
from insulae.core.parameters import parameter
from insulae.core.units import quantity
from insulae.physiology.effects import Effects, Infusion
from insulae.therapies.base import Enrolled, Flags, Floats, Risks, TherapySpec, Treatment, register
from insulae.therapies.encapsulation import AnyDevice, DeviceTable, enclosed
from insulae.therapies.sites import SiteName, SiteTable, site_properties, site_risks

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
class Parameters(SiteTable, DeviceTable):
    """Values and sources: tables/parameters.csv, `islet_infusion.*`; those of sites and devices as well."""

    stem_cell_maturity: Floats = parameter("dimensionless")
    stem_cell_maturation_time: Floats = parameter("d")
    stem_cell_potency: Floats = parameter("dimensionless")
    stem_cell_attrition: Floats = parameter("1/d")
    donor_maturity: Floats = parameter("dimensionless")
    donor_maturation_time: Floats = parameter("d")
    donor_potency: Floats = parameter("dimensionless")
    donor_attrition: Floats = parameter("1/d")
    cells_per_islet: Floats = parameter("cells/IEQ")


@dataclasses.dataclass(frozen=True)
class Product:
    """The islets themselves, as each patient gets them; `attrition` (1/d) is met by foreign islets only."""

    maturity: Floats
    maturation_time: Floats
    potency: Floats
    attrition: Floats


def product_properties(name: str, enrolled: Enrolled) -> Product:
    """Return a product, drawn for each patient."""
    names = [f.name for f in dataclasses.fields(Product)]
    return Product(**{n: enrolled.draw(f"islet_infusion.{name}_{n}") for n in names})


@dataclasses.dataclass(frozen=True)
class InfusionTreatment(Treatment):
    """The infusion each patient gets on one day."""

    day: float
    infusion: Infusion
    risks: Risks

    def effects(self, day: float) -> Effects:
        """Give the islets on their day, nothing on any other."""
        return Effects(infusion=self.infusion) if day == self.day else Effects()

    def is_taken(self, day: float) -> Flags:
        """Tell who has received islets by a day."""
        return (np.asarray(self.infusion.dose) > 0) & (day >= self.day)

    def procedures(self, day: float) -> Risks:
        """Return the risks of the procedure on its day, for who receives islets."""
        given = np.asarray(self.infusion.dose) > 0
        return {event: risk * given for event, risk in self.risks.items()} if day == self.day else {}

    def event_days(self) -> list[float]:
        """Return the day of the infusion."""
        return [self.day]


@register
class IsletInfusion(TherapySpec):
    """One infusion or implantation of islets; `dose` in IEQ, IEQ per kilogram, or cells."""

    kind: Literal["islet_infusion"] = "islet_infusion"
    dose: IsletDose
    site: SiteName = "portal_vein"
    product: Literal["stem_cell", "donor"] = "stem_cell"
    source: Literal["autologous", "allogeneic"]
    device: AnyDevice | None = None

    @model_validator(mode="after")
    def _fits_the_site(self) -> Self:
        if self.device is not None and self.site == "portal_vein":
            raise ValueError(
                f"a {self.device.kind} does not fit into the portal_vein; choose another site, as omentum"
            )
        return self

    def islets(self, enrolled: Enrolled) -> Floats:
        """Return the islet equivalents each patient receives."""
        number, unit = read_dose(self.dose)
        if unit == "cells":
            number = number / enrolled.draw("islet_infusion.cells_per_islet")
        each = number * enrolled.weight if unit == "IEQ/kg" else np.broadcast_to(number, (enrolled.size,))
        return np.asarray(each, np.float32)

    def build(self, enrolled: Enrolled) -> InfusionTreatment:
        """Return the infusion of each patient; what the site and the product do varies between patients."""
        site, product = site_properties(self.site, enrolled), product_properties(self.product, enrolled)
        foreign = np.full(enrolled.size, float(self.source == "allogeneic"), np.float32)
        bare = Infusion(
            dose=self.islets(enrolled),
            **vars(site),
            **(vars(product) | {"attrition": product.attrition * foreign}),
            alloantigen=foreign,
            autoantigen=np.ones(enrolled.size, np.float32),
            innate_killing=np.zeros(enrolled.size, np.float32),
        )
        infusion = bare if self.device is None else enclosed(bare, self.device, enrolled)
        return InfusionTreatment(day=self.start, infusion=infusion, risks=site_risks(self.site, enrolled))
