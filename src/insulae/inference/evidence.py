"""A person's measurements as arrays: experiments side by side, every value with its place and its error.

An `Experiment` is a schedule and the series measured in it; `stacked` lays several beside one another, padded
to one length, so that one compiled function serves every mix of them. A day of sensor glucose is one
experiment that begins some hours before midnight with what was eaten and injected then.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import Array
from numpy.typing import NDArray

from insulae.core.pytree import map_leaves, pytree
from insulae.inference.experiments import Schedule, padded, places
from insulae.inference.measurement_error import QUANTITIES, ErrorTable

Floats = NDArray[np.floating[Any]]

STEPS_TOGETHER, EXPERIMENTS_TOGETHER, VALUES_TOGETHER, DAYS_TOGETHER = 48, 4, 64, 384
"""Steps, experiments (more than one) and values are padded to multiples of these, values to the last where
they fill it, so that few shapes are compiled; a filled-in value is of no kind and counts nowhere."""
MEALS_TOGETHER = 16
"""Meals of a day that are moved at once; the largest number a day may have."""
NO_KIND, NO_ERROR = len(QUANTITIES), 1e9
SENSOR = QUANTITIES.index("interstitial")


@dataclasses.dataclass(frozen=True)
class Series:
    """One quantity at some minutes of an experiment, in the unit of `QUANTITIES`."""

    quantity: str
    minutes: Floats
    values: Floats


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A schedule, plasma glucose (mg/dL) and basal insulin (pmol/kg/min) it begins with, what was measured.

    Basal insulin is of injections (`basal_insulin`) and of a pump (`pump_rate`).
    `clock` is the minute, on a clock that all days share, at which the experiment's minute zero lies; `meals`
    are the minutes at which carbohydrate may differ from the schedule, each with its standard deviation (g).
    """

    name: str
    schedule: Schedule
    first_glucose: float
    series: tuple[Series, ...]
    basal_insulin: float = 0.0
    pump_rate: float = 0.0
    clock: float = 0.0
    meals: tuple[tuple[float, float], ...] = ()


@pytree
class Evidence:
    """Everything measured: schedules [step, experiment], beginnings [experiment], values [value].

    `previous` is the correlation of a value's error with that of the value before it, zero where a series
    begins; `projection` [direction, value] takes out what meals of other sizes, or not noted, could explain.
    """

    schedule: Schedule
    first_glucose: Array
    basal_insulin: Array
    pump_rate: Array
    logarithm: Array
    offset: Array
    quantity: Array
    experiment: Array
    row: Array
    share: Array
    error: Array
    previous: Array
    projection: Array
    freedom: Array


def stacked(experiments: Sequence[Experiment], errors: ErrorTable) -> Evidence:
    """Lay experiments side by side; raises `ValueError` where there is nothing measured."""
    steps = _rounded(max(len(e.schedule.minutes) for e in experiments), STEPS_TOGETHER)
    if len(experiments) > 1:
        missing = -len(experiments) % EXPERIMENTS_TOGETHER
        experiments = [*experiments, *[dataclasses.replace(experiments[0], series=())] * missing]
    schedules = [padded(e.schedule, steps) for e in experiments]
    rows = [_series(place, e, s, schedules[place]) for place, e in enumerate(experiments) for s in e.series]
    if not rows:
        raise ValueError("nothing was measured in any of the experiments")
    joined: dict[str, Any] = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    table = {name: _filled(name, column) for name, column in joined.items()}
    scale = np.array([*(getattr(errors, name) for name in QUANTITIES), NO_ERROR])
    is_infusion = table["quantity"] == QUANTITIES.index("infusion")
    offset: Any = np.where(is_infusion, errors.infusion_offset, table["quantity"] == NO_KIND)
    meals = MEALS_TOGETHER * len(experiments) if any(e.meals for e in experiments) else 1
    nothing: Any = np.zeros((meals, len(offset)))
    where: Any = {name: table[name] for name in ("quantity", "experiment", "row", "share")}
    return Evidence(
        schedule=map_leaves(lambda *leaves: np.stack(leaves, axis=1), *schedules),
        first_glucose=np.array([e.first_glucose for e in experiments]),  # type: ignore[arg-type]
        basal_insulin=np.array([e.basal_insulin for e in experiments]),  # type: ignore[arg-type]
        pump_rate=np.array([e.pump_rate for e in experiments]),  # type: ignore[arg-type]
        logarithm=np.log(table["value"] + offset),
        offset=offset,
        **where,
        error=scale[table["quantity"]],  # type: ignore[arg-type]
        previous=correlations(table["quantity"], table["experiment"], table["clock"], errors),
        projection=nothing,
        freedom=np.asarray(errors.freedom),  # type: ignore[arg-type]
    )


def _rounded(number: int, multiple: int) -> int:
    return math.ceil(number / multiple) * multiple


def _filled(name: str, column: Floats) -> Floats:
    """Return a column of values with values of no kind behind it."""
    missing = -len(column) % (VALUES_TOGETHER if len(column) < DAYS_TOGETHER / 2 else DAYS_TOGETHER)
    fill = {"quantity": NO_KIND, "value": 1.0}.get(name, 0)
    return np.concatenate([column, np.full(missing, fill, column.dtype)])


def number_of_values(evidence: Evidence) -> int:
    """Return how many values were measured; they stand before those filled in."""
    return int(np.sum(np.asarray(evidence.quantity) < NO_KIND))


def _series(place: int, experiment: Experiment, series: Series, schedule: Schedule) -> dict[str, Any]:
    """Return the rows of one series; unknown values (NaN) are left out."""
    measured = np.isfinite(series.values)
    minutes, values = np.asarray(series.minutes)[measured], np.asarray(series.values)[measured]
    order = np.argsort(minutes, kind="stable")
    row, share = places(schedule, minutes[order])
    n = len(minutes)
    return {
        "value": values[order],
        "clock": experiment.clock + minutes[order],
        "quantity": np.full(n, QUANTITIES.index(series.quantity)),
        "experiment": np.full(n, place),
        "row": row,
        "share": share,
    }


def correlations(quantity: Floats, experiment: Floats, clock: Floats, errors: ErrorTable) -> Any:
    """Return each error's correlation with the one before; sensor days follow one another."""
    same_test = (np.diff(experiment) == 0) | (quantity[1:] == SENSOR)
    follows = (np.diff(quantity) == 0) & same_test & (np.diff(clock) > 0)
    time = np.where(quantity[1:] == SENSOR, errors.sensor_time, errors.test_time)
    after = np.where(follows, np.exp(-np.maximum(np.diff(clock), 0) / time), 0.0)
    return np.concatenate([[0.0], after])
