"""Tests of the body that no visit of a study holds: drinks, clamps, a day's secretion.

They are done in the people of a study at enrollment, on the treatment they are on, in the morning after a
night without food. Lean mass is that of Janmahasatian 2005 (doi:10.2165/00003088-200544100-00004), body
surface that of Mosteller 1987. Secretion at rest and over a day is what keeps C-peptide where it is.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import STEP_MINUTES
from insulae.core.units import convert
from insulae.physiology import body, course
from insulae.physiology.day import Trace
from insulae.physiology.effects import combine
from insulae.physiology.slow import body_weight
from insulae.populations.baseline import Start, starting
from insulae.populations.bodies import Bodies
from insulae.populations.routine import day_draws
from insulae.study.plan import trial_of
from insulae.study.spec import Study
from insulae.trials.calendar import calendar
from insulae.trials.simulation import simulate_arm
from insulae.validation import clamps

Floats = NDArray[np.floating[Any]]

OGTT, MEAL = 75.0, 50.0
"""Carbohydrate of the oral glucose test and of the liquid meal (g)."""
PMOL_PER_MILLIUNIT = 6.0
MMOL = convert(1.0, "mg/dL", "mmol/L", "glucose")
MICROMOL_PER_MG = 1000 * MMOL / 10


@dataclasses.dataclass(frozen=True)
class Drink:
    """Glucose (mg/dL), insulin and C-peptide (pmol/L) every five minutes after a drink, [time, patient]."""

    glucose: Floats
    insulin: Floats
    c_peptide: Floats

    def at(self, quantity: str, minute: int) -> Floats:
        """Return a quantity at a minute."""
        return np.asarray(getattr(self, quantity))[minute // STEP_MINUTES]

    def mean(self, quantity: str, minutes: int = 120) -> Floats:
        """Return the mean over some minutes by the trapezoidal rule."""
        values = np.asarray(getattr(self, quantity))[: minutes // STEP_MINUTES + 1]
        return np.asarray(np.trapezoid(values, axis=0)) / (len(values) - 1)


@dataclasses.dataclass(frozen=True)
class People:
    """The people of a study in the morning of their enrollment, and what they did in the tests."""

    start: Start
    fast: body.FastParameters
    weight: Floats
    area: Floats
    lean: Floats
    drinks: Mapping[str, Drink]
    day_c_peptide: Floats
    clamp_infused: Floats
    clamp_insulin: Floats
    hyperglycemic_secreted: Floats

    def secretion(self, c_peptide: Floats) -> Floats:
        """Return the secretion (pmol/min) that keeps a C-peptide concentration."""
        p = self.fast.c_peptide
        return np.asarray(p.elimination_rate) * c_peptide / np.asarray(p.weight_per_volume) * self.weight


@dataclasses.dataclass(frozen=True)
class Measure:
    """One number of a test: unit, what it is, and how it is taken."""

    unit: str
    label: str
    of: Callable[[People], Floats]


def _drink_measures(name: str, label: str) -> dict[str, Measure]:
    def of(take: Callable[[Drink], Floats]) -> Callable[[People], Floats]:
        return lambda people: take(people.drinks[name])

    found = {
        f"{name}.{quantity}_{minute}": Measure(
            unit,
            f"{quantity.replace('_', '-')} at {minute} minutes of the {label}",
            of(lambda d, q=quantity, m=minute: d.at(q, m)),
        )
        for quantity, unit in (("glucose", "mg/dL"), ("insulin", "pmol/L"), ("c_peptide", "pmol/L"))
        for minute in (0, 30, 60, 90, 120)
    }
    return found | {
        f"{name}.insulinogenic_index": Measure(
            "pmol/mmol", f"insulinogenic index of the {label}", of(insulinogenic)
        ),
        f"{name}.matsuda": Measure("index", f"Matsuda index of the {label}", of(matsuda)),
        f"{name}.disposition_index": Measure(
            "index",
            f"insulinogenic index over fasting insulin, {label}",
            of(lambda d: insulinogenic(d) / d.at("insulin", 0)),
        ),
        f"{name}.issi2": Measure(
            "index", f"insulin over glucose area times Matsuda index, {label}", of(issi2)
        ),
    }


def insulinogenic(drink: Drink) -> Floats:
    """Return the rise of insulin over the rise of glucose in the first half hour (pmol/mmol)."""
    rise = drink.at("glucose", 30) - drink.at("glucose", 0)
    return (drink.at("insulin", 30) - drink.at("insulin", 0)) / (rise * MMOL)


def matsuda(drink: Drink) -> Floats:
    """Return the whole-body sensitivity index (Matsuda 1999), insulin in mU/L and glucose in mg/dL."""
    fasting = drink.at("glucose", 0) * drink.at("insulin", 0) / PMOL_PER_MILLIUNIT
    return 10_000 / np.sqrt(fasting * drink.mean("glucose") * drink.mean("insulin") / PMOL_PER_MILLIUNIT)


def issi2(drink: Drink) -> Floats:
    """Return the insulin secretion-sensitivity index: insulin over glucose area, times Matsuda's."""
    return drink.mean("insulin") / (drink.mean("glucose") * MMOL) * matsuda(drink)


MEASURES: dict[str, Measure] = {
    **_drink_measures("ogtt", "glucose drink"),
    **_drink_measures("meal", "liquid meal"),
    "clamp.uptake_per_lean": Measure(
        "umol/min/kgFFM",
        "glucose infused at the end of an insulin clamp, per lean mass",
        lambda p: p.clamp_infused * MICROMOL_PER_MG * p.weight / p.lean,
    ),
    "clamp.clearance": Measure(
        "mL/min/m2",
        "insulin cleared at the end of an insulin clamp, per surface",
        lambda p: 1000 * clamps.INSULIN_RATE / p.clamp_insulin,
    ),
    "basal.secretion": Measure(
        "pmol/m2/min",
        "insulin secretion after a night, per surface",
        lambda p: p.secretion(p.drinks["ogtt"].at("c_peptide", 0)) / p.area,
    ),
    "day.secretion": Measure(
        "nmol/24h", "insulin secreted on an ordinary day", lambda p: p.secretion(p.day_c_peptide) * 1.44
    ),
    "day.secretion_per_area": Measure(
        "nmol/m2/24h",
        "insulin secreted on an ordinary day, per surface",
        lambda p: p.secretion(p.day_c_peptide) * 1.44 / p.area,
    ),
    "hyperglycemic_clamp.secretion": Measure(
        "nmol/m2/180min",
        "insulin secreted in 180 minutes at 300 mg/dL, per surface",
        lambda p: p.hyperglycemic_secreted * p.weight / p.area / 1000,
    ),
}


def measured(study: Study) -> dict[str, Floats]:
    """Do all tests in the people of a study; missing for those without a starting state."""
    people = _people(study)
    solved = np.asarray(people.start.is_solved)
    return {name: np.where(solved, m.of(people), np.nan) for name, m in MEASURES.items()}


def _people(study: Study) -> People:
    trial = trial_of(study)
    everybody = range(study.population.size)
    who = np.asarray(everybody if trial.recruits is None else trial.recruits.of(everybody), np.int64)
    start = starting(trial.numbers, list(trial.treatment), trial.seed, who)
    treatments = {spec.kind: spec.build(start.enrolled) for spec in trial.treatment}
    effects = combine(t.effects(0.0) for t in treatments.values())
    draws = day_draws(trial.seed, start.cohort.ids)
    bodies = Bodies(start.cohort.parameters, start.state, draws)
    packed = bodies.packed(effects)
    drinks = {
        "ogtt": _drunk(bodies.glucose_test(packed, OGTT)),
        "meal": _drunk(bodies.meal_test(packed, MEAL)),
    }
    (visited,) = [v for v in simulate_arm(start, treatments, calendar([0], []), draws) if v is not None]
    slow = start.cohort.parameters.slow
    height, weight = np.asarray(start.enrolled.height), np.asarray(start.enrolled.weight)
    _, signals = course.morning(start.state, slow, effects)
    fast = body.today(start.cohort.parameters.fast, signals, effects)
    state = clamps.after_night(start.state.fast, fast)
    area = np.sqrt(height * weight / 36)
    heavy = body_weight.metabolic_weight(start.state.slow.body_weight.weight, slow.body_weight)
    metabolic = np.asarray(heavy)
    infused, level = clamps.insulin_clamp(state, fast, clamps.INSULIN_RATE * area / metabolic)
    return People(
        start=start,
        fast=fast,
        weight=metabolic,
        area=area,
        lean=_lean(weight, height, np.asarray(start.enrolled.male)),
        drinks=drinks,
        day_c_peptide=visited.window.c_peptide.mean(axis=1),
        clamp_infused=infused,
        clamp_insulin=level,
        hyperglycemic_secreted=clamps.hyperglycemic_clamp(state, fast),
    )


def _drunk(trace: Trace) -> Drink:
    return Drink(np.asarray(trace.glucose), np.asarray(trace.insulin), np.asarray(trace.c_peptide))


def _lean(weight: Floats, height: Floats, male: Floats) -> Floats:
    """Return fat-free mass (kg) after Janmahasatian 2005."""
    bmi = weight / height**2
    of_men, of_women = 9270 * weight / (6680 + 216 * bmi), 9270 * weight / (8780 + 244 * bmi)
    return np.where(male > 0, of_men, of_women)
