"""What injected incretins share: secretion that asks for glucose, less glucagon, slower stomach, less eaten.

The effect on glucose and the effect on appetite saturate each at an own dose, both given relative to the
reference dose of the drug. Intake is restricted, and appetite answers the weight lost more weakly than it
does after a diet (Hall 2023), so that weight falls for a year. Slow first doses are part of the onset. Gut
complaints come early and pass.
"""

import dataclasses
from typing import Any

import numpy as np

from insulae.core.parameters import parameter
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Floats, Risks
from insulae.therapies.tablet import Tablet, dose_share


@dataclasses.dataclass(frozen=True)
class IncretinParameters:
    """What any injected incretin declares, under the name of its own module."""

    capacity_effect: Floats = parameter("dimensionless")
    glucagon_effect: Floats = parameter("dimensionless")
    emptying_effect: Floats = parameter("dimensionless")
    energy_effect: Floats = parameter("kcal/d")
    appetite_effect: Floats = parameter("dimensionless")
    half_dose: Floats = parameter("dimensionless")
    appetite_half_dose: Floats = parameter("dimensionless")
    caution: Floats = parameter("dimensionless")
    gastrointestinal_share: Floats = parameter("dimensionless")
    tolerance_time: Floats = parameter("d")


@dataclasses.dataclass(frozen=True)
class IncretinTreatment(Tablet):
    """An injected incretin as each patient takes it."""

    capacity: Floats
    glucagon: Floats
    emptying: Floats
    energy: Floats
    appetite: Floats
    gastrointestinal: Floats
    tolerance_time: Floats

    def effects(self, day: float) -> Effects:
        """Raise secretion, lower glucagon, slow the stomach and lower intake by the day's exposure."""
        e = self.exposure(day)
        return Effects(
            secretion_capacity=1 + self.capacity * e,
            fasting_glucagon=1 - self.glucagon * e,
            gastric_emptying=1 - self.emptying * e,
            restriction=self.energy * e,
            appetite=1 - self.appetite * e,
        )

    def hazards(self, day: float) -> Risks:
        """Return the excess of gut complaints, which come early and pass."""
        return {"gastrointestinal_disorder": self.early_harm(day, self.gastrointestinal, self.tolerance_time)}


def actions(
    parameters: IncretinParameters, enrolled: Enrolled, dose: float, efficacy: Floats, appetite: Floats
) -> dict[str, Any]:
    """Return what a dose does in each patient; the dose is relative to the reference dose of the drug.

    `efficacy` and `appetite` are the drug's effects on glucose and on intake relative to the class.
    """
    p, reference = parameters, np.ones(enrolled.size, np.float32)
    share = efficacy * dose_share(dose, p.half_dose, reference)
    eating = appetite * dose_share(dose, p.appetite_half_dose, reference)
    return {
        "capacity": np.asarray(p.capacity_effect * share, np.float32),
        "glucagon": np.clip(p.glucagon_effect * share, 0, 1).astype(np.float32),
        "emptying": np.clip(p.emptying_effect * share, 0, 1).astype(np.float32),
        "energy": np.asarray(p.energy_effect * eating, np.float32),
        "appetite": np.clip(p.appetite_effect * np.minimum(eating, 1), 0, 1).astype(np.float32),
        "gastrointestinal": np.clip(p.gastrointestinal_share * eating, 0, 1).astype(np.float32),
        "tolerance_time": p.tolerance_time,
    }
