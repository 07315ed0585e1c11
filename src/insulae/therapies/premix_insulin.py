"""Premixed insulin, twice a day: rapid and slow insulin in one fixed proportion, so that only the sum moves.

The sum is titrated by the rules of `basal_bolus.py`: half of each step is asked for by fasting glucose (which
steers the evening dose), half by the daytime mean (which steers the morning dose). Known: the proportions of
the mixtures sold, and what treatment to target with one does to HbA1c and weight. Assumed: the slow part
acts as a basal insulin, the rapid part as meal doses in proportion to carbohydrate. Not modelled: the two
hours of injection, lunch without a dose of its own, the shape of protaminated insulin.
"""

import dataclasses
from typing import ClassVar, Literal

from insulae.core.parameters import parameter
from insulae.therapies import basal_bolus
from insulae.therapies.basal_bolus import InsulinTreatment, Titration, started
from insulae.therapies.base import Enrolled, Floats, Observed, TherapySpec, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `premix_insulin.*`."""

    rapid_share: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class PremixTreatment(InsulinTreatment):
    """Premixed insulin as each patient takes it; titration keeps the proportion."""

    def _titrated(self, observed: Observed) -> "PremixTreatment":
        o = observed
        fasting = self._factor(o.fasting_glucose, self.fasting_target, o.lowest_glucose)
        daytime = self._factor(o.daytime_glucose, self.daytime_target, o.lowest_glucose)
        return self._scaled(0.5 * (fasting + daytime))

    def _scaled(self, factor: Floats) -> "PremixTreatment":
        """Multiply both doses, up to the highest daily dose."""
        limit = self.parameters.maximal_dose * self.weight
        factor = factor.clip(max=limit / self.dose().clip(1e-9))
        return dataclasses.replace(
            self, basal=self.basal * factor, per_carbohydrate=self.per_carbohydrate * factor
        )


@register
class PremixInsulin(TherapySpec):
    """Premixed insulin: `keep` care as before, `target` treat-to-target, `wean` after infusion."""

    family: ClassVar[str] = "insulin"
    kind: Literal["premix_insulin"] = "premix_insulin"
    titration: Titration = "keep"
    """How doses follow glucose."""

    def build(self, enrolled: Enrolled) -> PremixTreatment:
        """Return the treatment of each patient; who takes other insulin goes on with the same daily dose."""
        own: Parameters = drawn(Parameters, enrolled)
        shared: basal_bolus.Parameters = drawn(basal_bolus.Parameters, enrolled)
        fields = started(self, enrolled, self.titration, 1 - own.rapid_share, shared)
        treatment = PremixTreatment(**fields)
        dose = treatment.dose()
        return dataclasses.replace(
            treatment,
            basal=(1 - own.rapid_share) * dose,
            per_carbohydrate=own.rapid_share * dose / enrolled.carbohydrate,
        )
