"""A twin as virtual patients: each draw of the posterior at its starting state, ready for a study.

A draw says how the body works today. The slow state behind it (what weight, age, chronic glucose and beta
cells have made of the person) is set so that it gives just these values: the mean glucose of ordinary days
is simulated first, then sensitivities, mass and first phase are divided by what that glucose does to them.
What was not fitted is drawn from the parameter table.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core import sampling
from insulae.core.pytree import replace
from insulae.inference.person import FITTED, morning_signals, unit_secretion
from insulae.inference.twin import Twin
from insulae.lifestyle import meals
from insulae.physiology import course
from insulae.physiology.effects import Effects, combine
from insulae.physiology.slow import hba1c
from insulae.populations.baseline import Start, in_balance, on_treatment
from insulae.populations.cohort import sample
from insulae.populations.equations import Fortnight, Problem
from insulae.populations.patient import ClinicNumbers, Cohort
from insulae.populations.routine import day_draws
from insulae.therapies.base import Enrolled, TherapySpec

Floats = NDArray[np.float32]
GUESS = 7.0
"""HbA1c (%) at which the slow state is set before the own mean glucose is known."""


def chosen(twin: Twin, number: int) -> NDArray[np.int64]:
    """Return which draws stand for the twin, evenly by weight."""
    places = (np.arange(number) + 0.5) / number
    return np.searchsorted(np.cumsum(twin.weights), places).clip(0, len(twin.weights) - 1)


def _drawn(twin: Twin, numbers: ClinicNumbers, ids: Any, number: int) -> tuple[Cohort, dict[str, Floats]]:
    """Return sampled patients with the fitted constants of some draws, and the draws' values.

    Beside them stands what a unit of the patient's functional mass secretes, which was not fitted.
    """
    rows = np.exp(twin.logarithms[:, chosen(twin, number)[ids]]).astype(np.float32)
    v: dict[str, Floats] = dict(zip(FITTED, rows, strict=True))
    cohort = sample(numbers, twin.seed, ids)
    fast = cohort.parameters.fast
    v["unit_secretion"] = unit_secretion(fast, numbers.phenotype).astype(np.float32)
    fast = replace(
        fast,
        secretion=replace(fast.secretion, half_glucose=v["half_glucose"], incretin_gain=v["incretin_gain"]),
        glucose=replace(fast.glucose, hepatic_production=v["hepatic_production"]),
        absorption=replace(fast.absorption, emptying_rate=v["emptying_rate"]),
        insulin=replace(fast.insulin, clearance_rate=v["insulin_clearance"]),
        c_peptide=replace(fast.c_peptide, elimination_rate=v["c_peptide_elimination"]),
    )
    return replace(cohort, parameters=replace(cohort.parameters, fast=fast)), v


def _settled(cohort: Cohort, values: dict[str, Floats], glycated: Any, effects: Effects) -> Cohort:
    """Return the cohort whose slow state at an HbA1c gives just the fitted values."""
    traits = replace(cohort.traits, hba1c=np.asarray(glycated, np.float32))
    cohort = replace(cohort, traits=traits)
    one = np.ones(cohort.size, np.float32)
    slow = cohort.parameters.slow
    unit = replace(slow.insulin_resistance, peripheral=one, hepatic=one)
    plain = replace(
        cohort, parameters=replace(cohort.parameters, slow=replace(slow, insulin_resistance=unit))
    )
    state = _state(Problem(plain, {}, effects, day_draws(0, cohort.ids), 0 * one), np.empty((0, cohort.size)))
    signals = morning_signals(state, plain.parameters.slow, effects)
    function = np.asarray(state.slow.beta_cells.function)
    resistance = replace(
        slow.insulin_resistance,
        peripheral=values["peripheral_sensitivity"] / np.asarray(signals.peripheral_sensitivity),
        hepatic=values["hepatic_sensitivity"] / np.asarray(signals.hepatic_sensitivity),
    )
    share = np.minimum(function, 1) * np.asarray(slow.beta_cells.first_phase_share)
    fast = cohort.parameters.fast
    gain: Any = values["first_phase"] * values["unit_secretion"] / share
    fast = replace(fast, secretion=replace(fast.secretion, dynamic_gain=gain))
    parameters = replace(cohort.parameters, fast=fast, slow=replace(slow, insulin_resistance=resistance))
    mass = (values["capacity"] / values["unit_secretion"] / function).astype(np.float32)
    return replace(cohort, parameters=parameters, traits=replace(traits, residual_mass=mass))


def _state(problem: Problem, unknown: Any) -> course.State:
    """Return the state at rest in the morning."""
    _, slow, _ = problem.setting(unknown)
    zero: Any = np.zeros_like(problem.glucose)
    averages = course.body.DayAverages(mean_glucose=problem.glucose, urinary_glucose=zero)
    return course.State(fast=problem.first_morning(), slow=slow, averages=averages)


def starting_twins(
    twin: Twin, numbers: ClinicNumbers, treatment: Sequence[TherapySpec], ids: Any, number: int
) -> Start:
    """Return some of the `number` virtual patients of a twin at their starting state, on a treatment.

    Units of insulin a day come from `numbers`: `insulin_dose`, half of it basal as in the parameter table.
    """
    cohort, values = _drawn(twin, numbers, ids, number)
    doses = _doses(numbers, cohort)
    enrolled = _enrolled(twin, numbers, cohort, doses)
    treatments = [spec.build(enrolled) for spec in treatment]
    effects = combine(t.effects(-1.0) for t in treatments if t.sort != "insulin")
    cohort = _settled(on_treatment(cohort, effects), values, np.full(cohort.size, GUESS), effects)
    found, _ = _fortnight(cohort, effects, doses, twin.seed)
    glycated = hba1c.equilibrium(cohort.parameters.slow.hba1c, found.mean_glucose)  # type: ignore[arg-type]
    cohort = _settled(cohort, values, glycated, effects)
    found, state = _fortnight(cohort, effects, doses, twin.seed)
    return _start(cohort, state, enrolled, found)


def _doses(numbers: ClinicNumbers, cohort: Cohort) -> tuple[Floats, Floats]:
    """Return basal insulin (U/d) and units per gram of carbohydrate."""
    dose = np.asarray(cohort.traits.insulin_dose, np.float32)
    carbohydrate = np.asarray(meals.usual_carbohydrate(cohort.parameters.habits.meals), np.float32)
    if "basal_bolus" in numbers.treatment:
        basal = np.asarray(dose * np.asarray(cohort.traits.basal_share), np.float32)
        return basal, np.asarray((dose - basal) / carbohydrate, np.float32)
    return (dose if "basal_insulin" in numbers.treatment else 0 * dose), 0 * dose


def _fortnight(
    cohort: Cohort, effects: Effects, doses: tuple[Floats, Floats], seed: int
) -> tuple[Fortnight, course.State]:
    basal, bolus = doses
    draws = day_draws(seed, cohort.ids)
    problem = Problem(cohort, {"bolus": "insulin_dose"}, effects, draws, basal)
    unknown = np.log(np.maximum(bolus, 1e-9))[None].astype(np.float32)
    return problem.fortnight(unknown, problem.first_morning(), np.arange(cohort.size))


def _enrolled(twin: Twin, numbers: ClinicNumbers, cohort: Cohort, doses: tuple[Floats, Floats]) -> Enrolled:
    known = ("age", "male", "duration", "height", "weight", "hba1c", "egfr")
    zero = np.zeros(cohort.size, np.float32)
    return Enrolled(
        **{name: np.asarray(getattr(cohort.traits, name)) for name in known},
        carbohydrate=np.asarray(meals.usual_carbohydrate(cohort.parameters.habits.meals)),
        basal_dose=doses[0],
        bolus_per_carbohydrate=doses[1],
        fasting_glucose=zero,
        daytime_glucose=zero,
        draw=lambda name: np.asarray(sampling.draw(name, numbers.phenotype, twin.seed, cohort.ids)),
    )


def _start(cohort: Cohort, state: course.State, enrolled: Enrolled, found: Fortnight) -> Start:
    """Return the starting state with the weight in balance, and what therapies may know."""
    spilled: Any = found.urinary_glucose
    cohort = in_balance(cohort, spilled)
    enrolled = dataclasses.replace(
        enrolled,
        hba1c=np.asarray(cohort.traits.hba1c),
        fasting_glucose=found.fasting_glucose,
        daytime_glucose=found.daytime_glucose,
    )
    is_solved = np.isfinite(np.asarray(found.mean_glucose))
    averages = replace(state.averages, urinary_glucose=spilled)
    state = replace(state, averages=averages)
    attempts = np.ones(cohort.size, np.int32)
    return Start(cohort, state, enrolled, found.fasting_c_peptide, is_solved, attempts)
