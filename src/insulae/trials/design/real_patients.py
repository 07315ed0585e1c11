"""Real patients of an external control, read from a file: a row for each patient and visit.

Columns are `patient`, `week` (since enrollment) and endpoints by their names, in the units of `insulae show
endpoints`. Weeks are those of the study's visits, other rows are left out; what is not in the file is
missing.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from insulae.core.errors import InvalidData
from insulae.core.registry import nearest
from insulae.trials.design.conduct import Data, Followed
from insulae.trials.design.outcomes import SAME_WEEK, Floats, Real
from insulae.trials.design.protocol import DEATH

PATIENT, WEEK = "patient", "week"
FEWEST = 5


def read(path: Path, weeks: Floats, names: Iterable[str]) -> Real:
    """Return the patients of a file at the visits in some weeks, with the named endpoints.

    Raises `InvalidData` for a missing column, a value that is no number, a visit that stands twice, and fewer
    patients than make a comparison.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            columns, rows = list(table.fieldnames or ()), list(table)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidData(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    for name in (PATIENT, WEEK, *names):
        if name not in columns:
            raise InvalidData(f"{path} has no column '{name}'", nearest(name, columns))
    people = {name: i for i, name in enumerate(dict.fromkeys(row[PATIENT] for row in rows))}
    if len(people) < FEWEST:
        raise InvalidData(f"{path} has {len(people)} patients", f"An external control needs {FEWEST} or more")
    values = {name: np.full((len(people), len(weeks)), np.nan) for name in names}
    _fill(values, people, rows, weeks, path)
    return Real(weeks, values)


def _fill(
    values: Mapping[str, Floats],
    people: Mapping[str, int],
    rows: list[dict[str, str]],
    weeks: Floats,
    path: Path,
) -> None:
    seen = set[tuple[int, int]]()
    for line, row in enumerate(rows, start=2):
        week = _number(row[WEEK], WEEK, path, line)
        visit = int(np.argmin(np.abs(weeks - week)))
        if np.isnan(week) or abs(weeks[visit] - week) > SAME_WEEK:
            continue
        place = people[row[PATIENT]], visit
        if place in seen:
            raise InvalidData(f"{path}, line {line}: week {week:g} of patient {row[PATIENT]} stands twice")
        seen.add(place)
        for name, found in values.items():
            found[place] = _number(row[name], name, path, line)


def _number(text: str | None, column: str, path: Path, line: int) -> float:
    """Return a number; NaN for an empty cell."""
    if text is None or not text.strip():
        return float("nan")
    try:
        return float(text)
    except ValueError as error:
        raise InvalidData(
            f"{path}, line {line}, column '{column}': '{text}' is no number", "Write numbers without a unit"
        ) from error


def as_data(real: Real, arm: int) -> Data:
    """Return real patients as patients of a trial who have an arm of the study (its place)."""
    n, n_visits = next(iter(real.values.values())).shape
    place = np.full(n, arm)
    path, never = np.repeat(place[:, None], n_visits, axis=1), np.full(n, np.inf)
    followed = Followed(real.weeks, place, path, real.values, {DEATH: never})
    return Data(followed, np.zeros(n), never, np.ones((n, n_visits), bool), np.zeros((n, n_visits)))
