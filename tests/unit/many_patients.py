"""`python -m tests.unit.many_patients FOLDER SIZE`: a run of made-up patients that prints its peak of memory.

The simulator is replaced, so that only the way of the results from the chunks to the summary counts.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.unit.tiny_study import TEXT

from insulae.populations.enrolled import TRAITS
from insulae.runs import executors, manifest
from insulae.study import load
from insulae.study.plan import trial_of
from insulae.study.run import run
from insulae.trials import simulation, trial

CHUNK = 2000


def made_up(todo: trial.Trial, ids: range, **hooks: Any) -> trial.Outcome:
    """Return an outcome with numbers that each patient has for itself; every seventh cannot be used."""
    patients = np.asarray(ids)
    visits = [
        trial.ArmVisit(arm.name, day, _values(todo, patients, day), _window(todo, patients, day))
        for arm in todo.arms
        for day in (0, 14)
    ]
    ones = np.ones(len(patients), np.int32)
    enrolled = {name: np.cos(patients + 1.0 * n) for n, name in enumerate(TRAITS)}
    return trial.Outcome(patients, patients % 7 != 3, ones, patients % 14 != 5, visits, enrolled=enrolled)


def _values(todo: trial.Trial, patients: NDArray[Any], day: int) -> dict[str, NDArray[Any]]:
    return {name: np.sin(patients * (1.0 + day) + number) for number, name in enumerate(todo.endpoints)}


def _window(todo: trial.Trial, patients: NDArray[Any], day: int) -> simulation.Window | None:
    if day not in todo.stored_days:
        return None
    trace = np.cos(patients[:, None] + np.arange(288.0))
    return simulation.Window(trace, trace + 1, trace + 2, trace + 3, first_day=day - 1)


def main(folder: str, size: str) -> None:
    study = load.read(TEXT, ["visits=[0, 2]", f"population.size={size}", "stored_traces.patients=0"])
    assert {step.visit_week for arm in trial_of(study).arms for step in arm.steps} >= {0, 2}
    trial.simulate_chunk = made_up
    executors.LARGE = sys.maxsize  # other processes would simulate real patients
    run(study, folder, chunk=CHUNK)
    print(manifest.peak_memory())


if __name__ == "__main__":
    main(*sys.argv[1:])
