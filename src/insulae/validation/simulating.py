"""Simulate a published study through the ordinary pipeline and read what its people answer.

The study's own file is taken as it stands, with the endpoints and visits that its observations need; what was
simulated before under the same hash is used again, the tests of the body included.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.endpoints import base as endpoints
from insulae.runs import store
from insulae.runs.manifest import keep_compiled_code
from insulae.study import doubting
from insulae.study.checks import PEOPLE_OF_A_GROUP
from insulae.study.load import from_plain
from insulae.study.plan import plan
from insulae.study.run import run
from insulae.study.spec import Study
from insulae.validation import body_tests
from insulae.validation.catalogue import Observed
from insulae.validation.prediction import Groups, pooled

Floats = NDArray[np.floating[Any]]
OnProgress = Callable[[int, int], None]
GROUPS = 20
"""Groups of doubt; more would leave too few people in each."""


@dataclasses.dataclass(frozen=True)
class Simulated:
    """The people of one study: endpoints by arm, name and day, tests by name, groups, each [patient]."""

    study: Study
    endpoints: dict[tuple[str, str, int], Floats]
    tests: dict[str, Floats]
    groups: Groups | None

    def answers(self, observed: Observed, arms: Iterable[str]) -> Floats:
        """Return what the people of some arms answer to the question of an observation."""
        weeks = [day / DAYS_PER_WEEK for day in self.study.visit_days()]
        question = observed.question

        def of(arm: str) -> Floats:
            return question.answers(lambda name, week: self._column(arm, name, week), observed.week, weeks)

        return pooled([of(arm) for arm in arms])

    def groups_of(self, arms: Iterable[str]) -> Groups | None:
        """Return the groups of doubt of the people of some arms, in the order of their answers."""
        return None if self.groups is None else pooled([self.groups for _ in arms])

    def _column(self, arm: str, name: str, week: float) -> Floats:
        if name in self.tests:
            return self.tests[name]
        return self.endpoints[arm, name, round(week * DAYS_PER_WEEK)]


def simulate(
    study: Study, observed: Iterable[Observed], folder: store.Location, on_progress: OnProgress
) -> Simulated:
    """Simulate what some observations of a study need, into a folder; what is there is used again."""
    asked = list(observed)
    names = {name for one in asked for name in one.question.names()}
    tests = {name for name in names if name in body_tests.MEASURES}
    needed = fitted_to(study, asked, sorted(names - tests))
    found = _columns(needed, folder, on_progress) if names - tests else {}
    measured = _tests(needed, folder) if tests else {}
    return Simulated(needed, found, measured, _groups(needed, folder, bool(found)))


def _groups(study: Study, folder: store.Location, was_run: bool) -> Groups | None:
    """Return the group of doubt of every patient; of a run as it was written, which recruits nobody again."""
    if not study.population.doubt:
        return None
    if not was_run:
        return doubting.groups_of(plan(study))
    kept = store.read_table(folder / doubting.FILE)
    groups = np.zeros(study.population.size, int)
    groups[kept["patient"].to_numpy()] = kept["group"].to_numpy()
    return groups


def fitted_to(study: Study, asked: Iterable[Observed], names: list[str]) -> Study:
    """Return the study with the endpoints and visits that observations need, without its own reports.

    Its people are split into groups of doubt, where they are enough.
    """
    observed = list(asked)
    days = {round(w * DAYS_PER_WEEK) for one in observed for w in one.question.weeks(one.week)}
    every = sorted({*study.visit_days(), *days})
    plain: dict[str, Any] = study.to_plain() | {
        "visits": [f"{day} days" for day in every],
        "horizon": f"{every[-1]} days",
        "endpoints": names or "all",
        "reported": [],
        "stored_traces": {"patients": 0},
    }
    groups = min(GROUPS, study.population.size // PEOPLE_OF_A_GROUP)
    if groups > 1:
        plain["population"]["doubt"] = groups
    return from_plain(plain)


def _columns(
    study: Study, folder: store.Location, on_progress: OnProgress
) -> dict[tuple[str, str, int], Floats]:
    size = study.population.size
    found: dict[tuple[str, str, int], Floats] = {}
    table = run(study, folder, on_progress=on_progress).endpoints()
    groups: Any = table.groupby(["arm", "endpoint", "week"], observed=True)
    for (arm, name, week), rows in groups:
        column = np.full(size, np.nan)
        values = rows["value"].to_numpy(dtype=float)
        never = np.inf if endpoints.get(str(name)).kind == "event_week" else np.nan
        column[rows["patient"].to_numpy()] = np.where(np.isnan(values), never, values)
        found[str(arm), str(name), round(float(week) * DAYS_PER_WEEK)] = column
    return found


def _tests(study: Study, folder: store.Location) -> dict[str, Floats]:
    """Return the tests of the body; they depend on who enrolls alone, and are kept by that."""
    enrolled = study.model_copy(update={"visits": (0.0,), "arms": study.arms[:1], "endpoints": "all"})
    key = plan(enrolled).key
    path = folder / f"body_tests.{key}-{study.population.size}.parquet"
    if not path.exists():
        keep_compiled_code()
        store.make_folder(folder)
        store.write_tables(path, (table := pa.table(body_tests.measured(study))).schema, [table])
    kept = store.read_table(path)
    return {name: kept[name].to_numpy().astype(float) for name in kept.column_names}
