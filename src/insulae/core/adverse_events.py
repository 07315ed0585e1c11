"""The table of adverse events: what each is called, how severe it is, how it ends, and where that comes from.

How often an event happens is not said here: rates and probabilities belong to the therapies, to the simulated
body and to the background mortality. Severity is counted in the grades of the CTCAE, 1 mild to 5 fatal.
"""

import csv
import dataclasses
import functools
from importlib import resources

from insulae.core.errors import TableError, UnknownName
from insulae.core.parameters import EVIDENCE
from insulae.core.registry import nearest

CATEGORIES = ("procedure", "infection", "malignancy", "kidney", "metabolic", "immune", "cells", "other")
FATAL = 5
"""The grade of an event that ends in death."""


@dataclasses.dataclass(frozen=True)
class AdverseEvent:
    """One kind of event; shares are of all events of the kind.

    `grades` are the shares of grades 1 to 5, `serious` that of serious events, `sequelae` that of the events
    survived which leave something behind. `resolution` is the mean time until recovery in days, infinite for
    what lasts. An event that does not recur happens at most once to a patient.
    """

    name: str
    label: str
    category: str
    term: str
    grades: tuple[float, ...]
    serious: float
    sequelae: float
    resolution: float
    recurs: bool
    evidence: str
    source: str
    locator: str
    note: str


def _event(record: dict[str, str]) -> AdverseEvent:
    """Read one row; raises `TableError` when it breaks the rules of the table."""
    name = record["name"]
    try:
        grades = tuple(float(record[f"grade_{grade}"]) for grade in range(1, FATAL + 1))
        event = AdverseEvent(
            **{key: record[key] for key in ("name", "label", "category", "term")},
            grades=grades,
            serious=float(record["serious"]),
            sequelae=float(record["sequelae"]),
            resolution=float(record["resolution"] or "inf"),
            recurs={"yes": True, "no": False}[record["recurs"]],
            **{key: record[key] for key in ("evidence", "source", "locator", "note")},
        )
    except (KeyError, ValueError) as error:
        raise TableError(f"adverse_events.csv, row '{name}': {error} is not as expected") from error
    if found := mistakes(event):
        raise TableError(f"adverse_events.csv, row '{name}': {found[0]}")
    return event


def mistakes(event: AdverseEvent) -> list[str]:
    """Return in words what is wrong with a row."""
    shares = (*event.grades, event.serious, event.sequelae)
    rules = {
        f"unknown category '{event.category}', expected one of {', '.join(CATEGORIES)}": event.category
        not in CATEGORIES,
        f"unknown evidence '{event.evidence}', expected one of {', '.join(EVIDENCE)}": event.evidence
        not in EVIDENCE,
        "the shares of the grades do not sum to 1": abs(sum(event.grades) - 1) > 1e-9,
        "a share is not within 0 to 1": not all(0 <= share <= 1 for share in shares),
        "every fatal event is serious, but the serious share is smaller": event.serious < event.grades[-1],
        "the time until recovery is not positive": not event.resolution > 0,
    }
    return [what for what, broken in rules.items() if broken]


@functools.cache
def adverse_events() -> dict[str, AdverseEvent]:
    """Return every kind of adverse event by name, in the order of the table."""
    text = resources.files("insulae.tables").joinpath("adverse_events.csv").read_text(encoding="utf-8")
    events = [_event(record) for record in csv.DictReader(text.splitlines())]
    return {event.name: event for event in events}


def adverse_event(name: str) -> AdverseEvent:
    """Return one kind of event; raises `UnknownName` with the nearest valid choice.

    >>> adverse_event("teratoma").category
    'cells'
    """
    events = adverse_events()
    if name not in events:
        raise UnknownName(f"unknown adverse event '{name}'", nearest(name, events))
    return events[name]
