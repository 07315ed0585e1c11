"""A treatment that only some of the patients have joined; on all others it does nothing."""

import dataclasses
from typing import ClassVar

import numpy as np

from insulae.physiology.effects import Effects
from insulae.therapies.base import Flags, Observed, Risks, Treatment

_NEUTRAL = {f.name: f.metadata["neutral"] for f in dataclasses.fields(Effects) if f.metadata}


def masked(effects: Effects, members: Flags) -> Effects:
    """Return effects that are neutral for everybody but the members."""
    kept = {
        name: np.where(members, np.asarray(getattr(effects, name), np.float32), np.float32(neutral))
        for name, neutral in _NEUTRAL.items()
        if getattr(effects, name) is not neutral
    }
    dose = np.where(members, np.asarray(effects.infusion.dose, np.float32), np.float32(0))
    return Effects(**kept, infusion=dataclasses.replace(effects.infusion, dose=dose))


def _among(risks: Risks, members: Flags) -> Risks:
    return {event: np.where(members, risk, 0).astype(np.float32) for event, risk in risks.items()}


@dataclasses.dataclass(frozen=True)
class Joined(Treatment):
    """A treatment and its members; built for everybody, so that each patient's own constants are at hand."""

    inner: Treatment
    members: Flags

    def effects(self, day: float) -> Effects:
        """Do to the members what the treatment does."""
        return masked(self.inner.effects(day), self.members)

    def hazards(self, day: float) -> Risks:
        """Return the harm to the members."""
        return _among(self.inner.hazards(day), self.members)

    def procedures(self, day: float) -> Risks:
        """Return the risks of the members' procedures."""
        return _among(self.inner.procedures(day), self.members)

    def after(self, observed: Observed) -> Treatment:
        """Let the treatment respond to what was observed."""
        return dataclasses.replace(self, inner=self.inner.after(observed))

    def longest_step(self) -> int:
        """Return that of the treatment."""
        return self.inner.longest_step()

    def is_taken(self, day: float) -> Flags:
        """Tell which members take it."""
        return self.members & self.inner.is_taken(day)


@dataclasses.dataclass(frozen=True)
class JoinedInsulin(Joined):
    """Insulin that some have joined."""

    sort: ClassVar[str] = "insulin"


def joined(inner: Treatment, members: Flags) -> Joined:
    """Return a treatment for some members, of the same sort."""
    made = JoinedInsulin if inner.sort == "insulin" else Joined
    return made(inner=inner, members=members)
