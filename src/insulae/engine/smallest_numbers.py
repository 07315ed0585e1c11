"""Numbers too small to matter count as zero while compiled code runs.

What decays for months, such as the insulin below the skin of a patient who no longer injects, ends below
1e-38, where single precision keeps fewer and fewer digits. Intel's processors take a hundred cycles or more
for each operation with such a number, which made the day of such patients four times as long. Within compiled
code they are therefore zero, as they are in what JAX compiles; outside of it nothing changes. Processors
without such a mode keep them.
"""

import platform
from typing import Any

from llvmlite import ir

WORD, LONG, POINTER = ir.IntType(32), ir.IntType(64), ir.PointerType()
X86_ZERO = 0x8040
"""Bits of MXCSR: results (15) and operands (6) that are too small are zero."""
WIDEST_BYTES = 64
"""Bytes of the widest vector. What registers have no room for lies at such places, or each of two cache lines
would be touched where the caller happens to leave the stack elsewhere."""
ARM_ZERO = 1 << 24
"""Bit of FPCR for both."""


def add_entry(module: ir.Module, function: ir.Function, name: str) -> None:
    """Add a function that calls another one while the smallest numbers count as zero.

    The other one is never written into it: its arithmetic must lie between the changes of the mode.
    """
    function.linkage = "internal"
    function.attributes.alignstack = WIDEST_BYTES
    function.attributes.add("noinline")
    entry = ir.Function(module, function.function_type, name)
    builder = ir.IRBuilder(entry.append_basic_block("entry"))
    machine = platform.machine().lower()
    change = {"x86_64": _x86, "amd64": _x86, "arm64": _arm, "aarch64": _arm}.get(machine, _other)
    change(builder, module, lambda: builder.call(function, entry.args))
    builder.ret_void()


def _x86(builder: ir.IRBuilder, module: ir.Module, call: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [POINTER])
    load, store = (ir.Function(module, kind, f"llvm.x86.sse.{way}mxcsr") for way in ("ld", "st"))
    before, within = builder.alloca(WORD), builder.alloca(WORD)
    builder.call(store, [before])
    builder.store(builder.or_(builder.load(before, typ=WORD), ir.Constant(WORD, X86_ZERO)), within)
    builder.call(load, [within])
    call()
    builder.call(load, [before])


def _arm(builder: ir.IRBuilder, module: ir.Module, call: Any) -> None:
    get = ir.Function(module, ir.FunctionType(LONG, []), "llvm.aarch64.get.fpcr")
    put = ir.Function(module, ir.FunctionType(ir.VoidType(), [LONG]), "llvm.aarch64.set.fpcr")
    before = builder.call(get, [])
    builder.call(put, [builder.or_(before, ir.Constant(LONG, ARM_ZERO))])
    call()
    builder.call(put, [before])


def _other(builder: ir.IRBuilder, module: ir.Module, call: Any) -> None:
    """Call it in the mode that is: this kind of processor is not known."""
    call()
