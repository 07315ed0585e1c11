"""Mesenchymal stromal cells: make no insulin themselves; they act by what they secrete.

Known: in a randomized trial in type 2 diabetes three infusions of umbilical cord cells raised the glucose
infusion rate of a clamp from 3.12 to 4.76 mg/min/kg (placebo 3.26 to 3.60) at 48 weeks, with no improvement
of beta-cell function. Fitted: the gain of insulin sensitivity, to these four numbers. Assumed: how fast the
effect fades, a small protection from autoimmunity (small trials in type 1 diabetes suggest C-peptide is kept)
and from glucose-driven loss. Not modelled: cell source, dose, route, lungs that trap the cells.
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
    """Values and sources: tables/parameters.csv, `mesenchymal_cells.*`; effects are of one infusion."""

    sensitivity_gain: Floats = parameter("dimensionless")
    autoimmune_strength: Floats = parameter("dimensionless")
    stress_relief: Floats = parameter("dimensionless")
    onset: Floats = parameter("d")
    fading: Floats = parameter("d")
    hypersensitivity: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class MesenchymalCellsTreatment(Courses):
    """The infusions as each patient gets them."""

    parameters: Parameters

    def effects(self, day: float) -> Effects:
        """Raise peripheral sensitivity, and spare beta cells, by what is left of each infusion."""
        p, level = self.parameters, self.level(day)
        return Effects(
            peripheral_sensitivity=1 + p.sensitivity_gain * level,
            beta_cell_stress=1 / (1 + p.stress_relief * level),
            autoimmune_suppression=p.autoimmune_strength * level,
        )

    def procedures(self, day: float) -> Risks:
        """Return the risk of a reaction on the day of an infusion."""
        return {"hypersensitivity": self.parameters.hypersensitivity} if day in self.days else {}


@register
class MesenchymalCells(TherapySpec):
    """Intravenous mesenchymal stromal cells, about a million per kilogram, in one or more infusions."""

    family: ClassVar[str] = "cells"
    kind: Literal["mesenchymal_cells"] = "mesenchymal_cells"
    infusions: Annotated[int, Field(ge=1, le=12)] = 3
    """How many infusions are given."""
    interval: Annotated[Days, Field(gt=0)] = 28.0
    """Time from one infusion to the next."""

    def build(self, enrolled: Enrolled) -> MesenchymalCellsTreatment:
        """Return the infusions of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        days = course_days(self.start, self.infusions, self.interval)
        return MesenchymalCellsTreatment(days=days, onset=p.onset, fading=p.fading, parameters=p)
