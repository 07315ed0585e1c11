"""`python -m benchmarks.kernel`: our compiled day against the C++ loop of the same work, by batch size."""

from typing import Any

from benchmarks.peers.__main__ import C_LOOP, OURS
from benchmarks.peers.rounds import Turns, measure
from benchmarks.results import SCRATCH, Effort, command, say

PATIENTS = (16, 128, 1024)


def main(effort: Effort) -> dict[str, Any]:
    """Measure each batch size in rounds of its own; about five minutes."""
    from benchmarks.task import write_task

    is_quick = effort is Effort.QUICK
    turns = Turns(2, 0.05) if is_quick else Turns(effort.rounds(15), 0.5)
    batches: list[dict[str, Any]] = []
    for patients in PATIENTS[:1] if is_quick else PATIENTS:
        say(f"  {patients} patients at once")
        task = write_task(SCRATCH / f"task_{patients}", patients)
        batches.append({"patients": patients, "engines": measure((OURS, C_LOOP), task, turns)})
    return {"rounds": turns.rounds, "batches": batches}


if __name__ == "__main__":
    command("kernel", main)
