"""The whole day as a C++ loop: `day.cpp` with the generated step, compiled when measured.

Imports numpy only, so that its memory is not that of JAX; the step itself is written by `task.py`.
"""

import ctypes
import dataclasses
import itertools
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE = Path(__file__).parent / "day.cpp"
COMPILER = "g++"
FLAGS = ("-O3", "-march=native", "-ffast-math")
WRAPPING = "-fwrapv"
"""Whole numbers wrap at 32 bits, as those of the equations do."""
VECTOR_LIBRARIES = (("-lmvec", "-lm"), ("-lm",))
ALIGNMENT = 64
BYTES = 4

Floats = NDArray[np.float32]


class NoCompiler(Exception):
    """There is no C++ compiler, or it could not compile the day."""


def compile_day(folder: Path, flags: Sequence[str] = FLAGS) -> Path:
    """Compile the day with the `body.inc` of a folder; raises `NoCompiler` with what is missing."""
    if shutil.which(COMPILER) is None:
        raise NoCompiler(f"the compiler {COMPILER} is not installed")
    library = folder / "day.so"
    command = [
        COMPILER,
        *flags,
        WRAPPING,
        "-w",
        "-fPIC",
        "-shared",
        f"-I{folder}",
        str(SOURCE),
        "-o",
        str(library),
    ]
    tries = (subprocess.run([*command, *libs], capture_output=True, text=True) for libs in VECTOR_LIBRARIES)
    complaints = list(itertools.takewhile(bool, (_complaint(done) for done in tries)))
    if len(complaints) == len(VECTOR_LIBRARIES):
        raise NoCompiler(f"{COMPILER} failed: {complaints[-1]}")
    return library


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a failed compiler says; empty when it succeeded."""
    return (done.stderr.strip()[-300:] or "no reason given") if done.returncode else ""


def compiler_version() -> str:
    """Return the first line of what the compiler says of itself."""
    return subprocess.run([COMPILER, "--version"], capture_output=True, text=True).stdout.split("\n")[0]


def aligned(values: NDArray[Any]) -> Floats:
    """Return a copy in single precision that begins where vectors may be loaded."""
    size = values.size * BYTES
    room = np.empty(size + ALIGNMENT, np.uint8)
    first = -room.ctypes.data % ALIGNMENT
    copy = room[first : first + size].view(np.float32).reshape(values.shape)
    copy[...] = values
    return copy


@dataclasses.dataclass(frozen=True)
class Day:
    """A compiled day with the numbers of its patients."""

    lanes: int
    run: Callable[[], Floats]
    """Lives the day from its start; gives the traces [trace, step, patient]."""


def load_day(library: Path, carried: NDArray[Any], constants: NDArray[Any]) -> Day:
    """Load a compiled day for some patients, whose number must fill the vectors."""
    compiled = ctypes.CDLL(str(library))
    lanes, patients = int(compiled.lanes()), carried.shape[1]
    if patients % lanes:
        raise ValueError(
            f"{patients} patients do not fill vectors of {lanes}; expected a multiple of {lanes}"
        )
    start, now, fixed = aligned(carried), aligned(carried), aligned(constants)
    out = aligned(np.zeros((int(compiled.traces()), int(compiled.steps()), patients)))

    def run() -> Floats:
        now[...] = start
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (now, fixed, out)]
        compiled.day(*pointers, ctypes.c_int(patients))
        return out

    return Day(lanes, run)
