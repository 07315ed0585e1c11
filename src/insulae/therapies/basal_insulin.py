"""Basal insulin alone: the same titration and weaning rules as `basal_bolus.py`, without meal doses."""

from typing import Literal

from insulae.therapies.base import Enrolled, TherapySpec, register
from insulae.therapies.basal_bolus import InsulinTreatment, build_insulin


@register
class BasalInsulin(TherapySpec):
    """One basal injection a day; `titration: wean` after an infusion, `keep` for care as before."""

    kind: Literal["basal_insulin"] = "basal_insulin"
    titration: Literal["keep", "wean"] = "keep"

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient."""
        return build_insulin(self, enrolled, is_weaning=self.titration == "wean", has_bolus=False)
