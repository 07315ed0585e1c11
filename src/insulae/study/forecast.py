"""The same person under every arm of a study: draws of a twin are the patients of an ordinary run.

The chunks of the run are simulated here, from the twin's starting states, and written under the names that
the run asks for; everything after that (merging, summary, report) is the run's own.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from insulae.core.errors import InvalidStudy, RunError
from insulae.inference.twin import Twin
from insulae.inference.virtual import starting_twins
from insulae.runs import store
from insulae.study import records, run
from insulae.study.job import file_of
from insulae.study.load import from_plain
from insulae.study.plan import Plan, plan
from insulae.study.results import Results
from insulae.study.spec import Study
from insulae.trials import trial

PATIENTS = 200
"""Draws of the posterior that a forecast follows."""


def study_of(twin: Twin, study: Study, number: int = PATIENTS) -> Study:
    """Return the study with the twin's draws in place of its patients.

    Raises `InvalidStudy` when the study gives another treatment at enrollment than the person had, or asks
    for groups of doubt.
    """
    plain = study.to_plain()
    person = dict(twin.person)
    mine = [kind["kind"] for kind in person["treatment"]]
    asked = [spec.kind for spec in study.population.treatment]
    if asked and asked != mine:
        raise InvalidStudy(
            f"population.treatment: the study begins on {', '.join(asked)}, the twin was measured on "
            f"{', '.join(mine) or 'nothing'}",
            "Leave population.treatment out, or fit the twin on that treatment",
        )
    if person["phenotype"] != study.population.phenotype:
        raise InvalidStudy(
            f"population.phenotype: the study is of {study.population.phenotype}, the twin of "
            f"{person['phenotype']}"
        )
    if study.population.doubt:
        raise InvalidStudy(
            "population.doubt: a forecast follows draws of one person, whose doubt is the data's",
            "Leave population.doubt out",
        )
    known = {k: v for k, v in person["patient"].items() if not k.startswith(("hba1c", "fasting_"))}
    note = (
        f"The patients are {number} draws of the digital twin of {person['name']}: one person, and what the "
        "data leave open about that person."
    )
    population = {
        "phenotype": person["phenotype"],
        "size": number,
        "patient": known,
        "treatment": person["treatment"],
    }
    changed = {"population": population, "seed": twin.seed, "notes": [*plain.get("notes", []), note]}
    return from_plain(plain | changed | {"reported": []})


def forecast(
    twin: Twin,
    study: Study,
    folder: Path,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    command: str = "",
) -> Results:
    """Simulate a person under every arm into a folder and return the results.

    Raises `RunError` when the folder holds another run.
    """
    todo, parts = plan(study), store.location(str(folder)) / "chunks"
    for place in (store.location(str(folder)), parts):
        store.make_folder(place)
    if store.names(parts):
        raise RunError(f"{folder} holds a run already", "Choose an empty folder with --out")
    total = sum(1 for _ in todo.chunks()) * todo.steps
    done = 0

    def step(days: int) -> None:
        nonlocal done
        done += days
        on_progress(done, total)

    for chunk in todo.chunks():
        start = starting_twins(
            twin, todo.trial.numbers, todo.trial.treatment, np.asarray(chunk.ids), study.population.size
        )
        outcome = trial.simulate_from(todo.trial, start, chunk.ids, step)
        _write(todo, parts, chunk, outcome)
    return run.run(study, str(folder), 1, command=command)


def _write(todo: Plan, parts: Any, chunk: Any, outcome: trial.Outcome) -> None:
    for name, table in records.tables(outcome, todo.study.stored_traces.patients).items():
        store.write_tables(parts / file_of(todo.name(chunk), name), table.schema, [table])


def reference_of(study: Study) -> str:
    """Return the arm that others are compared with: one without therapies of its own, else the last one."""
    plain = [arm.name for arm in study.arms if not arm.therapies]
    return plain[0] if plain else study.arms[-1].name


@dataclasses.dataclass(frozen=True)
class Gain:
    """What an arm does to an endpoint against a reference arm, over draws: median, 90 % interval, chance."""

    arm: str
    endpoint: str
    median: float
    low: float
    high: float
    better: float


HIGHER_IS_BETTER = {"time_in_range": True, "hba1c": False, "time_below_range": False, "insulin_dose": False}


def gains(results: Results, reference: str) -> list[Gain]:
    """Return each arm's gain over a reference arm at the last visit, draw by draw."""
    table = results.endpoints()
    last = table["week"].max()
    final: Any = table[table["week"] == last]
    found: list[Gain] = []
    for endpoint, is_higher in HIGHER_IS_BETTER.items():
        rows = final[final["endpoint"] == endpoint].pivot(index="patient", columns="arm", values="value")
        for arm in [name for name in rows.columns if name != reference]:
            difference = (rows[arm] - rows[reference]).dropna().to_numpy()
            if difference.any():
                low, middle, high = np.percentile(difference, (5, 50, 95))
                better = float(np.mean(difference > 0 if is_higher else difference < 0))
                found.append(Gain(str(arm), endpoint, float(middle), float(low), float(high), better))
    return found
