"""Lifestyle: a lasting effort to eat less (or more) than usual; zero is lifestyle as usual.

Known: weight follows by energy balance, and appetite answers its change, so that less and less of the effort
arrives as food not eaten. Assumed: the effort is kept up for good. Not modelled: physical activity, diet
composition, who gives up.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.quantities import DailyEnergy
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, register


@dataclasses.dataclass(frozen=True)
class LifestyleTreatment(Treatment):
    """The change of intake that each patient strives for (kcal/d)."""

    start: float
    energy: Floats

    def effects(self, day: float) -> Effects:
        """Change energy from the start on."""
        if day < self.start:
            return Effects()
        return Effects(energy_intake=self.energy)

    def is_taken(self, day: float) -> Flags:
        """Tell who strives for another intake on a day."""
        return (self.energy != 0) & (day >= self.start)


@register
class Lifestyle(TherapySpec):
    """Lifestyle as usual, or with a lasting effort to eat less."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["lifestyle"] = "lifestyle"
    energy_change: DailyEnergy = 0.0
    """Lasting effort against usual intake, before appetite answers it; negative is less."""

    def build(self, enrolled: Enrolled) -> LifestyleTreatment:
        """Return the treatment of each patient."""
        energy = np.full(enrolled.size, self.energy_change, np.float32)
        return LifestyleTreatment(start=self.start, energy=energy)
