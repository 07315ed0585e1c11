"""All that the benchmarks know of our simulator: its day, its equations, its recorded inputs, its reference.

The day is the second of two of adults with type 1 diabetes on basal-bolus insulin. *Closed*: the whole
compiled day with meals, insulin decided from glucose, the daily summary and the five-minute traces. *Open*:
the recorded inputs of the same day, constant within each step, integrated again, as other engines do.
"""

import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from benchmarks.equations import Program, trace
from insulae.core.pytree import map_leaves, skeleton
from insulae.engine import native
from insulae.engine.kernel import Kernel, compiled
from insulae.engine.records import Packed
from insulae.physiology import body, course
from insulae.physiology import day as one_day
from insulae.physiology.effects import Effects, Inputs, combine
from insulae.populations import baseline, routine
from insulae.populations.bodies import Bodies
from insulae.populations.patient import Parameters
from insulae.trials import accuracy

Floats = NDArray[np.floating[Any]]

CACHE_VARIABLE = "INSULAE_CACHE"
CASE = "type 1 on basal-bolus"
DAY = 1
"""Day 0 is lived first, so that nobody begins the measured day at rest."""
DIFFERENT = 128
"""Patients that are solved; a larger batch holds them several times."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """Patients on the morning of the measured day, and the draws of that day [draw, patient]."""

    state: course.State
    parameters: Parameters
    effects: Effects
    uniforms: Floats

    @property
    def records(self) -> tuple[Any, ...]:
        """What the compiled day is called with."""
        return self.state, self.parameters, self.effects, self.uniforms


def _case() -> accuracy.Case:
    return next(case for case in accuracy.days() if case.name == CASE)


@functools.cache
def _solved(patients: int) -> Setting:
    """Bring patients to their starting state and through their first day."""
    case = _case()
    start = baseline.starting(case.numbers, list(case.standing), accuracy.SEED, np.arange(patients))
    treatments = [spec.build(start.enrolled) for spec in case.standing]
    effects = combine(t.effects(0) for t in treatments)
    draws = routine.day_draws(accuracy.SEED, start.cohort.ids)
    bodies = Bodies(start.cohort.parameters, start.state, draws)
    bodies.live(bodies.packed(effects), day=0, days=0, is_even=False)
    return Setting(bodies.state, start.cohort.parameters, effects, draws.independent(DAY))


def setting(patients: int) -> Setting:
    """Return patients on the morning of the measured day; beyond the first 128 they come again."""
    different = min(patients, DIFFERENT)
    solved, chosen = _solved(different), np.arange(patients) % different

    def taken(leaf: Any) -> Floats:
        return np.broadcast_to(np.asarray(leaf, np.float32), (*np.shape(leaf)[:-1], different))[..., chosen]

    return Setting(*map_leaves(taken, solved.records))


def compiled_anew(engine: str) -> Kernel:
    """Return the day compiled by an engine (`native` or `xla`) as if for the first time, with no cache."""
    kept = os.environ.get(CACHE_VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        try:
            return compiled(routine.ordinary_day, routine.day_records(), by=engine)
        finally:
            os.environ.pop(CACHE_VARIABLE) if kept is None else os.environ.update({CACHE_VARIABLE: kept})


def closed(patients: int, engine: str) -> Callable[[], Floats]:
    """Return the measured day as an engine of the simulator runs it, compiled when it is first called.

    Each call gives glucose [step, patient] in mg/dL.
    """
    records = (*setting(patients).records, 0.0)
    kernel = functools.cache(compiled_anew)

    @functools.cache
    def packed() -> list[Packed[Any]]:
        layouts = kernel(engine).inputs
        return [layout.pack(record, patients) for layout, record in zip(layouts, records, strict=True)]

    def run() -> Floats:
        traces = kernel(engine)(packed())[2].record
        return cast(Floats, traces.glucose)

    return run


def settings(engine: str) -> str:
    """Return in words how an engine of the simulator integrates."""
    return "RK4 5 min, f32, " + (f"{native.width()} lanes" if engine == "native" else "JAX")


def closed_on(device: Any, patients: int) -> Callable[[], Any]:
    """Return the day compiled by JAX on a device, its numbers kept there; a call waits for the end."""
    records = jax.device_put(setting(patients).records, device)
    advance = jax.jit(routine.ordinary_day)
    return lambda: jax.block_until_ready(advance(*records, np.int32(0)))


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
        lived=cast(Any, None),
    )
    replay = accuracy._replay(accuracy._fixed(1))  # pyright: ignore[reportPrivateUsage]
    return lambda: np.asarray(replay(recorded_day).glucose)


def native_open_loop(day: Recorded) -> Callable[[], Floats]:
    """Return the same as compiled by the simulator's own engine, when it is first called."""

    def replayed(state: body.FastState, parameters: body.FastParameters, inputs: Inputs) -> tuple[Array]:
        def one(fast: body.FastState, given: Inputs) -> tuple[body.FastState, Array]:
            fast = one_day.step(fast, parameters, given)
            return fast, fast.glucose.interstitial

        return (jax.lax.scan(one, state, inputs)[1],)

    steps, patients = len(day.inputs), day.state.shape[1]
    long = map_leaves(lambda _: np.zeros(steps), skeleton(Inputs))

    @functools.cache
    def prepared() -> tuple[Kernel, list[Packed[Any]]]:
        kernel = compiled(
            replayed, [skeleton(body.FastState), skeleton(body.FastParameters), long], by="native"
        )
        rows = (day.state, day.parameters, np.moveaxis(day.inputs, 1, 0).reshape(-1, patients))
        return kernel, [layout.wrap(r).copy() for layout, r in zip(kernel.inputs, rows, strict=True)]

    def run() -> Floats:
        kernel, packed = prepared()
        return cast(Floats, kernel(packed)[0].record)

    return run


def sizes() -> dict[str, int]:
    """Return how many numbers the state, the constants and the inputs of one patient are."""
    names = ("state", "parameters", "inputs")
    return {name: len(jax.tree_util.tree_leaves(kind)) for name, kind in zip(names, _kinds(), strict=True)}


def _rows(tree: Any) -> Floats:
    """Return the elements of all leaves as [element, patient]; whole numbers as the bits they are."""
    leaves = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(tree)]
    singles = [x.view(np.float32) if x.dtype == np.int32 else x.astype(np.float32) for x in leaves]
    return np.concatenate([leaf.reshape(-1, leaf.shape[-1]) for leaf in singles])


def _kinds() -> tuple[body.FastState, body.FastParameters, Inputs]:
    """Return one patient's fast state, constants and inputs, to trace with."""
    records = skeleton(body.FastState), skeleton(body.FastParameters), skeleton(Inputs)
    return map_leaves(jnp.float32, records)


def _one_patient(leaf: Any) -> Array:
    return jnp.asarray(leaf)[..., 0]


def derivative() -> Program:
    """Return the rates of change of one patient as operations on state, constants and inputs."""
    return trace(body.derivative, *_kinds())


def derivative_of(state: Floats, parameters: Floats, inputs: Floats) -> Floats:
    """Return the rates of change as JAX computes them in double precision, [state, patient]."""
    with jax.enable_x64(True):
        given = [
            jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(kind), list(jnp.asarray(rows)))
            for kind, rows in zip(_kinds(), (state, parameters, inputs), strict=True)
        ]
        return np.stack(jax.tree_util.tree_leaves(jax.jit(body.derivative)(*given)))


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
    """Prepare the day as `routine.ordinary_day` does."""
    parameters, weight, signals = routine.of_the_day(at.state, at.parameters, at.effects)
    today = body.today(parameters.fast, signals, at.effects)
    plan = routine.plan(parameters.habits, jnp.asarray(at.uniforms))
    summary = one_day._empty(at.state.fast.glucose.plasma)  # pyright: ignore[reportPrivateUsage]
    return Step((at.state.fast, summary), (today, parameters, plan, at.effects, weight))


def _one(carried: tuple[Any, ...], constants: tuple[Any, ...], index: Array) -> tuple[Any, tuple[Array, ...]]:
    """Do in one step what the simulator does: decide, integrate, add to the summary, give the traces."""
    (fast, summary), (today, parameters, plan, effects, weight) = carried, constants
    inputs = routine.control(parameters, plan, effects, weight)(index, fast)
    after = one_day.step(fast, today, inputs)
    summary = one_day._add(summary, index, after, today, inputs)  # pyright: ignore[reportPrivateUsage]
    shown = routine._sensor(parameters.habits, plan)(index, fast)  # pyright: ignore[reportPrivateUsage]
    insulin = after.insulin.plasma / today.insulin.volume
    return (after, summary), (after.glucose.interstitial, shown, insulin, after.c_peptide.plasma)


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
    program = trace(_one, *example, jnp.int32(0))
    return WholeStep(program, _rows(step.carried), _rows(step.constants))
