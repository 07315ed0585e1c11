"""All that the benchmarks know of our simulator: its day, its equations, its recorded inputs, its reference.

The day is the second of two of adults with type 1 diabetes on basal-bolus insulin. *Closed*: the whole compiled
day with meals, insulin decided from glucose, the daily summary and the five-minute traces. *Open*: the recorded
inputs of the same day, constant within each step, integrated again; what engines without our control law can do.
"""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from benchmarks.equations import Program, trace
from insulae.core import random
from insulae.core.pytree import map_leaves, replace
from insulae.physiology import body, course
from insulae.physiology import day as one_day
from insulae.physiology.effects import Effects, Inputs, combine
from insulae.physiology.slow import body_weight
from insulae.populations import baseline, routine
from insulae.trials import accuracy

Floats = NDArray[np.floating[Any]]

CASE = "type 1 on basal-bolus"
SETTINGS = "JAX, RK4 5 min, f32"
DIFFERENT = 128
DAY = 1
"""Day 0 is lived first, so that nobody begins the measured day at rest."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """Patients on the morning of the measured day."""

    state: course.State
    parameters: Any
    effects: Effects
    keys: Array

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the compiled day is called with."""
        return (self.state, self.parameters, self.effects, self.keys, *routine.ordinary(DAY, even=False))


def _case() -> accuracy.Case:
    return next(case for case in accuracy.days() if case.name == CASE)


@functools.cache
def _solved(patients: int) -> Setting:
    """Bring patients to their starting state and through their first day."""
    case = _case()
    start = baseline.starting(case.numbers, list(case.standing), accuracy.SEED, jnp.arange(patients))
    treatments = [spec.build(start.enrolled) for spec in case.standing]
    effects = routine.as_arrays(combine(t.effects(0) for t in treatments), patients)
    keys = random.patient_keys(accuracy.SEED, "day", start.cohort.ids)
    parameters = start.cohort.parameters
    first = routine.ordinary(0, even=False)
    state, _, _ = routine.compiled_advance()(start.state, parameters, effects, keys, *first)
    return Setting(state, parameters, effects, keys)


def setting(patients: int) -> Setting:
    """Return patients on the morning of the measured day; beyond the first 128 they come again."""
    solved = _solved(min(patients, DIFFERENT))
    chosen = jnp.arange(patients) % DIFFERENT
    parts = (solved.state, solved.parameters, solved.effects, solved.keys)
    return Setting(*map_leaves(lambda leaf: jnp.asarray(leaf)[chosen], parts))


def closed(patients: int) -> Callable[[], Floats]:
    """Return the measured day as the simulator runs it; each call gives glucose [step, patient] in mg/dL."""
    arguments, advance = setting(patients).arguments, routine.compiled_advance()

    def run() -> Floats:
        _, _, traces = advance(*arguments)
        return np.asarray(jax.block_until_ready(traces.glucose))

    return run


def forget_compiled() -> None:
    """Throw away what is compiled, so that the next call shows what compilation takes."""
    jax.clear_caches()


def closed_on(device: Any, patients: int) -> Callable[[], Any]:
    """Return the day compiled by JAX on a device of its choice, its arguments kept there; waits for the end."""
    arguments = jax.device_put(setting(patients).arguments, device)
    advance = jax.jit(routine._advance)  # pyright: ignore[reportPrivateUsage]
    return lambda: jax.block_until_ready(advance(*arguments))


@dataclasses.dataclass(frozen=True)
class Recorded:
    """The measured day as numbers: [state, patient], [parameter, patient], [step, input, patient]."""

    state: Floats
    parameters: Floats
    inputs: Floats
    reference: Floats
    """Glucose of the reference solver, [step, patient] in mg/dL."""


def recorded(patients: int) -> Recorded:
    """Record the inputs of the measured day and integrate them with the reference solver."""
    day = accuracy.recorded(_case(), min(patients, DIFFERENT))
    truth = accuracy.solutions(day)["reference"].glucose
    chosen = np.arange(patients) % DIFFERENT
    return Recorded(
        state=_rows(day.state)[:, chosen],
        parameters=_rows(day.parameters)[:, chosen],
        inputs=np.stack(jax.tree_util.tree_leaves(day.inputs), axis=1)[..., chosen],
        reference=np.asarray(truth, np.float64)[:, chosen],
    )


def open_loop(day: Recorded) -> Callable[[], Floats]:
    """Return our fixed steps over recorded inputs, without control law and summary; gives glucose."""
    state, parameters = (jax.tree_util.tree_structure(kind) for kind in _kinds()[:2])
    inputs = jax.tree_util.tree_structure(_kinds()[2])
    recorded_day = accuracy.Day(
        jax.tree_util.tree_unflatten(state, list(jnp.asarray(day.state))),
        jax.tree_util.tree_unflatten(parameters, list(jnp.asarray(day.parameters))),
        jax.tree_util.tree_unflatten(inputs, list(jnp.asarray(np.moveaxis(day.inputs, 1, 0)))),
    )
    replay = accuracy._replay(accuracy._fixed(1))  # pyright: ignore[reportPrivateUsage]
    return lambda: np.asarray(replay(recorded_day).glucose)


def _rows(tree: Any) -> Floats:
    """Return the elements of all leaves as [element, patient]."""
    leaves = [np.asarray(leaf, np.float32) for leaf in jax.tree_util.tree_leaves(tree)]
    return np.concatenate([leaf.reshape(-1, leaf.shape[-1]) for leaf in leaves])


@functools.cache
def _kinds() -> tuple[body.FastState, body.FastParameters, Inputs]:
    """Return the shape of one patient's fast state, constants and inputs, to trace with."""
    return _shape(body.FastState), _shape(body.FastParameters), _shape(Inputs)


def _shape(kind: Any) -> Any:
    """Return a record whose leaves are scalars without a value."""
    if not dataclasses.is_dataclass(kind):
        return jax.ShapeDtypeStruct((), jnp.float32)
    types = typing.get_type_hints(kind)
    return kind(**{field.name: _shape(types[field.name]) for field in dataclasses.fields(kind)})


def _one_patient(leaf: Any) -> Array:
    return jnp.asarray(leaf, jnp.float32)[..., 0]


def derivative() -> Program:
    """Return the rates of change of one patient: of state, constants and inputs, in the order of their leaves."""
    return trace(body.derivative, *_kinds())


def derivative_of(state: Floats, parameters: Floats, inputs: Floats) -> Floats:
    """Return the rates of change as JAX computes them in single precision, [state, patient]."""
    rows = (state, parameters, inputs)
    given = [
        jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(kind), list(jnp.asarray(row, jnp.float32)))
        for kind, row in zip(_kinds(), rows, strict=True)
    ]
    return _rows(jax.jit(body.derivative)(*given))


def glucose_index() -> int:
    """Return which element of the state is the glucose that is compared."""
    leaves = jax.tree_util.tree_leaves_with_path(_kinds()[0])
    return [jax.tree_util.keystr(path) for path, _ in leaves].index(".glucose.interstitial")


@dataclasses.dataclass(frozen=True)
class Step:
    """What one five-minute step of the day carries on, and what stays the same all day."""

    carried: tuple[Any, ...]
    constants: tuple[Any, ...]


def _step(at: Setting) -> Step:
    slow, signals = course.morning(at.state, at.parameters.slow, at.effects)
    today = body.today(at.parameters.fast, signals, at.effects)
    weight = body_weight.metabolic_weight(slow.body_weight.weight, at.parameters.slow.body_weight)
    eaten = at.parameters.habits.meals.intake * at.effects.carbohydrate_intake
    habits = replace(at.parameters.habits, meals=replace(at.parameters.habits.meals, intake=eaten))
    plan = routine.plan(habits, at.keys, jnp.int32(DAY), jnp.asarray(False))
    summary = one_day._empty(at.state.fast.glucose.plasma)  # pyright: ignore[reportPrivateUsage]
    return Step((at.state.fast, summary), (today, habits, plan, at.effects, weight))


def _law(constants: tuple[Any, ...]) -> one_day.Control:
    _, habits, plan, effects, weight = constants
    return routine.control(habits, plan, effects, weight)


def _one(carried: tuple[Any, ...], constants: tuple[Any, ...], index: Array) -> tuple[Any, tuple[Array, ...]]:
    """Do in one step what the simulator does: decide, integrate, add to the summary, give the traces."""
    (fast, summary), today = carried, constants[0]
    inputs = _law(constants)(index, fast)
    after = one_day.step(fast, today, inputs)
    summary = one_day._add(summary, index, after, today, inputs)  # pyright: ignore[reportPrivateUsage]
    traces = (after.glucose.interstitial, after.insulin.plasma / today.insulin.volume, after.c_peptide.plasma)
    return (after, summary), traces


@dataclasses.dataclass(frozen=True)
class WholeStep:
    """One step of the closed day for a translation, and the numbers it starts from, [element, patient]."""

    program: Program
    carried: Floats
    constants: Floats


def whole_step(patients: int) -> WholeStep:
    """Return the traced step (carried, constants, index of the step) and the patients' numbers."""
    step = _step(setting(patients))
    example = map_leaves(_one_patient, (step.carried, step.constants))
    program = trace(_one, *example, jnp.float32(0))
    return WholeStep(program, _rows(step.carried), _rows(step.constants))
