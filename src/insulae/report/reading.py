"""Read the folder of a finished run: study, summary, endpoints of each patient, traces of some, manifest.

The endpoints of the patients are read one arm, endpoint and visit at a time: all of them may be too many.
Missing values are NaN. Weeks of events that never happened are infinite; in JSON both are written null, so
the kind of the endpoint decides.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from insulae.core import yaml_text
from insulae.core.errors import RunError
from insulae.endpoints.base import Endpoint, catalogue
from insulae.runs import arrow, store

Floats = NDArray[np.float64]
SAME_WEEK = 1e-3
STATISTICS = ("n", "mean", "sd", "p05", "p25", "p50", "p75", "p95")


@dataclass(frozen=True)
class Series:
    """One endpoint of one arm over the visits: what it is and its statistics over patients, each [visit]."""

    name: str
    label: str
    unit: str
    kind: str
    weeks: Floats
    statistics: dict[str, Floats]

    def at(self, statistic: str, visit: int) -> float:
        """Return one statistic at one visit, counted from the first (0) or the last (-1)."""
        return float(self.statistics[statistic][visit])

    def nearest(self, week: float | None) -> int:
        """Return the visit nearest to a week, the last one when no week is given."""
        return len(self.weeks) - 1 if week is None else int(np.argmin(np.abs(self.weeks - week)))

    @property
    def is_empty(self) -> bool:
        """Tell whether no visit has a value."""
        shown = self.statistics["mean" if self.kind == "yes_no" else "p50"]
        return self.kind != "event_week" and not bool(np.isfinite(shown).any())

    @property
    def is_zero(self) -> bool:
        """Tell whether every patient has zero at every visit."""
        values = np.stack([self.statistics["p05"], self.statistics["p95"], self.statistics["mean"]])
        return not self.is_empty and not bool(np.nan_to_num(values).any())


@dataclass(frozen=True)
class Values:
    """The values of some patients, in the order of the patients; NaN where one is missing."""

    patients: NDArray[np.integer[Any]]
    numbers: Floats

    @property
    def present(self) -> Floats:
        """The values that are not missing."""
        return self.numbers[~np.isnan(self.numbers)]

    def less(self, other: "Values") -> "Values":
        """Return the differences in the patients who are in both."""
        ids, mine, theirs = np.intersect1d(self.patients, other.patients, return_indices=True)
        return Values(ids, self.numbers[mine] - other.numbers[theirs])

    def paired(self, other: "Values") -> tuple[Floats, Floats]:
        """Return the values of the patients who have both."""
        _, mine, theirs = np.intersect1d(self.patients, other.patients, return_indices=True)
        first, second = self.numbers[mine], other.numbers[theirs]
        both = ~(np.isnan(first) | np.isnan(second))
        return first[both], second[both]


@dataclass(frozen=True)
class Results:
    """Everything a report is made from; arms in the order of the study file."""

    directory: store.Location
    study: dict[str, Any]
    arms: dict[str, dict[str, Series]]
    traces: pa.Table | None
    manifest: dict[str, Any]
    _visits: dict[float, pa.Table] = field(default_factory=dict[float, pa.Table])
    """The rows of the visits that were asked for, by week: the whole table is read once for each."""

    @property
    def name(self) -> str:
        """Name of the study, as a heading."""
        return str(self.study["name"]).replace("-", " ").replace("_", " ").strip().capitalize()

    @property
    def size(self) -> int:
        """Largest number of patients behind any statistic."""
        counts = [s.statistics["n"] for arm in self.arms.values() for s in arm.values() if len(s.weeks)]
        return int(max((np.nanmax(c) for c in counts if np.isfinite(c).any()), default=0))

    def series(self, arm: str, endpoint: str) -> Series | None:
        """Return one endpoint of one arm, or None when the run does not hold it."""
        return self.arms.get(arm, {}).get(endpoint)

    def values(self, arm: str, endpoint: str, week: float) -> Values:
        """Return the values of the patients of one arm at one visit; never is infinite."""
        path = self.directory / "endpoints.parquet"
        if not path.exists():
            return Values(np.empty(0, int), np.empty(0))
        if week not in self._visits:
            self._visits[week] = _visit(path, week)
        visit = self._visits[week]
        is_chosen = arrow.is_text(visit["arm"], arm) & arrow.is_text(visit["endpoint"], endpoint)
        rows = arrow.chosen(visit.select(["patient", "value"]), is_chosen)
        found = arrow.numbers(rows["value"]).astype(float)
        missing = np.inf if kind_of(endpoint) == "event_week" else np.nan
        return Values(arrow.numbers(rows["patient"]), np.where(np.isnan(found), missing, found))


@cache
def known_endpoints() -> dict[str, Endpoint]:
    """Return the endpoints of the catalogue by name."""
    return {member.name: member for member in catalogue()}


def kind_of(endpoint: str) -> str:
    """Return the kind of an endpoint; one that is not in the catalogue is a number."""
    member = known_endpoints().get(endpoint)
    return member.kind if member else "number"


def read(directory: store.Location | str) -> Results:
    """Read a results folder or URL; raises `RunError` when it holds no summary."""
    directory = store.location(directory)
    summary_file = directory / "summary.json"
    if not summary_file.exists():
        raise RunError(f"'{directory}' holds no summary.json", "Give the folder that `insulae run` wrote")
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    study = _mapping(directory / "study.yaml")
    study.setdefault("name", summary.get("study", directory.name))
    arms = {arm: _all_series(endpoints) for arm, endpoints in summary.get("arms", {}).items()}
    return Results(
        directory=directory,
        study=study,
        arms={name: arms[name] for name in _ordered(arms, study)},
        traces=_table(directory / "traces.parquet"),
        manifest=_mapping(directory / "manifest.json"),
    )


def arm_specs(study: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the study says of each arm, by name; arms are a list with names or a mapping."""
    arms = study.get("arms") or {}
    if isinstance(arms, dict):
        return {name: _spec(spec) for name, spec in cast(dict[str, Any], arms).items()}
    return {str(spec.get("name", f"arm {i + 1}")): spec for i, spec in enumerate(arms)}


def _spec(spec: Any) -> dict[str, Any]:
    return {"therapies": spec} if isinstance(spec, list) else dict(spec or {})


def _ordered(arms: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    stated = [name for name in arm_specs(study) if name in arms]
    return stated + [name for name in arms if name not in stated]


def _mapping(path: store.Location) -> dict[str, Any]:
    """Read a JSON or YAML file as a mapping, empty when the file is missing."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    return (json.loads(text) if path.suffix == ".json" else yaml_text.parsed(text)) or {}


def _table(path: store.Location) -> pa.Table | None:
    return store.read_table(path, read_dictionary=["arm"]) if path.exists() else None


def _visit(path: store.Location, week: float) -> pa.Table:
    """Return the rows of all arms and endpoints at one visit; weeks are written rounded."""
    columns, texts = ["arm", "patient", "week", "endpoint", "value"], ["arm", "endpoint"]
    found = list[pa.Table]()
    for rows in store.read_row_groups(path, columns, texts):
        is_chosen = np.abs(arrow.numbers(rows["week"]) - week) <= SAME_WEEK
        found.append(arrow.chosen(rows.drop_columns(["week"]), is_chosen))
    return pa.concat_tables(found)


def _all_series(endpoints: Mapping[str, Any]) -> dict[str, Series]:
    return {name: _series(name, record) for name, record in endpoints.items()}


def _series(name: str, record: Mapping[str, Any]) -> Series:
    member, kind = known_endpoints().get(name), kind_of(name)
    missing = np.inf if kind == "event_week" else np.nan
    weeks = np.array(record["weeks"], dtype=float)
    nothing = [None] * len(weeks)
    statistics = {s: _numbers(record.get(s, nothing), len(weeks), missing) for s in STATISTICS}
    return Series(
        name=name,
        label=str(record.get("label") or (member.label if member else name)),
        unit=str(record.get("unit") or (member.unit if member else "")),
        kind=kind,
        weeks=weeks,
        statistics=statistics,
    )


def _numbers(values: Any, visits: int, missing: float) -> Floats:
    """Return one number for each visit; a single number holds for all of them."""
    listed = values if isinstance(values, list) else [values] * visits
    return np.array([missing if v is None else v for v in listed], dtype=float)
