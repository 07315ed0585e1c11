"""Lifestyle: a lasting change of energy intake against usual; zero is lifestyle as usual.

Known: weight follows by energy balance. Assumed: carbohydrate changes in proportion to energy, the change is
kept for good. Not modelled: physical activity, diet composition, who gives up.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.quantities import DailyEnergy
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `lifestyle.*`."""

    maintenance: Floats = parameter("kcal/d/kg")


@dataclasses.dataclass(frozen=True)
class LifestyleTreatment(Treatment):
    """The change of intake of each patient (kcal/d) and its share of usual intake."""

    start: float
    energy: Floats
    share: Floats

    def effects(self, day: float) -> Effects:
        """Change energy and carbohydrate from the start on."""
        if day < self.start:
            return Effects()
        return Effects(energy_intake=self.energy, carbohydrate_intake=1 + self.share)

    def is_taken(self, day: float) -> Flags:
        """Tell who has changed their intake on a day."""
        return (self.energy != 0) & (day >= self.start)


@register
class Lifestyle(TherapySpec):
    """Lifestyle as usual, or with a lasting change of energy intake."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["lifestyle"] = "lifestyle"
    energy_change: DailyEnergy = 0.0
    """Lasting change of intake against usual; negative is less."""

    def build(self, enrolled: Enrolled) -> LifestyleTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        energy = np.full(enrolled.size, self.energy_change, np.float32)
        share = np.clip(energy / (p.maintenance * enrolled.weight), -1, 1).astype(np.float32)
        return LifestyleTreatment(start=self.start, energy=energy, share=share)
