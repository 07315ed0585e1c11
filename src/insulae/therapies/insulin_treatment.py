"""Insulin doses of each patient, and the steps that hold glucose where it was: the base of every titration.

`basal_bolus.py` says what a study file may ask for, `insulin_titration.py` how insulin is raised towards a
target, `insulin_weaning.py` how it is lowered after an infusion. The kinds of insulin differ in which dose a
step changes: `_steered` and `_changed`.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.pytree import replace
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, Observed, TherapySpec, Treatment

SMALLEST_DOSE = 1e-9
"""Smallest dose (U/d) that a share is taken of."""
LONGEST_STEP = 4
"""Days that a simulated day may stand for on injected insulin, where days differ and doses follow them."""


@dataclasses.dataclass(frozen=True)
class InsulinTable:
    """What every insulin shares, and how a clinic weans; values and sources: `basal_bolus.*`."""

    step_up: Floats = parameter("dimensionless")
    step_down: Floats = parameter("dimensionless")
    low_step: Floats = parameter("dimensionless")
    low_glucose: Floats = parameter("mg/dL")
    band: Floats = parameter("dimensionless")
    target_fasting_glucose: Floats = parameter("mg/dL")
    target_daytime_glucose: Floats = parameter("mg/dL")
    restart_dose: Floats = parameter("U/kg/d")
    maximal_dose: Floats = parameter("U/kg/d")
    basal_energy: Floats = parameter("kcal/U")
    meal_energy: Floats = parameter("kcal/U")
    energy_limit: Floats = parameter("kcal/d")
    fat_effect: Floats = parameter("dimensionless")
    fat_half_dose: Floats = parameter("U/kg/d")


Steps = tuple[Floats, Floats]
"""Changes of the dose (U/d): what fasting glucose asks for, and what the daytime mean asks for."""


@dataclasses.dataclass(frozen=True)
class InsulinTreatment(Treatment):
    """Doses of each patient and the glucose they are titrated to; `carbohydrate` is usual intake in g/d,
    `first` the doses at the start (U/d)."""

    sort: ClassVar[str] = "insulin"

    start: float
    basal: Floats
    per_carbohydrate: Floats
    weight: Floats
    carbohydrate: Floats
    fasting_target: Floats
    daytime_target: Floats
    basal_share: Floats
    first: Steps
    usual: tuple[Floats, Floats] | None
    parameters: InsulinTable

    def effects(self, day: float) -> Effects:
        """Give the present doses, from the start on."""
        return self._given if day >= self.start else NOTHING

    @functools.cached_property
    def _given(self) -> Effects:
        """What the present doses do, the same every day."""
        doses = Effects(basal_insulin=self.basal, bolus_per_carbohydrate=self.per_carbohydrate)
        if self.usual is None:
            return doses
        more = self._above(self.usual)
        return replace(doses, energy_intake=self._retained(*more), liver_fat=self._fat_left(*more))

    def _above(self, usual: tuple[Floats, Floats]) -> Steps:
        """Return by how much the doses are above the usual ones (U/d), basal and with meals."""
        more_meal = np.maximum(self.per_carbohydrate - usual[1], 0) * self.carbohydrate
        return np.maximum(self.basal - usual[0], 0), more_meal

    def _retained(self, basal: Floats, meal: Floats) -> Floats:
        """Return the energy (kcal/d) that doses above the usual ones add; it saturates."""
        p = self.parameters
        asked = p.basal_energy * basal + p.meal_energy * meal
        return (p.energy_limit * asked / (p.energy_limit + asked)).astype(np.float32)

    def _fat_left(self, basal: Floats, meal: Floats) -> Floats:
        """Return the share of liver fat that doses above the usual ones leave at any weight."""
        p, dose = self.parameters, (basal + meal) / self.weight
        return (1 - p.fat_effect * dose / (dose + p.fat_half_dose)).astype(np.float32)

    def is_taken(self, day: float) -> Flags:
        """Tell who injects insulin."""
        return ((self.basal > 0) | (self.per_carbohydrate > 0)) & (day >= self.start)

    def longest_step(self) -> int:
        """Return the longest step at which means stay those of every day simulated (docs/accuracy.md)."""
        return LONGEST_STEP

    def dose(self) -> Floats:
        """Return the scheduled daily dose without corrections (U/d)."""
        return (self.basal + self.per_carbohydrate * self.carbohydrate).astype(np.float32)

    def after(self, observed: Observed) -> Self:
        """Titrate those on insulin."""
        return self if observed.day < self.start else self._titrated(observed)

    def _titrated(self, observed: Observed) -> Self:
        """Take the steps that are due, up to the highest daily dose."""
        return self._changed(*self._steps(observed))._within_limit()

    def _steps(self, observed: Observed) -> Steps:
        """Return the steps that bring glucose back to where it was; what it falls by another way is kept."""
        p, o, doses = self.parameters, observed, self._steered()
        measured = (o.fasting_glucose, o.daytime_glucose)
        usual, aims = (
            (self.fasting_target, self.daytime_target),
            (p.target_fasting_glucose, p.target_daytime_glucose),
        )
        fasting, daytime = (
            self._kept(*each, o.lowest_glucose)
            for each in zip(doses, self.first, measured, usual, aims, strict=True)
        )
        return fasting, daytime

    def _kept(
        self, dose: Floats, first: Floats, glucose: Floats, usual: Floats, aim: Floats, lowest: Floats
    ) -> Floats:
        """Return the change of a dose (U/d): more than a step below the first one only where glucose is below
        what treatment aims at, or after lows."""
        p = self.parameters
        step = dose * (self._factor(glucose, usual, lowest) - 1)
        spared = (glucose >= aim * (1 - p.band)) & (lowest >= p.low_glucose)
        least = np.minimum(dose, first * (1 - p.step_down))
        return np.where(spared, np.maximum(step, least - dose), step).astype(np.float32)

    def _factor(self, glucose: Floats, target: Floats, lowest: Floats) -> Floats:
        """Return the multiplier of a dose from the glucose it steers."""
        p = self.parameters
        step = np.where(glucose > target * (1 + p.band), 1 + p.step_up, 1)
        step = np.where(glucose < target * (1 - p.band), 1 - p.step_down, step)
        return self._after_lows(step, lowest)

    def _after_lows(self, step: Floats, lowest: Floats) -> Floats:
        """Return the multiplier of a dose, below one after a week of low values."""
        p = self.parameters
        return np.where(lowest < p.low_glucose, np.minimum(step, 1 - p.low_step), step).astype(np.float32)

    def _steered(self) -> Steps:
        """Return the doses (U/d) that fasting glucose and the daytime mean steer."""
        return self.basal, self.per_carbohydrate * self.carbohydrate

    def _changed(self, by_fasting: Floats, by_daytime: Floats) -> Self:
        """Change the doses by the steps that each glucose asks for."""
        basal, meals = self._steered()
        return dataclasses.replace(
            self,
            basal=np.maximum(basal + by_fasting, 0).astype(np.float32),
            per_carbohydrate=(np.maximum(meals + by_daytime, 0) / self.carbohydrate).astype(np.float32),
        )

    def _within_limit(self) -> Self:
        """Bring both doses down where the sum is above the highest daily dose."""
        limit = self.parameters.maximal_dose * self.weight
        scale = np.minimum(limit / np.maximum(self.dose(), SMALLEST_DOSE), 1).astype(np.float32)
        return dataclasses.replace(
            self, basal=self.basal * scale, per_carbohydrate=self.per_carbohydrate * scale
        )


@dataclasses.dataclass(frozen=True)
class HeldInsulin(InsulinTreatment):
    """Doses that stay as they are, whatever is measured."""

    def after(self, observed: Observed) -> Self:
        """Change nothing."""
        return self


def started(spec: TherapySpec, enrolled: Enrolled, basal_share: Floats, p: InsulinTable) -> Mapping[str, Any]:
    """Return the fields of a treatment at its start: the enrolled doses, aiming at the enrolled glucose.

    Who takes no insulin begins with a small dose, divided by `basal_share`.
    """
    is_naive = (enrolled.basal_dose <= 0) & (spec.start >= 0)
    first = np.where(is_naive, p.restart_dose * enrolled.weight, 0)
    basal = (enrolled.basal_dose + basal_share * first).astype(np.float32)
    ratio = enrolled.bolus_per_carbohydrate + (1 - basal_share) * first / enrolled.carbohydrate
    return {
        "start": spec.start,
        "basal": basal,
        "per_carbohydrate": ratio.astype(np.float32),
        "first": (basal, ratio * enrolled.carbohydrate),
        "weight": enrolled.weight,
        "carbohydrate": enrolled.carbohydrate,
        "fasting_target": enrolled.fasting_glucose,
        "daytime_target": enrolled.daytime_glucose,
        "basal_share": basal_share,
        "usual": None,
        "parameters": p,
    }
