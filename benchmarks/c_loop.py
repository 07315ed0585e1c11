"""The whole day as a C++ loop: generated from the traced step, compiled when measured, called through ctypes."""

import ctypes
import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.equations import CPLUSPLUS, Program
from insulae.core.clock import STEPS_PER_DAY

SOURCE = Path(__file__).parent / "day.cpp"
FLAGS = ("-O3", "-march=native", "-ffast-math")
COMPILER = "g++"
ALIGNMENT = 64

Floats = NDArray[np.float32]


class NoCompiler(Exception):
    """There is no C++ compiler, or it could not compile the day."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many numbers a step carries on, reads and gives out."""

    carried: int
    constants: int
    traces: int


def sizes(program: Program, carried: int) -> Sizes:
    """Return the sizes of a step whose first inputs are carried on; its last input is the index of the step."""
    return Sizes(carried, len(program.inputs) - carried - 1, len(program.outputs) - carried)


def generated(program: Program, carried: int) -> str:
    """Return the text of `body.inc`."""
    found, names = sizes(program, carried), iter(program.inputs)
    lines = [f"const vec {next(names)} = after[{i}];" for i in range(found.carried)]
    lines += [f"const vec {next(names)} = fixed[{i}];" for i in range(found.constants)]
    lines += [f"const vec {next(names)} = index;", *CPLUSPLUS.statements(program)]
    results = [CPLUSPLUS.operand(operand) for operand in program.outputs]
    lines += [f"after[{i}] = {result};" for i, result in enumerate(results[:carried])]
    lines += [f"out[{i}] = {result};" for i, result in enumerate(results[carried:])]
    counts = {"CARRIED": found.carried, "CONSTANTS": found.constants, "TRACES": found.traces}
    defined = [f"#define {name} {count}" for name, count in (counts | {"STEPS": STEPS_PER_DAY}).items()]
    return "\n".join([*defined, "#define ADVANCE \\", *(f"    {line} \\" for line in lines), ""]) + "\n"


def compile_day(program: Program, carried: int, folder: Path, flags: Sequence[str] = FLAGS) -> Path:
    """Compile the day into a shared library in a folder; raises `NoCompiler` with what is missing."""
    if shutil.which(COMPILER) is None:
        raise NoCompiler(f"the compiler {COMPILER} is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "body.inc").write_text(generated(program, carried), encoding="utf-8")
    library = folder / "day.so"
    command = [COMPILER, *flags, "-w", "-fPIC", "-shared", f"-I{folder}", str(SOURCE), "-o", str(library)]
    done = subprocess.run([*command, "-lmvec", "-lm"], capture_output=True, text=True)
    if done.returncode:
        done = subprocess.run([*command, "-lm"], capture_output=True, text=True)
    if done.returncode:
        raise NoCompiler(f"{COMPILER} failed: {done.stderr.strip()[-300:]}")
    return library


def aligned(values: NDArray[Any]) -> Floats:
    """Return a copy in single precision that begins where vectors may be loaded."""
    size = values.size * 4
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


def load_day(library: Path, carried: NDArray[Any], constants: NDArray[Any], traces: int) -> Day:
    """Load a compiled day for some patients, whose number must fill the vectors."""
    compiled = ctypes.CDLL(str(library))
    lanes, patients = int(compiled.lanes()), carried.shape[1]
    if patients % lanes:
        raise ValueError(f"{patients} patients do not fill vectors of {lanes}; expected a multiple of {lanes}")
    start, now, fixed = aligned(carried), aligned(carried), aligned(constants)
    out = aligned(np.zeros((traces, STEPS_PER_DAY, patients)))

    def run() -> Floats:
        now[...] = start
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (now, fixed, out)]
        compiled.day(*pointers, ctypes.c_int(patients))
        return out

    return Day(lanes, run)
