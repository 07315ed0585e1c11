"""What the clinic knows as days go by: recent glucose, HbA1c at visits, drugs taken and stopped."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.engine.records import is_everybody
from insulae.physiology.day import DaySummary
from insulae.therapies.base import Enrolled, Flags, Floats, Observed, Treatment
from insulae.therapies.tablet import Tablet
from insulae.trials.pace import LENGTHS

MEMORY_DAYS = 5.0
"""Recent glucose, and the share of time below 54 mg/dL, are exponential means over about a week of days."""
SHORTEST_FREE_DAYS = 14.0
RECENT = ("fasting_glucose", "daytime_glucose", "lowest_glucose", "low_share", "fasting_c_peptide")
"""What is kept of a day's summary, in the order of the monitor's rows."""
_SHARES = np.asarray([1 - np.exp(-days / MEMORY_DAYS) for days in range(max(LENGTHS) + 1)], np.float32)
"""What a simulated day counts in these means, by the days that it stands for."""


def _since(taken: Flags, before: Floats) -> Floats:
    """Return the days since a drug was last taken, after days [day, patient] on which it was or was not."""
    without = np.argmax(taken[::-1], axis=0)
    return np.where(taken.any(axis=0), without, before + len(taken)).astype(np.float32)


@dataclasses.dataclass
class Monitor:
    """Running record of one arm; the only mutable thing in a simulation.

    `recent` holds the means of RECENT [quantity, patient]; `fasting` to `c_peptide` are its rows.
    """

    recent: Floats
    fasting: Floats
    daytime: Floats
    lowest: Floats
    low_share: Floats
    c_peptide: Floats
    hba1c: Floats
    body_weight: Floats
    egfr: Floats
    off_insulin: Floats
    off_drugs: Floats
    ever_insulin: Flags
    first_tablet_stop: Floats
    last_tablet_stop: Floats
    insulin_stop: Floats

    @classmethod
    def start(cls, enrolled: Enrolled) -> "Monitor":
        """Begin with the values at enrollment; nobody has stopped anything."""
        n = enrolled.size
        never = np.full(n, np.inf, np.float32)
        zero = np.zeros(n, np.float32)
        flags = np.zeros(n, bool)
        fasting, daytime = enrolled.fasting_glucose, enrolled.daytime_glucose
        recent = np.array([fasting, daytime, fasting, zero, zero], np.float32)
        return cls(
            recent,
            *recent,
            hba1c=np.asarray(enrolled.hba1c),
            body_weight=np.asarray(enrolled.weight),
            egfr=np.asarray(enrolled.egfr),
            off_insulin=zero,
            off_drugs=zero,
            ever_insulin=flags,
            first_tablet_stop=never,
            last_tablet_stop=never.copy(),
            insulin_stop=never.copy(),
        )

    def add(
        self, summary: DaySummary, days: int | NDArray[np.int64], chosen: NDArray[np.integer[Any]]
    ) -> None:
        """Take in simulated days of some patients, [patient] or one after another [day, patient], that stand
        for some days of each."""
        shares = _SHARES[np.atleast_2d(days)]
        whose = slice(None) if is_everybody(chosen, len(self.fasting)) else chosen
        now = self.recent[:, whose]
        seen = np.stack([getattr(summary, name) for name in RECENT], axis=-2)
        for share, day in zip(shares, seen.reshape(-1, *now.shape), strict=True):
            now = now + share * (day - now)
        self.recent[:, whose] = now

    def kept(self) -> Floats:
        """Return a copy of recent values, to go back to."""
        return self.recent.copy()

    def go_back(self, chosen: NDArray[np.integer[Any]], kept: Floats) -> None:
        """Put the recent values of some patients back."""
        self.recent[:, chosen] = kept[:, chosen]

    def record(self, treatments: Iterable[Treatment], days: range) -> None:
        """Count days without insulin and without any glucose-lowering drug; note when each was stopped."""
        parts = [part for treatment in treatments for part in treatment.parts()]
        on_insulin, on_tablets = (self._taken(parts, sort, days) for sort in ("insulin", "tablet"))
        self.ever_insulin |= on_insulin.any(axis=0)
        self.off_insulin = _since(on_insulin, self.off_insulin)
        self.off_drugs = _since(on_insulin | on_tablets, self.off_drugs)
        stopped = self.ever_insulin & (self.off_insulin > 0)
        since = (days.stop - self.off_insulin) / DAYS_PER_WEEK
        self.insulin_stop = np.where(stopped, since, np.inf).astype(np.float32)
        self._note_tablets([part for part in parts if isinstance(part, Tablet)])

    def _taken(self, parts: list[Treatment], sort: str, days: range) -> Flags:
        """Tell who takes a drug of a sort on some days, [day, patient]."""
        taken = np.zeros((len(days), len(self.fasting)), bool)
        for part in parts:
            if part.sort == sort:
                for row, day in zip(taken, days, strict=True):
                    row |= part.is_taken(day)
        return taken

    def _note_tablets(self, tablets: list[Tablet]) -> None:
        """Note the first and the last tablet stopped, of those that were ever begun."""
        if tablets:
            begun = np.stack([np.isfinite(t.start) | np.zeros_like(t.stop, bool) for t in tablets])
            weeks = np.stack([t.stop for t in tablets]) / DAYS_PER_WEEK
            self.first_tablet_stop = np.where(begun, weeks, np.inf).min(axis=0)
            last = np.where(begun, weeks, -np.inf).max(axis=0)
            self.last_tablet_stop = np.where(begun.any(axis=0), last, np.inf)

    def days_off_insulin(self) -> Floats:
        """Return days without insulin, infinite for who never took it."""
        return np.where(self.ever_insulin, self.off_insulin, np.inf).astype(np.float32)

    def insulin_stopped_week(self) -> Floats:
        """Return the week insulin was last given, infinite unless it has been off for two weeks."""
        return np.where(self.off_insulin >= SHORTEST_FREE_DAYS, self.insulin_stop, np.inf).astype(np.float32)

    def observed(self, day: float, is_visit: bool) -> Observed:
        """Return what the clinic sees at a contact."""
        fasting, daytime, lowest, _, c_peptide = self.recent.copy()
        return Observed(
            day=day,
            is_visit=is_visit,
            fasting_glucose=fasting,
            daytime_glucose=daytime,
            lowest_glucose=lowest,
            fasting_c_peptide=c_peptide,
            hba1c=self.hba1c,
            body_weight=self.body_weight,
            egfr=self.egfr,
            days_off_insulin=self.days_off_insulin(),
        )
