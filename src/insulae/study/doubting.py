"""What a run with groups of doubt tells: chance and doubt apart, and which rows of the table matter.

`doubt.parquet` holds who was in which group; in `summary.json`, `doubt` holds for the mean of each endpoint
its standard error by chance, its standard deviation by doubt, below what that drowns in chance, the same for
differences to the first arm (the same people live in both), and the rows whose draws go along most with the
means of the groups at the last visit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtri

from insulae.core import doubts
from insulae.core.parameters import ANY, lookup, table
from insulae.core.phenotypes import lineage
from insulae.runs import store
from insulae.runs.arrow import column, numbers
from insulae.runs.merge import ahead
from insulae.statistics.variance_components import Components, components, group_means, rank_correlations
from insulae.study import records
from insulae.study.job import file_of
from insulae.study.plan import Plan
from insulae.study.sources import parameters_of

Floats = NDArray[np.float64]
Groups = NDArray[np.int32]
Column = Callable[[str, str, float], Floats]
SCHEMA = pa.schema({"patient": pa.int32(), "group": pa.int32()})
FILE = "doubt.parquet"
MOST_ROWS = 8
"""Rows shown for each endpoint, the most influential first."""


def groups_of(todo: Plan) -> Groups:
    """Return the group of every patient [patient]."""
    everybody = range(todo.study.population.size)
    recruits = todo.trial.recruits
    who = np.arange(len(everybody)) if recruits is None else np.asarray(recruits.of(everybody))
    return doubts.group_of(who, todo.trial.numbers.groups).astype(np.int32)


def write(todo: Plan, parts: store.Location, directory: store.Location) -> Groups:
    """Write who is in which group, of the patients in the results, and return their groups [patient]."""
    paths = [parts / file_of(todo.name(chunk), "fates") for chunk in todo.chunks()]
    used = np.concatenate(
        [
            numbers(fates["is_solved"]) & numbers(fates["is_finite"])
            for fates in ahead(store.read_table, paths)
        ]
    )
    patients = np.flatnonzero(used)
    groups = groups_of(todo)[patients]
    found = {"patient": patients.astype(np.int32), "group": groups}
    arrays = [column(found[field.name], field.type) for field in SCHEMA]
    store.write_tables(directory / FILE, SCHEMA, [pa.Table.from_arrays(arrays, schema=SCHEMA)])
    return groups


def summary(todo: Plan, values: Column, groups: Groups) -> dict[str, Any]:
    """Return what the results tell of chance and doubt as plain data; `groups` are those of the patients."""
    study, count = todo.study, todo.trial.numbers.groups
    weeks = [records.week_of(day) for day in study.visit_days()]
    names, arms = study.endpoint_names(), [arm.name for arm in study.arms]
    rows = doubted_rows(todo)
    draws = np.array([doubts.group_draws(study.seed, name, count) for name in rows])

    def of(arm: str, name: str, week: float) -> Components | None:
        return components(values(arm, name, week), groups)

    def less(arm: str, name: str, week: float) -> Components | None:
        with np.errstate(invalid="ignore"):  # never less never
            return components(values(arm, name, week) - values(arms[0], name, week), groups)

    def every(ask: Callable[[str, str, float], Components | None], arm: str) -> dict[str, Any]:
        return {name: _over_visits([ask(arm, name, week) for week in weeks]) for name in names}

    def influence(arm: str) -> dict[str, Any]:
        means = {name: group_means(values(arm, name, weeks[-1]), groups, count) for name in names}
        return {name: _strongest(rows, rank_correlations(m, draws)) for name, m in means.items()}

    return {
        "doubt": {
            "groups": count,
            "rows": len(rows),
            "chance_correlation": chance_correlation(count, len(rows)),
            "arms": {arm: every(of, arm) for arm in arms},
            "differences": {arm: every(less, arm) for arm in arms[1:]},
            "influence": {arm: influence(arm) for arm in arms} if rows else {},
        }
    }


def doubted_rows(todo: Plan) -> list[str]:
    """Return the names of the doubted rows that a study may draw, those of the body and of its therapies."""
    who, known = todo.study.population.phenotype, table()
    kin = (*lineage(who), ANY)
    names = [n for n in parameters_of(todo.study) if any((n, one) in known for one in kin)]
    return [name for name in names if doubts.size_of(lookup(name, who))]


def chance_correlation(groups: int, rows: int) -> float:
    """Return the rank correlation that one of some rows without influence passes once in twenty runs."""
    return float(-ndtri(0.025 / max(rows, 1)) / np.sqrt(max(groups - 1, 1)))


def _over_visits(found: list[Components | None]) -> dict[str, list[float | None]]:
    return {
        "mean": [one.mean if one else None for one in found],
        "chance": [float(one.error) if one else None for one in found],
        "doubt": [one.between if one else None for one in found],
        "resolution": [one.resolution if one else None for one in found],
    }


def _strongest(rows: list[str], correlations: Floats) -> dict[str, float]:
    order = np.argsort(-np.abs(correlations), kind="stable")[:MOST_ROWS]
    return {rows[i]: float(correlations[i]) for i in order if correlations[i]}
