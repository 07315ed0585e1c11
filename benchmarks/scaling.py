"""`python -m benchmarks.scaling`: how time and memory of whole runs grow with patients, years and cores."""

import os
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.processes import Cost, run_study
from benchmarks.results import command, cores, say

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
    return lambda: run_study(STUDY, {"population.size": patients}, number, cores=_first_cores(number))


def _first_cores(number: int) -> list[int]:
    if not hasattr(os, "sched_getaffinity"):
        return list(range(number))
    return sorted(os.sched_getaffinity(0))[:number]


def _ways(is_quick: bool) -> dict[tuple[str, int], Way]:
    """Return all runs of a round by what varies and its value."""
    if is_quick:
        return {("patients", 1): _sized(1), ("patients", 129): _sized(129)}
    numbers = [number for number in (1, 2) if number <= cores()]
    ways = {("patients", n): _sized(n) for n in PATIENTS}
    ways |= {("years", n): _long(n) for n in YEARS}
    return ways | {("cores", n): _on_cores(n, MANY) for n in numbers}


def main(is_quick: bool) -> dict[str, Any]:
    """Measure three rounds, every run once a round, after one run that compiles."""
    say("  compiling with one patient")
    _sized(1)()
    ways = _ways(is_quick)
    costs: dict[tuple[str, int], list[Cost]] = {key: [] for key in ways}
    for number in range(1 if is_quick else 3):
        for (what, value), way in ways.items():
            say(f"  round {number + 1}: {what} {value}")
            costs[what, value].append(way())
    rows = [_row(*key, found) for key, found in costs.items()]
    return {"patients_by_years": FEW, "patients_by_cores": MANY, "runs": rows, "second_core": _gain(costs)}


def _row(what: str, value: int, costs: list[Cost]) -> dict[str, Any]:
    peaks = [cost.peak_memory for cost in costs if cost.peak_memory is not None]
    return {
        "varied": what,
        "value": value,
        "times": [cost.seconds for cost in costs],
        "seconds": statistics.median(cost.seconds for cost in costs),
        "peak_memory": statistics.median(peaks) if peaks else None,
    }


def _gain(costs: dict[tuple[str, int], list[Cost]]) -> float | None:
    """Return how many times faster two cores are than one, as the median over rounds."""
    if ("cores", 2) not in costs:
        return None
    pairs = zip(costs["cores", 1], costs["cores", 2], strict=True)
    return statistics.median(one.seconds / two.seconds for one, two in pairs)


if __name__ == "__main__":
    command("scaling", main)
