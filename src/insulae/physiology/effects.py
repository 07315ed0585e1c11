"""Effects (per day) and Inputs (per minute): all the ways anything outside may act on the body.

Factors are neutral at 1 and multiply when therapies are combined; amounts are neutral at 0 and add. A new
field widens the waist of the system and needs a decision record.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from insulae.core.jax_later import Array
from insulae.core.pytree import Value, pytree


def factor(unit: str = "dimensionless") -> Any:
    """Declare an effect that multiplies, neutral at 1."""
    return dataclasses.field(default=1.0, metadata={"unit": unit, "neutral": 1.0})


def amount(unit: str) -> Any:
    """Declare an effect that adds, neutral at 0."""
    return dataclasses.field(default=0.0, metadata={"unit": unit, "neutral": 0.0})


@pytree
class Infusion:
    """Islets given on one day: their number and what kind they are, carried by the graft from then on."""

    dose: Value = amount("IEQ")
    instant_loss: Value = amount("dimensionless")
    potency: Value = amount("dimensionless")
    maturity: Value = amount("dimensionless")
    maturation_time: Value = amount("d")
    alloantigen: Value = amount("dimensionless")
    autoantigen: Value = amount("dimensionless")
    innate_killing: Value = amount("1/d")
    vascularization: Value = amount("dimensionless")
    vascularization_time: Value = amount("d")
    portal_fraction: Value = amount("dimensionless")
    oxygen_early: Value = amount("mmHg")
    oxygen_late: Value = amount("mmHg")
    attrition: Value = amount("1/d")
    enclosure: Value = amount("dimensionless")
    outer_drop: Value = amount("mmHg")
    inner_drop: Value = amount("mmHg")
    fibrous_drop: Value = amount("mmHg")
    fibrosis_time: Value = amount("d")
    insulin_delay: Value = amount("min")
    fibrous_delay: Value = amount("min")
    ingrowth: Value = amount("dimensionless")


NO_INFUSION = Infusion()


@pytree
class Effects:
    """All ways anything may act on the body for a day."""

    hepatic_production: Value = factor()
    hepatic_sensitivity: Value = factor()
    peripheral_sensitivity: Value = factor()
    liver_fat: Value = factor()
    secretion_capacity: Value = factor()
    incretin_response: Value = factor()
    independent_secretion: Value = amount("pmol/kg/min")
    fasting_glucagon: Value = factor()
    glucagon_suppression: Value = amount("dimensionless")
    beta_cell_stress: Value = factor()
    beta_cell_neogenesis: Value = amount("1/d")
    gastric_emptying: Value = factor()
    carbohydrate_absorption: Value = factor()
    carbohydrate_intake: Value = factor()
    energy_intake: Value = amount("kcal/d")
    appetite: Value = factor()
    restriction: Value = amount("kcal/d")
    renal_threshold: Value = factor()
    immunosuppression: Value = amount("dimensionless")
    autoimmune_suppression: Value = amount("dimensionless")
    effector_depletion: Value = amount("1/d")
    renal_vasoconstriction: Value = amount("dimensionless")
    nephrotoxicity: Value = amount("mL/min/1.73m2/year")
    basal_insulin: Value = amount("U/d")
    bolus_per_carbohydrate: Value = amount("U/g")
    automated_insulin: Value = amount("dimensionless")
    loop_target: Value = amount("mg/dL")
    sensor_alerts: Value = amount("dimensionless")
    graft_kept: Value = factor()
    odds_of_instant_loss: Value = factor()
    infusion: Infusion = NO_INFUSION


NOTHING = Effects()
"""What does nothing."""


@pytree
class Inputs:
    """What enters the body in one step, as rates per minute, the day's absorption and sensitivity, and how
    hard the patient exercises (0 to 1).

    What is infused into a vein (mg/kg/min, pmol/kg/min), and glucose drunk in water (mg/min), is zero outside
    of tests such as a clamp or an oral glucose test.
    """

    solid_carbohydrate: Array
    liquid_carbohydrate: Array
    rapid_insulin: Array
    basal_insulin: Array
    rapid_absorption: Array
    basal_absorption: Array
    sensitivity: Array
    exercise: Array
    hour: Array
    intravenous_glucose: Value = 0.0
    intravenous_insulin: Value = 0.0
    glucose_drink: Value = 0.0


_NEUTRAL = {f.name: f.metadata["neutral"] for f in dataclasses.fields(Effects) if f.metadata}


def combine(effects: Iterable[Effects]) -> Effects:
    """Combine the therapies of one day: factors multiply, amounts add, infusions mix by dose."""
    combined: dict[str, Any] = dict(_NEUTRAL)
    infusion = NO_INFUSION
    for effect in effects:
        if effect is NOTHING:
            continue
        # A record holds its values in the order of its fields; the last field, the infusion, is no number.
        for value, (name, neutral) in zip(vars(effect).values(), _NEUTRAL.items(), strict=False):
            if value is neutral:  # not given
                continue
            if (so_far := combined[name]) is neutral:
                combined[name] = value
            else:
                combined[name] = so_far * value if neutral else so_far + value
        infusion = _mix(infusion, effect.infusion)
    return Effects(**combined, infusion=infusion)


def _is_given(infusion: Infusion) -> bool:
    return bool(np.any(infusion.dose)) if isinstance(infusion.dose, np.ndarray) else bool(infusion.dose)


def _mix(first: Infusion, second: Infusion) -> Infusion:
    """Pool two infusions of one day: doses add, properties are averages weighted by dose."""
    if not _is_given(second):
        return first
    if not _is_given(first):
        return second
    total = np.asarray(first.dose + second.dose)
    share = np.asarray(second.dose) / np.where(total > 0, total, 1)
    names = [f.name for f in dataclasses.fields(Infusion) if f.name != "dose"]
    mixed = {n: getattr(first, n) * (1 - share) + getattr(second, n) * share for n in names}
    return Infusion(dose=total, **mixed)
