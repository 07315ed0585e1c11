"""Immunosuppression: exposure that holds effector cells down, at a price in kidney, liver, islets and safety.

Known: eGFR falls by about 28 mL/min/1.73 m2 in the first year after islet infusion on tacrolimus-based drugs,
then by about 3 a year, after five years by hardly more than with age, and very differently between people;
secretory capacity is hardly lowered by tacrolimus; belatacept spares the kidney; with T-cell depletion and
TNF inhibition half of recipients are free of insulin at five years, against a fifth (bellin2012). Fitted:
constriction, lasting harm and how it wanes (`calibration/kidney.py`), what TNF inhibition does to the islets
lost at once (`calibration/islets.py`).
Assumed: exposure 1 stands for the usual troughs of tacrolimus with mycophenolate; what share of protection
and harm each drug has (a regimen is the sum of its drugs). Not modelled: drug levels and interactions,
steroids, the lymphomas of belatacept in patients who never had the Epstein-Barr virus, stopping when the
graft is lost (the clinic here does not see C-peptide). Kidney failure follows from eGFR and is no hazard.
"""

import dataclasses
import functools
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from insulae.core.described import Described
from insulae.core.parameters import parameter
from insulae.core.quantities import Days, QuantityIn
from insulae.physiology.effects import NOTHING, Effects
from insulae.therapies.base import (
    Enrolled,
    Flags,
    Floats,
    Observed,
    Risks,
    TherapySpec,
    Treatment,
    drawn,
    exposure,
    register,
)

FiltrationRate = Annotated[float, QuantityIn("mL/min/1.73 m2", example="40 mL/min/1.73 m2")]
Regimen = Literal["tacrolimus_mmf", "tacrolimus_sirolimus", "belatacept_mmf", "cni_free"]
Induction = Literal["atg", "alemtuzumab", "basiliximab"]
DRUGS: dict[str, tuple[str, ...]] = {
    "tacrolimus_mmf": ("tacrolimus", "mycophenolate"),
    "tacrolimus_sirolimus": ("tacrolimus", "sirolimus"),
    "belatacept_mmf": ("belatacept", "mycophenolate"),
    "cni_free": ("sirolimus", "mycophenolate"),
}
ON_BODY = ("protection", "kidney", "metabolism")
HARMS = ("infection", "malignancy", "neutropenia", "mouth_ulcer")


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/parameters.csv, `immunosuppression.*`.

    Effects and hazards are those of tacrolimus with mycophenolate; the shares of these two sum to one.
    """

    exposure: Floats = parameter("dimensionless")
    onset: Floats = parameter("d")
    secretion_loss: Floats = parameter("dimensionless")
    hepatic_loss: Floats = parameter("dimensionless")
    vasoconstriction: Floats = parameter("dimensionless")
    nephrotoxicity: Floats = parameter("mL/min/1.73m2/year")
    infection: Floats = parameter("1/year")
    severe_infection: Floats = parameter("1/year")
    malignancy: Floats = parameter("1/year")
    skin_cancer: Floats = parameter("1/year")
    ptld: Floats = parameter("1/year")
    neutropenia: Floats = parameter("1/year")
    mouth_ulcer: Floats = parameter("1/year")
    tacrolimus_protection: Floats = parameter("dimensionless")
    tacrolimus_kidney: Floats = parameter("dimensionless")
    tacrolimus_metabolism: Floats = parameter("dimensionless")
    tacrolimus_infection: Floats = parameter("dimensionless")
    tacrolimus_malignancy: Floats = parameter("dimensionless")
    tacrolimus_neutropenia: Floats = parameter("dimensionless")
    mycophenolate_protection: Floats = parameter("dimensionless")
    mycophenolate_infection: Floats = parameter("dimensionless")
    mycophenolate_malignancy: Floats = parameter("dimensionless")
    mycophenolate_neutropenia: Floats = parameter("dimensionless")
    sirolimus_protection: Floats = parameter("dimensionless")
    sirolimus_kidney: Floats = parameter("dimensionless")
    sirolimus_metabolism: Floats = parameter("dimensionless")
    sirolimus_infection: Floats = parameter("dimensionless")
    sirolimus_malignancy: Floats = parameter("dimensionless")
    sirolimus_neutropenia: Floats = parameter("dimensionless")
    sirolimus_mouth_ulcer: Floats = parameter("dimensionless")
    belatacept_protection: Floats = parameter("dimensionless")
    belatacept_infection: Floats = parameter("dimensionless")
    belatacept_malignancy: Floats = parameter("dimensionless")
    atg_depletion: Floats = parameter("1/d")
    atg_time: Floats = parameter("d")
    atg_exposure: Floats = parameter("dimensionless")
    alemtuzumab_depletion: Floats = parameter("1/d")
    alemtuzumab_time: Floats = parameter("d")
    alemtuzumab_exposure: Floats = parameter("dimensionless")
    basiliximab_depletion: Floats = parameter("1/d")
    basiliximab_time: Floats = parameter("d")
    basiliximab_exposure: Floats = parameter("dimensionless")
    atg_cytokine_release: Floats = parameter("dimensionless")
    alemtuzumab_cytokine_release: Floats = parameter("dimensionless")
    basiliximab_cytokine_release: Floats = parameter("dimensionless")
    induction_infection: Floats = parameter("dimensionless")
    tnf_odds: Floats = parameter("dimensionless")
    tnf_time: Floats = parameter("d")
    nephrotoxicity_time: Floats = parameter("d")


@dataclasses.dataclass(frozen=True)
class Course:
    """One combination of drugs from a day on until another, per patient; `shares` by aspect."""

    start: Floats
    stop: Floats
    shares: dict[str, Floats]


@dataclasses.dataclass(frozen=True)
class Antibody:
    """Induction on the first day: depletion (1/d) and added exposure, both fading over `time` (d)."""

    depletion: Floats
    exposure: Floats
    time: Floats
    cytokine_release: Floats


def induction(antibody: Antibody | None, left: Floats) -> Effects:
    """Return what the share that is left of an induction does; nothing without induction."""
    if antibody is None:
        return NOTHING
    return Effects(immunosuppression=antibody.exposure * left, effector_depletion=antibody.depletion * left)


class Switch(Described):
    """What a clinician does at a visit with low kidney function: change the drugs, or stop them."""

    egfr_below: FiltrationRate
    """Kidney function under which the drugs are changed."""
    to: Regimen | None = None
    """The drugs given instead; none at all when left out."""


def shares(parameters: Parameters, regimen: str) -> dict[str, Floats]:
    """Return a regimen's share of each effect and hazard, the sum over its drugs."""
    drugs, none = DRUGS[regimen], np.zeros_like(parameters.exposure)
    parts = {a: [getattr(parameters, f"{drug}_{a}", none) for drug in drugs] for a in ON_BODY + HARMS}
    return {aspect: np.sum(each, axis=0).astype(np.float32) for aspect, each in parts.items()}


@dataclasses.dataclass(frozen=True)
class ImmunosuppressionTreatment(Treatment):
    """The drugs as each patient takes them: the first course, and one begun by a switch."""

    start: float
    taper: float
    courses: tuple[Course, ...]
    antibody: Antibody | None
    has_tnf_inhibition: bool
    switch: Switch | None
    parameters: Parameters

    def _dose(self, course: Course, day: float) -> Floats:
        """Return the share of a course's full effect on a day; a taper lowers it toward the last day."""
        level = exposure(day, course.start, course.stop, self.parameters.onset)
        if not self.taper:
            return level
        return level * np.clip((course.stop - day) / self.taper, 0, 1).astype(np.float32)

    def _levels(self, day: float, aspects: tuple[str, ...]) -> dict[str, Floats]:
        """Return the day's exposure of some aspects."""
        doses = [(course, self._dose(course, day)) for course in self.courses]
        return {a: functools.reduce(np.add, [c.shares[a] * dose for c, dose in doses]) for a in aspects}

    def _waned(self, day: float) -> Floats:
        """Return what the years on drugs have left of the first lasting harm to kidneys."""
        return np.exp(-max(day - self.start, 0.0) / self.parameters.nephrotoxicity_time)

    def _odds_of_instant_loss(self, day: float) -> Floats:
        """Return what TNF inhibition makes of the odds that islets are lost at once, while it is given."""
        since, one = day - self.start, np.ones_like(self.parameters.tnf_odds)
        if not self.has_tnf_inhibition or since < 0:
            return one
        return np.where(since < self.parameters.tnf_time, self.parameters.tnf_odds, one)

    def _induced(self, day: float) -> Floats:
        """Return what is left of the induction, 1 on its day."""
        since = day - self.start
        if self.antibody is None or since < 0:
            return np.zeros_like(self.parameters.exposure)
        return np.exp(-since / self.antibody.time).astype(np.float32)

    def effects(self, day: float) -> Effects:
        """Suppress, and harm, in proportion to the day's exposure."""
        p, e, left = self.parameters, self._levels(day, ON_BODY), self._induced(day)
        added = induction(self.antibody, left)
        return Effects(
            immunosuppression=p.exposure * e["protection"] + added.immunosuppression,
            effector_depletion=added.effector_depletion,
            secretion_capacity=1 - p.secretion_loss * e["metabolism"],
            hepatic_sensitivity=1 - p.hepatic_loss * e["metabolism"],
            renal_vasoconstriction=p.vasoconstriction * e["kidney"],
            nephrotoxicity=p.nephrotoxicity * (e["kidney"] * self._waned(day)).astype(np.float32),
            odds_of_instant_loss=self._odds_of_instant_loss(day),
        )

    def hazards(self, day: float) -> Risks:
        """Return the events of a year that the day's exposure adds; induction adds infections for a while."""
        p, e = self.parameters, self._levels(day, HARMS)
        infection = e["infection"] + p.induction_infection * self._induced(day)
        return {
            "infection": p.infection * infection,
            "severe_infection": p.severe_infection * infection,
            "malignancy": p.malignancy * e["malignancy"],
            "skin_cancer": p.skin_cancer * e["malignancy"],
            "ptld": p.ptld * e["malignancy"],
            "neutropenia": p.neutropenia * e["neutropenia"],
            "mouth_ulcer": p.mouth_ulcer * e["mouth_ulcer"],
        }

    def procedures(self, day: float) -> Risks:
        """Return the risk of induction on its day."""
        if self.antibody is None or day != self.start:
            return {}
        return {"cytokine_release": self.antibody.cytokine_release}

    def after(self, observed: Observed) -> Treatment:
        """Change or stop the drugs at a visit for those whose kidney function is below the limit."""
        if self.switch is None or not observed.is_visit or observed.day < self.start:
            return self
        first, *later = self.courses
        low = (observed.egfr < self.switch.egfr_below) & (observed.day < first.stop)
        day = np.float32(observed.day)
        changed = dataclasses.replace(first, stop=np.where(low, day, first.stop))
        begun = [dataclasses.replace(c, start=np.where(low, day, c.start)) for c in later]
        return dataclasses.replace(self, courses=(changed, *begun))

    def is_taken(self, day: float) -> Flags:
        """Tell who takes the drugs on a day."""
        each = [(day >= course.start) & (day < course.stop) for course in self.courses]
        return np.logical_or.reduce(each)

    def event_days(self) -> list[float]:
        """Return the first days of the drugs and of their absence."""
        stop = float(self.courses[0].stop[0])
        return [d for d in {self.start, stop - self.taper, stop} if np.isfinite(d)]


@register
class Immunosuppression(TherapySpec):
    """Maintenance drugs after islets or an earlier organ graft, with or without induction."""

    family: ClassVar[str] = "protection"
    kind: Literal["immunosuppression"] = "immunosuppression"
    regimen: Regimen = "tacrolimus_mmf"
    """Which drugs are given together."""
    induction: Induction | None = None
    """The antibody of the first day; none when left out."""
    tnf_inhibition: bool = False
    """Whether etanercept or infliximab is given around the infusion, for two weeks from the start."""
    stop: Days | None = None
    """First day without them; never when left out."""
    taper: Annotated[Days, Field(ge=0)] = 0.0
    """Time before the stop in which the doses are lowered evenly to nothing."""
    switch: Switch | None = None
    """What is done when kidney function is low; nothing when left out."""

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.stop is None and self.taper:
            raise ValueError("a taper needs a stop, the first day without the drugs")
        if self.stop is not None and self.stop - self.taper < self.start:
            ending = f"stop (day {self.stop:g}) less the taper ({self.taper:g} days)"
            raise ValueError(f"{ending} lies before the start (day {self.start:g})")
        if self.switch is not None and self.switch.to == self.regimen:
            raise ValueError(f"the switch goes to the drugs taken anyway, {self.regimen}")
        return self

    def build(self, enrolled: Enrolled) -> ImmunosuppressionTreatment:
        """Return the treatment of each patient."""
        p: Parameters = drawn(Parameters, enrolled)
        stop = np.full(enrolled.size, np.inf if self.stop is None else self.stop, np.float32)
        start, never = np.full_like(stop, self.start), np.full_like(stop, np.inf)
        courses = [Course(start=start, stop=stop, shares=shares(p, self.regimen))]
        if self.switch is not None and self.switch.to is not None:
            courses.append(Course(start=never, stop=stop, shares=shares(p, self.switch.to)))
        return ImmunosuppressionTreatment(
            start=self.start,
            taper=self.taper,
            courses=tuple(courses),
            antibody=self._antibody(p),
            has_tnf_inhibition=self.tnf_inhibition,
            switch=self.switch,
            parameters=p,
        )

    def _antibody(self, parameters: Parameters) -> Antibody | None:
        if self.induction is None:
            return None
        names = [f.name for f in dataclasses.fields(Antibody)]
        return Antibody(**{n: getattr(parameters, f"{self.induction}_{n}") for n in names})
