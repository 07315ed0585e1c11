"""Compile vector code for the processor of this machine, keep it for the next run, and call it.

A call leaves Python's lock, so chunks run side by side in threads.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import llvmlite
import llvmlite.binding as llvm
import numpy as np

from insulae.core.machine import cache_folder
from insulae.engine.lower import Code, Output
from insulae.engine.records import Layout, Matrix, Packed, padded, single

WIDEST = {"avx512f": 16, "avx": 8}
NARROWEST = 4
FULL_SPEED = 3
DIGEST_BYTES = 32


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


def _kept(text: str) -> bytes:
    """Return machine code from the cache, where it is sound, or compile and keep it."""
    cpu = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()} {llvmlite.__version__}"
    name = hashlib.sha256("\n".join((cpu, text)).encode()).hexdigest()
    path = cache_folder() / "compiled" / f"{name}.native"
    with contextlib.suppress(OSError):
        data = path.read_bytes()
        if hashlib.sha256(data[DIGEST_BYTES:]).digest() == data[:DIGEST_BYTES]:
            return data[DIGEST_BYTES:]
    code = _object_code(text)
    _keep(path, hashlib.sha256(code).digest() + code)
    return code


def _keep(path: Path, data: bytes) -> None:
    """Write a file of the cache whole; where the cache cannot be written, later runs compile again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.replace(file.name, path)


class NativeKernel:
    """A compiled function of records of patients; see `insulae.engine.kernel`."""

    def __init__(self, function: Callable[..., Any], examples: Sequence[Any], n_integers: int) -> None:
        """Trace, write, compile and load a function."""
        one = jax.ShapeDtypeStruct((), np.int32)
        shapes = [jax.tree_util.tree_map(single, example) for example in examples]
        traced, results = jax.make_jaxpr(function, return_shape=True)(*shapes, *[one] * n_integers)
        self.inputs = [Layout(example) for example in shapes]
        self.outputs = [Layout(result) for result in results]
        self._kept = threading.local()
        self._load(_written(function.__name__.strip("_"), traced, self.inputs, self.outputs, n_integers))

    def _load(self, text: str) -> None:
        name = text.split('ModuleID = "')[1].split('"')[0]
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        self._engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(_kept(text)))
        self._engine.finalize_object()
        address = self._engine.get_function_address(name)
        long, pointer = ctypes.c_int64, ctypes.c_void_p
        self._call = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, long, long, long)(address)

    def _scratch(self, height: int, columns: int) -> Matrix:
        """Return this thread's matrix for a result that nobody reads: fresh memory costs time."""
        size = height * columns
        kept: Matrix | None = getattr(self._kept, "matrix", None)
        if kept is None or kept.size < size:
            kept = self._kept.matrix = np.empty(size, np.float32)
        return kept[:size].reshape(height, columns)

    def __call__(
        self, records: Sequence[Packed[Any]], integers: Sequence[int] = (), unused: int | None = None
    ) -> list[Packed[Any]]:
        """Return the results as records of the same patients."""
        n, columns = records[0].patients, padded(records[0].patients)
        made = [
            self._scratch(layout.height, columns) if number == unused else _empty(layout.height, columns)
            for number, layout in enumerate(self.outputs)
        ]
        given = [r.matrix if r.matrix.flags.c_contiguous else np.ascontiguousarray(r.matrix) for r in records]
        numbers = (ctypes.c_int32 * max(len(integers), 1))(*integers)
        self._call(_places(given), numbers, _places(made), columns, 0, columns)
        return [Packed(layout, matrix, n) for layout, matrix in zip(self.outputs, made, strict=True)]


def _empty(height: int, columns: int) -> Matrix:
    return np.empty((height, columns), np.float32)


def _places(matrices: list[Matrix]) -> Any:
    """Return where matrices lie in memory; `ctypes.data` would say the same, slower."""
    return (ctypes.c_void_p * len(matrices))(*(m.__array_interface__["data"][0] for m in matrices))


def _written(
    name: str, traced: Any, inputs: list[Layout[Any]], outputs: list[Layout[Any]], n_integers: int
) -> str:
    """Return a traced function as the text of a module."""
    code = Code(name, width())
    arguments: list[Any] = []
    for number, layout in enumerate(inputs):
        arguments += code.read(number, layout.shapes)
    arguments += [code.integer(number) for number in range(n_integers)]
    targets = [Output(number, rows.start) for number, layout in enumerate(outputs) for rows in layout.rows]
    code.destinations.update(zip(traced.jaxpr.outvars, targets, strict=True))
    for target, value in zip(targets, code.run(traced, arguments), strict=True):
        code.finish(target, value)
    return str(code.close())
