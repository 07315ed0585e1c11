"""The measuring side: start an engine in its own process and take turns with it, see `protocol.py`."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import Missing, python_of, reason
from benchmarks.results import ROOT, SCRATCH

PINNED = 0
"""The core all engines share, one at a time."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Engine:
    """One row of the table: what is run, in which environment (None: this one), and what work it does."""

    name: str
    label: str
    module: str
    peer: str | None
    work: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)


class Worker:
    """An engine in a process; raises `Missing` with a reason wherever it does not answer."""

    def __init__(self, engine: Engine) -> None:
        python = Path(sys.executable) if engine.peer is None else python_of(engine.peer)
        self._log = SCRATCH / "logs" / f"{engine.name}.txt"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", f"benchmarks.peers.{engine.module}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=_surroundings(engine.peer is None),
            )

    def ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None and answers is not None
        try:
            print(json.dumps({"do": what, **details}), file=asked, flush=True)
            line = answers.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"failed": reason(self._log.read_text(encoding="utf-8"))}
        if "failed" in answer:
            raise Missing(answer["failed"] or "the process ended without a word")
        return answer

    def prepare(
        self, task: Path, error: float, seconds: float, options: dict[str, Any], core: int = PINNED
    ) -> dict[str, Any]:
        """Build, tune and run once; `seconds` is how long a repeat takes from then on."""
        details = {"task": str(task), "error": error, "seconds": seconds, "options": options}
        return self.ask("prepare", core=core, **details)

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()


def _surroundings(is_ours: bool) -> dict[str, str]:
    """Return the environment variables: one thread, no GPU, and nothing of our packages for a peer."""
    kept = {k: v for k, v in os.environ.items() if is_ours or not k.startswith("PYTHON")}
    return kept | dict.fromkeys(THREADS, "1") | {"JAX_PLATFORMS": "cpu"}
