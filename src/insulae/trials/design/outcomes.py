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
from insulae.runs.arrow import is_text, numbers
from insulae.trials.design.variables import DEATH_EVENT, FROM_SAFETY, SERIOUS_EVENT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SERIOUS = "serious_events"
FATAL = "fatal"
SAME_WEEK = 0.1


@dataclasses.dataclass(frozen=True)
class Real:
    """Endpoints [patient, visit] of real patients of an external control; NaN where missing."""

    weeks: Floats
    values: Mapping[str, Floats]

    @property
    def size(self) -> int:
        """Number of patients."""
        return len(next(iter(self.values.values())))


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Endpoints [arm, patient, visit], deaths [arm, patient] in weeks (inf: none), of the same patients in
    all arms.

    After a death endpoints are missing (NaN). `numbers` are those of the patients in the run, `traits` what
    they were at enrollment [patient], `group` whose doubt of the model's parameters they share (None: no
    doubt was simulated), `real` the real patients of an external control where there are any.
    """

    arms: tuple[str, ...]
    weeks: Floats
    values: Mapping[str, Floats]
    death_week: Floats
    numbers: Ints = dataclasses.field(default_factory=lambda: np.empty(0, np.int64))
    traits: Mapping[str, Floats] = dataclasses.field(default_factory=dict[str, Floats])
    group: Ints | None = None
    real: Real | None = None

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
        if abs(self.weeks[place] - week) > SAME_WEEK:
            known = ", ".join(f"{one:g}" for one in self.weeks)
            raise RunError(f"there is no visit in week {week:g}", f"Visits are in weeks {known}")
        return place

    def chosen(self, patients: Ints) -> "Outcomes":
        """Return some of the patients, who may come several times."""
        return dataclasses.replace(
            self,
            values={name: one[:, patients] for name, one in self.values.items()},
            death_week=self.death_week[:, patients],
            numbers=self.numbers[patients] if len(self.numbers) else self.numbers,
            traits={name: one[patients] for name, one in self.traits.items()},
            group=None if self.group is None else self.group[patients],
        )

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
    visited = sorted(set(names) - set(FROM_SAFETY))
    values = {name: _matrix(endpoints, name, arms, patients, len(weeks)) for name in visited}
    for name in sorted(set(names) & set(FROM_SAFETY)):
        first = first_weeks(events, FROM_SAFETY[name][1], arms, patients)
        values[name] = np.where(first[:, :, None] <= weeks, first[:, :, None], np.inf)
    deaths = first_weeks(events, DEATH_EVENT, arms, patients)
    return Outcomes(tuple(arms), weeks, values, deaths, patients.astype(np.int64))


def with_people(outcomes: Outcomes, enrolled: pa.Table, doubt: pa.Table | None) -> Outcomes:
    """Return outcomes that know who the patients are, from `enrolled.parquet` and, where there is one,
    `doubt.parquet` (patient, group).
    """
    place = np.searchsorted(numbers(enrolled["patient"]), outcomes.numbers)
    names = [name for name in enrolled.column_names if name != "patient"]
    traits = {name: numbers(enrolled[name]).astype(float)[place] for name in names}
    if doubt is None:
        return dataclasses.replace(outcomes, traits=traits)
    order = np.argsort(numbers(doubt["patient"]))
    place = order[np.searchsorted(numbers(doubt["patient"])[order], outcomes.numbers)]
    group = numbers(doubt["group"]).astype(np.int64)[place]
    return dataclasses.replace(outcomes, traits=traits, group=group)


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


def first_weeks(events: pa.Table, event: str, arms: Sequence[str], patients: Ints) -> Floats:
    """Return the week of the first event of a kind [arm, patient]; inf where there is none."""
    found = np.full((len(arms), len(patients)), np.inf)
    if event == DEATH_EVENT:
        chosen = is_text(events["outcome"], FATAL)
    elif event == SERIOUS_EVENT:
        chosen = numbers(events["serious"]).astype(bool)
    else:
        chosen = is_text(events["event"], event)
    names = np.array(events["arm"].to_pylist(), np.str_)[chosen]
    arm = np.array([list(arms).index(str(name)) for name in names], np.int64)
    place = np.searchsorted(patients, numbers(events["patient"])[chosen])
    weeks = numbers(events["day"])[chosen] / DAYS_PER_WEEK
    np.minimum.at(found, (arm, place), weeks)
    return found
