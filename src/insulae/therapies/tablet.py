"""What tablets share: onset, and withdrawal once a patient has stayed off insulin with good control.

Injected drugs other than insulin count as tablets here: they lower glucose and can be withdrawn.
"""

import dataclasses
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from insulae.core.quantities import Days, Percent
from insulae.therapies.base import Flags, Floats, Observed, Treatment, exposure


class Withdrawal(BaseModel):
    """When a clinician stops a tablet: at a visit, long enough off insulin, HbA1c still below a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    off_insulin: Days
    """How long the patient must have been without insulin; clinicians differ around it."""
    hba1c_below: Percent
    """HbA1c of the last visit must be below this."""


@dataclasses.dataclass(frozen=True)
class Tablet(Treatment):
    """A tablet with its course: who takes it from when until when. Concrete tablets add `effects`."""

    sort: ClassVar[str] = "tablet"

    start: Floats
    stop: Floats
    onset: Floats
    caution: Floats
    withdrawal: Withdrawal | None

    def exposure(self, day: float) -> Floats:
        """Return the share of the full effect on a day."""
        return exposure(day, self.start, self.stop, self.onset)

    def is_taken(self, day: float) -> Flags:
        """Tell who takes it on a day."""
        return (day >= self.start) & (day < self.stop)

    def event_days(self) -> list[float]:
        """Return the days on which somebody begins or stops."""
        return [float(day) for day in np.unique([self.start, self.stop]) if np.isfinite(day)]

    def after(self, observed: Observed) -> Treatment:
        """Stop at a visit for those who meet the withdrawal rule; nothing else changes."""
        if self.withdrawal is None or not observed.is_visit:
            return self
        waited = observed.days_off_insulin >= self.withdrawal.off_insulin * self.caution
        never_on_insulin = np.isinf(observed.days_off_insulin)
        controlled = observed.hba1c < self.withdrawal.hba1c_below
        stopping = self.is_taken(observed.day) & waited & ~never_on_insulin & controlled
        stop = np.where(stopping, np.float32(observed.day), self.stop)
        return dataclasses.replace(self, stop=stop)
