"""Meals of another size than noted, and meals not noted, integrated out of sensor glucose.

Around the present values glucose moves linearly with the carbohydrate of one meal. A meal that was
noted has a relative error; where none was noted for hours one may be missing, with a small mean square. Both
are Gaussian, so their effect on the likelihood is a projection of the whitened deviations (Woodbury):

    d' (1 + U U')^-1 d = d' d - |P d|^2,   P = L^-1 U',   L L' = 1 + U' U
"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from scipy.linalg import solve_triangular

from insulae.core.clock import MINUTES_PER_HOUR
from insulae.core.parameters import value, values
from insulae.core.pytree import replace
from insulae.inference.evidence import MEALS_TOGETHER, SENSOR, Evidence, Experiment
from insulae.inference.experiments import Schedule, eat, padded
from insulae.inference.likelihood import predicted, whitened
from insulae.inference.measurement_error import ErrorTable
from insulae.inference.model import Floats
from insulae.inference.person import Known
from insulae.physiology.slow import hba1c

SMALL_MEAL = 5.0
"""Carbohydrate (g) by which a meal is moved to see what it does."""


def uncertain(
    noted: Sequence[tuple[float, float]], first: float, last: float, errors: ErrorTable
) -> tuple[tuple[float, float], ...]:
    """Return minutes and standard deviations (g) of meals of uncertain size, noted or perhaps missing."""
    known = [(minute, errors.meal_size * grams) for minute, grams in noted]
    gap = errors.missing_interval * MINUTES_PER_HOUR
    candidates = np.arange(first, last, gap)
    times = np.array([minute for minute, _ in noted] or [-np.inf])
    missing = [(float(m), errors.missing_meal) for m in candidates if np.abs(times - m).min() >= gap / 2]
    return tuple([*known, *missing][:MEALS_TOGETHER])


def _moved(experiments: Sequence[Experiment], evidence: Evidence) -> tuple[Any, Floats]:
    """Return solid carbohydrate [step, experiment, meal] with one meal moved, and spreads in that unit."""
    steps, number = np.shape(evidence.schedule.minutes)
    solid = np.repeat(
        np.asarray(evidence.schedule.inputs.solid_carbohydrate)[..., None], MEALS_TOGETHER + 1, 2
    )
    scale = np.zeros((number, MEALS_TOGETHER))
    for place, experiment in enumerate(experiments):
        schedule: Schedule = padded(experiment.schedule, steps)
        for meal, (minute, spread) in enumerate(experiment.meals):
            fed = eat(schedule, [minute], [SMALL_MEAL], value("meals.eating_time"))
            solid[:, place, meal + 1] = fed.inputs.solid_carbohydrate
            scale[place, meal] = spread / SMALL_MEAL
    return solid, scale


def _effect(evidence: Evidence, known: Known, logarithms: Array) -> Array:
    """Return what each moved meal does to the whitened deviations, [value, meal]."""
    expected = predicted(evidence, known, values(hba1c.Parameters), logarithms)
    return whitened(evidence, expected[:, 1:] - expected[:, :1])


@functools.cache
def _compiled() -> Any:
    return jax.jit(_effect)


def with_meals(
    evidence: Evidence, experiments: Sequence[Experiment], known: Known, logarithms: Floats
) -> Evidence:
    """Return the evidence with meals integrated out around some values [fitted]; no meals, no change."""
    if not any(experiment.meals for experiment in experiments):
        return evidence
    solid, scale = _moved(experiments, evidence)
    inputs = replace(evidence.schedule.inputs, solid_carbohydrate=solid)
    moved = replace(evidence, schedule=replace(evidence.schedule, inputs=inputs))
    repeated = np.repeat(logarithms[:, None], MEALS_TOGETHER + 1, axis=1)
    with jax.enable_x64(True):
        effect = np.asarray(_compiled()(moved, known, repeated))
    return replace(evidence, projection=projection(evidence, effect, scale))


def projection(evidence: Evidence, effect: Floats, scale: Floats) -> Any:
    """Return the projection [direction, value]; a meal moves the sensor glucose of its own day alone."""
    day, kind = np.asarray(evidence.experiment), np.asarray(evidence.quantity)
    directions = np.zeros((len(kind), *scale.shape))
    rows = np.flatnonzero(kind == SENSOR)
    directions[rows, day[rows]] = effect[rows] * scale[day[rows]]
    flat = directions.reshape(len(kind), -1)
    factor = np.linalg.cholesky(np.eye(flat.shape[1]) + flat.T @ flat)
    return solve_triangular(factor, flat.T, lower=True)
