"""What the benchmarks leave: one JSON file per command, written whole, with the machine it was made on."""

import datetime
import enum
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
SCRATCH = ROOT / ".bench"
"""Environments of the peers and files of one measurement; never under version control."""
Results = dict[str, dict[str, Any]]
NAMES = ("kernel", "peers", "scaling", "whole_runs", "startup", "gpu")
KIB_PER_GIB = 1024 * 1024


class Effort(enum.Enum):
    """How much is measured: all rounds, a third of them, or a small example that is no result."""

    FULL = ""
    BRIEF = "--brief"
    QUICK = "--quick"

    def rounds(self, usual: int) -> int:
        """Return how many rounds are measured where usually there are so many."""
        return {Effort.FULL: usual, Effort.BRIEF: -(-usual // 3), Effort.QUICK: 1}[self]


def machine() -> dict[str, Any]:
    """Return what is needed to read a time: processor, cores, memory, system, versions."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "vectors": _vectors(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "insulae": metadata.version("insulae"),
        "jax": metadata.version("jax"),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def first_cores(number: int) -> list[int]:
    """Return the first so many of the cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(number))
    return sorted(os.sched_getaffinity(0))[:number]


def _first(path: str, name: str) -> str:
    """Return the value of the first `name: value` line of a system file; empty where there is none."""
    file = Path(path)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _vectors() -> str:
    flags = _first("/proc/cpuinfo", "flags").split()
    return next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "other")


def _memory() -> float | None:
    amount = _first("/proc/meminfo", "MemTotal").split()
    return round(int(amount[0]) / KIB_PER_GIB, 1) if amount else None


def write(name: str, measured: dict[str, Any], is_quick: bool = False, folder: Path = FOLDER) -> Path:
    """Write the result of one command, replacing an older one only when it is complete."""
    now = datetime.datetime.now(datetime.UTC).date().isoformat()
    content = {"measured_on": now, "quick": is_quick, "machine": machine(), **measured}
    folder.mkdir(parents=True, exist_ok=True)
    path, half = folder / f"{name}.json", folder / f"{name}.json.part"
    half.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(path)
    return path


def load(folder: Path = FOLDER) -> Results:
    """Return the results that exist, by command."""
    paths = {name: folder / f"{name}.json" for name in NAMES}
    found = {name: path for name, path in paths.items() if path.exists()}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items()}


def say(text: str) -> None:
    """Tell on stderr how far a measurement is."""
    print(text, file=sys.stderr, flush=True)


def effort_of(given: Sequence[str]) -> Effort:
    """Return what the options of a command ask for; ends the program with a sentence where they are wrong."""
    known = {effort.value: effort for effort in Effort}
    unknown = [option for option in given if option not in known]
    if unknown or len(given) > 1:
        wrong = f"unknown argument {unknown[0]}" if unknown else f"too many arguments: {' '.join(given)}"
        sys.exit(f"{wrong}; expected --brief, --quick or nothing")
    return known["".join(given)]


def command(name: str, measure: Callable[[Effort], dict[str, Any]]) -> None:
    """Run one measurement as a command: `--brief` for fewer rounds, `--quick` for a small one to try it out.

    A quick one goes to the scratch folder.
    """
    effort = effort_of(sys.argv[1:])
    is_quick = effort is Effort.QUICK
    folder = SCRATCH / "quick" if is_quick else FOLDER
    say(f"{name}: measuring{' a small example' if is_quick else ''}")
    print(write(name, {"effort": effort.name.lower(), **measure(effort)}, is_quick, folder))
