"""Basal and meal insulin: titrated, weaned, stopped and restarted from measured values as a clinic does it.

At each weekly contact the last week's fasting glucose steers the basal dose and the daytime mean steers the
meal dose. `keep` holds a patient near the values they had at enrollment: above the band up by a step, below
it down, but more than a step below the first dose only after low values or where glucose is below what
treatment aims at: nobody gives back all that another drug has gained. `hold` leaves the doses alone, as the
settings of a closed loop; `target` treats to a fasting target as far as people get (`insulin_titration.py`);
`wean` (after an infusion) lowers, stops and restarts insulin (`insulin_weaning.py`), and `wean_by_c_peptide`
tries without insulin sooner. The rule is part of every result: another rule gives another week of
independence.

Treating to target adds weight, more than the glucose kept from the urine explains: energy is retained with
the dose D above that at enrollment, more for meal than for basal insulin, up to a limit L,

    retained = L E/(L + E),  E = b D_basal + m D_meal          liver fat left = 1 - f D/(D + h), D in U/kg

HbA1c tells a tenth of the gain (jansen2011), so the dose is asked, not the fall of glucose. Liver fat falls
on insulin although weight rises (juurinen2007, tang2015).

Known: steps of about a tenth of the dose a week, weight gain under treatment to target. Assumed: the form of
both laws (sizes are fitted; weight under `keep` and `wean` is left to glucose alone). Boluses are
missed, late and miscounted, and basal doses missed, in the day itself (`lifestyle/adherence.py`). Not
modelled: skin changes.
"""

import dataclasses
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from insulae.core.quantities import Days, QuantityIn
from insulae.therapies.base import Enrolled, Floats, TherapySpec, drawn, register
from insulae.therapies.insulin_titration import TargetedInsulin, TitrationTable
from insulae.therapies.insulin_treatment import HeldInsulin, InsulinTable, InsulinTreatment, started
from insulae.therapies.insulin_weaning import InsulinWithTrials, WeanedInsulin, WeaningTable

Titration = Literal["keep", "hold", "target", "wean"]
WITH_TRIALS = "wean_by_c_peptide"
Glucose = Annotated[float, QuantityIn("mg/dL", "glucose", example="100 mg/dL"), Field(ge=70, le=250)]
Reviews = Annotated[Days, Field(ge=7, le=364)]


@dataclasses.dataclass(frozen=True)
class Parameters(InsulinTable, TitrationTable, WeaningTable):
    """Values and sources: tables/parameters.csv, `basal_bolus.*`."""


class InsulinSpec(TherapySpec):
    """What may be said of any insulin that is titrated."""

    titration: Titration | Literal["wean_by_c_peptide"] = "keep"
    """How doses follow glucose: `keep` as at enrollment, `target` to tight values, `wean` downward."""
    fasting_target: Glucose | None = None
    """Fasting glucose that `target` aims at; that of treat-to-target trials when left out."""
    daytime_target: Glucose | None = None
    """Daytime mean that `target` aims at with meal doses; one that goes with HbA1c 6.5 % when left out."""
    review: Reviews | None = None
    """How often `target` reviews the dose; weekly when left out."""
    supervision: Literal["usual", "close"] | None = None
    """Whether the steps of `target` are left to patient and clinic (usual) or checked one by one (close)."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        for name in ("fasting_target", "daytime_target", "review", "supervision"):
            if getattr(self, name) is not None and self.titration != "target":
                raise ValueError(f"{name} goes with titration: target, not with titration: {self.titration}")
        return self


KINDS: dict[str, type[InsulinTreatment]] = {
    "keep": InsulinTreatment,
    "hold": HeldInsulin,
    "target": TargetedInsulin,
    "wean": WeanedInsulin,
    WITH_TRIALS: InsulinWithTrials,
}
"""What each titration makes of a treatment."""


def build_insulin(
    spec: InsulinSpec, enrolled: Enrolled, basal_share: Floats, kinds: dict[str, type[InsulinTreatment]]
) -> InsulinTreatment:
    """Start from the enrolled doses, or a small dose for who takes none; aim at what the titration says."""
    p: Parameters = drawn(Parameters, enrolled)
    fields = dict(started(spec, enrolled, basal_share, p))
    if spec.titration == "target":
        fields |= _aiming(spec, enrolled, p)
    elif spec.titration not in ("keep", "hold"):
        fields |= _weaning(spec, enrolled, p)
    return kinds[spec.titration](**fields)


def _aiming(spec: InsulinSpec, enrolled: Enrolled, p: Parameters) -> dict[str, object]:
    """Return the fields of treatment to target; nobody is let rise to it.

    Doses above those at enrollment add weight.
    """
    stated = (spec.fasting_target, spec.daytime_target)
    aims = tuple(
        of_trials if own is None else np.full(enrolled.size, own, np.float32)
        for own, of_trials in zip(stated, (p.target_fasting_glucose, p.target_daytime_glucose), strict=True)
    )
    usual = (enrolled.fasting_glucose, enrolled.daytime_glucose)
    is_close = spec.supervision == "close"
    share = p.supervised_share if is_close else p.accepted_share
    now = tuple(np.minimum(own, aim) for own, aim in zip(usual, aims, strict=True))
    accepted = tuple(aim + share * (own - aim) for own, aim in zip(usual, now, strict=True))
    return {
        "fasting_target": now[0],
        "daytime_target": now[1],
        "accepted": accepted,
        "effort": p.supervised_effort if is_close else p.titration_effort,
        "every": 7.0 if spec.review is None else spec.review,
        "usual": (enrolled.basal_dose, enrolled.bolus_per_carbohydrate),
        "how": p,
    }


def _weaning(spec: InsulinSpec, enrolled: Enrolled, p: Parameters) -> dict[str, object]:
    """Return the fields of weaning."""
    usual, none = (enrolled.fasting_glucose, enrolled.daytime_glucose), np.zeros(enrolled.size, np.float32)
    fields: dict[str, object] = {
        "fasting_target": np.asarray(p.weaning_fasting_glucose, np.float32),
        "daytime_target": np.asarray(p.weaning_daytime_glucose, np.float32),
        "next_trial": none,
        "before": usual,
        "how": p,
    }
    return fields | ({"tried": (none, none)} if spec.titration == WITH_TRIALS else {})


@register
class BasalBolus(InsulinSpec):
    """Basal and meal insulin: `keep` care as before, `target` treat-to-target, `wean` after infusion."""

    family: ClassVar[str] = "insulin"
    kind: Literal["basal_bolus"] = "basal_bolus"

    def build(self, enrolled: Enrolled) -> InsulinTreatment:
        """Return the treatment of each patient; treatment to target adds meals to basal insulin."""
        treatment = build_insulin(self, enrolled, np.full(enrolled.size, 0.5, np.float32), KINDS)
        return _with_meals(treatment, enrolled) if self.titration == "target" else treatment


def _with_meals(treatment: InsulinTreatment, enrolled: Enrolled) -> InsulinTreatment:
    """Begin meal insulin, at half of a first dose, in who takes basal insulin alone."""
    meals = treatment.per_carbohydrate * enrolled.carbohydrate
    meals = np.where(meals > 0, meals, treatment.parameters.restart_dose * enrolled.weight / 2)
    ratio = (meals / enrolled.carbohydrate).astype(np.float32)
    return dataclasses.replace(treatment, per_carbohydrate=ratio, first=(treatment.basal, meals))
