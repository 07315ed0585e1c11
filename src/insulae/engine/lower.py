"""Write a traced function as vector code: one pass over a block of patients, loops kept as loops.

The function speaks of one patient. Each number of it becomes a vector that holds the number of several
patients, so nothing a patient goes through depends on who else is there. Numbers live in registers from the
first step of a day to the last; only what is asked for is written to memory.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from jax.extend import core as jax_core
from llvmlite import ir

from insulae.engine.primitives import Unsupported, Values, constant, write
from insulae.engine.records import Layout
from insulae.engine.vector_math import FLOAT, INT, VectorMath

POINTER, INDEX = ir.PointerType(), ir.IntType(64)
ALIGNMENT = 4
LONGEST_UNROLLED = 16
CALLS = (
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "remat",
    "checkpoint",
)


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


class Code:
    """The code of one traced function over the columns of its matrices, a row for each number:
    `void name(float** inputs, int* integers, float** outputs, long stride, long begin, long end)`."""

    def __init__(self, name: str, width: int) -> None:
        """Open the function and the loop over blocks of patients."""
        self.module = ir.Module(name=name)
        kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INDEX, INDEX, INDEX])
        function = ir.Function(self.module, kind, name)
        self.inputs, self.integers, self.outputs, self.stride, self.begin, self.end = function.args
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.math = VectorMath(self.builder, width)
        self.width, self.function = width, function
        self.env: dict[Any, Any] = {}
        self.destinations: dict[Any, Output] = {}
        self._open_blocks()

    def _open_blocks(self) -> None:
        b, entry = self.builder, self.builder.block
        head, self._exit = (
            self.function.append_basic_block("patients"),
            self.function.append_basic_block("done"),
        )
        b.cbranch(b.icmp_signed("<", self.begin, self.end), head, self._exit)
        b.position_at_end(head)
        self.column = b.phi(INDEX, "column")
        self.column.add_incoming(self.begin, entry)
        self._head = head

    def close(self) -> ir.Module:
        """Close the loop over blocks of patients and return the module."""
        b = self.builder
        following = b.add(self.column, ir.Constant(INDEX, self.width))
        self.column.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, self.end), self._head, self._exit)
        b.position_at_end(self._exit)
        b.ret_void()
        return self.module

    def _matrix(self, table: Any, number: int) -> Any:
        place = self.builder.gep(table, [ir.Constant(INDEX, number)], source_etype=POINTER)
        return self.builder.load(place, typ=POINTER)

    def _cell(self, matrix: Any, row: Any) -> Any:
        b = self.builder
        place = b.add(b.mul(row, self.stride), self.column)
        return b.gep(matrix, [place], source_etype=FLOAT)

    def read(self, matrix: int, shapes: Sequence[tuple[int, ...]]) -> list[Values]:
        """Return the arrays of an input matrix, row after row."""
        pointer, row, arrays = self._matrix(self.inputs, matrix), 0, list[Values]()
        for shape in shapes:
            array = np.empty(shape, object)
            for place in np.ndindex(*shape):
                cell = self._cell(pointer, ir.Constant(INDEX, row))
                array[place] = self.builder.load(cell, typ=self.math.floats, align=ALIGNMENT)
                row += 1
            arrays.append(array)
        return arrays

    def integer(self, number: int) -> Values:
        """Return an integer argument, the same for all patients."""
        b = self.builder
        place = b.gep(self.integers, [ir.Constant(INDEX, number)], source_etype=INT)
        return self._same(b.load(place, typ=INT))

    def _same(self, scalar: Any) -> Values:
        """Return a scalar in every lane."""
        b, zero = self.builder, ir.Constant(self.math.ints, [ir.Constant(INT, 0)] * self.width)
        first = b.insert_element(ir.Constant(self.math.ints, ir.Undefined), scalar, ir.Constant(INT, 0))
        out = np.empty((), object)
        out[()] = b.shuffle_vector(first, ir.Constant(self.math.ints, ir.Undefined), zero)
        return out

    def store(self, output: Output, values: Values, step: Any = None) -> None:
        """Write an array into its rows of an output matrix, or one step of a series."""
        pointer = self._matrix(self.outputs, output.matrix)
        for offset, place in enumerate(np.ndindex(*values.shape)):
            row: Any = ir.Constant(INDEX, output.row + offset)
            row = row if step is None else self.builder.add(row, step)
            value = self._as_float(values[place])
            self.builder.store(value, self._cell(pointer, row), align=ALIGNMENT)

    def finish(self, output: Output, result: Any) -> None:
        """Write a result of the whole function; a series is in its place already."""
        if isinstance(result, Series):
            if result.output != output:
                raise Unsupported("a series may be returned once", "Return it in one place")
            return
        self.store(output, result)

    def _as_float(self, value: Any) -> Any:
        if value.type == self.math.floats:
            return value
        convert = self.builder.sitofp if value.type == self.math.ints else self.builder.uitofp
        return convert(value, self.math.floats)

    def value(self, variable: Any) -> Any:
        """Return what a variable or literal of the traced function holds."""
        if isinstance(variable, jax_core.Literal):
            return constant(self.math, np.asarray(variable.val, cast(Any, variable.aval).dtype))
        return self.env[variable]

    def run(self, closed: Any, arguments: Sequence[Any]) -> list[Any]:
        """Write a traced function and return its results."""
        jaxpr = closed.jaxpr
        constants = [constant(self.math, np.asarray(c)) for c in closed.consts]
        self.env.update(zip(jaxpr.constvars, constants, strict=True))
        self.env.update(zip(jaxpr.invars, arguments, strict=True))
        for equation in jaxpr.eqns:
            results = self._equation(equation, [self.value(v) for v in equation.invars])
            self.env.update(zip(equation.outvars, results, strict=True))
        return [self.value(v) for v in jaxpr.outvars]

    def _equation(self, equation: Any, inputs: list[Any]) -> list[Any]:
        name, params = equation.primitive.name, equation.params
        if name in CALLS:
            return self._call(equation, inputs)
        if name == "optimization_barrier":
            return inputs
        if name == "iota":
            return [Counter(params["shape"][0])]
        if name == "scan":
            return self._scan(equation, inputs)
        if name == "while":
            return self._while(params, inputs)
        return [write(self.math, name, inputs, params)]

    def _call(self, equation: Any, inputs: list[Any]) -> list[Any]:
        closed = equation.params.get("jaxpr") or equation.params["call_jaxpr"]
        if not hasattr(closed, "jaxpr"):
            closed = jax_core.ClosedJaxpr(closed, ())
        for inner, outer in zip(closed.jaxpr.outvars, equation.outvars, strict=True):
            if not isinstance(inner, jax_core.Literal) and outer in self.destinations:
                self.destinations[inner] = self.destinations[outer]
        return self.run(closed, inputs)

    def _scan(self, equation: Any, inputs: list[Any]) -> list[Any]:
        params = equation.params
        n_fixed, n_carried = params["num_consts"], params["num_carry"]
        fixed, carried = inputs[:n_fixed], inputs[n_fixed : n_fixed + n_carried]
        series = inputs[n_fixed + n_carried :]
        counted = all(isinstance(x, Counter) for x in series)
        if not counted or (not series and params["length"] <= LONGEST_UNROLLED):
            return self._unrolled(params, fixed, carried, series)
        if params["reverse"]:
            raise Unsupported("a loop that runs backwards has no vector code", "Let it run forwards")
        targets = [self.destinations.get(v) for v in equation.outvars[n_carried:]]

        def body(index: Any, state: list[Any]) -> list[Any]:
            step = [self._same(self.builder.trunc(index, INT)) for _ in series]
            results = self.run(params["jaxpr"], [*fixed, *state, *step])
            for target, value in zip(targets, results[n_carried:], strict=True):
                if target is not None:
                    self.store(target, value, index)
            return results[:n_carried]

        final = self._loop(carried, body, lambda index, _: self._below(index, params["length"]))
        return [*final, *(t if t is None else Series(t) for t in targets)]

    def _below(self, index: Any, length: int) -> Any:
        return self.builder.icmp_signed("<", index, ir.Constant(INDEX, length))

    def _unrolled(
        self, params: dict[str, Any], fixed: list[Any], carried: list[Any], series: list[Any]
    ) -> list[Any]:
        """Write a short loop over known arrays step by step."""
        n, steps, rows = len(carried), range(params["length"]), list[list[Any]]()
        for step in reversed(steps) if params["reverse"] else steps:
            given = [np.asarray(x[step], object) for x in series]
            results = self.run(params["jaxpr"], [*fixed, *carried, *given])
            carried, rows = results[:n], [*rows, results[n:]]
        ordered = rows[::-1] if params["reverse"] else rows
        return [*carried, *(np.stack(column) for column in zip(*ordered, strict=True))]

    def _while(self, params: dict[str, Any], inputs: list[Any]) -> list[Any]:
        n_condition, n_body = params["cond_nconsts"], params["body_nconsts"]
        for_condition, rest = inputs[:n_condition], inputs[n_condition:]
        for_body, carried = rest[:n_body], rest[n_body:]

        def goes_on(_: Any, state: list[Any]) -> Any:
            (condition,) = self.run(params["cond_jaxpr"], [*for_condition, *state])
            return self.builder.extract_element(condition[()], ir.Constant(INT, 0))

        def body(_: Any, state: list[Any]) -> list[Any]:
            return self.run(params["body_jaxpr"], [*for_body, *state])

        return self._loop(carried, body, goes_on)

    def _loop(self, carried: list[Values], body: Any, goes_on: Any) -> list[Values]:
        """Write a loop that tests before each pass; what is carried lives in registers."""
        b, before = self.builder, self.builder.block
        blocks = [self.function.append_basic_block(name) for name in ("test", "body", "after")]
        b.branch(blocks[0])
        b.position_at_end(blocks[0])
        index = b.phi(INDEX)
        index.add_incoming(ir.Constant(INDEX, 0), before)
        state = [self._phis(array, before) for array in carried]
        b.cbranch(goes_on(index, state), blocks[1], blocks[2])
        b.position_at_end(blocks[1])
        was_inside, self.math.is_inside_loop = self.math.is_inside_loop, True
        results = body(index, state)
        self.math.is_inside_loop = was_inside
        index.add_incoming(b.add(index, ir.Constant(INDEX, 1)), b.block)
        for phis, array in zip(state, results, strict=True):
            for place in np.ndindex(*phis.shape):
                cast(Any, phis[place]).add_incoming(array[place], b.block)
        b.branch(blocks[0])
        b.position_at_end(blocks[2])
        return state

    def _phis(self, array: Values, before: Any) -> Values:
        out = np.empty(array.shape, object)
        for place in np.ndindex(*array.shape):
            value: Any = array[place]
            phi = self.builder.phi(value.type)
            phi.add_incoming(value, before)
            out[place] = phi
        return out


def written(
    name: str,
    width: int,
    traced: Any,
    inputs: list[Layout[Any]],
    outputs: list[Layout[Any]],
    n_integers: int,
) -> str:
    """Return a traced function as the text of a module."""
    code = Code(name, width)
    arguments: list[Any] = []
    for number, layout in enumerate(inputs):
        arguments += code.read(number, layout.shapes)
    arguments += [code.integer(number) for number in range(n_integers)]
    targets = [Output(number, rows.start) for number, layout in enumerate(outputs) for rows in layout.rows]
    code.destinations.update(zip(traced.jaxpr.outvars, targets, strict=True))
    for target, value in zip(targets, code.run(traced, arguments), strict=True):
        code.finish(target, value)
    return str(code.close())
