"""Weight-loss programme: total diet replacement, food reintroduced, then years in which the effort fades.

While a formula replaces all food, intake falls by the patient's adherence times the difference between usual
intake and the formula, whatever appetite says. Reintroduction leads in a straight line to the intake that
holds the weight then reached. From there holding it is an effort against appetite, which fades exponentially,
so that weight comes back:

    loss on a deficit of D      L' = (D - m L)/r                         m, r, a of `body_weight.py`
    effort afterwards           (m + a) L exp(-t/regain time)            L at the end of reintroduction

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
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, TherapySpec, Treatment, drawn, register

SHORTEST = 1e-3
"""Days of reintroduction that stand for none."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `weight_loss_programme.*`."""

    adherence: Floats = parameter("dimensionless")
    regain_time: Floats = parameter("d")
    formula_carbohydrate: Floats = parameter("g/kcal")


@dataclasses.dataclass(frozen=True)
class ProgrammeTreatment(Treatment):
    """Deficit on formula, reduction that holds the weight then reached and effort it takes (kcal/d,
    positive), and the carbohydrate that formula has more than its energy tells (share of usual)."""

    start: float
    diet: float
    reintroduction: float
    deficit: Floats
    holding: Floats
    effort: Floats
    regain_time: Floats
    formula_surplus: Floats

    def is_guided(self, day: float) -> bool:
        """Tell whether the programme, not appetite, says what is eaten."""
        return self.start <= day < self.start + self.diet + self.reintroduction

    def reduction(self, day: float) -> Floats:
        """Return by how much less is eaten than usual on a day, or meant to be against appetite (kcal/d)."""
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
        return (self.effort * fading).astype(np.float32)

    def effects(self, day: float) -> Effects:
        """Restrict intake, appetite set aside, and change composition; later lower energy by an effort."""
        if day < self.start:
            return NOTHING
        reduced = self.reduction(day)
        if not self.is_guided(day):
            return Effects(energy_intake=-reduced)
        surplus = self.formula_surplus if day < self.start + self.diet else 0.0
        return Effects(restriction=reduced, appetite=0.0, carbohydrate_intake=1 + surplus)

    def is_taken(self, day: float) -> Flags:
        """Tell who has begun the programme by a day."""
        return np.full(self.deficit.shape, day >= self.start)

    def event_days(self) -> list[float]:
        """Return the first days of each phase."""
        return [self.start, self.start + self.diet, self.start + self.diet + self.reintroduction]


@register
class WeightLossProgramme(TherapySpec):
    """Total diet replacement (`intake` during `diet`), reintroduction of food, fading maintenance."""

    family: ClassVar[str] = "lifestyle and surgery"
    kind: Literal["weight_loss_programme"] = "weight_loss_programme"
    intake: Annotated[DailyEnergy, Field(ge=400, le=5000)] = 840.0
    diet: Annotated[Days, Field(ge=0)] = 112.0
    reintroduction: Annotated[Days, Field(ge=0)] = 42.0

    def build(self, enrolled: Enrolled) -> ProgrammeTreatment:
        """Return the course of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        m, a, intake = (
            enrolled.draw(f"body_weight.{name}") for name in ("maintenance", "appetite", "usual_intake")
        )
        usual = intake * enrolled.weight
        deficit = p.adherence * np.maximum(usual - self.intake, 0)
        lost = deficit * self._lost(m, enrolled.draw("body_weight.energy_per_weight"))
        formula = p.formula_carbohydrate * self.intake / enrolled.carbohydrate
        return ProgrammeTreatment(
            start=self.start,
            diet=self.diet,
            reintroduction=self.reintroduction,
            deficit=deficit.astype(np.float32),
            holding=(m * lost).astype(np.float32),
            effort=((m + a) * lost).astype(np.float32),
            regain_time=p.regain_time,
            formula_surplus=(p.adherence * (formula - 1) + deficit / usual).astype(np.float32),
        )

    def _lost(self, maintenance: Floats, energy: Floats) -> Floats:
        """Return the weight lost at the end of reintroduction per deficit on formula (kg per kcal/d).

        The deficit goes in a straight line to what holds that weight, which is solved for.
        """
        rate = maintenance / energy
        on_formula = -np.expm1(-rate * self.diet) / maintenance
        waned = rate * max(self.reintroduction, SHORTEST)
        kept, mean = np.exp(-waned), -np.expm1(-waned) / waned
        return np.asarray((on_formula * kept + (mean - kept) / maintenance) / mean, np.float32)
