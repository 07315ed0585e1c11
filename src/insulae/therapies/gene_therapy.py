"""Exploratory gene therapy that raises insulin production: reprogrammed cells, or a vector for GLP-1.

Exploratory: nobody has been treated for diabetes by either, so the therapy's kind says so too. Known: in mice
alpha or ductal cells given transcription factors make insulin for months. Assumed: every size and time here;
reprogrammed cells count as native beta cells and meet the patient's autoimmunity as these do. Not modelled:
immune response to the vector, a second dose that antibodies prevent, dose, tissues reached by mistake.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, Risks, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `gene_therapy.*`."""

    reprogramming_rate: Floats = parameter("1/d")
    reprogramming_time: Floats = parameter("d")
    incretin_gain: Floats = parameter("dimensionless")
    secretion_gain: Floats = parameter("dimensionless")
    expression_onset: Floats = parameter("d")
    expression_loss: Floats = parameter("1/d")
    insertional_tumor: Floats = parameter("1/year")
    hypersensitivity: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class GeneTherapyTreatment(Treatment):
    """One vector given on one day."""

    day: float
    parameters: Parameters

    def hazards(self, day: float) -> Risks:
        """Return the tumors of a year that inserted genes add, from the day of the vector on."""
        return {"insertional_tumor": self.parameters.insertional_tumor} if day >= self.day else {}

    def procedures(self, day: float) -> Risks:
        """Return the risk of a reaction on the day of the vector."""
        return {"hypersensitivity": self.parameters.hypersensitivity} if day == self.day else {}

    def is_taken(self, day: float) -> Flags:
        """Tell who has received the vector by a day: everybody or nobody."""
        return np.full(len(self.parameters.hypersensitivity), day >= self.day)

    def event_days(self) -> list[float]:
        """Return the day of the vector."""
        return [self.day]


@dataclasses.dataclass(frozen=True)
class Reprogramming(GeneTherapyTreatment):
    """Other cells of the pancreas turned into beta cells while the transcription factors are expressed."""

    def effects(self, day: float) -> Effects:
        """Add new beta cells at a rate that fades with the expression of the vector."""
        p, since = self.parameters, day - self.day
        if since < 0:
            return NOTHING
        return Effects(beta_cell_neogenesis=p.reprogramming_rate * np.exp(-since / p.reprogramming_time))


@dataclasses.dataclass(frozen=True)
class IncretinVector(GeneTherapyTreatment):
    """Lasting secretion of GLP-1 by transduced cells."""

    def effects(self, day: float) -> Effects:
        """Raise the incretin response and the secretory capacity by what is expressed."""
        p, since = self.parameters, day - self.day
        if since < 0:
            return NOTHING
        expressed = (1 - np.exp(-(since + 1) / p.expression_onset)) * np.exp(-since * p.expression_loss)
        return Effects(
            incretin_response=1 + p.incretin_gain * expressed,
            secretion_capacity=1 + p.secretion_gain * expressed,
        )


@register
class ExploratoryGeneTherapy(TherapySpec):
    """Exploratory: a vector that turns other cells into beta cells, or one that secretes GLP-1."""

    family: ClassVar[str] = "cells"
    kind: Literal["exploratory_gene_therapy"] = "exploratory_gene_therapy"
    approach: Literal["reprogramming", "incretin_vector"] = "reprogramming"
    """What the genes do: turn other cells into beta cells, or make GLP-1."""

    def build(self, enrolled: Enrolled) -> GeneTherapyTreatment:
        """Return the vector of each patient."""
        treatment = {"reprogramming": Reprogramming, "incretin_vector": IncretinVector}[self.approach]
        return treatment(day=self.start, parameters=drawn(Parameters, enrolled))
