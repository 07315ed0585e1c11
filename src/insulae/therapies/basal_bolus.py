"""Basal and meal insulin: titrated, weaned, stopped and restarted from measured values as a clinic does it.

At each weekly contact the last week's fasting glucose steers the basal dose and the daytime mean steers the
meal dose: above the target band up by a step, below it down, after a low value down more. `keep` holds a
patient near the values they had at enrollment; `hold` leaves the doses alone, as the settings of a closed
loop; `target` treats to tight values; `wean` (after an infusion) aims at tight values, steps down for as long
as glucose is in target, stops insulin when the dose is small and glucose good, and restarts when glucose
rises. `wean_by_c_peptide` does the same and also tries without insulin as soon as fasting C-peptide reaches
the limit that belongs to insulin independence with glucose in target; where glucose rises the doses from
before come back, and the next trial waits. The rule is part of every result: another rule gives another week
of independence.

Treating to target adds weight, more than the glucose kept from the urine explains: energy is retained in
proportion to the dose above that at enrollment, more for meal than for basal insulin.

Known: steps of about a tenth of the dose a week toward a fasting target, the limits of insulin independence,
weight gain under treatment to target. Assumed: size and order of the steps while weaning, one rule for all
clinicians, the form of the retained energy (its size is fitted; weight under `keep` and `wean` is left to
glucose alone). Boluses are missed, late and miscounted in the day itself (`lifestyle/adherence.py`). Not
modelled: forgotten basal insulin, skin changes.
"""

import dataclasses
from typing import Any, ClassVar, Literal

import numpy as np

from insulae.core.parameters import parameter
from insulae.core.pytree import replace
from insulae.physiology.effects import Effects
from insulae.therapies.base import Enrolled, Flags, Floats, Observed, TherapySpec, Treatment, drawn, register

Titration = Literal["keep", "hold", "target", "wean"]
WITH_TRIALS = "wean_by_c_peptide"


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `basal_bolus.*`."""

    step_up: Floats = parameter("dimensionless")
    step_down: Floats = parameter("dimensionless")
    weaning_step: Floats = parameter("dimensionless")
    low_step: Floats = parameter("dimensionless")
    low_glucose: Floats = parameter("mg/dL")
    band: Floats = parameter("dimensionless")
    weaning_fasting_glucose: Floats = parameter("mg/dL")
    weaning_daytime_glucose: Floats = parameter("mg/dL")
    target_fasting_glucose: Floats = parameter("mg/dL")
    target_daytime_glucose: Floats = parameter("mg/dL")
    stop_dose: Floats = parameter("U/kg/d")
    restart_fasting_glucose: Floats = parameter("mg/dL")
    restart_daytime_glucose: Floats = parameter("mg/dL")
    restart_hba1c: Floats = parameter("%")
    restart_dose: Floats = parameter("U/kg/d")
    maximal_dose: Floats = parameter("U/kg/d")
    trial_c_peptide: Floats = parameter("pmol/L")
    trial_wait: Floats = parameter("d")
    basal_energy: Floats = parameter("kcal/U")
    meal_energy: Floats = parameter("kcal/U")


@dataclasses.dataclass(frozen=True)
class InsulinTreatment(Treatment):
    """Doses of each patient and the targets they are titrated to; `carbohydrate` is usual intake in g/d."""

    sort: ClassVar[str] = "insulin"

    start: float
    basal: Floats
    per_carbohydrate: Floats
    weight: Floats
    carbohydrate: Floats
    fasting_target: Floats
    daytime_target: Floats
    is_weaning: bool
    basal_share: Floats
    usual: tuple[Floats, Floats] | None
    parameters: Parameters

    def effects(self, day: float) -> Effects:
        """Give the present doses, from the start on."""
        if day < self.start:
            return Effects()
        doses = Effects(basal_insulin=self.basal, bolus_per_carbohydrate=self.per_carbohydrate)
        return doses if self.usual is None else replace(doses, energy_intake=self._retained())

    def _retained(self) -> Floats:
        """Return the energy (kcal/d) that doses above the usual ones add."""
        p, (basal, ratio) = self.parameters, self.usual or (self.basal, self.per_carbohydrate)
        more_basal = np.maximum(self.basal - basal, 0)
        more_meal = np.maximum(self.per_carbohydrate - ratio, 0) * self.carbohydrate
        return (p.basal_energy * more_basal + p.meal_energy * more_meal).astype(np.float32)

    def is_taken(self, day: float) -> Flags:
        """Tell who injects insulin."""
        return ((self.basal > 0) | (self.per_carbohydrate > 0)) & (day >= self.start)

    def dose(self) -> Floats:
        """Return the scheduled daily dose without corrections (U/d)."""
        return (self.basal + self.per_carbohydrate * self.carbohydrate).astype(np.float32)

    def after(self, observed: Observed) -> Treatment:
        """Titrate those on insulin; stop or restart where the rule says so."""
        if observed.day < self.start:
            return self
        titrated = self._titrated(observed)
        if not self.is_weaning:
            return titrated
        return titrated._stopped(observed)._restarted(observed, was_off=~self.is_taken(observed.day))

    def _factor(self, glucose: Floats, target: Floats, lowest: Floats) -> Floats:
        """Return the multiplier of a dose from the glucose it steers."""
        p = self.parameters
        down, lowest_kept = (
            (p.weaning_step, target) if self.is_weaning else (p.step_down, target * (1 - p.band))
        )
        step = np.where(glucose > target * (1 + p.band), 1 + p.step_up, 1)
        step = np.where(glucose < lowest_kept, 1 - down, step)
        return np.where(lowest < p.low_glucose, np.minimum(step, 1 - p.low_step), step).astype(np.float32)

    def _titrated(self, observed: Observed) -> "InsulinTreatment":
        o = observed
        basal = self.basal * self._factor(o.fasting_glucose, self.fasting_target, o.lowest_glucose)
        ratio = self.per_carbohydrate * self._factor(o.daytime_glucose, self.daytime_target, o.lowest_glucose)
        limit = self.parameters.maximal_dose * self.weight
        scale = np.minimum(limit / np.maximum(basal + ratio * self.carbohydrate, 1e-9), 1)
        return dataclasses.replace(self, basal=basal * scale, per_carbohydrate=ratio * scale)

    def _stopped(self, observed: Observed) -> "InsulinTreatment":
        """Stop insulin at a small dose with fasting and daytime glucose in target."""
        small = self.dose() < self.parameters.stop_dose * self.weight
        keep = np.where(small & self._is_in_target(observed), 0, 1).astype(np.float32)
        return dataclasses.replace(
            self, basal=self.basal * keep, per_carbohydrate=self.per_carbohydrate * keep
        )

    def _is_in_target(self, observed: Observed) -> Flags:
        """Tell whose recent glucose is within the limits of independence."""
        p, o = self.parameters, observed
        low = o.fasting_glucose < p.restart_fasting_glucose
        return low & (o.daytime_glucose < p.restart_daytime_glucose)

    def _is_too_high(self, observed: Observed) -> Flags:
        """Tell whose glucose or HbA1c is above the limits of independence."""
        p, o = self.parameters, observed
        high = (o.fasting_glucose > p.restart_fasting_glucose) | (
            o.daytime_glucose > p.restart_daytime_glucose
        )
        return high | ((o.hba1c > p.restart_hba1c) & o.is_visit)

    def _restarted(self, observed: Observed, was_off: Flags) -> "InsulinTreatment":
        """Restart a small dose when glucose or HbA1c is above the limits of independence."""
        again = was_off & self._is_too_high(observed)
        dose = self.parameters.restart_dose * self.weight
        share = self.basal_share
        ratio = (1 - share) * dose / self.carbohydrate
        return dataclasses.replace(
            self,
            basal=np.where(again, share * dose, self.basal).astype(np.float32),
            per_carbohydrate=np.where(again, ratio, self.per_carbohydrate).astype(np.float32),
        )


@dataclasses.dataclass(frozen=True)
class InsulinWithTrials(InsulinTreatment):
    """Weaning with trials of no insulin; `before` are the doses before the last trial, `next_trial` its
    day."""

    before: tuple[Floats, Floats]
    next_trial: Floats

    def _stopped(self, observed: Observed) -> "InsulinWithTrials":
        """Stop at a small dose, or to see how far enough C-peptide goes."""
        p, o, (basal, ratio) = self.parameters, observed, self.before
        stopped = super()._stopped(observed)
        is_trial = (o.fasting_c_peptide >= p.trial_c_peptide) & (o.day >= self.next_trial)
        is_trial &= self.is_taken(o.day) & self._is_in_target(o)
        keep = np.where(is_trial, 0, 1).astype(np.float32)
        return dataclasses.replace(
            self,
            basal=stopped.basal * keep,
            per_carbohydrate=stopped.per_carbohydrate * keep,
            before=(np.where(is_trial, self.basal, basal), np.where(is_trial, self.per_carbohydrate, ratio)),
        )

    def _restarted(self, observed: Observed, was_off: Flags) -> "InsulinWithTrials":
        """Give the doses from before the trial, or a small one after weaning, and wait with the next
        trial."""
        again, (basal, ratio) = was_off & self._is_too_high(observed), self.before
        small = super()._restarted(observed, was_off)
        return dataclasses.replace(
            self,
            basal=np.where(again, np.maximum(small.basal, basal), self.basal),
            per_carbohydrate=np.where(
                again, np.maximum(small.per_carbohydrate, ratio), self.per_carbohydrate
            ),
            next_trial=np.where(again, observed.day + self.parameters.trial_wait, self.next_trial),
        )


@dataclasses.dataclass(frozen=True)
class HeldInsulin(InsulinTreatment):
    """Doses that stay as they are, whatever is measured."""

    def after(self, observed: Observed) -> Treatment:
        """Change nothing."""
        return self


def _targets(titration: Titration, p: Parameters, enrolled: Enrolled) -> tuple[Floats, Floats]:
    """Return the fasting and the daytime glucose aimed at (mg/dL)."""
    usual = (enrolled.fasting_glucose, enrolled.daytime_glucose)
    if titration in ("keep", "hold"):
        return usual
    tight = {
        "wean": (p.weaning_fasting_glucose, p.weaning_daytime_glucose),
        "target": (p.target_fasting_glucose, p.target_daytime_glucose),
    }[titration]
    return np.minimum(usual[0], tight[0]), np.minimum(usual[1], tight[1])


def build_insulin(
    spec: TherapySpec, enrolled: Enrolled, titration: Titration, has_bolus: bool
) -> InsulinTreatment:
    """Start from the enrolled doses, or a small dose for who takes none; aim at what the titration says."""
    p: Parameters = drawn(Parameters, enrolled)
    share = np.full(enrolled.size, 0.5 if has_bolus else 1.0, np.float32)
    made = HeldInsulin if titration == "hold" else InsulinTreatment
    return made(**started(spec, enrolled, titration, share, p))


def started(
    spec: TherapySpec, enrolled: Enrolled, titration: Titration, basal_share: Floats, p: Parameters
) -> dict[str, Any]:
    """Return the fields of a treatment at its start; `basal_share` divides the first dose of who takes none.

    Doses above those at enrollment add weight where insulin is given to reach a target.
    """
    fasting, daytime = _targets(titration, p, enrolled)
    is_naive = (enrolled.basal_dose <= 0) & (spec.start >= 0)
    first = np.where(is_naive, p.restart_dose * enrolled.weight, 0)
    usual = (enrolled.basal_dose, enrolled.bolus_per_carbohydrate)
    return {
        "start": spec.start,
        "basal": (enrolled.basal_dose + basal_share * first).astype(np.float32),
        "per_carbohydrate": (
            enrolled.bolus_per_carbohydrate + (1 - basal_share) * first / enrolled.carbohydrate
        ).astype(np.float32),
        "weight": enrolled.weight,
        "carbohydrate": enrolled.carbohydrate,
        "fasting_target": fasting,
        "daytime_target": daytime,
        "is_weaning": titration == "wean",
        "basal_share": basal_share,
        "usual": usual if titration == "target" else None,
        "parameters": p,
    }


@register
class BasalBolus(TherapySpec):
    """Basal and meal insulin: `keep` care as before, `target` treat-to-target, `wean` after infusion."""

    family: ClassVar[str] = "insulin"
    kind: Literal["basal_bolus"] = "basal_bolus"
    titration: Titration | Literal["wean_by_c_peptide"] = "keep"
    """How doses follow glucose: `keep` as at enrollment, `target` to tight values, `wean` downward."""

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient."""
        if self.titration != WITH_TRIALS:
            return build_insulin(self, enrolled, self.titration, has_bolus=True)
        p: Parameters = drawn(Parameters, enrolled)
        none = np.zeros(enrolled.size, np.float32)
        fields = started(self, enrolled, "wean", none + np.float32(0.5), p)
        return InsulinWithTrials(**fields, before=(none, none), next_trial=none)
