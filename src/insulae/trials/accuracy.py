"""How large the numerical errors are, measured: five-minute step, single precision, calendar of long courses.

* One ordinary day of seven kinds of patients is integrated again from the recorded inputs of each step: with
  half the step, in double precision, and by an adaptive solver at tight tolerance, started afresh at every
  change of the inputs.
* Long courses are simulated on the calendar that skips days and again day by day: without day-to-day noise
  the difference is the error of the calendar; with noise it also holds the luck of the sampled days.

Nothing here says whether the physiology is right.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from numpy.typing import NDArray

from insulae.core.clock import STEP_MINUTES, STEPS_PER_DAY
from insulae.core.errors import RunError
from insulae.core.pytree import map_leaves, register, replace
from insulae.endpoints.base import Visit, evaluate
from insulae.physiology import body, course
from insulae.physiology.day import Trace, step
from insulae.physiology.effects import Effects, Inputs, combine
from insulae.physiology.slow import graft
from insulae.populations import baseline, routine
from insulae.populations.bodies import Bodies
from insulae.populations.patient import ClinicNumbers, Parameters
from insulae.therapies.base import LONG_AGO, TherapySpec, Treatment, load_all
from insulae.trials.quiet import quiet
from insulae.trials.simulation import simulate_arm
from insulae.trials.trial import steps_of

Floats = NDArray[np.floating[Any]]

SEED = 20260101
FEW, MANY = 8, 1024
"""Patients without and with day-to-day noise."""
TOLERANCE = 1e-9
UNITS = {"glucose": "mg/dL", "insulin": "pmol/L", "c_peptide": "pmol/L", "mean_glucose": "mg/dL"}
ENDPOINTS = {
    "hba1c": "percentage points",
    "meal_c_peptide_90": "pmol/L",
    "time_in_range": "percentage points",
    "insulin_dose": "U/d",
    "graft_mass": "dimensionless",
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One measured error: of what, in which case, of which quantity."""

    comparison: str
    case: str
    quantity: str
    error: float
    unit: str


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of patient: clinic numbers, treatments in place and those that begin, and for how long.

    `graft` is the mass of a settled graft to begin with.
    """

    name: str
    numbers: ClinicNumbers
    standing: tuple[TherapySpec, ...] = ()
    added: tuple[TherapySpec, ...] = ()
    graft: float = 0.0
    weeks: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Day:
    """A recorded day: where it starts, its constants, the inputs of each step [step, patient]; `lived` is the
    trace of the compiled kernel."""

    state: body.FastState
    parameters: body.FastParameters
    inputs: Inputs
    lived: Trace


def _spec(kind: str, **fields: Any) -> TherapySpec:
    return load_all().get(kind).model_validate({"kind": kind, **fields})


def _case(name: str, phenotype: str, standing: tuple[str, ...] = (), **changes: Any) -> Case:
    """Return a case whose standing treatments began long ago; `given` are its clinic numbers."""
    numbers = ClinicNumbers(phenotype, changes.pop("given", {}), standing)
    return Case(name, numbers, tuple(_spec(kind, start=LONG_AGO) for kind in standing), **changes)


def days() -> list[Case]:
    """Return the patients whose ordinary day is integrated again."""
    insulin = ("basal_bolus",)
    sensitive = {"insulin_dose": (10.0, 12.0), "bmi": (20.0, 21.0)}
    return [
        _case("healthy", "healthy"),
        _case("prediabetes", "prediabetes"),
        _case("early type 2", "type2", ("metformin",), given={"hba1c": (6.5, 7.0), "duration": (1.0, 3.0)}),
        _case("late type 2 on insulin", "type2", ("metformin", *insulin), given={"duration": (15.0, 25.0)}),
        _case("type 1 on basal-bolus", "type1", insulin),
        _case("type 1 with a graft", "type1", insulin, graft=0.7),
        _case("insulin-sensitive type 1", "type1", insulin, given=sensitive),
    ]


def courses() -> list[Case]:
    """Return the long courses that are simulated on the calendar and day by day."""
    islets = _spec("islet_infusion", dose="8e5 IEQ", source="allogeneic")
    wean = _spec("basal_bolus", titration="wean")
    protected, tablet = (islets, wean, _spec("immunosuppression")), (_spec("metformin"),)
    insulin, year, early = ("basal_bolus",), (0, 13, 26, 52), {"hba1c": (7.0, 8.0)}
    return [
        _case("natural history of type 2, 2 years", "type2", ("metformin",), weeks=(0, 52, 104)),
        _case("islets with immunosuppression, 1 year", "type1", insulin, added=protected, weeks=year),
        _case("start of metformin, 1 year", "type2", given=early, added=tablet, weeks=year),
        _case("rejection, 12 weeks", "type1", insulin, added=(islets,), weeks=(0, 12)),
    ]


def noisy_courses() -> list[Case]:
    """Return the courses of which means are compared, with day-to-day noise.

    Among them some where every dose hangs on recent glucose: a dose that changes a week early or late makes
    another course of a patient, with noise or without, so nothing but means can agree.
    """
    insulin, tablet, weeks = "basal_bolus", ("metformin",), (0, 26, 52, 104)
    high, target = {"hba1c": (8.0, 10.0)}, (_spec("basal_insulin", titration="target"),)
    return [
        *courses()[1:3],
        _case("insulin titrated as before, 2 years", "type1", (insulin,), weeks=(0, 13, 26, 52, 104)),
        _case("the same in type 2, 2 years", "type2", (*tablet, insulin), weeks=weeks),
        _case("insulin to target in type 2, 2 years", "type2", tablet, given=high, added=target, weeks=weeks),
    ]


def _built(specs: tuple[TherapySpec, ...], start: baseline.Start) -> dict[str, Treatment]:
    return {spec.kind: spec.build(start.enrolled) for spec in specs}


def _start(case: Case, size: int) -> baseline.Start:
    return baseline.starting(case.numbers, list(case.standing), SEED, np.arange(size))


def _with_graft(state: course.State, mass: float) -> course.State:
    """Put a settled graft in the portal vein in place of none."""
    one = jnp.ones_like(state.slow.beta_cells.mass)
    settled = replace(
        graft.empty(one),
        mass=mass * one,
        vascularization=one,
        maturation=one,
        portal_fraction=one,
        oxygen_early=40 * one,
        oxygen_late=40 * one,
    )
    return replace(state, slow=replace(state.slow, graft=settled))


def _effects(case: Case, start: baseline.Start) -> Effects:
    """Return what the treatments do on the day; a settled graft has replaced insulin."""
    treatments = _built(case.standing, start).values()
    kept = [t for t in treatments if not (case.graft and t.sort == "insulin")]
    combined = combine(t.effects(0) for t in kept)
    return map_leaves(lambda leaf: np.full(start.cohort.size, leaf, np.float32), combined)


@jax.jit
def _record(
    state: course.State, parameters: Parameters, effects: Effects, uniforms: Array
) -> tuple[body.FastParameters, Inputs]:
    """Live one ordinary day and write down its constants and the inputs of each step."""
    parameters, weight, signals = routine.of_the_day(state, parameters, effects)
    constants = body.today(parameters.fast, signals, effects)
    plan = routine.plan(parameters.habits, uniforms)
    law = routine.control(parameters, plan, effects, weight)

    def one(fast: body.FastState, index: Array) -> tuple[body.FastState, Inputs]:
        inputs = law(index, fast)
        inputs = map_leaves(lambda x: jnp.broadcast_to(jnp.asarray(x, jnp.float32), weight.shape), inputs)
        return step(fast, constants, inputs), inputs

    _, inputs = lax.scan(one, state.fast, jnp.arange(STEPS_PER_DAY))
    return constants, inputs


register(Day)


def recorded(case: Case, size: int = FEW) -> Day:
    """Return the second of two days of a case, in single precision as the simulator runs it."""
    start = _start(case, size)
    state = _with_graft(start.state, case.graft) if case.graft else start.state
    effects = _effects(case, start)
    draws = routine.day_draws(SEED, start.cohort.ids)
    bodies = Bodies(start.cohort.parameters, state, draws)
    given = bodies.packed(effects)
    bodies.live(given, day=0, days=0, is_even=False)
    before = bodies.state
    constants, inputs = _record(before, start.cohort.parameters, effects, draws.independent(1))
    lived = bodies.live(given, day=1, days=0, is_even=False)
    return Day(before.fast, constants, inputs, lived.trace)


def _trace(state: body.FastState, constants: body.FastParameters) -> Trace:
    insulin = state.insulin.plasma / constants.insulin.volume
    glucose = state.glucose.interstitial
    return Trace(glucose=glucose, sensor=glucose, insulin=insulin, c_peptide=state.c_peptide.plasma)


Solver = Callable[[body.FastState, body.FastParameters, Inputs], body.FastState]


def _replay(solver: Solver) -> Callable[[Day], Trace]:
    """Return the compiled replay of a recorded day by a solver that crosses one step."""

    def run(day: Day) -> Trace:
        def one(fast: body.FastState, inputs: Inputs) -> tuple[body.FastState, Trace]:
            fast = solver(fast, day.parameters, inputs)
            return fast, _trace(fast, day.parameters)

        return lax.scan(one, day.state, day.inputs)[1]

    return jax.jit(run)


def _fixed(parts: int) -> Solver:
    """Return the simulator's solver with each five-minute step cut into equal parts."""

    def cross(fast: body.FastState, constants: body.FastParameters, inputs: Inputs) -> body.FastState:
        return lax.fori_loop(0, parts, lambda _, s: step(s, constants, inputs, STEP_MINUTES / parts), fast)

    return cross


def _largest(tree: Any) -> Array:
    return jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree_util.tree_leaves(tree)]))


def _adaptive() -> Solver:
    """Return the reference: Dormand-Prince of order 8 with the worst patient inside the tolerance."""
    try:
        import diffrax  # an optional package
    except ImportError as error:
        raise RunError("the reference solver needs the package diffrax", "Install insulae[test]") from error
    controller = diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE, norm=_largest)

    def cross(fast: body.FastState, constants: body.FastParameters, inputs: Inputs) -> body.FastState:
        term = diffrax.ODETerm(lambda t, s, args: body.derivative(s, *args))
        args, end = (constants, inputs), float(STEP_MINUTES)
        found = diffrax.diffeqsolve(
            term, diffrax.Dopri8(), 0.0, end, 0.5, fast, args, stepsize_controller=controller, max_steps=None
        )
        return map_leaves(lambda x: x[0], cast(Any, found.ys))

    return cross


@functools.cache
def _solvers() -> dict[str, Callable[[Day], Trace]]:
    return {"full": _replay(_fixed(1)), "half": _replay(_fixed(2)), "reference": _replay(_adaptive())}


def solutions(day: Day) -> dict[str, Trace]:
    """Return the day's traces: `single` precision, and in double precision `full`, `half` and `reference`."""
    single = _solvers()["full"](day)
    with jax.enable_x64(True):
        double = map_leaves(lambda x: jnp.asarray(np.asarray(x, np.float64)), day)
        found = {name: solve(double) for name, solve in _solvers().items()}
        return {name: map_leaves(np.asarray, trace) for name, trace in (found | {"single": single}).items()}


def _quantities(trace: Trace) -> dict[str, Floats]:
    names = ("glucose", "insulin", "c_peptide")
    values: dict[str, Floats] = {n: np.asarray(getattr(trace, n), np.float64) for n in names}
    return values | {"mean_glucose": values["glucose"].mean(axis=0)}


def errors(trace: Trace, truth: Trace) -> dict[str, float]:
    """Return the largest deviation of each quantity over the day and the patients."""
    mine, theirs = _quantities(trace), _quantities(truth)
    return {name: float(np.max(np.abs(mine[name] - theirs[name]))) for name in UNITS}


def order(full: float, half: float) -> float:
    """Return the observed order of convergence: how many times the error halves with the step.

    >>> order(1.6, 0.1)
    4.0
    """
    return float(np.log2(full / half))


def _day_rows(case: Case) -> list[Row]:
    day = recorded(case)
    traces = solutions(day)
    full, half = (errors(traces[name], traces["reference"]) for name in ("full", "half"))
    pairs = {
        "five-minute step": full,
        "step halved": half,
        "single precision": errors(traces["single"], traces["full"]),
        "compiled kernel": errors(day.lived, traces["full"]),
    }
    rows = [Row(name, case.name, q, e, UNITS[q]) for name, found in pairs.items() for q, e in found.items()]
    seen = {q: order(full[q], half[q]) for q in ("glucose", "insulin", "mean_glucose")}
    return rows + [Row("order of convergence", case.name, q, o, "dimensionless") for q, o in seen.items()]


def _values(visit: Visit) -> dict[str, Floats]:
    names = [name for name in ENDPOINTS if name != "graft_mass"]
    return evaluate(names, visit) | {"graft_mass": np.asarray(visit.graft_mass, np.float64)}


def lived(case: Case, start: baseline.Start, every_day: bool) -> tuple[dict[str, Floats], float]:
    """Return the endpoints of a course at its visits, [visit, patient], and the share of days simulated."""
    treatments = _built(case.standing, start) | _built(case.added, start)
    steps = list(steps_of(treatments.values(), case.weeks, every_day))
    visited = [
        v
        for v in simulate_arm(start, treatments, steps, routine.day_draws(SEED, start.cohort.ids))
        if v is not None
    ]
    found = [_values(v.visit) for v in visited]
    share = float(visited[-1].days_simulated.mean()) / sum(step.days for step in steps)
    return {name: np.stack([values[name] for values in found]) for name in ENDPOINTS}, share


def _differences(case: Case, start: baseline.Start) -> tuple[dict[str, Floats], float]:
    """Return calendar minus every day, [visit, patient], and the share of days that is simulated."""
    skipping, share = lived(case, start, every_day=False)
    daily, _ = lived(case, start, every_day=True)
    return {n: skipping[n] - daily[n] for n in skipping}, share


def _course_rows(case: Case) -> list[Row]:
    found, share = _differences(case, quiet(_start(case, FEW)))
    largest = {name: float(np.abs(d).max()) for name, d in found.items()}
    label = "calendar without noise"
    rows = [Row(label, case.name, name, error, ENDPOINTS[name]) for name, error in largest.items()]
    return [*rows, Row(label, case.name, "days simulated", 100 * share, "%")]


def _noise_rows(case: Case) -> list[Row]:
    """Return the largest mean difference over the visits, and its standard error at that visit."""
    rows: list[Row] = []
    for name, d in _differences(case, _start(case, MANY))[0].items():
        mean, error = d.mean(axis=1), d.std(axis=1) / np.sqrt(d.shape[1])
        worst = int(np.argmax(np.abs(mean)))
        pairs = (("calendar with noise, mean", mean), ("calendar with noise, standard error", error))
        rows += [Row(label, case.name, name, float(v[worst]), ENDPOINTS[name]) for label, v in pairs]
    return rows


def measure() -> list[Row]:
    """Measure every error; takes two to three minutes on two cores. Needs `insulae[test]`."""
    rows = [row for case in days() for row in _day_rows(case)]
    rows += [row for case in courses() for row in _course_rows(case)]
    return rows + [row for case in noisy_courses() for row in _noise_rows(case)]


def _table(rows: list[Row]) -> list[str]:
    """Return one table of markdown with aligned columns: cases down, quantities across."""
    quantities = list(dict.fromkeys((row.quantity, row.unit) for row in rows))
    cases = list(dict.fromkeys(row.case for row in rows))
    cells = {(row.case, row.quantity): f"{row.error:.2g}" for row in rows}
    header = ["", *(f"{q.replace('_', ' ')} ({u})" for q, u in quantities)]
    body_rows = [[case, *(cells.get((case, q), "") for q, _ in quantities)] for case in cases]
    widths = [max(len(line[i]) for line in [header, *body_rows]) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *body_rows]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


def markdown(rows: list[Row]) -> str:
    """Return the measured errors as one table per comparison, readable as text and as markdown."""
    lines: list[str] = []
    for name in dict.fromkeys(row.comparison for row in rows):
        chosen = [row for row in rows if row.comparison == name]
        lines += [f"### {name[0].upper()}{name[1:]}", "", *_table(chosen), ""]
    return "\n".join(lines)


def report() -> str:
    """Measure and describe every numerical error of the simulator."""
    return (
        "Numerical errors, measured on simulated patients; not medical advice. Largest deviation over all "
        f"times and {FEW} patients of each kind; with noise, the largest mean over {MANY} patients at any "
        "visit.\n\n"
        f"{markdown(measure())}"
    )
