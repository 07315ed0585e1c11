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

STEPS_TOGETHER = 48
"""Schedules are padded to a multiple of this, so that few lengths are compiled."""
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

    `clock` is the minute, on a clock that all days share, at which the experiment's minute zero lies.
    """

    name: str
    schedule: Schedule
    first_glucose: float
    series: tuple[Series, ...]
    basal_insulin: float = 0.0
    clock: float = 0.0


@pytree
class Evidence:
    """Everything measured: schedules [step, experiment], beginnings [experiment], values [value].

    `previous` is the correlation of a value's error with that of the value before it, zero where a series
    begins; `projection` [direction, value] takes out what meals of other sizes, or not noted, could explain.
    """

    schedule: Schedule
    first_glucose: Array
    basal_insulin: Array
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
    longest = max(len(e.schedule.minutes) for e in experiments)
    steps = math.ceil(longest / STEPS_TOGETHER) * STEPS_TOGETHER
    schedules = [padded(e.schedule, steps) for e in experiments]
    rows = [_series(place, e, s, schedules[place]) for place, e in enumerate(experiments) for s in e.series]
    if not rows:
        raise ValueError("nothing was measured in any of the experiments")
    table: dict[str, Any] = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    scale = np.array([getattr(errors, name) for name in QUANTITIES])
    is_infusion = table["quantity"] == QUANTITIES.index("infusion")
    offset: Any = np.where(is_infusion, errors.infusion_offset, 0.0)
    nothing: Any = np.zeros((1, len(offset)))
    return Evidence(
        schedule=map_leaves(lambda *leaves: np.stack(leaves, axis=1), *schedules),
        first_glucose=np.array([e.first_glucose for e in experiments]),  # type: ignore[arg-type]
        basal_insulin=np.array([e.basal_insulin for e in experiments]),  # type: ignore[arg-type]
        logarithm=np.log(table["value"] + offset),
        offset=offset,
        quantity=table["quantity"],
        experiment=table["experiment"],
        row=table["row"],
        share=table["share"],
        error=scale[table["quantity"]],  # type: ignore[arg-type]
        previous=correlations(table["quantity"], table["experiment"], table["clock"], errors),
        projection=nothing,
        freedom=np.asarray(errors.freedom),  # type: ignore[arg-type]
    )


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
