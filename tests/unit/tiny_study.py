"""A study of two weeks whose chunks take a second, and `python -m tests.unit.tiny_study` to run it elsewhere.

Tests that kill a run or take its disk away start it in a process of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from insulae.core.errors import InsulaeError
from insulae.study import load
from insulae.study.run import run

ROOT = Path(__file__).parents[2]
CHUNK = 8
"""All tests but one use chunks of this size, so that the simulator is compiled once."""
TEXT = """
name: tiny
seed: 7
population: {phenotype: type1, size: 16, treatment: [{kind: basal_bolus}]}
horizon: 2 weeks
visits: [0, 2]
endpoints: [hba1c, time_in_range, insulin_dose, weeks_to_insulin_free, mage]
stored_traces: {patients: 2}
arms:
  - name: cells
    therapies:
      - {kind: islet_infusion, dose: 1e6 IEQ, source: autologous}
      - {kind: basal_bolus, titration: wean}
  - name: care
"""
RESULTS = (
    "endpoints.parquet",
    "events.parquet",
    "enrolled.parquet",
    "traces.parquet",
    "summary.json",
    "study.yaml",
)


def contents(directory: Path) -> dict[str, bytes]:
    """Return what must be the same however the run went: everything but the times in the manifest."""
    return {name: (directory / name).read_bytes() for name in RESULTS}


@contextmanager
def own_cache(factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep compiled code for all tests of a session and the processes they start, and for nobody else."""
    session = factory.getbasetemp()
    shared = session.parent if session.name.startswith("popen-") else session  # one base for all workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSULAE_CACHE", str(shared / "cache"))
        yield


def environment() -> dict[str, str]:
    """Return the environment of a process that finds the package and these tests."""
    paths = [str(ROOT / "src"), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])}


def start(out: Path | str, **options: Any) -> "subprocess.Popen[str]":
    """Start the study in a process; options: `size`, `changes`, `workers`, `file_size` (bytes, at most)."""
    command = [sys.executable, "-m", "tests.unit.tiny_study", str(out), json.dumps(options)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, env=environment(), cwd=ROOT, **streams)


def main(out: str, options: dict[str, Any]) -> None:
    if limit := options.get("file_size"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    changes = [f"population.size={options.get('size', 16)}", *options.get("changes", [])]
    try:
        run(load.read(TEXT, changes), out, options.get("workers"), chunk=CHUNK)
    except InsulaeError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
