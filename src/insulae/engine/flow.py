"""Loops and conditions of a traced function in vector code.

A loop stays a loop; what it carries lives in registers. A condition is a branch for all patients of a block:
where no patient needs it, its code is passed over; each patient gets the result of the own condition.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import numpy as np
from llvmlite import ir

from insulae.engine.primitives import Unsupported, Values, elementwise
from insulae.engine.vector_math import INT, VectorMath

INDEX = ir.IntType(64)
LONGEST_UNROLLED = 16


@dataclasses.dataclass(frozen=True)
class Counter:
    """The numbers 0, 1, 2 ... that a loop may run over."""

    length: int


@dataclasses.dataclass(frozen=True)
class Output:
    """Where a result goes: number of the output matrix and its first row, or first step of a series."""

    matrix: int
    row: int


@dataclasses.dataclass(frozen=True)
class Series:
    """A series that a loop has written to its output already."""

    output: Output


@dataclasses.dataclass(frozen=True)
class Rows:
    """An argument too long for registers, in rows of an input matrix; a loop goes through its first axis."""

    matrix: Any
    row: int
    shape: tuple[int, ...]


class Code(Protocol):
    """What loops and conditions need of the code they are written into; see `insulae.engine.lower`."""

    builder: Any
    math: VectorMath
    function: Any
    destinations: dict[Any, Output]

    def run(self, closed: Any, arguments: Sequence[Any]) -> list[Any]:
        """Write a traced function and return its results."""
        ...

    def store(self, output: Output, values: Values, step: Any = None) -> None:
        """Write an array into its rows of an output matrix, or one step of a series."""
        ...

    def step_of(self, rows: Rows, step: Any) -> Values:
        """Return one step of an argument that a loop goes through."""
        ...

    def same(self, scalar: Any) -> Values:
        """Return a scalar in every lane."""
        ...

    def region(self) -> Any:
        """Forget at its end what was computed within, where the code may not have passed."""
        ...


def write_scan(code: Code, equation: Any, inputs: list[Any]) -> list[Any]:
    """Write a loop over a known number of steps."""
    params = equation.params
    n_fixed, n_carried = params["num_consts"], params["num_carry"]
    fixed, carried = inputs[:n_fixed], inputs[n_fixed : n_fixed + n_carried]
    series = inputs[n_fixed + n_carried :]
    is_known = any(isinstance(x, np.ndarray) for x in series)
    if is_known or (not series and params["length"] <= LONGEST_UNROLLED):
        return _unrolled(code, params, fixed, carried, series)
    if params["reverse"]:
        raise Unsupported("a loop that runs backwards has no vector code", "Let it run forwards")
    targets = [code.destinations.get(v) for v in equation.outvars[n_carried:]]

    def body(index: Any, state: list[Any]) -> list[Any]:
        step = [_at(code, x, index) for x in series]
        results = code.run(params["jaxpr"], [*fixed, *state, *step])
        for target, value in zip(targets, results[n_carried:], strict=True):
            if target is not None:
                code.store(target, value, index)
        return results[:n_carried]

    def goes_on(index: Any, _: list[Any]) -> Any:
        return code.builder.icmp_signed("<", index, ir.Constant(INDEX, params["length"]))

    final = _loop(code, carried, body, goes_on)
    return [*final, *(t if t is None else Series(t) for t in targets)]


def _at(code: Code, series: Counter | Rows, index: Any) -> Values:
    if isinstance(series, Rows):
        return code.step_of(series, index)
    return code.same(code.builder.trunc(index, INT))


def _unrolled(
    code: Code, params: dict[str, Any], fixed: list[Any], carried: list[Any], series: list[Any]
) -> list[Any]:
    """Write a short loop over known arrays step by step."""
    n, steps, rows = len(carried), range(params["length"]), list[list[Any]]()
    for step in reversed(steps) if params["reverse"] else steps:
        given = [np.asarray(x[step], object) for x in series]
        results = code.run(params["jaxpr"], [*fixed, *carried, *given])
        carried, rows = results[:n], [*rows, results[n:]]
    ordered = rows[::-1] if params["reverse"] else rows
    return [*carried, *(np.stack(column) for column in zip(*ordered, strict=True))]


def write_while(code: Code, params: dict[str, Any], inputs: list[Any]) -> list[Any]:
    """Write a loop that goes on while a patient of the block needs it; each stops by the own condition."""
    n_condition, n_body = params["cond_nconsts"], params["body_nconsts"]
    for_condition, rest = inputs[:n_condition], inputs[n_condition:]
    for_body, carried = rest[:n_body], rest[n_body:]

    needed: list[Any] = []

    def goes_on(_: Any, state: list[Any]) -> Any:
        (condition,) = code.run(params["cond_jaxpr"], [*for_condition, *state])
        needed.append(condition[()])
        return _any(code, condition[()])

    def body(_: Any, state: list[Any]) -> list[Any]:
        after = code.run(params["body_jaxpr"], [*for_body, *state])
        return [_chosen(code, needed[0], new, old) for new, old in zip(after, state, strict=True)]

    return _loop(code, carried, body, goes_on)


def _loop(
    code: Code, carried: list[Values], body: Callable[..., list[Any]], goes_on: Callable[..., Any]
) -> list[Values]:
    """Write a loop that tests before each pass; what is carried lives in registers."""
    b, before = code.builder, code.builder.block
    blocks = [code.function.append_basic_block(name) for name in ("test", "body", "after")]
    b.branch(blocks[0])
    b.position_at_end(blocks[0])
    index = b.phi(INDEX)
    index.add_incoming(ir.Constant(INDEX, 0), before)
    state = [_phis(code, array, before) for array in carried]
    was_inside, code.math.is_inside_loop = code.math.is_inside_loop, True
    with code.region():
        b.cbranch(goes_on(index, state), blocks[1], blocks[2])
        b.position_at_end(blocks[1])
        results = body(index, state)
    code.math.is_inside_loop = was_inside
    index.add_incoming(b.add(index, ir.Constant(INDEX, 1)), b.block)
    for phis, array in zip(state, results, strict=True):
        _join(phis, array, b.block)
    b.branch(blocks[0])
    b.position_at_end(blocks[2])
    return state


def write_condition(code: Code, params: dict[str, Any], inputs: list[Any]) -> list[Any]:
    """Write a choice of two branches; the second is passed over where no patient of a block takes it."""
    if len(params["branches"]) > 2:
        raise Unsupported("a choice of more than two branches has no vector code", "Choose between two")
    (index, *arguments), (if_false, if_true) = inputs, params["branches"]
    b = code.builder
    is_true = b.icmp_signed("!=", index[()], code.math.integer(0))
    otherwise = code.run(if_false, arguments)
    before = b.block
    inside, after = (code.function.append_basic_block(name) for name in ("needed", "go_on"))
    b.cbranch(_any(code, is_true), inside, after)
    b.position_at_end(inside)
    with code.region():
        found = code.run(if_true, arguments)
        chosen = [_chosen(code, is_true, new, old) for new, old in zip(found, otherwise, strict=True)]
    b.branch(after)
    end = b.block
    b.position_at_end(after)
    results = [_phis(code, array, before) for array in otherwise]
    for phis, array in zip(results, chosen, strict=True):
        _join(phis, array, end)
    return results


def _any(code: Code, lanes: Any) -> Any:
    """Return whether a condition holds for a patient of the block."""
    bits = ir.IntType(code.math.width)
    return code.builder.icmp_unsigned("!=", code.builder.bitcast(lanes, bits), ir.Constant(bits, 0))


def _chosen(code: Code, lanes: Any, new: Values, old: Values) -> Values:
    """Return the new numbers of the patients for whom a condition holds, and the old ones of the others."""
    return elementwise(lambda yes, no: code.builder.select(lanes, yes, no), new, old)


def _phis(code: Code, array: Values, before: Any) -> Values:
    """Return vectors that are those of an array where the code comes from one block."""
    out = np.empty(array.shape, object)
    for place in np.ndindex(*array.shape):
        value: Any = array[place]
        phi = code.builder.phi(value.type)
        phi.add_incoming(value, before)
        out[place] = phi
    return out


def _join(phis: Values, array: Values, block: Any) -> None:
    """Let them be those of another array where the code comes from another block."""
    for place in np.ndindex(*phis.shape):
        cast(Any, phis[place]).add_incoming(array[place], block)
