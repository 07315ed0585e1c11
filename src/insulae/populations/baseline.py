"""Bring each patient to a starting state that reproduces the clinic numbers on the stated treatment.

What is known decides what is solved for, by Broyden's method on a fortnight of ordinary days at rest:

* HbA1c -> native beta-cell mass; insulin sensitivity when C-peptide is given too and in type 1 diabetes;
* fasting C-peptide -> native beta-cell mass;
* fasting glucose -> hepatic glucose production;
* insulin dose -> units per gram of carbohydrate, at the patient's basal share.

What the numbers leave open stays as sampled. Patients without a solution are drawn again, and counted.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core import sampling
from insulae.core.errors import IncompatibleNumbers
from insulae.core.parameters import value
from insulae.core.pytree import concatenate, map_leaves, replace, take
from insulae.lifestyle import meals
from insulae.physiology import body, course
from insulae.physiology.effects import Effects, combine
from insulae.physiology.slow import body_weight
from insulae.populations.cohort import sample
from insulae.populations.equations import LIMITS, Chosen, Floats, Fortnight, Problem, unknowns
from insulae.populations.patient import ClinicNumbers, Cohort, Ids
from insulae.populations.routine import day_draws
from insulae.therapies.base import Enrolled, TherapySpec

ITERATIONS = 12
ATTEMPTS = 6
SIZE_OF_RETRY = 128
TOLERANCE = 0.02
"""Largest accepted deviation of a clinic number, on the logarithmic scale of glucose, C-peptide and dose."""
SMALLEST_PLAUSIBLE_SHARE = 0.05
ENOUGH_TO_JUDGE = 128


@dataclasses.dataclass(frozen=True)
class Start:
    """A cohort at its starting state, the doses it is on, and how many draws each patient took."""

    cohort: Cohort
    state: course.State
    enrolled: Enrolled
    fasting_c_peptide: Floats
    is_solved: NDArray[np.bool_]
    attempts: NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class _Solution:
    """Unknowns and deviations, [.., patient], the fortnight and the state they lead to."""

    x: Floats
    r: Floats
    found: Fortnight
    state: course.State


def _put(record: Any, chosen: Chosen, part: Any) -> Any:
    """Return a record in which some patients are replaced."""

    def put(leaf: Any, new: Any) -> Any:
        changed = np.array(leaf)
        changed[chosen] = new
        return changed

    return map_leaves(put, record, part)


def _solve(problem: Problem) -> _Solution:
    """Solve for each patient by itself: who has reached the numbers takes no further part."""
    everybody = np.arange(problem.cohort.size)
    x = problem.first_guess()
    found, state = problem.fortnight(x, problem.first_morning(), everybody)
    r = problem.residual(found, everybody)
    inverse = _inverse_jacobian(problem, x, r, state.fast)
    solution = _Solution(x, r, found, state)
    for _ in range(ITERATIONS):
        active = np.flatnonzero(np.abs(solution.r).max(axis=0) > TOLERANCE / 4)
        if not len(active):
            break
        solution = _iterate(problem, solution, inverse, active)
    return solution


def _iterate(problem: Problem, old: _Solution, inverse: Floats, active: Chosen) -> _Solution:
    """Take one step of Broyden's method with the patients who need it; updates their inverse Jacobians."""
    lower, upper = (np.log([LIMITS[n][k] for n in problem.names])[:, None] for k in (0, 1))
    # Patient by patient, so that no last bit depends on how many are solved together.
    newton = -(inverse[active] @ old.r[:, active].T[:, :, None])[:, :, 0].T
    step = np.clip(newton, -0.6, 0.6)
    x, r = old.x.copy(), old.r.copy()
    x[:, active] = np.clip(old.x[:, active] + step, lower, upper)
    found, state = problem.fortnight(x, old.state.fast, active)
    r[:, active] = problem.residual(found, active)
    inverse[active] = _broyden(inverse[active], (x - old.x)[:, active], (r - old.r)[:, active])
    kept = {
        f.name: _put(getattr(old.found, f.name), active, getattr(found, f.name))
        for f in dataclasses.fields(found)
    }
    return _Solution(x, r, Fortnight(**kept), _put(old.state, active, take(state, active)))


def _inverse_jacobian(problem: Problem, x: Floats, r: Floats, fast: body.FastState) -> Floats:
    """Return the inverse of the Jacobian by differences, [patient, unknown, number]."""
    n, width, everybody = len(x), 0.15, np.arange(x.shape[1])
    jacobian = np.empty((x.shape[1], n, n), np.float64)
    for column in range(n):
        shifted = x.copy()
        shifted[column] += width
        after = problem.residual(problem.fortnight(shifted, fast, everybody)[0], everybody)
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


def in_balance(cohort: Cohort, urinary_glucose: Any) -> Cohort:
    """Return the cohort whose weight is in balance at a loss of glucose in the urine (g/d)."""
    slow = cohort.parameters.slow
    lost = body_weight.urinary_energy(slow.body_weight, urinary_glucose)
    set_point = cohort.traits.weight + lost / slow.body_weight.maintenance
    slow = replace(slow, body_weight=replace(slow.body_weight, set_point=set_point))
    return replace(cohort, parameters=replace(cohort.parameters, slow=slow))


def _rested(cohort: Cohort, problem: Problem, solution: _Solution) -> tuple[Cohort, course.State]:
    """Return the cohort with its solved parameters, and the state with the weight in balance."""
    parameters, slow, _ = problem.setting(solution.x)
    spilled: Any = solution.found.urinary_glucose
    cohort = in_balance(replace(cohort, parameters=parameters), spilled)
    averages = replace(solution.state.averages, urinary_glucose=spilled)
    return cohort, replace(solution.state, slow=slow, averages=averages)


def _doses(numbers: ClinicNumbers, cohort: Cohort) -> tuple[bool, Floats]:
    """Return whether meal doses are solved for, and the basal dose (U/d)."""
    dose = np.asarray(cohort.traits.insulin_dose)
    if "premix_insulin" in numbers.treatment:
        return True, dose * np.float32(1 - value("premix_insulin.rapid_share"))
    if "basal_bolus" in numbers.treatment:
        return True, dose * np.asarray(cohort.traits.basal_share)
    if "meal_insulin" in numbers.treatment:
        return True, 0 * dose
    return False, dose if "basal_insulin" in numbers.treatment else 0 * dose


def _provisional(cohort: Cohort, seed: int, numbers: ClinicNumbers) -> Enrolled:
    """Return what therapies may know before the doses are solved."""
    zero = np.zeros(cohort.size, np.float32)
    known = ("age", "male", "duration", "height", "weight", "hba1c", "egfr")
    return Enrolled(
        **{name: np.asarray(getattr(cohort.traits, name)) for name in known},
        carbohydrate=np.asarray(meals.usual_carbohydrate(cohort.parameters.habits.meals)),
        basal_dose=zero,
        bolus_per_carbohydrate=zero,
        fasting_glucose=zero,
        daytime_glucose=zero,
        draw=_remembered(
            lambda name: sampling.draw(name, numbers.phenotype, seed, cohort.ids, numbers.groups)
        ),
    )


def _remembered(draw: Callable[[str], Floats]) -> Callable[[str], Floats]:
    """Return what draws each name once; all arms ask for the same values, which nobody changes."""

    @functools.cache
    def once(name: str) -> Floats:
        drawn = draw(name)
        drawn.flags.writeable = False
        return drawn

    return once


def _effects_at_rest(treatment: list[TherapySpec], enrolled: Enrolled) -> Effects:
    """Return what the stated treatment, insulin apart, does before enrollment."""
    treatments = [spec.build(enrolled) for spec in treatment]
    return combine(t.effects(-1.0) for t in treatments if t.sort != "insulin")


def on_treatment(cohort: Cohort, effects: Effects) -> Cohort:
    """Return the cohort whose usual intake is the one on the treatment before enrollment."""
    slow = cohort.parameters.slow
    none = np.zeros_like(cohort.traits.weight)
    usual = {
        "usual_energy": effects.energy_intake + none,
        "usual_restriction": effects.restriction + none,
    }
    slow = replace(slow, body_weight=replace(slow.body_weight, **usual))
    return replace(cohort, parameters=replace(cohort.parameters, slow=slow))


def _attempt(
    numbers: ClinicNumbers, treatment: list[TherapySpec], seed: int, cohort: Cohort
) -> tuple[Start, dict[str, Floats]]:
    """Solve a sampled cohort; also return the deviations by clinic number."""
    enrolled = _provisional(cohort, seed, numbers)
    has_bolus, basal = _doses(numbers, cohort)
    names = unknowns(numbers, has_bolus)
    draws = day_draws(seed, cohort.ids)
    at_rest = _effects_at_rest(treatment, enrolled)
    problem = Problem(on_treatment(cohort, at_rest), names, at_rest, draws, basal)
    solution = _solve(problem)
    cohort, state = _rested(problem.cohort, problem, solution)
    enrolled = dataclasses.replace(
        enrolled,
        basal_dose=basal,
        bolus_per_carbohydrate=problem.values(solution.x).get("bolus", 0 * basal),
        fasting_glucose=solution.found.fasting_glucose,
        daytime_glucose=solution.found.daytime_glucose,
    )
    r = solution.r
    solved = np.all(np.abs(r) < TOLERANCE, axis=0) & np.all(np.isfinite(r), axis=0)
    c_peptide = solution.found.fasting_c_peptide
    start = Start(cohort, state, enrolled, c_peptide, solved, np.ones(cohort.size, np.int32))
    return start, dict(zip(names.values(), r, strict=True))


def _again(
    numbers: ClinicNumbers, treatment: list[TherapySpec], seed: int, start: Start, attempts: range
) -> tuple[Start, dict[str, Floats]]:
    """Draw the unsolved patients again, several times at once, and keep the first draw that is solved."""
    unsolved = np.flatnonzero(~start.is_solved)
    ids = start.cohort.ids[unsolved]
    drawn = concatenate([sample(numbers, seed, ids, attempt) for attempt in attempts])
    found, deviations = _attempt(numbers, treatment, seed, drawn)
    is_solved = found.is_solved.reshape(len(attempts), len(unsolved))
    first = np.where(is_solved.any(axis=0), is_solved.argmax(axis=0), len(attempts) - 1)
    picked = first * len(unsolved) + np.arange(len(unsolved))
    arrays = [f.name for f in dataclasses.fields(Enrolled) if f.name != "draw"]
    chosen = {
        n: _put(getattr(start.enrolled, n), unsolved, getattr(found.enrolled, n)[picked]) for n in arrays
    }
    return Start(
        cohort=_put(start.cohort, unsolved, take(found.cohort, picked)),
        state=_put(start.state, unsolved, take(found.state, picked)),
        enrolled=dataclasses.replace(start.enrolled, **chosen),
        fasting_c_peptide=_put(start.fasting_c_peptide, unsolved, found.fasting_c_peptide[picked]),
        is_solved=_put(start.is_solved, unsolved, found.is_solved[picked]),
        attempts=_put(start.attempts, unsolved, attempts.start + first + 1),
    ), deviations


def starting(numbers: ClinicNumbers, treatment: list[TherapySpec], seed: int, ids: Ids) -> Start:
    """Return the starting state of some patients; unsolved ones are drawn again up to six times.

    Raises `IncompatibleNumbers`, naming the numbers, when hardly any draw can show them together; that does
    not depend on who is asked for.
    """
    start, deviations = _attempt(numbers, treatment, seed, sample(numbers, seed, ids))
    attempt = 1
    while attempt < ATTEMPTS and not start.is_solved.all():
        at_once = max(SIZE_OF_RETRY // int((~start.is_solved).sum()), 1)
        attempts = range(attempt, min(attempt + at_once, ATTEMPTS))
        start, more = _again(numbers, treatment, seed, start, attempts)
        deviations = {n: np.concatenate([deviations[n], more[n]]) for n in deviations}
        attempt = attempts.stop
    if start.is_solved.mean() < SMALLEST_PLAUSIBLE_SHARE:
        if len(ids) >= ENOUGH_TO_JUDGE:
            raise IncompatibleNumbers(*_explain(numbers, deviations))
        # A few patients may be out of luck; whether the numbers can go together, many others tell.
        starting(numbers, treatment, seed, np.arange(ENOUGH_TO_JUDGE))
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
