"""simglucose: its own model of type 1 diabetes, one patient minute by minute, as its own loop calls it.

Another model than ours, so no error is given: only what a day of a patient costs its users.
"""

from typing import Any

from simglucose.patient.t1dpatient import Action, T1DPatient

from benchmarks.peers.protocol import Prepared, Task, first, serve

PATIENT = "adult#001"
MINUTES_PER_DAY = 1440
MEALS = {420: 45, 720: 70, 1080: 80}
"""Minute of the day and grams of carbohydrate, eaten at 5 g/min."""
RATE = 5
BASAL = 0.02
"""U/min."""


def _action(minute: int) -> Action:
    eaten = any(start <= minute < start + grams / RATE for start, grams in MEALS.items())
    return Action(CHO=RATE if eaten else 0, insulin=BASAL)


def build(task: Task, options: dict[str, Any]) -> Prepared:
    """Simulate from midnight; a quick run simulates fewer than all `minutes` of the day."""
    minutes = min(MINUTES_PER_DAY, int(options.get("minutes", MINUTES_PER_DAY)))
    patient = T1DPatient.withName(PATIENT)

    def run() -> None:
        patient.reset()
        for minute in range(minutes):
            patient.step(_action(minute))

    seconds, _ = first(run)
    share = minutes / MINUTES_PER_DAY
    return Prepared(run, share, seconds, None, f"own model and solver, {PATIENT}, 1 min")


if __name__ == "__main__":
    serve(build, ("simglucose", "gym", "pandas", "scipy", "numpy"))
