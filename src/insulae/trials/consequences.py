"""What adverse events do to the body, through effects alone: infection, what costs a graft, what removes it.

An infection of grade 2 or more lowers insulin sensitivity for as long as it lasts; in hospital (grade 3 or
more) tablets are not given. Thrombosis of a branch of the portal vein costs the islets behind it. A growth of
residual cells is found at the next imaging and taken out with the graft, at sites where that can be done:
only those have the event `teratoma` (`therapies/residual_cells.py`). A transplanted organ that fails early is
removed.

What has happened is known at a contact with the clinic and acts from then on, up to a week late. Known: how
far infection lowers sensitivity (ykijarvinen1989). Assumed: the islets behind a thrombosed branch, imaging
twice a year. Not modelled: immunosuppression that is lowered in infection, loss of appetite, repeated
operations.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from insulae.core.parameters import parameter
from insulae.core.pytree import replace
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import Enrolled, Flags, Floats, Treatment, drawn
from insulae.therapies.joined import masked
from insulae.trials.happened import Happened

INFECTIONS = ("infection", "severe_infection", "opportunistic_infection")
FELT, IN_HOSPITAL = 2, 3
"""Grades from which an infection lowers insulin sensitivity, and from which tablets are not given."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `consequences.*`."""

    infection_sensitivity: Floats = parameter("dimensionless")
    thrombosis_loss: Floats = parameter("dimensionless")
    imaging_interval: Floats = parameter("d")


@dataclasses.dataclass(frozen=True)
class Consequences:
    """Until when each patient is ill and in hospital, when a growth is found, and what becomes of grafts."""

    parameters: Parameters
    ill_until: Floats
    in_hospital_until: Floats
    explant_day: Floats
    kept: Floats
    day: int = -1

    @classmethod
    def none(cls, enrolled: Enrolled) -> "Consequences":
        """Begin with nobody ill and every graft in place."""
        past, never = (np.full(enrolled.size, value, np.float32) for value in (-np.inf, np.inf))
        one = np.ones(enrolled.size, np.float32)
        return cls(drawn(Parameters, enrolled), past, past, never, one)

    def after(self, new: Happened, day: int) -> "Consequences":
        """Take in the events that a contact on a day has learned of; what is due that day happens then."""
        p = self.parameters
        ill_until, in_hospital_until = self.ill_until.copy(), self.in_hospital_until.copy()
        is_infection = np.logical_or.reduce([new.event == event for event in INFECTIONS])
        until = np.where(np.isnan(new.duration), day, day + new.duration).astype(np.float32)
        for held, grade in ((ill_until, FELT), (in_hospital_until, IN_HOSPITAL)):
            some = is_infection & (new.grade >= grade)
            np.maximum.at(held, new.patient[some], until[some])
        kept, explant_day = np.ones_like(self.kept), self.explant_day.copy()
        who = self._who(new, "portal_vein_thrombosis")
        kept[who] *= 1 - p.thrombosis_loss[who]
        kept[self._who(new, "graft_technical_failure")] = 0
        is_growth = new.event == "teratoma"
        who = new.patient[is_growth]
        interval = p.imaging_interval[who]
        found = np.ceil(new.day[is_growth] / interval) * interval
        np.minimum.at(explant_day, who, found.astype(np.float32))
        is_due = explant_day <= day
        kept[is_due], explant_day[is_due] = 0, np.inf
        return Consequences(p, ill_until, in_hospital_until, explant_day, kept, day)

    @staticmethod
    def _who(new: Happened, event: str) -> NDArray[np.int64]:
        return new.patient[new.event == event]

    def effects(self, day: float) -> Effects:
        """Return what events do to the body on a day; what becomes of grafts happens on one day."""
        is_ill, found = self.ill_until > day, NOTHING
        if is_ill.any():
            factor = np.where(is_ill, self.parameters.infection_sensitivity, 1).astype(np.float32)
            found = Effects(peripheral_sensitivity=factor, hepatic_sensitivity=factor)
        is_changed = day == self.day and (self.kept < 1).any()
        return replace(found, graft_kept=self.kept) if is_changed else found

    def of(self, treatment: Treatment, day: float) -> Effects:
        """Return what a treatment does on a day to those who are given it."""
        given = treatment.effects(day)
        if treatment.sort != "tablet":
            return given
        away = self._is_away(day)
        return masked(given, ~away) if away.any() else given

    def _is_away(self, day: float) -> Flags:
        return self.in_hospital_until > day
