"""Premixed insulin, twice a day: rapid and slow insulin in one fixed proportion, so that only the sum moves.

The sum is titrated by the rules of `basal_bolus.py`: fasting glucose steers the evening dose, the daytime
mean the morning dose, each half of the sum. Known: the proportions of the mixtures sold, and what treatment
to target with one does to HbA1c and weight. Assumed: that each half gets its own step, the slow part
acts as a basal insulin, the rapid part as meal doses in proportion to carbohydrate. Not modelled: the two
hours of injection, lunch without a dose of its own, the shape of protaminated insulin.
"""

import dataclasses
from typing import ClassVar, Literal, Self

import numpy as np

from insulae.core.parameters import parameter
from insulae.therapies.basal_bolus import InsulinSpec, Titration, build_insulin
from insulae.therapies.base import Enrolled, Floats, drawn, register
from insulae.therapies.insulin_titration import TargetedInsulin
from insulae.therapies.insulin_treatment import HeldInsulin, InsulinTreatment, Steps
from insulae.therapies.insulin_weaning import WeanedInsulin


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `premix_insulin.*`."""

    rapid_share: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class PremixTreatment(InsulinTreatment):
    """Premixed insulin as each patient takes it; titration keeps the proportion."""

    def _steered(self) -> Steps:
        """Fasting glucose steers the half given in the evening, the daytime mean that of the morning."""
        half = (self.dose() / 2).astype(np.float32)
        return half, half

    def _changed(self, by_fasting: Floats, by_daytime: Floats) -> Self:
        """Take both steps; the proportion stays."""
        dose = np.maximum(self.dose() + by_fasting + by_daytime, 0)
        factor = (dose / self.dose().clip(1e-9)).astype(np.float32)
        return dataclasses.replace(
            self, basal=self.basal * factor, per_carbohydrate=self.per_carbohydrate * factor
        )


@dataclasses.dataclass(frozen=True)
class TargetedPremix(PremixTreatment, TargetedInsulin):
    """Premixed insulin treated to target."""


@dataclasses.dataclass(frozen=True)
class WeanedPremix(PremixTreatment, WeanedInsulin):
    """Premixed insulin weaned after an infusion."""


@dataclasses.dataclass(frozen=True)
class HeldPremix(HeldInsulin, PremixTreatment):
    """Premixed insulin that stays as it is."""


KINDS: dict[str, type[InsulinTreatment]] = {
    "keep": PremixTreatment,
    "hold": HeldPremix,
    "target": TargetedPremix,
    "wean": WeanedPremix,
}


@register
class PremixInsulin(InsulinSpec):
    """Premixed insulin: `keep` care as before, `target` treat-to-target, `wean` after infusion."""

    family: ClassVar[str] = "insulin"
    kind: Literal["premix_insulin"] = "premix_insulin"
    titration: Titration = "keep"
    """How doses follow glucose."""

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient; who takes other insulin goes on with the same daily dose."""
        own: Parameters = drawn(Parameters, enrolled)
        treatment = build_insulin(self, enrolled, 1 - own.rapid_share, KINDS)
        dose = treatment.dose()
        return dataclasses.replace(
            treatment,
            basal=(1 - own.rapid_share) * dose,
            per_carbohydrate=own.rapid_share * dose / enrolled.carbohydrate,
            first=(dose / 2, dose / 2),
        )
