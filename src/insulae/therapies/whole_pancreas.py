"""Whole pancreas: a donor organ joined to the recipient's vessels, as islets that live from the first hour.

The organ is an infusion with vessels in place, mature islets, arterial oxygen and no loss but one: some
grafts are lost at once (thrombosis, leak, pancreatitis), which is drawn for each patient and listed as an
adverse event. Immunosuppression is a therapy of its own; without it the graft is rejected.

Known: early loss, death and survival of the graft in registries. Assumed: a donor pancreas holds a healthy
person's islets. Not modelled: exocrine function, the kidney transplanted with it, donor age, preservation,
HLA.
"""

import dataclasses
from typing import ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.physiology.effects import NOTHING, Effects, Infusion
from insulae.therapies.base import Enrolled, Flags, Floats, Risks, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `whole_pancreas.*`; `fate` decides who loses the graft."""

    islets: Floats = parameter("IEQ")
    potency: Floats = parameter("dimensionless")
    maturation_time: Floats = parameter("d")
    oxygen: Floats = parameter("mmHg")
    technical_failure: Floats = parameter("dimensionless")
    fate: Floats = parameter("dimensionless")
    relaparotomy: Floats = parameter("dimensionless")
    death: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class PancreasTreatment(Treatment):
    """The organ each patient receives on one day, and whether it is lost at once."""

    day: float
    infusion: Infusion
    is_lost: Flags
    parameters: Parameters

    def effects(self, day: float) -> Effects:
        """Give the organ on its day, nothing on any other."""
        return Effects(infusion=self.infusion) if day == self.day else NOTHING

    def procedures(self, day: float) -> Risks:
        """Return the risks of the operation; who loses the graft at once is settled already."""
        if day != self.day:
            return {}
        return {
            "graft_technical_failure": self.is_lost.astype(np.float32),
            "relaparotomy": self.parameters.relaparotomy,
            "death": self.parameters.death,
        }

    def is_taken(self, day: float) -> Flags:
        """Tell who has received the organ by a day."""
        return np.full(self.is_lost.shape, day >= self.day)

    def event_days(self) -> list[float]:
        """Return the day of the operation."""
        return [self.day]


@register
class WholePancreas(TherapySpec):
    """Transplantation of a donor pancreas; its venous blood drains as `drainage` says."""

    family: ClassVar[str] = "cells"
    kind: Literal["whole_pancreas"] = "whole_pancreas"
    drainage: Literal["systemic", "portal"] = "systemic"

    def build(self, enrolled: Enrolled) -> PancreasTreatment:
        """Return the organ of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        one = np.ones(enrolled.size, np.float32)
        is_lost = np.asarray(p.fate < p.technical_failure)
        infusion = Infusion(
            dose=p.islets * one,
            instant_loss=is_lost.astype(np.float32),
            potency=p.potency,
            maturity=one,
            maturation_time=p.maturation_time,
            alloantigen=one,
            autoantigen=one,
            vascularization=one,
            vascularization_time=one,
            portal_fraction=one if self.drainage == "portal" else 0 * one,
            oxygen_early=p.oxygen,
            oxygen_late=p.oxygen,
        )
        return PancreasTreatment(day=self.start, infusion=infusion, is_lost=is_lost, parameters=p)
