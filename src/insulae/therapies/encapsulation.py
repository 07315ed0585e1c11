"""Devices around islets: microcapsules, thin sheets, macrodevices with or without oxygen supply.

A device is described by its geometry; what the body meets are drops of oxygen pressure at full consumption,
delays of insulin, and the share of antigen that still gets out. With k = V/(6 aD) of islet tissue
(mmHg/um2), g the permeability of a layer over that of islet tissue, R the radius of an islet, phi the share
of the compartment's volume that islets take, L the depth that oxygen has to cross:

    microcapsule of radius C:  outer = 2 k R^3 (1/R - 1/C) / g           one islet in its middle
    slab:                      inner = 3 k phi L^2 / g, outer = 6 k phi L m / g of a membrane m thick

the gel of a slab being mixed with islets (Maxwell). Fibrous tissue is one more outer layer. Insulin is late
by the mean time of diffusion, (C^2 - R^2)/(6 D) - R^3 (1/R - 1/C)/(3 D) from a capsule, L^2/(3 D) from a
slab, and for each layer of thickness l (volume over surface) l/D + l^2/(2 D).

Known: oxygen needs and permeability of islets; that in people islets in closed devices fade within weeks to
months also where oxygen suffices (fibrous tissue with immune cells, cytokines, amyloid), which is one rate
of loss; that vessels grow into most perforated chambers. Assumed: permeability of gel, membrane and fibrous
tissue, how thick the latter grows, how well isolation works. Oxygen from a reservoir is taken as constant.
Not modelled: broken capsules, clumping, glucose that is late.
"""

import dataclasses
import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from insulae.core.described import Described
from insulae.core.parameters import parameter, value
from insulae.core.quantities import QuantityIn
from insulae.physiology.effects import Infusion
from insulae.therapies.base import Enrolled, Floats

PREFIX = "islet_infusion"
UM2_PER_CM2, UM3_PER_ML = 1e8, 1e12
Numbers = NDArray[np.floating[Any]]
DENSEST = 0.74
"""Share of a volume that equal spheres can take at most."""

Micrometers = Annotated[float, QuantityIn("um", example="250 um"), Field(gt=0)]
OxygenPressure = Annotated[float, QuantityIn("mmHg", example="300 mmHg"), Field(gt=0)]
ArealDensity = Annotated[float, QuantityIn("IEQ/cm2", example="1000 IEQ/cm2"), Field(gt=0)]


@dataclasses.dataclass(frozen=True)
class DeviceTable:
    """Values and sources: tables/parameters.csv, `islet_infusion.*`."""

    gel_permeability: Floats = parameter("dimensionless")
    membrane_permeability: Floats = parameter("dimensionless")
    fibrous_permeability: Floats = parameter("dimensionless")
    fibrous_thickness: Floats = parameter("um")
    fibrosis_time: Floats = parameter("d")
    gel_insulin_diffusivity: Floats = parameter("um2/min")
    membrane_insulin_diffusivity: Floats = parameter("um2/min")
    fibrous_insulin_diffusivity: Floats = parameter("um2/min")
    device_instant_loss: Floats = parameter("dimensionless")
    device_alloantigen_left: Floats = parameter("dimensionless")
    device_autoantigen_left: Floats = parameter("dimensionless")
    device_attrition: Floats = parameter("1/d")
    device_ingrowth: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Tissue:
    """An islet: its radius (um) and k = V/(6 aD) (mmHg/um2), those of the graft's own oxygen model."""

    radius: float
    need: float


@dataclasses.dataclass(frozen=True)
class Transport:
    """What a device does to oxygen (mmHg lost at full consumption) and to insulin (min)."""

    outer_drop: Numbers
    inner_drop: Numbers
    fibrous_drop: Numbers
    insulin_delay: Numbers
    fibrous_delay: Numbers


def tissue() -> Tissue:
    """Return the islet of the graft's parameters."""
    return Tissue(value("graft.islet_radius"), value("graft.oxygen_capacity"))


def device_parameters(enrolled: Enrolled) -> DeviceTable:
    """Return what devices are made of and how the host answers, drawn for each patient."""
    names = [f.name for f in dataclasses.fields(DeviceTable)]
    return DeviceTable(**{n: enrolled.draw(f"{PREFIX}.{n}") for n in names})


class Device(Described, ABC):
    """A device by its geometry."""

    @property
    def supply(self) -> float | None:
        """Oxygen pressure of a reservoir (mmHg), if the device has one."""
        return None

    @property
    def isolates(self) -> bool:
        """Whether the device keeps immune cells and vessels out."""
        return True

    @abstractmethod
    def transport(self, table: DeviceTable) -> Transport:
        """Return the drops of oxygen and the delays of insulin in each patient."""

    @abstractmethod
    def area(self, islets: float) -> float:
        """Return the surface (cm2) that a dose takes: of all capsules, or of one face of a slab."""

    @abstractmethod
    def volume(self, islets: float) -> float:
        """Return the volume (mL) that a dose takes, membranes not counted."""


class Microcapsule(Device):
    """Gel spheres with one islet each, free in a cavity or under the skin."""

    kind: Literal["microcapsule"] = "microcapsule"
    diameter: Micrometers = 500.0

    @model_validator(mode="after")
    def _holds_an_islet(self) -> Self:
        smallest = 2 * tissue().radius
        if self.diameter < smallest:
            raise ValueError(
                f"a microcapsule of {self.diameter:g} um is smaller than an islet ({smallest:g} um)"
            )
        return self

    def transport(self, table: DeviceTable) -> Transport:
        """Return the drop over the shell around one islet, and over fibrous tissue around the capsule."""
        islet, t, radius = tissue(), table, self.diameter / 2
        full = 2 * islet.need * islet.radius**3
        gap = 1 / islet.radius - 1 / radius
        path = (radius**2 - islet.radius**2) / 6 - islet.radius**3 * gap / 3
        layer = t.fibrous_thickness
        return Transport(
            outer_drop=full * gap / t.gel_permeability,
            inner_drop=0 * t.gel_permeability,
            fibrous_drop=full * (1 / radius - 1 / (radius + layer)) / t.fibrous_permeability,
            insulin_delay=path / t.gel_insulin_diffusivity,
            fibrous_delay=_late(layer, radius / 3, t.fibrous_insulin_diffusivity),
        )

    def area(self, islets: float) -> float:
        """Return the surface (cm2) of all capsules."""
        return islets * math.pi * self.diameter**2 / UM2_PER_CM2

    def volume(self, islets: float) -> float:
        """Return the volume (mL) of all capsules, without the space between them."""
        return islets * math.pi * self.diameter**3 / 6 / UM3_PER_ML


class Slab(Device):
    """A flat compartment with islets mixed into gel; `density` counts islets per area of one face."""

    thickness: Micrometers
    density: ArealDensity

    @property
    def islet_share(self) -> float:
        """Share of the compartment's volume that islets take."""
        return self.density * 4 / 3 * math.pi * tissue().radius ** 3 / UM2_PER_CM2 / self.thickness

    @model_validator(mode="after")
    def _holds_its_islets(self) -> Self:
        if self.islet_share > DENSEST:
            most = self.density * DENSEST / self.islet_share
            raise ValueError(
                f"{self.density:g} IEQ/cm2 do not fit into {self.thickness:g} um; at most {most:.0f} IEQ/cm2"
            )
        return self

    @property
    def depth(self) -> float:
        """How deep oxygen has to go (um): half the thickness, for it comes from both faces."""
        return self.thickness / 2

    @property
    def wall(self) -> float:
        """Thickness of the membrane (um)."""
        return 0.0

    def transport(self, table: DeviceTable) -> Transport:
        """Return the drops within the slab, over its membrane and over fibrous tissue on its faces."""
        t, depth, wall = table, self.depth, self.wall
        full = 6 * tissue().need * self.islet_share * depth
        layers = full if self.supply is None else 0.0
        late = depth**2 / 3 / t.gel_insulin_diffusivity + _late(wall, depth, t.membrane_insulin_diffusivity)
        return Transport(
            outer_drop=layers * wall / t.membrane_permeability,
            inner_drop=full * depth / 2 / _mixed(t.gel_permeability, self.islet_share),
            fibrous_drop=layers * t.fibrous_thickness / t.fibrous_permeability,
            insulin_delay=late,
            fibrous_delay=_late(t.fibrous_thickness, depth, t.fibrous_insulin_diffusivity),
        )

    def area(self, islets: float) -> float:
        """Return the area (cm2) of one face."""
        return islets / self.density

    def volume(self, islets: float) -> float:
        """Return the volume (mL) of the compartment."""
        return self.area(islets) * UM2_PER_CM2 * self.thickness / UM3_PER_ML


class Sheet(Slab):
    """A sheet of gel without a membrane; oxygen comes from both faces."""

    kind: Literal["sheet"] = "sheet"


class Macrodevice(Slab):
    """A chamber between two membranes; oxygen comes from both faces, or from a gas reservoir behind one.

    Perforated membranes let vessels and immune cells in: such a device does not isolate.
    """

    kind: Literal["macrodevice"] = "macrodevice"
    membrane: Micrometers = 30.0
    """Thickness of each membrane."""
    oxygen_supply: OxygenPressure | None = None
    """Pressure in a gas reservoir behind the islets; none when left out."""
    perforated: bool = False
    """Whether the membranes have pores that let vessels and immune cells in."""

    @property
    def supply(self) -> float | None:
        """Oxygen pressure of the gas reservoir (mmHg), if the device has one."""
        return self.oxygen_supply

    @property
    def isolates(self) -> bool:
        """Whether the membranes are closed."""
        return not self.perforated

    @property
    def depth(self) -> float:
        """How deep oxygen has to go (um): all the way when a reservoir supplies one face."""
        return self.thickness / 2 if self.supply is None else self.thickness

    @property
    def wall(self) -> float:
        """Thickness of the membrane (um)."""
        return self.membrane


def enclosed(bare: Infusion, device: Device, enrolled: Enrolled) -> Infusion:
    """Return an infusion whose islets are in a device; a reservoir takes the place of the host's oxygen."""
    table = device_parameters(enrolled)
    one = np.ones(enrolled.size, np.float32)
    allo, auto = (table.device_alloantigen_left, table.device_autoantigen_left) if device.isolates else (1, 1)
    lost, open_to = (table.device_attrition, 0 * one) if device.isolates else (0 * one, table.device_ingrowth)
    gas = {} if device.supply is None else dict.fromkeys(("oxygen_early", "oxygen_late"), device.supply * one)
    return dataclasses.replace(
        bare,
        instant_loss=table.device_instant_loss,
        alloantigen=bare.alloantigen * allo,
        autoantigen=bare.autoantigen * auto,
        enclosure=one,
        attrition=lost,
        ingrowth=open_to,
        fibrosis_time=table.fibrosis_time,
        **gas,
        **{name: drop * one for name, drop in vars(device.transport(table)).items()},
    )


AnyDevice = Annotated[Microcapsule | Sheet | Macrodevice, Field(discriminator="kind")]


def _late(layer: Floats | float, stored: float, diffusivity: Floats) -> Numbers:
    """Return the delay (min) over a layer outside a compartment of some volume per surface (um)."""
    return (stored * layer + np.square(layer) / 2) / diffusivity


def _mixed(gel: Floats, share: float) -> Numbers:
    """Return the permeability of gel with islets in it (Maxwell), that of islet tissue being 1."""
    return gel * (2 * gel + 1 - 2 * share * (gel - 1)) / (2 * gel + 1 + share * (gel - 1))
