"""What treatments given in courses share: each course adds an effect that builds up and slowly fades."""

import dataclasses

import numpy as np

from insulae.therapies.base import Flags, Floats, Treatment


@dataclasses.dataclass(frozen=True)
class Courses(Treatment):
    """Courses on the same days in all patients; concrete treatments add `effects`. Times in days."""

    days: tuple[float, ...]
    onset: Floats
    fading: Floats

    def level(self, day: float) -> Floats:
        """Return how many full courses a day's effect is worth: first-order rise, first-order fading."""
        since = [day - first for first in self.days if day >= first]
        full = [(1 - np.exp(-(s + 1) / self.onset)) * np.exp(-s / self.fading) for s in since]
        return np.sum([np.zeros_like(self.onset), *full], axis=0).astype(np.float32)

    def is_taken(self, day: float) -> Flags:
        """Tell who has had a course by a day: everybody or nobody."""
        return np.full(len(self.onset), day >= self.days[0])

    def event_days(self) -> list[float]:
        """Return the first day of each course."""
        return list(self.days)


def course_days(start: float, courses: int, interval: float) -> tuple[float, ...]:
    """Return the first day of each of some courses, an interval (days) apart."""
    return tuple(start + number * interval for number in range(courses))
