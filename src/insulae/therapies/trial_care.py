"""Care in a trial: visits and advice on diet, by which people on placebo too eat a little less.

Known: in trials of type 2 diabetes people on placebo lose about a kilogram in half a year. Assumed: it is
less eaten, appetite answers it as it does a diet, and it lasts as long as the trial (in the control arm of
Look AHEAD weight stayed 0.7 to 1 % lower for four years). A study that is a trial names it in each of its
arms; nobody gets it unasked. Not modelled: exercise, tablets taken more faithfully (give `adherence`), people
who leave.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `trial_care.*`."""

    energy_effect: Floats = parameter("kcal/d")


@dataclasses.dataclass(frozen=True)
class TrialCareTreatment(Treatment):
    """By how much less each patient strives to eat (kcal/d)."""

    start: float
    energy: Floats

    def effects(self, day: float) -> Effects:
        """Lower energy from the start on."""
        return Effects(energy_intake=-self.energy) if day >= self.start else NOTHING

    def is_taken(self, day: float) -> Flags:
        """Tell who is in the trial on a day."""
        return np.full(self.energy.shape, day >= self.start)


@register
class TrialCare(TherapySpec):
    """The care that everybody in a trial gets, whatever the arm."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["trial_care"] = "trial_care"

    def build(self, enrolled: Enrolled) -> TrialCareTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        return TrialCareTreatment(start=self.start, energy=p.energy_effect)
