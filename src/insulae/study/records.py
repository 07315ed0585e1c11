"""What a chunk leaves behind as tables, sorted by patient: who enrolled, endpoints, adverse events, traces,
fates.

Each patient has one row of endpoints for every arm, visit and endpoint, in this order; so the tables of the
chunks, one after the other, are the table of the study.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa

from insulae.core.adverse_events import adverse_event
from insulae.core.clock import DAYS_PER_WEEK, MINUTES_PER_DAY, STEP_MINUTES
from insulae.endpoints import base as endpoints
from insulae.populations.enrolled import TRAITS
from insulae.runs.arrow import column
from insulae.trials.happened import Happened
from insulae.trials.simulation import Window
from insulae.trials.trial import ArmVisit, Outcome

WEEK_DECIMALS = 4
TEXT = pa.dictionary(pa.int32(), pa.string())
"""Texts are few and repeat in every row."""
ENDPOINTS = pa.schema(
    {
        "arm": TEXT,
        "patient": pa.int32(),
        "week": pa.float64(),
        "endpoint": TEXT,
        "value": pa.float64(),
        "unit": TEXT,
    }
)
TRACES = pa.schema(
    {
        "arm": TEXT,
        "patient": pa.int32(),
        "week": pa.float64(),
        "day": pa.int32(),
        "minute": pa.int16(),
        "glucose": pa.float32(),
        "sensor": pa.float32(),
        "insulin": pa.float32(),
        "c_peptide": pa.float32(),
    }
)
EVENTS = pa.schema(
    {
        "arm": pa.string(),
        "patient": pa.int32(),
        "day": pa.int32(),
        "event": pa.string(),
        "label": pa.string(),
        "grade": pa.int8(),
        "serious": pa.bool_(),
        "relation": pa.string(),
        "outcome": pa.string(),
        "duration": pa.float64(),
    }
)
"""Adverse events; duration in days is missing for what lasts or ended in death. Texts are written out: which
of them occur differs between chunks."""
ENROLLED = pa.schema({"patient": pa.int32(), **{name: pa.float64() for name in TRAITS}})
"""Traits at enrollment, the same in all arms; units in `populations/enrolled.py`; `male` is 1 or 0."""
FATES = pa.schema(
    {"patient": pa.int32(), "is_solved": pa.bool_(), "is_finite": pa.bool_(), "draws": pa.int32()}
)
SCHEMAS = {
    "endpoints": ENDPOINTS,
    "events": EVENTS,
    "enrolled": ENROLLED,
    "traces": TRACES,
    "fates": FATES,
}


def week_of(day: int) -> float:
    """Return the week of a day as it is written in all results."""
    return round(day / DAYS_PER_WEEK, WEEK_DECIMALS)


def tables(outcome: Outcome, n_stored: int) -> dict[str, pa.Table]:
    """Return the tables of a chunk by the names of `SCHEMAS`, fates last; traces of the first patients only.

    All but the fates hold the patients with a starting state whose numbers stayed finite.
    """
    kept = np.flatnonzero(outcome.is_solved & outcome.is_finite)
    stored = kept[outcome.ids[kept] < n_stored]
    visits = sorted(outcome.visits, key=lambda visit: (visit.arm, visit.day))
    windows = [visit for visit in visits if visit.window is not None]
    found = {"endpoints": _endpoints(visits, kept, outcome.ids[kept])}
    found["events"] = _events(outcome, kept)
    found["enrolled"] = _table(ENROLLED, {"patient": outcome.ids[kept]} | _traits(outcome, kept))
    if windows and outcome.ids[0] < n_stored:
        found["traces"] = _traces(windows, stored, outcome.ids[stored])
    fates = [outcome.ids, outcome.is_solved, outcome.is_finite, outcome.attempts]
    return found | {"fates": _table(FATES, dict(zip(FATES.names, fates, strict=True)))}


def _table(schema: pa.Schema, columns: dict[str, Any]) -> pa.Table:
    arrays = [column(columns[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _traits(outcome: Outcome, kept: Any) -> dict[str, Any]:
    return {name: np.asarray(values, float)[kept] for name, values in outcome.enrolled.items()}


def _coded(texts: Sequence[str], place: Any) -> pa.DictionaryArray:
    """Return a column of texts from the place of each row's text among some; the places decide the bytes."""
    known = sorted(set(texts))
    codes = np.array([known.index(text) for text in texts], np.int32)
    return pa.DictionaryArray.from_arrays(
        column(codes[place], pa.int32()), column(np.array(known, np.str_), pa.string())
    )


def _endpoints(visits: list[ArmVisit], kept: Any, ids: Any) -> pa.Table:
    """Return the rows of some patients in the order patient, arm, week, endpoint."""
    names = sorted(visits[0].values)
    shape = len(ids), len(visits), len(names)
    patient, visit, name = (axis.ravel() for axis in np.indices(shape, np.int32))
    values = np.array([[one.values[n][kept] for n in names] for one in visits], float)
    columns = {
        "arm": _coded([one.arm for one in visits], visit),
        "patient": ids[patient],
        "week": np.array([week_of(one.day) for one in visits])[visit],
        "endpoint": _coded(names, name),
        "value": np.moveaxis(values, 2, 0).ravel(),
        "unit": _coded([endpoints.get(n).unit for n in names], name),
    }
    return _table(ENDPOINTS, columns)


def _events(outcome: Outcome, kept: Any) -> pa.Table:
    """Return the adverse events of some patients in the order patient, arm, day, event."""
    arms = sorted(outcome.events)
    parts = [outcome.events[arm] for arm in arms]
    chosen = [part.chosen(np.isin(part.patient, kept)) for part in parts]
    names = [field.name for field in dataclasses.fields(Happened)]
    empty = np.array([], np.int64)
    columns: dict[str, Any] = {
        n: np.concatenate([empty, *(getattr(part, n) for part in chosen)]) for n in names
    }
    arm = np.repeat(np.arange(len(arms)), [len(part.day) for part in chosen])
    order = np.lexsort((columns["event"], columns["day"], arm, columns["patient"]))
    columns = {name: values[order] for name, values in columns.items()}
    columns["arm"] = np.array(arms, np.str_)[arm[order]]
    columns["label"] = np.array([adverse_event(name).label for name in columns["event"]], np.str_)
    columns["duration"] = column(columns["duration"].astype(float), pa.float64(), is_nan_missing=True)
    return _table(EVENTS, columns | {"patient": outcome.ids[columns["patient"].astype(np.int64)]})


def _traces(visits: list[ArmVisit], stored: Any, ids: Any) -> pa.Table:
    """Return the rows of some patients in the order patient, arm, week, day, minute."""
    windows = [cast(Window, visit.window) for visit in visits]
    lengths = [window.glucose.shape[1] for window in windows]
    visit = np.tile(np.repeat(np.arange(len(visits)), lengths), len(ids))
    minutes = np.tile(np.concatenate([np.arange(n) for n in lengths]) * STEP_MINUTES, len(ids))
    columns = {
        "arm": _coded([one.arm for one in visits], visit),
        "patient": np.repeat(ids, sum(lengths)),
        "week": np.array([week_of(one.day) for one in visits])[visit],
        "day": np.array([window.first_day for window in windows])[visit] + minutes // MINUTES_PER_DAY,
        "minute": minutes % MINUTES_PER_DAY,
        **{name: _samples(windows, name, stored) for name in ("glucose", "sensor", "insulin", "c_peptide")},
    }
    return _table(TRACES, columns)


def _samples(windows: list[Window], name: str, stored: Any) -> Any:
    return np.concatenate([np.asarray(getattr(w, name), np.float32)[stored] for w in windows], axis=1).ravel()
