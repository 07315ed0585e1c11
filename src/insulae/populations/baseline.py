"""Bring each patient to a starting state that reproduces the clinic numbers on the stated treatment.

What is known decides what is solved for, by Broyden's method on a fortnight of ordinary days at rest:

* HbA1c -> native beta-cell mass; insulin sensitivity when C-peptide is given too and in type 1 diabetes;
* fasting C-peptide -> native beta-cell mass;
* fasting glucose -> hepatic glucose production;
* insulin dose -> units per gram of carbohydrate, at the patient's basal share.

What the numbers leave open stays as sampled. Patients without a solution are drawn again, and counted.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from insulae.core import random, sampling
from insulae.core.errors import IncompatibleNumbers
from insulae.core.pytree import broadcast, map_leaves, replace
from insulae.lifestyle import meals
from insulae.physiology import body, course
from insulae.physiology.effects import Effects, combine
from insulae.physiology.slow import (
    beta_cells,
    body_weight,
    graft,
    hba1c,
    immunity,
    insulin_resistance,
    renal_function,
)
from insulae.populations.cohort import sample
from insulae.populations.patient import ClinicNumbers, Cohort, Parameters
from insulae.populations.routine import as_arrays, compiled_advance, ordinary
from insulae.therapies.base import Enrolled, TherapySpec

Floats = NDArray[np.float32]

SETTLING_DAYS = 3
SOLVING_DAYS = 14
ITERATIONS = 12
ATTEMPTS = 6
TOLERANCE = 0.02
"""Largest accepted deviation of a clinic number, on the logarithmic scale of glucose, C-peptide and dose."""
SMALLEST_PLAUSIBLE_SHARE = 0.05
LIMITS = {"mass": (1e-3, 5.0), "sensitivity": (0.05, 12.0), "production": (0.5, 2.0), "bolus": (1e-3, 2.0)}


@dataclasses.dataclass(frozen=True)
class Start:
    """A cohort at its starting state, the doses it is on, and how many draws each patient took."""

    cohort: Cohort
    state: course.State
    enrolled: Enrolled
    is_solved: NDArray[np.bool_]
    attempts: NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class Fortnight:
    """Means over the simulated fortnight at rest."""

    mean_glucose: Floats
    fasting_glucose: Floats
    daytime_glucose: Floats
    fasting_c_peptide: Floats
    insulin_dose: Floats


def unknowns(numbers: ClinicNumbers, has_bolus: bool) -> dict[str, str]:
    """Return which unknown is solved for which number."""
    has_c_peptide = "fasting_c_peptide" in numbers.given and numbers.given["fasting_c_peptide"][1] > 0
    is_deficient = numbers.phenotype == "type1" or numbers.has_no_c_peptide
    solved = {"sensitivity" if has_c_peptide or is_deficient else "mass": "hba1c"}
    if has_c_peptide:
        solved["mass"] = "fasting_c_peptide"
    if "fasting_glucose" in numbers.given:
        solved["production"] = "fasting_glucose"
    if has_bolus:
        solved["bolus"] = "insulin_dose"
    return solved


def _scaled(parameters: Parameters, values: dict[str, Floats]) -> Parameters:
    """Apply the solved multipliers of sensitivity and hepatic production."""
    one = np.ones((), np.float32)
    sensitivity, production = values.get("sensitivity", one), values.get("production", one)
    resistance = parameters.slow.insulin_resistance
    resistance = replace(
        resistance,
        peripheral=resistance.peripheral * sensitivity,
        hepatic=resistance.hepatic * sensitivity,
    )
    glucose = parameters.fast.glucose
    glucose = replace(glucose, hepatic_production=glucose.hepatic_production * production)
    return replace(
        parameters,
        fast=replace(parameters.fast, glucose=glucose),
        slow=replace(parameters.slow, insulin_resistance=resistance),
    )


def at_rest(cohort: Cohort, parameters: Parameters, mass: Array, effects: Effects) -> body.SlowState:
    """Return the slow state in equilibrium with the HbA1c of each patient."""
    traits, slow = cohort.traits, parameters.slow
    glucose = hba1c.mean_glucose(slow.hba1c, traits.hba1c)
    bmi = traits.weight / traits.height**2
    fat = insulin_resistance.fat_target(slow.insulin_resistance, bmi, jnp.zeros_like(bmi))
    zero = jnp.zeros_like(bmi)
    constriction = zero + effects.renal_vasoconstriction
    return body.SlowState(
        body_weight=body_weight.State(weight=traits.weight),
        insulin_resistance=insulin_resistance.State(
            ectopic_fat=fat,
            glucose_share=insulin_resistance.glucose_target(slow.insulin_resistance, glucose),
            age=traits.age,
        ),
        beta_cells=beta_cells.State(
            mass=mass, function=beta_cells.functional_target(slow.beta_cells, glucose, fat)
        ),
        graft=graft.empty(zero),
        immunity=immunity.State(alloimmunity=zero, autoimmunity=zero),
        hba1c=hba1c.State(value=traits.hba1c),
        renal_function=renal_function.State(
            structural=traits.egfr / (1 - constriction), constriction=constriction
        ),
    )


class _Problem:
    """The equations of one cohort: from unknowns to the fortnight they lead to."""

    def __init__(
        self, cohort: Cohort, names: dict[str, str], effects: Effects, keys: Array, basal: Floats
    ) -> None:
        self.cohort, self.names, self.effects = cohort, names, effects
        self.keys, self.basal = keys, basal
        self.targets = self._targets()

    def _targets(self) -> dict[str, Floats]:
        traits = self.cohort.traits
        glucose = hba1c.mean_glucose(self.cohort.parameters.slow.hba1c, traits.hba1c)
        known = {
            "hba1c": glucose,
            "fasting_c_peptide": traits.fasting_c_peptide,
            "fasting_glucose": traits.fasting_glucose,
            "insulin_dose": traits.insulin_dose,
        }
        return {number: np.asarray(known[number]) for number in self.names.values()}

    def first_guess(self) -> Floats:
        """Return the logarithms of plausible starting values, [unknown, patient]."""
        traits, habits = self.cohort.traits, self.cohort.parameters.habits
        carbohydrate = np.asarray(meals.usual_carbohydrate(habits.meals))
        bolus = np.asarray((1 - traits.basal_share) * traits.insulin_dose) / carbohydrate
        severity = np.clip((np.asarray(traits.hba1c) - 5) / 4, 0, 1)
        guesses = {
            "mass": 1.1 - 0.6 * severity,
            "sensitivity": np.ones_like(severity),
            "production": np.ones_like(severity),
            "bolus": np.maximum(bolus, LIMITS["bolus"][0]),
        }
        return np.log(np.stack([guesses[name] for name in self.names])).astype(np.float32)

    def values(self, unknown: Floats) -> dict[str, Floats]:
        """Name the unknowns and take them out of the logarithm."""
        return dict(zip(self.names, np.exp(unknown), strict=True))

    def setting(self, unknown: Floats) -> tuple[Parameters, body.SlowState, Effects]:
        """Return parameters, slow state and effects for some unknowns."""
        values = self.values(unknown)
        parameters = _scaled(self.cohort.parameters, values)
        mass = jnp.asarray(values.get("mass", self.cohort.traits.residual_mass), jnp.float32)
        zero = jnp.zeros(self.cohort.size, jnp.float32)
        effects = replace(
            self.effects,
            basal_insulin=self.basal,
            bolus_per_carbohydrate=values.get("bolus", zero),
        )
        return parameters, at_rest(self.cohort, parameters, mass, effects), effects

    def fortnight(self, unknown: Floats, fast: body.FastState | None) -> tuple[Fortnight, course.State]:
        """Simulate ordinary days with the slow state held and return their means and the last state."""
        parameters, slow, effects = self.setting(unknown)
        glucose = hba1c.mean_glucose(parameters.slow.hba1c, self.cohort.traits.hba1c)
        averages = body.DayAverages(mean_glucose=glucose, urinary_glucose=jnp.zeros_like(glucose))
        fast = body.initial(parameters.fast) if fast is None else fast
        state = broadcast(course.State(fast=fast, slow=slow, averages=averages), self.cohort.size)
        effects = as_arrays(effects, self.cohort.size)
        advance, days = compiled_advance(), []
        for day in range(-SETTLING_DAYS - SOLVING_DAYS, 0):
            state, summary, _ = advance(state, parameters, effects, self.keys, *ordinary(day))
            state = replace(state, averages=averages)
            days.append(summary)
        kept = map_leaves(lambda *values: np.mean(values, axis=0), *days[SETTLING_DAYS:])
        names = [f.name for f in dataclasses.fields(Fortnight)]
        averages = replace(averages, urinary_glucose=jnp.asarray(kept.urinary_glucose))
        return Fortnight(**{n: getattr(kept, n) for n in names}), replace(state, averages=averages)

    def residual(self, found: Fortnight) -> Floats:
        """Return the logarithmic deviations from the targets, [number, patient]."""
        reached = {
            "hba1c": found.mean_glucose,
            "fasting_c_peptide": found.fasting_c_peptide,
            "fasting_glucose": found.fasting_glucose,
            "insulin_dose": found.insulin_dose,
        }
        rows = [np.log(np.maximum(reached[n], 1e-6) / self.targets[n]) for n in self.names.values()]
        return np.stack(rows).astype(np.float32)


def _solve(problem: _Problem) -> tuple[Floats, Floats, Fortnight, course.State]:
    """Return unknowns, residuals, the fortnight and the state at the best point found for each patient."""
    x = problem.first_guess()
    lower = np.log([LIMITS[n][0] for n in problem.names])[:, None]
    upper = np.log([LIMITS[n][1] for n in problem.names])[:, None]
    found, state = problem.fortnight(x, None)
    r = problem.residual(found)
    inverse = _inverse_jacobian(problem, x, r, state.fast)
    for _ in range(ITERATIONS):
        if np.abs(r).max() < TOLERANCE / 4:
            break
        step = np.clip(-np.einsum("pij,jp->ip", inverse, r), -0.6, 0.6)
        moved = np.clip(x + step, lower, upper).astype(np.float32)
        found, state = problem.fortnight(moved, state.fast)
        after = problem.residual(found)
        inverse = _broyden(inverse, moved - x, after - r)
        x, r = moved, after
    return x, r, found, state


def _inverse_jacobian(problem: _Problem, x: Floats, r: Floats, fast: body.FastState) -> Floats:
    """Return the inverse of the Jacobian by differences, [patient, unknown, number]."""
    n, width = len(x), 0.15
    jacobian = np.empty((x.shape[1], n, n), np.float64)
    for column in range(n):
        shifted = x.copy()
        shifted[column] += width
        after = problem.residual(problem.fortnight(shifted, fast)[0])
        jacobian[:, :, column] = ((after - r) / width).T
    return np.linalg.pinv(jacobian, rcond=1e-3).astype(np.float32)


def _broyden(inverse: Floats, dx: Floats, dr: Floats) -> Floats:
    """Return the inverse Jacobian after Broyden's first update, patient by patient."""
    dx, dr = dx.T[:, :, None], dr.T[:, :, None]
    predicted = inverse @ dr
    along = np.swapaxes(dx, 1, 2) @ inverse
    scale = np.swapaxes(dx, 1, 2) @ predicted
    safe = np.abs(scale) > 1e-8
    update = (dx - predicted) @ along / np.where(safe, scale, 1)
    limited = np.where(safe, update, 0)
    return (inverse + np.where(np.abs(limited) < 10, limited, 0)).astype(np.float32)


def _rested(
    cohort: Cohort, problem: _Problem, unknown: Floats, state: course.State
) -> tuple[Cohort, course.State]:
    """Return the cohort with its solved parameters, and the state with the weight in balance."""
    parameters, slow, _ = problem.setting(unknown)
    lost = body_weight.urinary_energy(parameters.slow.body_weight, state.averages.urinary_glucose)
    balance = parameters.slow.body_weight
    balance = replace(balance, set_point=cohort.traits.weight + lost / balance.maintenance)
    parameters = replace(parameters, slow=replace(parameters.slow, body_weight=balance))
    return replace(cohort, parameters=parameters), replace(state, slow=slow)


def _doses(numbers: ClinicNumbers, cohort: Cohort) -> tuple[bool, Floats]:
    """Return whether meal doses are solved for, and the basal dose (U/d)."""
    dose = np.asarray(cohort.traits.insulin_dose)
    if "basal_bolus" in numbers.treatment:
        return True, dose * np.asarray(cohort.traits.basal_share)
    return False, dose if "basal_insulin" in numbers.treatment else 0 * dose


def _provisional(cohort: Cohort, seed: int, phenotype: str) -> Enrolled:
    """Return what therapies may know before the doses are solved."""
    zero = np.zeros(cohort.size, np.float32)
    return Enrolled(
        weight=np.asarray(cohort.traits.weight),
        carbohydrate=np.asarray(meals.usual_carbohydrate(cohort.parameters.habits.meals)),
        basal_dose=zero,
        bolus_per_carbohydrate=zero,
        fasting_glucose=zero,
        daytime_glucose=zero,
        draw=lambda name: np.asarray(sampling.draw(name, phenotype, seed, cohort.ids)),
    )


def _effects_at_rest(treatment: list[TherapySpec], enrolled: Enrolled) -> Effects:
    """Return what the stated treatment, insulin apart, does before enrollment."""
    treatments = [spec.build(enrolled) for spec in treatment]
    return combine(t.effects(-1.0) for t in treatments if t.sort != "insulin")


def _attempt(
    numbers: ClinicNumbers, treatment: list[TherapySpec], seed: int, ids: Array, attempt: int
) -> tuple[Start, dict[str, Floats]]:
    """Sample and solve once; also return the deviations by clinic number."""
    cohort = sample(numbers, seed, ids, attempt)
    enrolled = _provisional(cohort, seed, numbers.phenotype)
    has_bolus, basal = _doses(numbers, cohort)
    names = unknowns(numbers, has_bolus)
    keys = random.patient_keys(seed, "day", cohort.ids)
    problem = _Problem(cohort, names, _effects_at_rest(treatment, enrolled), keys, basal)
    x, r, found, state = _solve(problem)
    cohort, state = _rested(cohort, problem, x, state)
    enrolled = dataclasses.replace(
        enrolled,
        basal_dose=basal,
        bolus_per_carbohydrate=problem.values(x).get("bolus", 0 * basal),
        fasting_glucose=found.fasting_glucose,
        daytime_glucose=found.daytime_glucose,
    )
    solved = np.all(np.abs(r) < TOLERANCE, axis=0) & np.all(np.isfinite(r), axis=0)
    start = Start(cohort, state, enrolled, solved, np.full(len(ids), attempt + 1, np.int32))
    return start, dict(zip(names.values(), r, strict=True))


def _choose(keep: NDArray[np.bool_], first: Start, second: Start) -> Start:
    """Keep the solved patients of the first start and take the others from the second."""

    def pick(a: Any, b: Any) -> Any:
        return map_leaves(lambda x, y: np.where(keep, x, y), a, b)

    arrays = [f.name for f in dataclasses.fields(Enrolled) if f.name != "draw"]
    chosen = {n: pick(getattr(first.enrolled, n), getattr(second.enrolled, n)) for n in arrays}
    ids = first.cohort.ids
    cohort = replace(pick(replace(first.cohort, ids=None), replace(second.cohort, ids=None)), ids=ids)
    return Start(
        cohort=cohort,
        state=pick(first.state, second.state),
        enrolled=dataclasses.replace(first.enrolled, **chosen),
        is_solved=first.is_solved | second.is_solved,
        attempts=np.where(keep, first.attempts, second.attempts),
    )


def starting(numbers: ClinicNumbers, treatment: list[TherapySpec], seed: int, ids: Array) -> Start:
    """Return the starting state of some patients; unsolved ones are drawn again up to six times.

    Raises `IncompatibleNumbers`, naming the numbers, when hardly any draw can show them together.
    """
    start, deviations = _attempt(numbers, treatment, seed, ids, 0)
    for attempt in range(1, ATTEMPTS):
        if start.is_solved.all():
            break
        again, more = _attempt(numbers, treatment, seed, ids, attempt)
        deviations = {n: np.concatenate([deviations[n], more[n]]) for n in deviations}
        start = _choose(start.is_solved, start, again)
    if start.is_solved.mean() < SMALLEST_PLAUSIBLE_SHARE:
        raise IncompatibleNumbers(*_explain(numbers, deviations))
    return start


_SHOWN = {
    "hba1c": "mean glucose behind HbA1c",
    "fasting_c_peptide": "fasting C-peptide",
    "fasting_glucose": "fasting glucose",
    "insulin_dose": "insulin dose",
}


def _explain(numbers: ClinicNumbers, deviations: dict[str, Floats]) -> tuple[str, str]:
    """Return which numbers disagree and by how much in the closest patients found."""
    worst = np.max(np.abs(np.stack(list(deviations.values()))), axis=0)
    closest = np.argsort(np.nan_to_num(worst, nan=np.inf))[: max(len(worst) // 10, 1)]
    missed = {n: float(np.median(np.exp(d[closest]))) for n, d in deviations.items()}
    given = ", ".join(
        f"{n} {low:g}" if low == high else f"{n} {low:g} to {high:g}"
        for n, (low, high) in numbers.given.items()
    )
    parts = [
        f"{_SHOWN[n]} comes out at {100 * m:.0f} % of what is asked"
        for n, m in missed.items()
        if abs(m - 1) > TOLERANCE
    ]
    shown = "; ".join(parts) or "no single number stands out"
    return (
        f"these numbers cannot go together for phenotype {numbers.phenotype}: {given}",
        f"In the closest patients {shown}. Check the numbers, their units and the treatment",
    )
