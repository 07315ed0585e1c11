"""What tablets share: dose, onset, days missed, and the rules by which they are withdrawn.

Injected drugs other than insulin count as tablets here: they lower glucose and can be withdrawn. A tablet is
stopped at a visit when a patient has stayed off insulin with good control, and where kidney function has
fallen below what its label allows; who is below that at enrollment is never given it. Days missed lower the
exposure by their share; that they cluster in some patients is not modelled. A tablet may be taken by a share
of the people alone; who takes what few take also takes what many take, as drugs are added one by one.
"""

import dataclasses
import functools
import itertools
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from insulae.core.described import Described
from insulae.core.parameters import parameter, value
from insulae.core.quantities import Days, Percent
from insulae.therapies.base import Enrolled, Flags, Floats, Observed, Risks, TherapySpec, Treatment, exposure

PERCENT = 100.0
DAYS_PER_YEAR = 365.25
ALWAYS = ((-np.inf, np.inf),)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `tablet.*`; where a person stands among those on few drugs
    (1) and many (0)."""

    place: Floats = parameter("dimensionless")


class Withdrawal(Described):
    """When a clinician stops a tablet: at a visit, long enough off insulin, HbA1c still below a limit."""

    off_insulin: Days
    """How long the patient must have been without insulin; clinicians differ around it."""
    hba1c_below: Percent
    """HbA1c of the last visit must be below this."""


class TabletSpec(TherapySpec):
    """What the study file may say of any tablet."""

    family: ClassVar[str] = "drugs"
    withdraw: Withdrawal | None = None
    """When a clinician stops it; never when left out."""
    adherence: Annotated[Percent, Field(gt=0, le=PERCENT)] = PERCENT
    """Share of days on which it is taken."""
    taken_by: Annotated[Percent, Field(gt=0, le=PERCENT)] = PERCENT
    """Share of people who take it at all."""
    stop: Days | None = None
    """Last day, the same for everybody; never when left out."""
    periods: tuple[tuple[Days, Days], ...] = ()
    """First and last day of each span in which it is taken, as for treatments in turn; always when empty."""

    @field_validator("periods")
    @classmethod
    def _follow_one_another(cls, given: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        days = [day for span in given for day in span]
        if any(a > b for a, b in itertools.pairwise(days)) or any(a == b for a, b in given):
            raise ValueError("periods must follow one another, each from a day to a later one")
        return given

    @model_validator(mode="after")
    def _ends_no_sooner_than_it_starts(self) -> Self:
        if self.stop is not None and self.stop < self.start:
            raise ValueError(f"stop (day {self.stop:g}) lies before start (day {self.start:g})")
        return self

    def course(self, enrolled: Enrolled, parameters: Any) -> dict[str, Any]:
        """Return who takes it from when until when; `parameters` holds `onset` and `caution`."""
        lowest = np.broadcast_to(getattr(parameters, "lowest_egfr", 0.0), (enrolled.size,))
        never = enrolled.egfr < lowest
        if self.taken_by < PERCENT:
            never = never | (enrolled.draw("tablet.place") > self.taken_by / PERCENT)
        return {
            "start": np.where(never, np.inf, self.start).astype(np.float32),
            "stop": np.full(enrolled.size, np.inf if self.stop is None else self.stop, np.float32),
            "onset": parameters.onset,
            "caution": parameters.caution,
            "withdrawal": self.withdraw,
            "adherence": self.adherence / PERCENT,
            "periods": self.periods or ALWAYS,
            "lowest_egfr": lowest,
        }


class DailyTablet(TabletSpec):
    """What the study file may say of a tablet whose `dose` is an amount a day, up to the highest in use."""

    @field_validator("dose", check_fields=False)
    @classmethod
    def _dose_is_used(cls, dose: float) -> float:
        kind = str(cls.model_fields["kind"].default)
        within(dose, value(f"{kind}.highest_dose"), kind.replace("_", " "), "mg/d")
        return dose


SETTLED = 18
"""Times the onset after which nothing is missing from the full effect in single precision."""


def within(dose: float, highest: float, name: str, unit: str) -> None:
    """Check a dose; raises `ValueError` for none, and above the highest that is used."""
    if not 0 < dose <= highest:
        raise ValueError(
            f"{dose:g} {unit} of {name} is not a dose that is used; expected more than 0 and at most "
            f"{highest:g} {unit}"
        )


def dose_share(dose: float, half_dose: Floats, reference_dose: Floats) -> Floats:
    """Return the effect of a dose relative to that of the reference dose, saturating with dose."""
    share = dose / (dose + half_dose) * (reference_dose + half_dose) / reference_dose
    return share.astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Tablet(Treatment):
    """A tablet with its course: who takes it from when until when. Concrete tablets add `effects`."""

    sort: ClassVar[str] = "tablet"

    start: Floats
    stop: Floats
    onset: Floats
    caution: Floats
    withdrawal: Withdrawal | None
    adherence: float = dataclasses.field(default=1.0, kw_only=True)
    lowest_egfr: Floats | float = dataclasses.field(default=0.0, kw_only=True)
    periods: tuple[tuple[float, float], ...] = dataclasses.field(default=ALWAYS, kw_only=True)

    def exposure(self, day: float) -> Floats:
        """Return the share of the full effect on a day."""
        first, last = self._settled
        if first < day <= last:
            return self._whole
        spans = [(np.maximum(self.start, first), np.minimum(self.stop, last)) for first, last in self.periods]
        parts = [exposure(day, first, last, self.onset) for first, last in spans if (first <= day).any()]
        return sum(parts, np.zeros_like(self.onset)) * np.float32(self.adherence)

    @functools.cached_property
    def _settled(self) -> tuple[float, float]:
        """After which day until which day everybody has the full effect, to the last digit."""
        if self.periods != ALWAYS:
            return np.inf, np.inf
        return float(np.max(self.start + SETTLED * self.onset)), float(np.min(self.stop))

    @functools.cached_property
    def _whole(self) -> Floats:
        """The full effect: what `exposure` comes to."""
        return np.ones_like(self.onset) * np.float32(self.adherence)

    def is_taken(self, day: float) -> Flags:
        """Tell who takes it on a day."""
        is_period = any(first <= day < last for first, last in self.periods)
        return (day >= self.start) & (day < self.stop) & is_period

    def harm(self, day: float, rate: Floats) -> Floats:
        """Return the yearly rate of an adverse event in who takes it, lower by the days missed."""
        return np.where(self.is_taken(day), rate * self.adherence, 0).astype(np.float32)

    def early_harm(self, day: float, share: Floats, tolerance_time: Floats) -> Floats:
        """Return the yearly rate of an event that some share meets once and that passes with tolerance."""
        since = np.where(self.is_taken(day), day - self.start, 0)
        return self.harm(day, share * DAYS_PER_YEAR / tolerance_time * np.exp(-since / tolerance_time))

    def hazards(self, day: float) -> Risks:
        """Return no harm; concrete tablets name theirs, in excess of what people without the tablet meet."""
        return {}

    def event_days(self) -> list[float]:
        """Return the days on which somebody begins or stops."""
        spans = [day for span in self.periods for day in span]
        return [float(day) for day in np.unique([*self.start, *self.stop, *spans]) if np.isfinite(day)]

    def after(self, observed: Observed) -> Treatment:
        """Stop at a visit for who meets the withdrawal rule or has too little kidney function left."""
        if not observed.is_visit:
            return self
        stopping = self.is_taken(observed.day) & (self._may_withdraw(observed) | self._is_unsafe(observed))
        if not stopping.any():
            return self
        stop = np.where(stopping, np.float32(observed.day), self.stop)
        return dataclasses.replace(self, stop=stop)

    def _is_unsafe(self, observed: Observed) -> Flags:
        return np.asarray(observed.egfr < self.lowest_egfr)

    def _may_withdraw(self, observed: Observed) -> Flags:
        if self.withdrawal is None:
            return np.zeros(len(observed.hba1c), bool)
        waited = observed.days_off_insulin >= self.withdrawal.off_insulin * self.caution
        never_on_insulin = np.isinf(observed.days_off_insulin)
        return waited & ~never_on_insulin & (observed.hba1c < self.withdrawal.hba1c_below)
