"""`python -m benchmarks.whole_runs`: whole studies as a user runs them, from the file to the report."""

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.processes import Failed, run_study
from benchmarks.results import Effort, command, cores, say

STUDIES = Path(__file__).parent / "studies"
SMALL = 16


@dataclasses.dataclass(frozen=True)
class Job:
    """A study file and its number of patients."""

    name: str
    label: str
    patients: int

    @property
    def study(self) -> Path:
        """The file, which has the name of the job."""
        return STUDIES / f"{self.name}.yaml"


JOBS = (
    Job("five_years", "2 arms, 5 years, all endpoints, days on the calendar", 10_000),
    Job("every_day", "1 arm, 1 year, all endpoints, every day simulated", 1_000),
)


def main(effort: Effort) -> dict[str, Any]:
    """Run each study once, after one patient of it to have its code compiled."""
    is_quick = effort is Effort.QUICK
    return {"cores": cores(), "runs": [_measured(job, SMALL if is_quick else job.patients) for job in JOBS]}


def _measured(job: Job, patients: int) -> dict[str, Any]:
    described = {"name": job.name, "label": job.label, "patients": patients}
    try:
        say(f"  {job.label}: compiling with one patient")
        run_study(job.study, {"population.size": 1}, cores())
        say(f"  {job.label}: {patients} patients")
        return described | run_study(job.study, {"population.size": patients}, cores()).record()
    except Failed as failed:
        say(f"  {job.label} is missing: {failed}")
        return described | {"missing": str(failed)}


if __name__ == "__main__":
    command("whole_runs", main)
