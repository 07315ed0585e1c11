"""What a chunk leaves behind as tables: endpoints, traces, fates; and how chunks become one table."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from insulae.core.clock import DAYS_PER_WEEK, MINUTES_PER_DAY, STEP_MINUTES
from insulae.endpoints import base as endpoints
from insulae.trials.simulation import Window
from insulae.trials.trial import ArmVisit, Outcome

WEEK_DECIMALS = 4
ENDPOINTS = pa.schema(
    {
        "arm": pa.string(),
        "patient": pa.int32(),
        "week": pa.float64(),
        "endpoint": pa.string(),
        "value": pa.float64(),
        "unit": pa.string(),
    }
)
TRACES = pa.schema(
    {
        "arm": pa.string(),
        "patient": pa.int32(),
        "week": pa.float64(),
        "day": pa.int32(),
        "minute": pa.int16(),
        "glucose": pa.float32(),
        "insulin": pa.float32(),
        "c_peptide": pa.float32(),
    }
)
FATES = pa.schema(
    {"patient": pa.int32(), "is_solved": pa.bool_(), "is_finite": pa.bool_(), "draws": pa.int32()}
)
SCHEMAS = {"endpoints": ENDPOINTS, "traces": TRACES, "fates": FATES}


def week_of(day: int) -> float:
    """Return the week of a day as it is written in all results."""
    return round(day / DAYS_PER_WEEK, WEEK_DECIMALS)


def tables(outcome: Outcome, n_stored: int) -> dict[str, pa.Table]:
    """Return the tables of a chunk by the names of `SCHEMAS`; all its patients are in them."""
    fates = [outcome.ids, outcome.is_solved, outcome.is_finite, outcome.attempts]
    rows = [_endpoint_rows(visit, outcome.ids) for visit in outcome.visits]
    traces = [_trace_rows(visit, outcome.ids, n_stored) for visit in outcome.visits]
    return {
        "endpoints": pa.concat_tables([ENDPOINTS.empty_table(), *rows]),
        "traces": pa.concat_tables([TRACES.empty_table(), *traces]),
        "fates": pa.table([pa.array(np.asarray(column)) for column in fates], names=FATES.names).cast(FATES),
    }


def _endpoint_rows(visit: ArmVisit, ids: Any) -> pa.Table:
    names, n = list(visit.values), len(ids)
    columns = {
        "arm": np.full(n * len(names), visit.arm, object),
        "patient": np.tile(ids, len(names)),
        "week": np.full(n * len(names), week_of(visit.day)),
        "endpoint": np.repeat(np.array(names, object), n),
        "value": np.concatenate([visit.values[name] for name in names]),
        "unit": np.repeat(np.array([endpoints.get(name).unit for name in names], object), n),
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()}).cast(ENDPOINTS)


def _trace_rows(visit: ArmVisit, ids: Any, n_stored: int) -> pa.Table:
    chosen = np.flatnonzero(np.asarray(ids) < n_stored)
    if visit.window is None or not len(chosen):
        return TRACES.empty_table()
    window: Window = visit.window
    times = window.glucose.shape[1]
    minutes = np.arange(times) * STEP_MINUTES
    n = len(chosen)
    columns = {
        "arm": np.full(n * times, visit.arm, object),
        "patient": np.repeat(np.asarray(ids)[chosen], times),
        "week": np.full(n * times, week_of(visit.day)),
        "day": np.tile(window.first_day + minutes // MINUTES_PER_DAY, n),
        "minute": np.tile(minutes % MINUTES_PER_DAY, n),
        **{
            name: np.asarray(getattr(window, name), np.float32)[chosen].ravel()
            for name in ("glucose", "insulin", "c_peptide")
        },
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()}).cast(TRACES)


def merged(parts: Iterable[pa.Table], name: str, patients: Iterable[int]) -> pa.Table:
    """Return one sorted table of some patients from the tables of the chunks."""
    together = pa.concat_tables([SCHEMAS[name].empty_table(), *parts])
    is_kept = np.isin(together["patient"].to_numpy(), list(patients))
    together = together.filter(pa.array(is_kept))
    order = [c for c in ("arm", "patient", "week", "endpoint", "day", "minute") if c in together.column_names]
    return together.sort_by([(column, "ascending") for column in order]).combine_chunks()
