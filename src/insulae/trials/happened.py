"""Adverse events that have happened, told from their draws: grade, seriousness, outcome and duration.

Kinds of events are numbered in the order of `tables/adverse_events.csv`, which is that of their names.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.adverse_events import FATAL, adverse_event, adverse_events

Whole = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]
Names = NDArray[np.str_]
Flags = NDArray[np.bool_]

OUTCOMES = np.array(["recovered", "sequelae", "not recovered", "fatal"])


@dataclasses.dataclass(frozen=True)
class Happened:
    """Events, one in each place of the arrays.

    `patient` counts within the chunk; `duration` in days is NaN for what lasts or ended in death.
    """

    event: Names
    patient: Whole
    day: Whole
    grade: Whole
    serious: Flags
    relation: Names
    outcome: Names
    duration: NDArray[np.float64]

    def chosen(self, which: Flags | Whole) -> "Happened":
        """Return some of the events."""
        return Happened(**{name: column[which] for name, column in vars(self).items()})


def together(some: list[Happened]) -> Happened:
    """Return events by patient, day and name."""
    if not some:
        text, whole = np.array([], np.str_), np.array([], np.int64)
        return Happened(text, whole, whole, whole, np.array([], bool), text, text, np.array([], float))
    columns = {name: [getattr(one, name) for one in some] for name in vars(some[0])}
    joined = Happened(**{name: np.concatenate(parts) for name, parts in columns.items()})
    return joined.chosen(np.lexsort((joined.event, joined.day, joined.patient)))


@dataclasses.dataclass(frozen=True)
class Kinds:
    """The table of adverse events as columns [kind]; `up_to` are the shares of events up to grades 1 to 4,
    [kind, grade]."""

    name: Names
    up_to: Numbers
    serious: Numbers
    sequelae: Numbers
    resolution: Numbers
    recurs: Flags


@functools.cache
def kinds() -> Kinds:
    """Return the kinds of events."""
    table = list(adverse_events().values())
    columns = {
        f.name: np.array([getattr(kind, f.name, None) for kind in table]) for f in dataclasses.fields(Kinds)
    }
    return Kinds(**columns | {"up_to": np.cumsum([kind.grades for kind in table], axis=1)[:, :-1]})


@functools.cache
def kind_of(event: str) -> int:
    """Return the number of a kind of event; raises `UnknownName` with the nearest valid choice."""
    return list(adverse_events()).index(adverse_event(event).name)


def described(
    kind: Whole, patient: Whole, day: Whole, relation: Names, uniforms: tuple[Numbers, ...]
) -> Happened:
    """Describe events from their draws: the most severe are the serious ones."""
    (severity, ending, time), table = uniforms, kinds()
    grade = 1 + (table.up_to[kind] <= severity[:, None]).sum(axis=1)
    is_fatal, is_lasting = grade == FATAL, np.isinf(table.resolution[kind])
    survived = np.where(is_lasting, 2, ending < table.sequelae[kind])
    days = np.maximum(1, np.ceil(-np.log(time) * table.resolution[kind]))
    return Happened(
        event=table.name[kind],
        patient=patient,
        day=day,
        grade=grade,
        serious=is_fatal | (severity >= 1 - table.serious[kind]),
        relation=relation,
        outcome=OUTCOMES[np.where(is_fatal, 3, survived)],
        duration=np.where(is_fatal | is_lasting, np.nan, days),
    )
