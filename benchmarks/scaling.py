"""`python -m benchmarks.scaling`: how time and memory of whole runs grow with patients, years and cores."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import two_cores
from benchmarks.peers.rounds import Turns
from benchmarks.processes import Cost, run_study
from benchmarks.results import Effort, command, cores, first_cores, say

STUDY = Path(__file__).parent / "studies" / "scaling.yaml"
PATIENTS = (512, 2048, 4096, 8192)
"""The last two are cut into chunks of the widest kind, so that only the number of chunks differs."""
YEARS = (1, 2, 4)
WEEKS_PER_YEAR = 52
FEW, MANY = 256, 8192
"""Patients of the runs by years and of the runs by cores."""

Way = Callable[[], Cost]


def _sized(patients: int) -> Way:
    return lambda: run_study(STUDY, {"population.size": patients}, cores())


def _long(years: int) -> Way:
    changes = {"population.size": FEW, "horizon": f"{years * WEEKS_PER_YEAR} weeks"}
    return lambda: run_study(STUDY, changes, cores())


def _on_cores(number: int, patients: int) -> Way:
    return lambda: run_study(STUDY, {"population.size": patients}, number, cores=first_cores(number))


def _ways(effort: Effort) -> dict[tuple[str, int], Way]:
    """Return all runs of a round by what varies and its value."""
    if effort is Effort.QUICK:
        return {("patients", 1): _sized(1), ("patients", 129): _sized(129)}
    numbers = [number for number in (1, 2) if number <= cores()]
    ways = {("patients", n): _sized(n) for n in PATIENTS}
    ways |= {("years", n): _long(n) for n in YEARS}
    return ways | {("cores", n): _on_cores(n, MANY) for n in numbers}


def main(effort: Effort) -> dict[str, Any]:
    """Measure three rounds, every run once a round, after one run that compiles."""
    turns = Turns(1, 0.05) if effort is Effort.QUICK else Turns(effort.rounds(9), 0.5)
    most = two_cores.gains(turns) if cores() >= two_cores.CORES else []
    say("  compiling with one patient")
    _sized(1)()
    ways = _ways(effort)
    costs: dict[tuple[str, int], list[Cost]] = {key: [] for key in ways}
    for number in range(effort.rounds(3)):
        for (what, value), way in ways.items():
            say(f"  round {number + 1}: {what} {value}")
            costs[what, value].append(way())
    rows = [_row(*key, found) for key, found in costs.items()]
    return {
        "patients_by_years": FEW,
        "patients_by_cores": MANY,
        "runs": rows,
        "second_core": _gain(costs, lambda cost: cost.seconds),
        "second_core_simulating": _gain(costs, lambda cost: cost.simulating),
        "second_core_at_most": most,
    }


def _row(what: str, value: int, costs: list[Cost]) -> dict[str, Any]:
    peaks = [cost.peak_memory for cost in costs if cost.peak_memory is not None]
    return {
        "varied": what,
        "value": value,
        "times": [cost.seconds for cost in costs],
        "seconds": statistics.median(cost.seconds for cost in costs),
        "simulating": statistics.median(cost.simulating for cost in costs),
        "peak_memory": statistics.median(peaks) if peaks else None,
    }


def _gain(costs: dict[tuple[str, int], list[Cost]], seconds: Callable[[Cost], float]) -> float | None:
    """Return how many times faster two cores are than one, as the median over rounds."""
    if ("cores", 2) not in costs:
        return None
    pairs = zip(costs["cores", 1], costs["cores", 2], strict=True)
    return statistics.median(seconds(one) / seconds(two) for one, two in pairs)


if __name__ == "__main__":
    command("scaling", main)
