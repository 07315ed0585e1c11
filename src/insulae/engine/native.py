"""Compile vector code for the processor of this machine, keep it for the next run, and call it.

A call leaves Python's lock, so chunks run side by side in threads. A function of this package is found again
by its source, before it is traced; see `insulae.engine.source`.
"""

import contextlib
import ctypes
import dataclasses
import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from insulae.core.machine import cache_folder
from insulae.engine.records import BYTES, Layout, Matrix, Packed, padded, room, single
from insulae.engine.source import source_key

WIDEST = {"avx512f": 16, "avx": 8}
NARROWEST = 4
FULL_SPEED = 3
DIGEST_BYTES = 32
KEPT = {-3: 16 << 20, -1: 64 << 20}
"""Options of glibc's `mallopt`, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, and their bytes."""


@functools.cache
def _features() -> dict[str, bool]:
    return dict(llvm.get_host_cpu_features())


@functools.cache
def width() -> int:
    """Return how many patients this processor computes at once."""
    return next((lanes for name, lanes in WIDEST.items() if _features().get(name)), NARROWEST)


def _machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=FULL_SPEED, jit=True
    )


def _object_code(text: str) -> bytes:
    """Return the machine code of a module."""
    machine, module = _machine(), llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=FULL_SPEED)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


@functools.cache
def _processor() -> str:
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} {llvmlite.__version__}"


@functools.cache
def keep_freed_memory() -> bool:
    """Let glibc keep the memory of results for the next ones; tell whether it does.

    Pages that are given back to the system and asked for again cost a sixth of a day with its traces.
    """
    try:
        choose = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another system or C library, which has its own ways
        return False
    return all([choose(option, size) for option, size in KEPT.items()])


def _place(name: str) -> Path:
    return cache_folder() / "compiled" / name


def _read(name: str) -> bytes | None:
    """Return what the cache holds under a name; None where it is missing or damaged."""
    with contextlib.suppress(OSError):
        data = _place(name).read_bytes()
        if hashlib.sha256(data[DIGEST_BYTES:]).digest() == data[:DIGEST_BYTES]:
            return data[DIGEST_BYTES:]
    return None


def _keep(name: str, data: bytes) -> None:
    """Write a file of the cache whole; where the cache cannot be written, later runs compile again."""
    path = _place(name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(file.name, path)


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled function: its name, an example of each result, and the file of the cache with its code."""

    name: str
    results: list[Any]
    file: str


def _traced(function: Callable[..., Any], shapes: Sequence[Any], n_integers: int) -> tuple[Program, bytes]:
    """Trace a function, write it as vector code and compile that, unless that text was compiled before."""
    import jax

    from insulae.engine.lower import written

    one = jax.ShapeDtypeStruct((), np.int32)
    traced, results = jax.make_jaxpr(function, return_shape=True)(*shapes, *[one] * n_integers)
    name = function.__name__.strip("_")
    text = written(
        name, width(), traced, [Layout(s) for s in shapes], [Layout(r) for r in results], n_integers
    )
    file = hashlib.sha256(f"{_processor()}\n{text}".encode()).hexdigest() + ".native"
    code = _read(file)
    if code is None:
        code = _object_code(text)
        _keep(file, code)
    examples = [single(result) for result in results]
    return Program(name, examples, file), code


def _program(function: Callable[..., Any], shapes: Sequence[Any], n_integers: int) -> tuple[Program, bytes]:
    """Return a compiled function and its machine code: found by its source, or traced."""
    key = source_key(function, shapes, n_integers, _processor())
    found = _read(f"{key}.program") if key else None
    if found is not None:
        program: Program = pickle.loads(found)
        if (code := _read(program.file)) is not None:
            return program, code
    program, code = _traced(function, shapes, n_integers)
    if key:
        _keep(f"{key}.program", pickle.dumps(program))
    return program, code


class NativeKernel:
    """A compiled function of records of patients; see `insulae.engine.kernel`."""

    def __init__(self, function: Callable[..., Any], examples: Sequence[Any], n_integers: int) -> None:
        """Find or compile a function, and load it."""
        shapes = [single(example) for example in examples]
        program, code = _program(function, shapes, n_integers)
        self.inputs = [Layout(example) for example in shapes]
        self.outputs = [Layout(result) for result in program.results]
        self._load(program.name, code)

    def _load(self, name: str, code: bytes) -> None:
        keep_freed_memory()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        self._engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        address = self._engine.get_function_address(name)
        long, pointer = ctypes.c_int64, ctypes.c_void_p
        self._call = ctypes.CFUNCTYPE(None, *[pointer] * 5, long, long)(address)

    def __call__(
        self, records: Sequence[Packed[Any]], integers: Sequence[int] = (), unused: int | None = None
    ) -> list[Packed[Any]]:
        """Return the results as records of the same patients."""
        n, columns = records[0].patients, padded(records[0].patients)
        made = [
            _nowhere(layout.height, columns) if number == unused else room(layout.height, columns)
            for number, layout in enumerate(self.outputs)
        ]
        given = [record.matrix for record in records]
        numbers = (ctypes.c_int32 * max(len(integers), 1))(*integers)
        self._call(*_places(given), numbers, *_places(made), 0, columns)
        return [Packed(layout, matrix, n) for layout, matrix in zip(self.outputs, made, strict=True)]


def _nowhere(height: int, columns: int) -> Matrix:
    """Return a matrix for a result that nobody reads: all its rows are one, which stays in the cache."""
    return np.ndarray((height, columns), np.float32, room(1, columns), strides=(0, BYTES))


def _places(matrices: list[Matrix]) -> tuple[Any, Any]:
    """Return where matrices lie in memory and how many numbers their rows are apart, for compiled code."""
    starts = (ctypes.c_void_p * len(matrices))()
    strides = (ctypes.c_int64 * len(matrices))()
    for number, matrix in enumerate(matrices):
        starts[number] = matrix.__array_interface__["data"][0]  # `ctypes.data` would say the same, slower
        strides[number] = matrix.strides[0] // BYTES
    return starts, strides
