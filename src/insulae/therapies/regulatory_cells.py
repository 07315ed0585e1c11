"""Regulatory T cells: infused after expansion, or expanded in the body by low-dose interleukin-2.

Known: infused cells are safe and mostly gone from the blood within three months; in a small trial that
followed them by low-dose interleukin-2 no participant kept the C-peptide of the start. Assumed: a small
strength that such trials could have missed, and how fast it fades. Not modelled: cells that recognize islets
or a graft, stimulation of other cells by interleukin-2.
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
    """Values and sources: tables/parameters.csv, `regulatory_cells.*`."""

    infused_strength: Floats = parameter("dimensionless")
    infused_fading: Floats = parameter("d")
    interleukin_2_strength: Floats = parameter("dimensionless")
    interleukin_2_fading: Floats = parameter("d")
    onset: Floats = parameter("d")
    hypersensitivity: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class RegulatoryCellsTreatment(Courses):
    """The courses as each patient gets them."""

    strength: Floats
    hypersensitivity: Floats

    def effects(self, day: float) -> Effects:
        """Suppress autoimmunity by what is left of each course."""
        return Effects(autoimmune_suppression=self.strength * self.level(day))

    def procedures(self, day: float) -> Risks:
        """Return the risk of a reaction on the first day of a course."""
        return {"hypersensitivity": self.hypersensitivity} if day in self.days else {}


@register
class RegulatoryCells(TherapySpec):
    """Regulatory T cells raised by infusion or by low-dose interleukin-2, in one or more courses."""

    family: ClassVar[str] = "protection"
    kind: Literal["regulatory_cells"] = "regulatory_cells"
    product: Literal["infused", "interleukin_2"] = "infused"
    """The patient's own cells, expanded and infused, or low-dose interleukin-2."""
    courses: Annotated[int, Field(ge=1, le=24)] = 1
    """How many courses are given."""
    interval: Annotated[Days, Field(gt=0)] = 91.0
    """Time from the beginning of one course to the next."""

    def build(self, enrolled: Enrolled) -> RegulatoryCellsTreatment:
        """Return the courses of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        return RegulatoryCellsTreatment(
            days=course_days(self.start, self.courses, self.interval),
            onset=p.onset,
            fading=getattr(p, f"{self.product}_fading"),
            strength=getattr(p, f"{self.product}_strength"),
            hypersensitivity=p.hypersensitivity,
        )
