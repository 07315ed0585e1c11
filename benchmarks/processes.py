"""Run the command line in a process of its own; measure its time and the peak memory of all it starts."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import reason
from benchmarks.results import SCRATCH

INSULAE = (sys.executable, "-m", "insulae.cli.main")
CACHE = SCRATCH / "cache"
INTERVAL = 0.05
"""Seconds between two looks at the memory."""
KIB_PER_MIB = 1024


class Failed(Exception):
    """A measured command did not end well; the message is its own."""


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall time, peak resident memory in MiB (None where it is hidden), and
    how many of the seconds chunks were simulated, in a run."""

    seconds: float
    peak_memory: float | None
    simulating: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return dataclasses.asdict(self)


def measured(command: Sequence[str], cache: Path = CACHE, cores: Sequence[int] | None = None) -> Cost:
    """Run a command with a cache folder, on chosen cores; raises `Failed` with its last words."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"INSULAE_CACHE": str(cache)},
    )
    with _allowed(process.pid, cores), _watched(process.pid) as peaks:
        complaint = process.communicate()[1]
    if process.returncode:
        raise Failed(reason(complaint) or f"{command[-1]} ended with {process.returncode}")
    return Cost(time.perf_counter() - begin, max(peaks) if peaks else None)


@contextlib.contextmanager
def _allowed(pid: int, cores: Sequence[int] | None) -> Generator[None]:
    """Let a process that has just begun use only some cores."""
    if cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cores)
    yield


@contextlib.contextmanager
def _watched(pid: int) -> Generator[list[float]]:
    """Collect the memory of a process and all its children until the block ends."""
    peaks, is_over = list[float](), threading.Event()

    def watch() -> None:
        while not is_over.wait(INTERVAL):
            if found := _memory(pid):
                peaks.append(found)

    thread = threading.Thread(target=watch)
    if Path("/proc/self/status").exists():
        thread.start()
    try:
        yield peaks
    finally:
        is_over.set()
        if thread.ident is not None:
            thread.join()


def _memory(pid: int, above: bytes = b"") -> float:
    """Return the sum of the peaks of a process and its children so far in MiB; 0 when it has ended.

    A child that still shows the command line of the process `above` has not begun its own program: it borrows
    the memory of that process, which is counted already.
    """
    folder = Path("/proc") / str(pid)
    try:
        command = (folder / "cmdline").read_bytes()
        status = (folder / "status").read_text(encoding="utf-8")
        # Any thread may have started a process, not only the first.
        lists = [task.read_text(encoding="utf-8") for task in (folder / "task").glob("*/children")]
    except OSError:
        return 0.0
    if command == above:
        return 0.0
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), "0")
    return int(peak) / KIB_PER_MIB + sum(_memory(int(child), command) for child in " ".join(lists).split())


def run_study(
    study: Path,
    changes: dict[str, Any],
    workers: int | None,
    cache: Path = CACHE,
    cores: Sequence[int] | None = None,
) -> Cost:
    """Measure `insulae run` of a study into a folder that is thrown away; None leaves the workers to it."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=_scratch()))
    options = [text for path, value in changes.items() for text in ("--set", f"{path}={value}")]
    command = [*INSULAE, "run", str(study), "--out", str(folder), *options]
    command += [] if workers is None else ["--workers", str(workers)]
    try:
        cost = measured(command, cache, cores)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return dataclasses.replace(cost, simulating=manifest["wall_seconds"]["simulate"])
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def empty_cache() -> Generator[Path]:
    """Give a cache folder in which nothing is compiled yet."""
    folder = Path(tempfile.mkdtemp(prefix="cache-", dir=_scratch()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _scratch() -> Path:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return SCRATCH
