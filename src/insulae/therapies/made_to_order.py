"""Cells made to order: a patient waits for the lot on the treatment of before, then begins what goes with it.

From the start on (when cells are collected, or a lot of a bank is ordered) each patient's lot takes its own
time; the infusion and what begins with it begin on the first weekly contact after the lot is there. Who gets
no lot that may be released goes on as before for good. What an arm takes besides acts on everybody from the
start on; what the patients took before and what replaces it (insulin as a rule) is handed over on the day of
the infusion, with the doses of that day.

Known: the order of the steps. Assumed: how long each takes and how often one fails (`manufacturing/`), that
who waits is cared for as before. Not modelled: a queue for the plant (`insulae manufacture` simulates it),
patients who change their mind, a second collection after a lot that failed later than the first, tests before
the infusion that are repeated.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from insulae.core.clock import DAYS_PER_WEEK
from insulae.manufacturing.supply import LotRequest
from insulae.physiology.effects import Effects, combine
from insulae.therapies.base import Enrolled, Flags, Floats, Observed, Risks, TherapySpec, Treatment, register
from insulae.therapies.islet_infusion import IsletInfusion
from insulae.therapies.joined import Joined, joined
from insulae.therapies.lots import given_lot
from insulae.therapies.tablet import TabletSpec
from insulae.therapies.treatment_policy import Steps, summed

EXAMPLE: JsonDict = {
    "kind": "islet_infusion",
    "lot": {"source": "autologous_ipsc", "target": "800000 IEQ"},
    "source": "autologous",
}
UNTIL_THEN: JsonDict = {"kind": "basal_bolus"}


@dataclasses.dataclass(frozen=True)
class WaitingTreatment(Treatment):
    """Who waits until when (d, infinite for who gets no lot), and what has begun for whom.

    `meanwhile` acts on who still waits, `begun` on who does not; `then` is what begins.
    """

    start: float
    days: Floats
    waits: Flags
    then: tuple[TherapySpec, ...]
    meanwhile: tuple[Joined, ...]
    begun: tuple[Joined, ...]
    enrolled: Enrolled

    def parts(self) -> tuple[Treatment, ...]:
        """Return what is taken while waiting and what has begun."""
        return (*self.meanwhile, *self.begun)

    def effects(self, day: float) -> Effects:
        """Do what the treatments do, each to those who are on it."""
        return combine(part.effects(day) for part in self.parts())

    def hazards(self, day: float) -> Risks:
        """Return the sum over the treatments."""
        return summed([part.hazards(day) for part in self.parts()])

    def procedures(self, day: float) -> Risks:
        """Return the sum over the treatments."""
        return summed([part.procedures(day) for part in self.parts()])

    def is_taken(self, day: float) -> Flags:
        """Tell who takes any of it."""
        nobody = np.zeros(self.enrolled.size, bool)
        return np.any([nobody, *(part.is_taken(day) for part in self.parts())], axis=0)

    def event_days(self) -> list[float]:
        """Return the start; each patient's own day asks for fine steps by what it changes."""
        return [self.start]

    def after(self, observed: Observed) -> "WaitingTreatment":
        """Titrate what is taken; begin for those whose lot has come."""
        moved = dataclasses.replace(
            self, meanwhile=_after(self.meanwhile, observed), begun=_after(self.begun, observed)
        )
        comes = self.waits & (self.days <= observed.day)
        return moved._handed_over(comes, observed) if comes.any() else moved

    def _handed_over(self, comes: Flags, observed: Observed) -> "WaitingTreatment":
        """Begin for some patients what begins with the cells, and end what they took meanwhile."""
        today = self._today(observed)
        fresh = [s.model_copy(update={"start": float(observed.day)}).build(today) for s in self.then]
        waiting = tuple(dataclasses.replace(part, members=part.members & ~comes) for part in self.meanwhile)
        begun = (*self.begun, *(joined(treatment, comes) for treatment in fresh))
        return dataclasses.replace(self, waits=self.waits & ~comes, meanwhile=waiting, begun=begun)

    def _today(self, observed: Observed) -> Enrolled:
        """Return what is known at the infusion: weight and kidneys of the day, doses of the day."""
        now, shape = combine(part.effects(observed.day) for part in self.meanwhile), self.days.shape
        basal, meals = (
            np.broadcast_to(np.asarray(dose, np.float32), shape)
            for dose in (now.basal_insulin, now.bolus_per_carbohydrate)
        )
        return dataclasses.replace(
            self.enrolled,
            weight=observed.body_weight,
            hba1c=observed.hba1c,
            egfr=observed.egfr,
            basal_dose=basal,
            bolus_per_carbohydrate=meals,
        )


def _after(parts: Iterable[Joined], observed: Observed) -> tuple[Joined, ...]:
    changed = (part.after(observed) for part in parts)
    return tuple(part for part in changed if isinstance(part, Joined))


def waiting_days(lot: LotRequest, start: float, enrolled: Enrolled) -> Floats:
    """Return the day on which each patient's cells are given: the first contact after the lot is there.

    Infinite for who gets no lot.
    """
    given = given_lot(lot, enrolled)
    day = start + given.days
    contact = DAYS_PER_WEEK * np.ceil(day / DAYS_PER_WEEK)
    return np.where(given.islets > 0, contact, np.inf).astype(np.float32)


@register
class MadeToOrder(TherapySpec):
    """Cells whose lot takes time: until it is there as before, then the infusion and what goes with it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"then": [EXAMPLE], "meanwhile": [UNTIL_THEN]}]}
    )
    family: ClassVar[str] = "policy"
    kind: Literal["made_to_order"] = "made_to_order"
    then: Steps = Field(examples=[[EXAMPLE]])
    """What begins when the lot is there: one islet infusion with its lot, and what goes with it."""
    meanwhile: Steps | None = None
    """What is taken until then and no longer; the treatment at enrollment that `then` replaces is added."""

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        lots = [step for step in self.then if isinstance(step, IsletInfusion) and step.lot is not None]
        if len(lots) != 1:
            raise ValueError(f"then holds {len(lots)} islet infusions with a lot; expected one")
        for step in (*self.then, *(self.meanwhile or ())):
            if isinstance(step, TabletSpec) or step.family == "policy":
                raise ValueError(f"'{step.kind}' cannot wait for a lot; give it beside made_to_order")
        return self

    @property
    def lot(self) -> LotRequest:
        """The lot that is waited for."""
        return next(s.lot for s in self.then if isinstance(s, IsletInfusion) and s.lot is not None)

    def taking_over(self, standing: Mapping[str, TherapySpec]) -> tuple["MadeToOrder", tuple[str, ...]]:
        """Return the same with the standing treatments that `then` replaces, and their kinds."""
        kinds = tuple(step.kind for step in self.then if step.kind in standing)
        kept = (*(self.meanwhile or ()), *(standing[kind] for kind in kinds))
        return self.model_copy(update={"meanwhile": kept}), kinds

    def build(self, enrolled: Enrolled) -> WaitingTreatment:
        """Return what each patient takes and waits for; everybody waits at first."""
        everybody, nobody = np.ones(enrolled.size, bool), np.zeros(enrolled.size, bool)
        return WaitingTreatment(
            start=self.start,
            days=waiting_days(self.lot, self.start, enrolled),
            waits=everybody,
            then=self.then,
            meanwhile=self._built(self.meanwhile or (), everybody, enrolled),
            begun=self._built(self.then, nobody, enrolled),
            enrolled=enrolled,
        )

    def _built(self, specs: Iterable[TherapySpec], members: Flags, enrolled: Enrolled) -> tuple[Joined, ...]:
        """Build treatments for some members, from the start on where they state none."""
        own = (s.model_copy(update={"start": s.start or self.start}) for s in specs)
        return tuple(joined(spec.build(enrolled), members) for spec in own)
