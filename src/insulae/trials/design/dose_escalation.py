"""Dose escalation: cohorts enter at the dose that 3+3, BOIN or CRM ask for, until a dose is chosen."""

import numpy as np

from insulae.statistics import boin, crm, three_plus_three
from insulae.trials.design.conduct import Flags, serious_events
from insulae.trials.design.designs import DoseEscalation, ToxicityRule
from insulae.trials.design.draws import Draws
from insulae.trials.design.enrolment import WEEKS_PER_MONTH
from insulae.trials.design.harm import had_event
from insulae.trials.design.outcomes import Ints
from insulae.trials.design.replicate import Found, Scene


class _Cohorts:
    """Patients so far, cohort after cohort: toxicities and numbers by dose, time and harm."""

    def __init__(self, scene: Scene, design: DoseEscalation, draws: Draws) -> None:
        self.scene, self.design, self.draws = scene, design, draws
        self.patients = scene.patients(design.size, draws)
        self.entered = scene.entries(design.size, draws)
        self.doses: list[int] = []
        self.toxic: list[bool] = []
        self.events, self.week = 0.0, 0.0

    def treat(self, dose: int, size: int) -> Flags:
        """Treat the next patients at a dose; the next cohort waits until their observation has ended."""
        start = len(self.doses)
        some = self.patients[start : start + size]
        arm = np.full(len(some), self.scene.outcomes.arm(self.design.doses[dose]))
        followed = self.scene.followed(some, arm, self.draws)
        entered = self.week + self.entered[start : start + len(some)] - self.entered[start]
        if dose not in self.doses and len(some) > 1:
            entered[1:] += max(0.0, self.design.sentinel - (entered[1] - entered[0]))
        data = self.scene.data(followed, entered, self.draws)
        rule = ToxicityRule(within=self.design.within, limit=self.design.target)
        toxic = had_event(rule, data)
        self.week = float(entered[-1]) + self.design.within
        self.events += serious_events(followed, np.full(len(some), self.design.within))
        self.doses += [dose] * len(some)
        self.toxic += [bool(one) for one in toxic]
        return toxic

    def counts(self) -> tuple[Ints, Ints]:
        """Return toxicities and patients of each dose."""
        given, toxic = np.array(self.doses, int), np.array(self.toxic, bool)
        n = len(self.design.doses)
        return np.bincount(given[toxic], minlength=n), np.bincount(given, minlength=n)

    @property
    def is_full(self) -> bool:
        """Tell whether no further cohort may enter."""
        return len(self.doses) + self.design.cohort > self.design.size

    def found(self, chosen: int | None, ended: str) -> Found:
        """Return the end of the escalation."""
        name = "none" if chosen is None else self.design.doses[chosen]
        months = self.week / WEEKS_PER_MONTH
        return Found(chosen is not None, len(self.doses), months, self.events, ended, chosen=name)


def dose_escalation(scene: Scene, design: DoseEscalation, replicate: int) -> Found:
    """Run a dose escalation by its rule."""
    cohorts = _Cohorts(scene, design, scene.draws(replicate))
    return {"3+3": _three_plus_three, "boin": _boin, "crm": _crm}[design.rule](cohorts, design)


def _three_plus_three(cohorts: _Cohorts, design: DoseEscalation) -> Found:
    for dose in range(len(design.doses)):
        toxic = int(cohorts.treat(dose, three_plus_three.COHORT).sum())
        passes = three_plus_three.is_tolerated(toxic, three_plus_three.COHORT)
        if passes is None:
            toxic += int(cohorts.treat(dose, three_plus_three.COHORT).sum())
            passes = three_plus_three.is_tolerated(toxic, 2 * three_plus_three.COHORT)
        if not passes:
            return cohorts.found(dose - 1 if dose else None, "too toxic")
    return cohorts.found(len(design.doses) - 1, "highest dose")


def _boin(cohorts: _Cohorts, design: DoseEscalation) -> Found:
    rule, dose = boin.interval(design.target / 100), 0
    highest = len(design.doses) - 1
    while not cohorts.is_full:
        cohorts.treat(dose, design.cohort)
        toxic, n = cohorts.counts()
        if rule.eliminates(int(toxic[dose]), int(n[dose])):
            if dose == 0:
                return cohorts.found(None, "lowest dose too toxic")
            highest = min(highest, dose - 1)
        if rule.escalates(int(toxic[dose]), int(n[dose])):
            dose = min(dose + 1, highest)
        elif rule.steps_back(int(toxic[dose]), int(n[dose])):
            dose = max(dose - 1, 0)
        dose = min(dose, highest)
    return cohorts.found(boin.maximum_tolerated(*cohorts.counts(), rule), "planned end")


def _crm(cohorts: _Cohorts, design: DoseEscalation) -> Found:
    """Never skip an untried dose on the way up."""
    dose = 0
    while not cohorts.is_full:
        cohorts.treat(dose, design.cohort)
        known = crm.posterior(design.skeleton, cohorts.doses, cohorts.toxic, design.target / 100)
        dose = min(known.recommended, max(cohorts.doses) + 1)
    return cohorts.found(dose, "planned end")
