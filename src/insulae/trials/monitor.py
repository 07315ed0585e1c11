"""What the clinic knows as days go by: recent glucose, HbA1c at visits, drugs taken and stopped."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.physiology.day import DaySummary
from insulae.therapies.base import Flags, Floats, Observed, Treatment

MEMORY_DAYS = 5.0
"""Recent glucose is an exponential mean over about a week of days."""
SHORTEST_FREE_DAYS = 14.0
RECENT = {"fasting": "fasting_glucose", "daytime": "daytime_glucose", "lowest": "lowest_glucose"}


@dataclasses.dataclass
class Monitor:
    """Running record of one arm; the only mutable thing in a simulation."""

    fasting: Floats
    daytime: Floats
    lowest: Floats
    hba1c: Floats
    off_insulin: Floats
    off_drugs: Floats
    ever_insulin: Flags
    first_tablet_stop: Floats
    last_tablet_stop: Floats
    insulin_stop: Floats

    @classmethod
    def start(cls, fasting: Floats, daytime: Floats, hba1c: Floats) -> "Monitor":
        """Begin with the values at enrollment; nobody has stopped anything."""
        n = len(fasting)
        never = np.full(n, np.inf, np.float32)
        zero = np.zeros(n, np.float32)
        flags = np.zeros(n, bool)
        recent, day = np.array(fasting, np.float32), np.array(daytime, np.float32)
        return cls(recent, day, recent.copy(), hba1c, zero, zero, flags, never, never.copy(), never.copy())

    def add(self, summary: DaySummary, days: int, chosen: NDArray[np.integer[Any]]) -> None:
        """Take in one simulated day of some patients that stands for some days."""
        share = np.float32(1 - np.exp(-days / MEMORY_DAYS))
        for mine, theirs in RECENT.items():
            value = getattr(self, mine)
            value[chosen] += share * (np.asarray(getattr(summary, theirs)) - value[chosen])

    def kept(self) -> dict[str, Floats]:
        """Return a copy of recent glucose, to go back to."""
        return {name: getattr(self, name).copy() for name in RECENT}

    def go_back(self, chosen: NDArray[np.integer[Any]], kept: dict[str, Floats]) -> None:
        """Put the recent glucose of some patients back."""
        for name, values in kept.items():
            getattr(self, name)[chosen] = values[chosen]

    def record(self, treatments: dict[str, Treatment], day: float, days: int) -> None:
        """Count days without insulin and without any glucose-lowering drug; note when each was stopped."""
        n = len(self.fasting)
        taken = {kind: np.broadcast_to(t.is_taken(day), (n,)) for kind, t in treatments.items()}
        on = {sort: self._any(taken, treatments, sort) for sort in ("insulin", "tablet")}
        self.ever_insulin |= on["insulin"]
        self.off_insulin = np.where(on["insulin"], 0, self.off_insulin + days).astype(np.float32)
        self.off_drugs = np.where(on["insulin"] | on["tablet"], 0, self.off_drugs + days).astype(np.float32)
        stopped = self.ever_insulin & (self.off_insulin > 0)
        since = (day + days - self.off_insulin) / DAYS_PER_WEEK
        self.insulin_stop = np.where(stopped, since, np.inf).astype(np.float32)
        self._note_tablets(treatments)

    def _any(self, taken: dict[str, Flags], treatments: dict[str, Treatment], sort: str) -> Flags:
        members = [flags for kind, flags in taken.items() if treatments[kind].sort == sort]
        return np.any(members, axis=0) if members else np.zeros(len(self.fasting), bool)

    def _note_tablets(self, treatments: dict[str, Treatment]) -> None:
        stops = [np.asarray(t.stop) for t in treatments.values() if t.sort == "tablet"]  # type: ignore[attr-defined]
        if stops:
            weeks = np.stack(stops) / DAYS_PER_WEEK
            self.first_tablet_stop, self.last_tablet_stop = weeks.min(axis=0), weeks.max(axis=0)

    def days_off_insulin(self) -> Floats:
        """Return days without insulin, infinite for who never took it."""
        return np.where(self.ever_insulin, self.off_insulin, np.inf).astype(np.float32)

    def insulin_stopped_week(self) -> Floats:
        """Return the week insulin was last given, infinite unless it has been off for two weeks."""
        return np.where(self.off_insulin >= SHORTEST_FREE_DAYS, self.insulin_stop, np.inf).astype(np.float32)

    def observed(self, day: float, is_visit: bool) -> Observed:
        """Return what the clinic sees at a contact."""
        return Observed(
            day=day,
            is_visit=is_visit,
            fasting_glucose=self.fasting.copy(),
            daytime_glucose=self.daytime.copy(),
            lowest_glucose=self.lowest.copy(),
            hba1c=self.hba1c,
            days_off_insulin=self.days_off_insulin(),
        )
