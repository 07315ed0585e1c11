"""Meal insulin alone: a rapid injection before each meal and no basal insulin, titrated as `basal_bolus.py`.

The doses follow the daytime mean; fasting glucose steers nothing, as no dose acts on the night. Known: trials
of it against basal and premixed insulin (holman2007). Assumed: one dose per gram for all meals, the rules and
steps of `basal_bolus.py`. Not modelled: basal insulin that is added when the dose has become large.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.therapies.basal_bolus import KINDS, InsulinSpec, Titration, build_insulin
from insulae.therapies.base import Enrolled, register
from insulae.therapies.insulin_treatment import InsulinTreatment


@register
class MealInsulin(InsulinSpec):
    """Rapid insulin before meals alone: `keep` care as before, `target` treat-to-target, `wean` downward."""

    family: ClassVar[str] = "insulin"
    kind: Literal["meal_insulin"] = "meal_insulin"
    titration: Titration = "keep"
    """How doses follow glucose: `keep` as at enrollment, `target` to tight values, `wean` downward."""

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient; who takes other insulin goes on with the same daily dose."""
        none = np.zeros(enrolled.size, np.float32)
        treatment = build_insulin(self, enrolled, none, KINDS)
        dose = treatment.dose()
        return dataclasses.replace(
            treatment, basal=none, per_carbohydrate=dose / enrolled.carbohydrate, first=(none, dose)
        )
