"""Basal insulin alone: the same titration and weaning rules as `basal_bolus.py`, without meal doses.

Known: weekly steps toward a fasting target, how often an injection is missed. Assumed: the rules and steps of
`basal_bolus.py`. Not modelled: differences between basal insulins.
"""

from typing import ClassVar, Literal

import numpy as np

from insulae.therapies.basal_bolus import KINDS, InsulinSpec, Titration, build_insulin
from insulae.therapies.base import Enrolled, register
from insulae.therapies.insulin_treatment import InsulinTreatment


@register
class BasalInsulin(InsulinSpec):
    """One basal injection a day: `keep` care as before, `target` treat-to-target, `wean` after infusion."""

    family: ClassVar[str] = "insulin"
    kind: Literal["basal_insulin"] = "basal_insulin"
    titration: Titration = "keep"
    """How doses follow glucose: `keep` as at enrollment, `target` to tight values, `wean` downward."""

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient."""
        return build_insulin(self, enrolled, np.ones(enrolled.size, np.float32), KINDS)
