"""Insulin lowered after an infusion of islets, stopped, restarted, and given as before when a graft is lost.

While the graft takes over, insulin is lowered a step a week as long as glucose is in the tight targets of
recipients, and raised above them, so that new islets rest. It is stopped when the dose is small and glucose
within the limits of insulin independence, and restarted above them; then the next trial waits. Who has lost
the graft - no C-peptide half a year after the start - is treated again towards the glucose of before.

`InsulinWithTrials` also tries without insulin as soon as fasting C-peptide reaches the limit that belongs to
insulin independence; where glucose rises the doses from before come back.

Known: the limits of insulin independence (hering2016): fasting glucose above 140 mg/dL not more than three
times a week, two hours after meals above 180 mg/dL not more than four times, HbA1c at most 7 %. Which daytime
mean goes with the second, simulated recipients tell (`calibration/independence.py`). Assumed: that means say
so, the same tight targets for everybody meanwhile, size and order of the steps, one rule for all.
"""

import dataclasses
from typing import Self

import numpy as np

from insulae.core.parameters import parameter
from insulae.therapies.base import Flags, Floats, Observed
from insulae.therapies.insulin_treatment import InsulinTreatment, Steps


@dataclasses.dataclass(frozen=True)
class WeaningTable:
    """How insulin is weaned; values and sources: `basal_bolus.*`."""

    weaning_step: Floats = parameter("dimensionless")
    weaning_fasting_glucose: Floats = parameter("mg/dL")
    weaning_daytime_glucose: Floats = parameter("mg/dL")
    stop_dose: Floats = parameter("U/kg/d")
    restart_fasting_glucose: Floats = parameter("mg/dL")
    restart_daytime_glucose: Floats = parameter("mg/dL")
    restart_hba1c: Floats = parameter("%")
    trial_c_peptide: Floats = parameter("pmol/L")
    trial_wait: Floats = parameter("d")
    lost_c_peptide: Floats = parameter("pmol/L")
    lost_after: Floats = parameter("d")


@dataclasses.dataclass(frozen=True)
class WeanedInsulin(InsulinTreatment):
    """Insulin while a graft takes over; `next_trial` is the day from which it may be stopped again, `before`
    fasting and daytime glucose before the graft (mg/dL)."""

    next_trial: Floats
    before: tuple[Floats, Floats]
    how: WeaningTable

    def after(self, observed: Observed) -> Self:
        """Titrate those on insulin; stop or restart where the rule says so."""
        if observed.day < self.start:
            return self
        titrated = self._titrated(observed)
        return titrated._stopped(observed)._restarted(observed, was_off=~self.is_taken(observed.day))

    def _steps(self, observed: Observed) -> Steps:
        o, lost, (by_fasting, by_daytime) = observed, self._has_lost(observed), self._steered()
        aims = (o.fasting_glucose, self.fasting_target), (o.daytime_glucose, self.daytime_target)
        tight = (self._weaned(glucose, target, o.lowest_glucose) for glucose, target in aims)
        kept = (
            self._factor(o.fasting_glucose, self.before[0], o.lowest_glucose),
            self._factor(o.daytime_glucose, self.before[1], o.lowest_glucose),
        )
        fasting, daytime = (np.where(lost, old, new) for old, new in zip(kept, tight, strict=True))
        return by_fasting * (fasting - 1), by_daytime * (daytime - 1)

    def _weaned(self, glucose: Floats, target: Floats, lowest: Floats) -> Floats:
        """Return the multiplier of a dose: down while glucose is in target, up above its band."""
        p = self.parameters
        step = np.where(glucose > target * (1 + p.band), 1 + p.step_up, 1)
        return self._after_lows(np.where(glucose < target, 1 - self.how.weaning_step, step), lowest)

    def _has_lost(self, observed: Observed) -> Flags:
        """Tell whose graft gives no C-peptide although it had the time to."""
        how, o = self.how, observed
        return (o.fasting_c_peptide < how.lost_c_peptide) & (o.day >= self.start + how.lost_after)

    def _stopped(self, observed: Observed) -> Self:
        """Stop insulin at a small dose with fasting and daytime glucose in the limits of independence."""
        return self._without(self._may_stop(observed) & self._has_small_dose())

    def _may_stop(self, observed: Observed) -> Flags:
        """Tell who takes insulin, is in the limits of independence and has waited since the last trial."""
        is_taken = self.is_taken(observed.day) & ~self._has_lost(observed)
        return is_taken & self._is_in_target(observed) & (observed.day >= self.next_trial)

    def _has_small_dose(self) -> Flags:
        return self.dose() < self.how.stop_dose * self.weight

    def _without(self, stops: Flags) -> Self:
        """Stop insulin in some patients."""
        keep = np.where(stops, 0, 1).astype(np.float32)
        return dataclasses.replace(
            self, basal=self.basal * keep, per_carbohydrate=self.per_carbohydrate * keep
        )

    def _is_in_target(self, observed: Observed) -> Flags:
        """Tell whose recent glucose is within the limits of independence."""
        how, o = self.how, observed
        low = o.fasting_glucose < how.restart_fasting_glucose
        return low & (o.daytime_glucose < how.restart_daytime_glucose)

    def _is_too_high(self, observed: Observed) -> Flags:
        """Tell whose glucose or HbA1c is above the limits of independence."""
        how, o = self.how, observed
        high = (o.fasting_glucose > how.restart_fasting_glucose) | (
            o.daytime_glucose > how.restart_daytime_glucose
        )
        return high | ((o.hba1c > how.restart_hba1c) & o.is_visit)

    def _restarted(self, observed: Observed, was_off: Flags) -> Self:
        """Restart a small dose above the limits of independence, and wait with the next trial."""
        again = was_off & self._is_too_high(observed)
        dose, share = self.parameters.restart_dose * self.weight, self.basal_share
        ratio = (1 - share) * dose / self.carbohydrate
        return dataclasses.replace(
            self,
            basal=np.where(again, share * dose, self.basal).astype(np.float32),
            per_carbohydrate=np.where(again, ratio, self.per_carbohydrate).astype(np.float32),
            next_trial=np.where(again, observed.day + self.how.trial_wait, self.next_trial),
        )


@dataclasses.dataclass(frozen=True)
class InsulinWithTrials(WeanedInsulin):
    """Weaning with trials of no insulin; `tried` are the doses before the last trial."""

    tried: tuple[Floats, Floats]

    def _stopped(self, observed: Observed) -> Self:
        """Stop at a small dose, or to see how far enough C-peptide goes."""
        may, (basal, ratio) = self._may_stop(observed), self.tried
        is_trial = may & (observed.fasting_c_peptide >= self.how.trial_c_peptide)
        stopped = self._without(is_trial | (may & self._has_small_dose()))
        return dataclasses.replace(
            stopped,
            tried=(np.where(is_trial, self.basal, basal), np.where(is_trial, self.per_carbohydrate, ratio)),
        )

    def _restarted(self, observed: Observed, was_off: Flags) -> Self:
        """Give the doses from before the trial, or a small one after weaning."""
        again, (basal, ratio) = was_off & self._is_too_high(observed), self.tried
        small = super()._restarted(observed, was_off)
        return dataclasses.replace(
            small,
            basal=np.where(again, np.maximum(small.basal, basal), self.basal),
            per_carbohydrate=np.where(
                again, np.maximum(small.per_carbohydrate, ratio), self.per_carbohydrate
            ),
        )
