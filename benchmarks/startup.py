"""`python -m benchmarks.startup`: how long a user waits for help and for the first result."""

import statistics
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.processes import INSULAE, Cost, empty_cache, measured, run_study
from benchmarks.results import ROOT, Effort, command, say

CASE = ROOT / "studies" / "first_case.yaml"
ONE = {"population.size": 1}


def _python() -> Cost:
    return measured([sys.executable, "-c", "import sys"])


def _import() -> Cost:
    return measured([sys.executable, "-c", "import insulae.cli.main"])


def _help() -> Cost:
    return measured([*INSULAE, "--help"])


def _warm() -> Cost:
    return run_study(CASE, ONE, workers=None)


def _cold() -> Cost:
    with empty_cache() as cache:
        return run_study(CASE, ONE, workers=None, cache=cache)


WAYS: dict[str, tuple[str, Callable[[], Cost], int]] = {
    "python": ("python without any package", _python, 9),
    "import": ("import of the command line", _import, 9),
    "help": ("insulae --help", _help, 9),
    "warm": ("insulae run of one person, compiled code kept", _warm, 9),
    "cold": ("insulae run of one person, nothing compiled", _cold, 2),
}
"""What is measured, and in how many rounds."""


def main(effort: Effort) -> dict[str, Any]:
    """Measure in rounds, every way once a round; about three minutes."""
    is_quick = effort is Effort.QUICK
    ways = {name: way for name, way in WAYS.items() if not is_quick or name in ("python", "import", "help")}
    if "warm" in ways:
        say("  filling the cache of compiled code")
        _warm()
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(1 if is_quick else max(rounds for _, _, rounds in ways.values())):
        say(f"  round {number + 1}")
        for name, (_, way, rounds) in ways.items():
            if number < rounds:
                costs[name].append(way())
    return {"ways": {name: _summary(ways[name][0], found) for name, found in costs.items()}}


def _summary(label: str, costs: list[Cost]) -> dict[str, Any]:
    seconds = [cost.seconds for cost in costs]
    peaks = [cost.peak_memory for cost in costs if cost.peak_memory is not None]
    peak = max(peaks) if peaks else None
    return {"label": label, "times": seconds, "seconds": statistics.median(seconds), "peak_memory": peak}


if __name__ == "__main__":
    command("startup", main)
