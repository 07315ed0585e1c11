"""Weight-loss programme: total diet replacement, food reintroduced, then years in which the effort fades.

While a formula replaces all food, intake falls by the patient's adherence times the difference between usual
intake and the formula. Reintroduction leads in a straight line to the intake that would hold the weight then
reached, and from there the effort fades exponentially, so that weight comes back:

    loss at the end of the diet   L = D/m (1 - exp(-T m/r))        D deficit, T weeks of formula
    intake afterwards             -m L exp(-t/regain time)         m, r of `body_weight.py`

Known: the phases, mean weight and the share who lost 15 kg in DiRECT (fitted: `calibration/weight.py`), and
that remission follows weight. Assumed: each patient's adherence is the same throughout. Not modelled:
dropping out on a day, rescue plans when weight returns, exercise, blood pressure. Drugs that a programme
withdraws at its start are a matter of the arm's other therapies.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from insulae.core.parameters import parameter
from insulae.core.quantities import DailyEnergy, Days
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `weight_loss_programme.*`."""

    adherence: Floats = parameter("dimensionless")
    regain_time: Floats = parameter("d")
    usual_intake: Floats = parameter("kcal/d/kg")
    formula_carbohydrate: Floats = parameter("g/kcal")


@dataclasses.dataclass(frozen=True)
class ProgrammeTreatment(Treatment):
    """Deficit on formula and intake that holds the weight then reached (kcal/d, both positive), and the share
    of usual carbohydrate on formula."""

    start: float
    diet: float
    reintroduction: float
    deficit: Floats
    holding: Floats
    usual: Floats
    regain_time: Floats
    formula_share: Floats

    def reduction(self, day: float) -> Floats:
        """Return by how much less is eaten than usual on a day (kcal/d)."""
        since = day - self.start
        if since < 0:
            return np.zeros_like(self.deficit)
        if since < self.diet:
            return self.deficit
        eating = since - self.diet
        if eating < self.reintroduction:
            share = eating / self.reintroduction
            return (self.deficit + (self.holding - self.deficit) * share).astype(np.float32)
        fading = np.exp(-(eating - self.reintroduction) / self.regain_time)
        return (self.holding * fading).astype(np.float32)

    def effects(self, day: float) -> Effects:
        """Lower energy and carbohydrate by the day's phase."""
        if day < self.start:
            return Effects()
        reduced = self.reduction(day)
        on_formula = day < self.start + self.diet
        share = self.formula_share if on_formula else 1 - np.minimum(reduced / self.usual, 1)
        return Effects(energy_intake=-reduced, carbohydrate_intake=share)

    def is_taken(self, day: float) -> Flags:
        """Tell who has begun the programme by a day."""
        return np.full(self.deficit.shape, day >= self.start)

    def event_days(self) -> list[float]:
        """Return the first days of each phase."""
        return [self.start, self.start + self.diet]


@register
class WeightLossProgramme(TherapySpec):
    """Total diet replacement (`intake` during `diet`), reintroduction of food, fading maintenance."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["weight_loss_programme"] = "weight_loss_programme"
    intake: Annotated[DailyEnergy, Field(ge=0)] = 840.0
    diet: Annotated[Days, Field(ge=0)] = 112.0
    reintroduction: Annotated[Days, Field(ge=0)] = 42.0

    def build(self, enrolled: Enrolled) -> ProgrammeTreatment:
        """Return the course of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        maintenance, energy = (
            enrolled.draw(f"body_weight.{name}") for name in ("maintenance", "energy_per_weight")
        )
        usual = p.usual_intake * enrolled.weight
        deficit = p.adherence * np.maximum(usual - self.intake, 0)
        formula = p.formula_carbohydrate * self.intake / enrolled.carbohydrate
        return ProgrammeTreatment(
            start=self.start,
            diet=self.diet,
            reintroduction=self.reintroduction,
            deficit=deficit.astype(np.float32),
            holding=(deficit * (1 - np.exp(-self.diet * maintenance / energy))).astype(np.float32),
            usual=usual.astype(np.float32),
            regain_time=p.regain_time,
            formula_share=(1 - p.adherence + p.adherence * formula).astype(np.float32),
        )
