"""Basal insulin alone: the same titration and weaning rules as `basal_bolus.py`, without meal doses."""

from typing import Literal

from insulae.therapies.base import Enrolled, TherapySpec, register
from insulae.therapies.basal_bolus import InsulinTreatment, Titration, build_insulin


@register
class BasalInsulin(TherapySpec):
    """One basal injection a day; `keep` for care as before, `target` treat-to-target, `wean` after an infusion."""

    kind: Literal["basal_insulin"] = "basal_insulin"
    titration: Titration = "keep"

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient."""
        return build_insulin(self, enrolled, self.titration, has_bolus=False)
