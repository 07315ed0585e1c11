"""Lifestyle: a lasting effort to eat less (or more) than usual, or a diet before enrollment that wears off.

Known: weight follows by energy balance, and appetite answers its change, so that less and less of an effort
arrives as food not eaten. Who has lost weight on a diet holds it against appetite, by an effort that fades as
after a weight-loss programme (its regain time), so that weight comes back after enrollment:

    intake above that at enrollment     (m + a) L (1 - exp(-t/regain time))      m, a of `body_weight.py`

with L the weight lost shortly before. Assumed: a lasting effort is kept up for good; the regain time of a
diet without formula is that of a programme. Not modelled: physical activity, diet composition, who gives up.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from insulae.core.quantities import DailyEnergy, Weight
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, register


@dataclasses.dataclass(frozen=True)
class LifestyleTreatment(Treatment):
    """The change of intake that each patient strives for, and the effort that wears off (kcal/d)."""

    start: float
    energy: Floats
    holding: Floats
    regain_time: Floats

    def effects(self, day: float) -> Effects:
        """Change energy from the start on."""
        if day < self.start:
            return NOTHING
        faded = -np.expm1(-(day - self.start) / self.regain_time)
        return Effects(energy_intake=(self.energy + self.holding * faded).astype(np.float32))

    def is_taken(self, day: float) -> Flags:
        """Tell who strives for another intake on a day."""
        return ((self.energy != 0) | (self.holding != 0)) & (day >= self.start)


@register
class Lifestyle(TherapySpec):
    """Lifestyle as usual, with a lasting effort to eat less, or after a diet that wears off."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["lifestyle"] = "lifestyle"
    energy_change: Annotated[DailyEnergy, Field(ge=-3000, le=3000)] = 0.0
    """Lasting effort against usual intake, before appetite answers it; negative is less."""
    lost_before: Annotated[Weight, Field(ge=0)] = 0.0
    """Weight lost on a diet shortly before the start, which appetite takes back as the effort fades."""

    def build(self, enrolled: Enrolled) -> LifestyleTreatment:
        """Return the treatment of each patient."""
        maintenance, appetite = (enrolled.draw(f"body_weight.{name}") for name in ("maintenance", "appetite"))
        return LifestyleTreatment(
            start=self.start,
            energy=np.full(enrolled.size, self.energy_change, np.float32),
            holding=((maintenance + appetite) * self.lost_before).astype(np.float32),
            regain_time=enrolled.draw("weight_loss_programme.regain_time"),
        )
