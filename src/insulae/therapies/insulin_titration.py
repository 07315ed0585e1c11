"""Insulin treated to target as people and clinics do it: steps in units, not all of them, not below a low.

At each review the excess of glucose over the target asks for units, more the higher it is, as the algorithms
of titration trials do; rarer reviews ask at once for what was due since the last, up to the largest step.
Nobody makes every step that is due: a person's effort is the share that is made. Nor does everybody go on to
the target: people rest when they have come some share of the way from the glucose of their start. Where a
protocol with written steps is checked at every contact (close supervision) more steps are made, and further.
After lows no step up is made, and after deeper ones the dose is lowered at once. Together these leave fasting
glucose above the target in the mean, as in every trial of treatment to target.

Known: the steps in units, and that titration stops at values below 72 mg/dL (davies2005). Fitted: the mean of
what is left of the way, usual and close (`calibration/insulin_care.py`). Assumed: how far people differ in
it, the share of steps that is made, and that the dose of meals follows the daytime mean by the same steps.
Not modelled: visits missed, a step taken too far, insulin refused.
"""

import dataclasses

import numpy as np

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.parameters import parameter
from insulae.therapies.base import Floats, Observed
from insulae.therapies.insulin_treatment import InsulinTreatment, Steps

LONGEST_STEP_TOWARDS_TARGET = 2
"""Days that a simulated day may stand for where doses are raised whenever glucose is above a limit."""


@dataclasses.dataclass(frozen=True)
class TitrationTable:
    """How insulin is treated to target; values and sources: `basal_bolus.*`."""

    step_per_excess: Floats = parameter("U per mg/dL")
    largest_step: Floats = parameter("U")
    hold_glucose: Floats = parameter("mg/dL")
    titration_effort: Floats = parameter("dimensionless")
    accepted_share: Floats = parameter("dimensionless")
    supervised_effort: Floats = parameter("dimensionless")
    supervised_share: Floats = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class TargetedInsulin(InsulinTreatment):
    """Insulin raised towards a target at reviews (d apart) while glucose is above the accepted (mg/dL)."""

    every: float
    accepted: tuple[Floats, Floats]
    effort: Floats
    how: TitrationTable

    def longest_step(self) -> int:
        """Return two days: doses only rise until glucose is low, so a step made by chance stays."""
        return LONGEST_STEP_TOWARDS_TARGET

    def _steps(self, observed: Observed) -> Steps:
        o, (by_fasting, by_daytime) = observed, self._steered()
        fasting, daytime = self.accepted
        return (
            self._step(by_fasting, o.fasting_glucose, (self.fasting_target, fasting), o),
            self._step(by_daytime, o.daytime_glucose, (self.daytime_target, daytime), o),
        )

    def _step(self, dose: Floats, glucose: Floats, aims: tuple[Floats, Floats], observed: Observed) -> Floats:
        """Return the change of a dose (U/d) from the glucose it steers, the target and what is accepted."""
        p, how, (target, accepted) = self.parameters, self.how, aims
        weeks = self.every / DAYS_PER_WEEK
        units = np.minimum(how.step_per_excess * weeks * (glucose - target), how.largest_step)
        is_due = (glucose > accepted) & (observed.lowest_glucose >= how.hold_glucose) & (dose > 0)
        up = np.where(is_due & self._is_reviewed(observed.day), self.effort * units, 0)
        down = np.where(glucose < target * (1 - p.band), -p.step_down * dose, 0)
        step = np.where(down < 0, down, up)
        return np.where(
            observed.lowest_glucose < p.low_glucose, np.minimum(step, -p.low_step * dose), step
        ).astype(np.float32)

    def _is_reviewed(self, day: float) -> bool:
        """Tell whether a contact is the first of its interval; contacts are weekly."""
        since = day - self.start
        return since // self.every > (since - DAYS_PER_WEEK) // self.every
