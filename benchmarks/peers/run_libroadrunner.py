"""CVODE of libroadrunner on recorded inputs, the equations as a model in SBML; restarted where inputs change.

Patients run one after another from Python, which sets the inputs of each five minutes and takes one step.
"""

import time
from collections.abc import Iterator
from typing import Any

import antimony
import numpy as np
import roadrunner

from benchmarks.peers.protocol import Prepared, Task, fastest, serve

TOLERANCES = (1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6)
ABSOLUTE = 0.01
"""Absolute tolerance against relative; states are of the order of 1 to 1000."""
TIMED = 16
"""Patients of the timed runs; the error is that of all."""


class Model:
    """The loaded model and where its numbers are."""

    def __init__(self, task: Task) -> None:
        antimony.loadAntimonyString((task.folder / "model.txt").read_text(encoding="utf-8"))
        self.runner = roadrunner.RoadRunner(antimony.getSBMLString("day"))
        self.model = self.runner.model
        ids = {name: place for place, name in enumerate(self.model.getGlobalParameterIds())}
        places = [ids[f"x{i}"] for i in range(sum(task.sizes.values()))]
        first, second = task.sizes["state"], task.sizes["state"] + task.sizes["parameters"]
        self.start, self.inputs = places[:second], places[second:]
        self.glucose = [places[:first][task.glucose]]
        self.task = task

    def tune(self, stiff: bool, tolerance: float) -> None:
        """Choose the method, backward differentiation or Adams, and the tolerance."""
        integrator = self.runner.integrator
        integrator.stiff = stiff
        integrator.relative_tolerance, integrator.absolute_tolerance = tolerance, ABSOLUTE * tolerance

    def day(self, patient: int) -> list[float]:
        """Return the glucose of one patient's day."""
        day, minutes, found = self.task.day, float(self.task.minutes), list[float]()
        self.runner.reset()
        start = np.concatenate([day["state"][:, patient], day["parameters"][:, patient]])
        self.model.setGlobalParameterValues(self.start, start.astype(float))
        for step, inputs in enumerate(day["inputs"][:, :, patient].astype(float)):
            self.model.setGlobalParameterValues(self.inputs, inputs)
            self.runner.oneStep(step * minutes, minutes, True)
            found.append(self.model.getGlobalParameterValues(self.glucose)[0])
        return found

    def days(self, patients: int) -> Any:
        """Return the glucose of several patients, [step, patient]."""
        return np.asarray([self.day(patient) for patient in range(patients)]).T


def _candidates(task: Task, model: Model, loading: float) -> Iterator[Prepared]:
    timed = min(TIMED, task.patients)
    for stiff in (False, True):
        for tolerance in TOLERANCES:

            def run(stiff: bool = stiff, tolerance: float = tolerance) -> None:
                model.tune(stiff, tolerance)
                model.days(timed)

            model.tune(stiff, tolerance)
            error = task.distance(model.days(task.patients))
            method = "backward differentiation" if stiff else "Adams"
            yield Prepared(run, timed, loading, error, f"CVODE {method}, rtol {tolerance:g}, f64")
            if error <= task.error:
                break


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Keep the faster method at its loosest tolerance that is accurate enough."""
    begin = time.perf_counter()
    model = Model(task)
    return fastest(_candidates(task, model, time.perf_counter() - begin), task.error)


if __name__ == "__main__":
    serve(build, ("libroadrunner", "antimony", "numpy"))
