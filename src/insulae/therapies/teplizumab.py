"""Teplizumab: an antibody against CD3 that slows the autoimmune loss of the patient's own beta cells.

Known: with two courses in children and adolescents within six weeks of diagnosis the C-peptide response to a
meal fell by 0.09 instead of 0.21 pmol/mL in 78 weeks; one course in relatives in stage 2 delayed diagnosis
from a median of 24.4 to 48.4 months. Fitted: the strength, to the first of these. Assumed: how fast the
effect fades, that it acts as a drug exposure on autoimmunity alone, rash, fever and lymphopenia. Two courses
a year apart (herold2013), not fitted, come out right. In stage 2 one course delays diagnosis by less than in
the trial (validation/TN10). Not modelled: T cells that stay
exhausted for years, responders and non-responders, reactivated viruses.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from insulae.core.parameters import parameter
from insulae.core.quantities import Days
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Floats, Risks, TherapySpec, drawn, register
from insulae.therapies.courses import Courses, course_days


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `teplizumab.*`."""

    strength: Floats = parameter("dimensionless")
    onset: Floats = parameter("d")
    fading: Floats = parameter("d")
    lymphopenia: Floats = parameter("dimensionless")
    cytokine_release: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class TeplizumabTreatment(Courses):
    """The courses as each patient gets them."""

    parameters: Parameters

    def effects(self, day: float) -> Effects:
        """Suppress autoimmunity by what is left of each course."""
        return Effects(autoimmune_suppression=self.parameters.strength * self.level(day))

    def procedures(self, day: float) -> Risks:
        """Return the risks of a course on its first day."""
        p = self.parameters
        given = {"lymphopenia": p.lymphopenia, "cytokine_release": p.cytokine_release}
        return given if day in self.days else {}


@register
class Teplizumab(TherapySpec):
    """Twelve or fourteen daily infusions of teplizumab, once or several times."""

    family: ClassVar[str] = "protection"
    kind: Literal["teplizumab"] = "teplizumab"
    courses: Annotated[int, Field(ge=1, le=10)] = 2
    """How many courses are given."""
    interval: Annotated[Days, Field(gt=0)] = 182.0
    """Time from the beginning of one course to the next."""

    def build(self, enrolled: Enrolled) -> TeplizumabTreatment:
        """Return the courses of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        days = course_days(self.start, self.courses, self.interval)
        return TeplizumabTreatment(days=days, onset=p.onset, fading=p.fading, parameters=p)
