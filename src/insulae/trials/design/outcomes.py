"""What every simulated patient would have under every arm: the potential outcomes that trials draw from."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.errors import RunError
from insulae.core.registry import nearest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SERIOUS = "serious_events"
FATAL = "fatal"
_SAME_WEEK = 0.1


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Endpoints [arm, patient, visit], deaths [arm, patient] in weeks (inf: none), of the same patients in
    all arms.

    After a death endpoints are missing (NaN).
    """

    arms: tuple[str, ...]
    weeks: Floats
    values: Mapping[str, Floats]
    death_week: Floats

    @property
    def size(self) -> int:
        """Number of patients."""
        return self.death_week.shape[1]

    def arm(self, name: str) -> int:
        """Return the place of an arm; raises `RunError` for one the study does not have."""
        if name not in self.arms:
            raise RunError(f"the study has no arm '{name}'", nearest(name, self.arms))
        return self.arms.index(name)

    def visit(self, week: float) -> int:
        """Return the place of the visit in a week; raises `RunError` when there is none."""
        place = int(np.argmin(np.abs(self.weeks - week)))
        if abs(self.weeks[place] - week) > _SAME_WEEK:
            known = ", ".join(f"{one:g}" for one in self.weeks)
            raise RunError(f"there is no visit in week {week:g}", f"Visits are in weeks {known}")
        return place

    def chosen(self, patients: Ints) -> "Outcomes":
        """Return some of the patients, who may come several times."""
        values = {name: one[:, patients] for name, one in self.values.items()}
        return dataclasses.replace(self, values=values, death_week=self.death_week[:, patients])

    def without_effect(self, control: str) -> "Outcomes":
        """Return outcomes in which every arm does what the control does: the null hypothesis."""
        place = np.full(len(self.arms), self.arm(control))
        values = {name: one[place] for name, one in self.values.items()}
        return dataclasses.replace(self, values=values, death_week=self.death_week[place])


def from_tables(endpoints: pa.Table, events: pa.Table, arms: Sequence[str], names: Iterable[str]) -> Outcomes:
    """Return the outcomes in the tables of a finished run for the named endpoints.

    Raises `RunError` when the run did not compute one of them.
    """
    weeks = np.unique(endpoints["week"].to_numpy())
    patients = np.unique(endpoints["patient"].to_numpy())
    values = {name: _matrix(endpoints, name, arms, patients, len(weeks)) for name in sorted(names)}
    return Outcomes(tuple(arms), weeks, values, _deaths(events, arms, patients))


def _matrix(table: pa.Table, name: str, arms: Sequence[str], patients: Ints, n_weeks: int) -> Floats:
    """Return one endpoint [arm, patient, visit]; rows come in the order patient, arm, week."""
    some = table.filter(_is(table, "endpoint", name))
    if not some.num_rows:
        known = sorted(set(table["endpoint"].to_pylist()))
        raise RunError(f"the run has no endpoint '{name}'", nearest(name, known))
    shape = len(patients), len(arms), n_weeks
    in_file = sorted(arms)
    values = some["value"].to_numpy().reshape(shape)
    return np.moveaxis(values[:, [in_file.index(arm) for arm in arms]], 0, 1).astype(float)


def _is(table: pa.Table, column: str, text: str) -> Any:
    """Return which rows hold a text."""
    return cast(Any, pc).equal(table[column], text)


def _deaths(events: pa.Table, arms: Sequence[str], patients: Ints) -> Floats:
    found = np.full((len(arms), len(patients)), np.inf)
    rows: list[dict[str, Any]] = events.filter(_is(events, "outcome", FATAL)).to_pylist()
    place = {int(patient): i for i, patient in enumerate(patients)}
    for row in rows:
        at = list(arms).index(row["arm"]), place[row["patient"]]
        found[at] = min(found[at], row["day"] / DAYS_PER_WEEK)
    return found
