"""`python -m benchmarks.gpu`: the day as JAX compiles it, on the processor and on a GPU, with equal work.

Without a GPU that JAX can see only the processor is timed, which is no failure.
"""

import statistics
import time
from typing import Any

import jax

from benchmarks import ours
from benchmarks.results import Effort, command, say

PATIENTS = (128, 1024, 8192, 65536)
MOST_ON_PROCESSOR = 8192
ROUNDS = 7


def _gpu() -> Any | None:
    """Return the first GPU; None where JAX sees none."""
    try:
        return jax.devices("gpu")[0]
    except RuntimeError:
        return None


def main(effort: Effort) -> dict[str, Any]:
    """Time days of growing numbers of patients, devices in turn."""
    gpu = _gpu()
    if gpu is None:
        say("  JAX sees no GPU here: only the processor is timed")
    devices = {"processor": jax.devices("cpu")[0]} | ({} if gpu is None else {"gpu": gpu})
    fitting = [n for n in PATIENTS if gpu is not None or n <= MOST_ON_PROCESSOR]
    sizes = fitting[:1] if effort is Effort.QUICK else fitting
    rows = [row for patients in sizes for row in _rows(devices, patients, effort.rounds(ROUNDS))]
    return {"gpu": None if gpu is None else gpu.device_kind, "rows": rows}


def _rows(devices: dict[str, Any], patients: int, rounds: int) -> list[dict[str, Any]]:
    """Return one record per device, timed in rounds."""
    taking = {n: d for n, d in devices.items() if n == "gpu" or patients <= MOST_ON_PROCESSOR}
    days = {name: ours.closed_on(device, patients) for name, device in taking.items()}
    times: dict[str, list[float]] = {name: [] for name in days}
    first = {name: _seconds(day) for name, day in days.items()}
    for number in range(rounds):
        say(f"  {patients} patients, round {number + 1} of {rounds}")
        for name, day in days.items():
            times[name].append(_seconds(day))
    rates = {name: patients / statistics.median(found) for name, found in times.items()}
    return [
        {"device": n, "patients": patients, "rate": rates[n], "first_call": first[n], "times": times[n]}
        for n in days
    ]


def _seconds(day: Any) -> float:
    begin = time.perf_counter()
    day()
    return time.perf_counter() - begin


if __name__ == "__main__":
    command("gpu", main)
