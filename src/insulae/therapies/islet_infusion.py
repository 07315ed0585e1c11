"""Islet infusion: a number of islet equivalents of one product at one site, bare or in a device.

Known: early losses after portal infusion, revascularization within two weeks, the slow rise of C-peptide
after stem-cell islets. Fitted: potency and maturation time of stem-cell islets; potency of donor islets and
of a person's own, which knew no brain death and no cold storage (`calibration/islets.py`). Assumed: sites and
devices, see `sites.py` and `encapsulation.py`. What the immune system sees of them is in `gene_edits.py`, how
they are made in `lots.py`, what else may grow from them in `residual_cells.py`; whether own islets meet
autoimmunity is the patient's phenotype.
A second infusion of the same islets can follow by a rule. Not modelled: that a new donor brings new antigens.
"""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from insulae.core.described import Described
from insulae.core.errors import InvalidQuantity
from insulae.core.parameters import parameter
from insulae.core.quantities import Days, QuantityIn
from insulae.core.units import quantity
from insulae.manufacturing.supply import LotRequest
from insulae.physiology.effects import NOTHING, Effects, Infusion
from insulae.therapies.base import (
    Enrolled,
    Flags,
    Floats,
    Observed,
    Risks,
    TherapySpec,
    Treatment,
    register,
)
from insulae.therapies.encapsulation import AnyDevice, DeviceTable, enclosed
from insulae.therapies.gene_edits import Edits, EditTable, Mismatch, recognized
from insulae.therapies.lots import GivenLot, given_lot, mistake
from insulae.therapies.residual_cells import ResidualShare, ResidualTable, growth_risks, residual_cells
from insulae.therapies.sites import SiteName, SiteTable, site_properties, site_risks

DOSE_UNITS = {"IEQ": 1e7, "IEQ/kg": 1e5, "cells": 2e10}
"""Units of a dose and the most that is read: ten healthy pancreata; a larger number is a slip."""

DOSE_EXAMPLES = ("'1.2e6 IEQ'", "'10000 IEQ/kg'", "'0.8e9 cells'")


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
        number, unit = read_dose(text)
    except InvalidQuantity as error:
        raise ValueError(str(error)) from error
    if number < 0:
        raise ValueError(f"'{text}' is negative; a dose is zero or more")
    if number > DOSE_UNITS[unit]:
        raise ValueError(
            f"'{text}' is more than anybody can be given; expected at most {DOSE_UNITS[unit]:,.0f} {unit}, "
            f"for example {' or '.join(DOSE_EXAMPLES)}"
        )
    return str(text)


IsletDose = Annotated[
    str, BeforeValidator(_valid_dose), WithJsonSchema({"type": "string", "examples": ["1.2e6 IEQ"]})
]


@dataclasses.dataclass(frozen=True)
class Parameters(SiteTable, DeviceTable, EditTable, ResidualTable):
    """Values and sources: tables/parameters.csv, `islet_infusion.*`; with those of sites, devices, edits."""

    stem_cell_maturity: Floats = parameter("dimensionless")
    stem_cell_maturation_time: Floats = parameter("d")
    stem_cell_potency: Floats = parameter("dimensionless")
    donor_maturity: Floats = parameter("dimensionless")
    donor_maturation_time: Floats = parameter("d")
    donor_potency: Floats = parameter("dimensionless")
    own_maturity: Floats = parameter("dimensionless")
    own_maturation_time: Floats = parameter("d")
    own_potency: Floats = parameter("dimensionless")
    cells_per_islet: Floats = parameter("cells/IEQ")
    lot_number: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Product:
    """The islets themselves, as each patient gets them."""

    maturity: Floats
    maturation_time: Floats
    potency: Floats


def product_properties(name: str, enrolled: Enrolled) -> Product:
    """Return a product, drawn for each patient."""
    names = [f.name for f in dataclasses.fields(Product)]
    return Product(**{n: enrolled.draw(f"islet_infusion.{name}_{n}") for n in names})


class SecondInfusion(Described):
    """A second infusion of the same islets, for who still injects insulin and has too little C-peptide."""

    day: Days
    """When it is given; it is decided by the last contact before."""
    c_peptide_below: Annotated[float, QuantityIn("pmol/L", example="500 pmol/L"), Field(gt=0)] | None = None
    """Fasting C-peptide below which it is given; any when left out."""

    def is_needed(self, observed: Observed) -> Flags:
        """Tell who needs it."""
        on_insulin = observed.days_off_insulin <= 0
        if self.c_peptide_below is None:
            return on_insulin
        return on_insulin & (observed.fasting_c_peptide < self.c_peptide_below)


@dataclasses.dataclass(frozen=True)
class InfusionTreatment(Treatment):
    """The infusion each patient gets on one day, and once more who needs it by a rule.

    `needs_more`: who would get a second one by what was last seen.
    """

    day: float
    infusion: Infusion
    risks: Risks
    growth: Risks
    again: SecondInfusion | None = None
    needs_more: Flags | None = None

    def effects(self, day: float) -> Effects:
        """Give the islets on their day, and on the day of the second infusion; nothing on any other."""
        if day == self.day:
            return Effects(infusion=self.infusion)
        if self.again is None or day != self.again.day:
            return NOTHING
        return Effects(infusion=dataclasses.replace(self.infusion, dose=self._second_dose()))

    def _second_dose(self) -> Floats:
        needed = np.zeros(1, bool) if self.needs_more is None else self.needs_more
        return np.asarray(self.infusion.dose * needed, np.float32)

    def after(self, observed: Observed) -> Treatment:
        """Note before the day of the second infusion who needs it."""
        if self.again is None or not self.day < observed.day < self.again.day:
            return self
        return dataclasses.replace(self, needs_more=self.again.is_needed(observed))

    def is_taken(self, day: float) -> Flags:
        """Tell who has received islets by a day."""
        return (np.asarray(self.infusion.dose) > 0) & (day >= self.day)

    def hazards(self, day: float) -> Risks:
        """Return the risk that residual pluripotent cells grow, from the day of the infusion on."""
        times = np.asarray(self.is_taken(day), np.float32)
        if self.again is not None and day >= self.again.day:
            times = times + (self._second_dose() > 0)
        return {event: times * rate for event, rate in self.growth.items()}

    def procedures(self, day: float) -> Risks:
        """Return the risks of the procedure on its day, for who receives islets."""
        is_second = self.again is not None and day == self.again.day
        if day != self.day and not is_second:
            return {}
        given = (self._second_dose() if is_second else np.asarray(self.infusion.dose)) > 0
        return {event: risk * given for event, risk in self.risks.items()}

    def event_days(self) -> list[float]:
        """Return the days of the infusions."""
        return [self.day] if self.again is None else [self.day, self.again.day]


@register
class IsletInfusion(TherapySpec):
    """One infusion or implantation of islets: a `dose`, or a `lot` made to order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dose": "1.2e6 IEQ", "source": "autologous"}]})
    family: ClassVar[str] = "cells"
    kind: Literal["islet_infusion"] = "islet_infusion"
    lot: LotRequest | None = None
    """How they are made, instead of a dose: each patient gets what a released lot holds."""
    dose: Annotated[IsletDose | None, Field(validate_default=True)] = None
    """Number of islets: whole (IEQ), per kilogram of the patient (IEQ/kg), or counted as cells."""
    site: SiteName = "portal_vein"
    """Where they are placed."""
    product: Literal["stem_cell", "donor"] = "stem_cell"
    """What they are: grown from stem cells, or isolated from the pancreas of a donor."""
    source: Literal["autologous", "allogeneic"]
    """Whose they are: the patient's own, or another person's."""
    again: SecondInfusion | None = None
    """Who receives as many islets once more, and when; nobody when left out."""
    device: AnyDevice | None = None
    """What surrounds them; nothing when left out."""
    hla_mismatch: Mismatch | None = None
    """Mismatched alleles of HLA-A, -B and -DR; a donor who was not matched when left out."""
    edits: Edits | None = None
    """Gene edits of the cells; none when left out."""
    residual_pluripotent: ResidualShare | None = None
    """Share of pluripotent cells left; that of the lot, or of the table, when left out."""

    @field_validator("dose")
    @classmethod
    def _asked_for(cls, dose: str | None, info: ValidationInfo) -> str | None:
        if dose is None and info.data.get("lot", ...) is None:
            raise PydanticKnownError("missing")
        return dose

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        found = mistake(self.dose, self.lot, self.source, self.product) or self._without_effect()
        if not found and self.device is not None and self.site == "portal_vein":
            found = f"a {self.device.kind} does not fit into the portal_vein; choose another site, as omentum"
        if not found and self.again is not None and self.again.day <= self.start:
            found = f"the second infusion (day {self.again.day:g}) must follow the first (day {self.start:g})"
        if found:
            raise ValueError(found)
        return self

    def _without_effect(self) -> str:
        """Return what is stated and cannot be so for such cells, or nothing."""
        is_own, is_donor = self.source == "autologous", self.product == "donor"
        if is_own and self.hla_mismatch is not None:
            return "hla_mismatch is of another person's cells; leave it out, or write source: allogeneic"
        if is_own and is_donor and self.edits is not None:
            return "own islets go back unedited; leave out edits, or choose product: stem_cell"
        if is_donor and self.residual_pluripotent is not None:
            return "islets of a pancreas hold no pluripotent cells; leave out residual_pluripotent"
        return ""

    def islets(self, enrolled: Enrolled) -> Floats:
        """Return the islet equivalents each patient receives where a dose is given."""
        number, unit = read_dose(self.dose)
        if unit == "cells":
            number = number / enrolled.draw("islet_infusion.cells_per_islet")
        each = number * enrolled.weight if unit == "IEQ/kg" else np.broadcast_to(number, (enrolled.size,))
        return np.asarray(each, np.float32)

    def build(self, enrolled: Enrolled) -> InfusionTreatment:
        """Return the infusion of each patient; what the site and the product do varies between patients."""
        lot = given_lot(self.lot, enrolled) if self.lot else None
        islets = lot.islets if lot else self.islets(enrolled)
        bare = recognized(self._bare(islets, lot, enrolled), self, enrolled)
        return InfusionTreatment(
            day=self.start,
            infusion=bare if self.device is None else enclosed(bare, self.device, enrolled),
            risks=site_risks(self.site, enrolled),
            growth=self._growth(islets, lot, enrolled),
            again=self.again,
        )

    def _bare(self, islets: Floats, lot: GivenLot | None, enrolled: Enrolled) -> Infusion:
        """Return the islets as they come, before anything is said of antigens and devices."""
        is_own = (self.product, self.source) == ("donor", "autologous")
        product = vars(product_properties("own" if is_own else self.product, enrolled))
        if lot is not None:
            product["potency"] = product["potency"] * lot.potency
        site = vars(site_properties(self.site, enrolled))
        return Infusion(dose=islets, **site, **product, autoantigen=np.ones(enrolled.size, np.float32))

    def _growth(self, islets: Floats, lot: GivenLot | None, enrolled: Enrolled) -> Risks:
        """Return the risk of growths; islets of a pancreas hold no pluripotent cells."""
        if self.product == "donor":
            return {}
        if lot is not None and self.residual_pluripotent is None:
            return growth_risks(self.site, lot.residual_cells, enrolled)
        return growth_risks(self.site, residual_cells(self.residual_pluripotent, islets, enrolled), enrolled)
