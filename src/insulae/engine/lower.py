"""Write a traced function as vector code: one pass over a block of patients, loops kept as loops.

The function speaks of one patient. Each number of it becomes a vector that holds the number of several
patients, so nothing a patient goes through depends on who else is there. Numbers live in registers from the
first step of a day to the last; only what is asked for is written to memory.
"""

import contextlib
from collections import ChainMap
from collections.abc import Generator, Iterable, Sequence
from typing import Any, cast

import numpy as np
from jax.extend import core as jax_core
from llvmlite import ir

from insulae.engine.flow import Counter, Output, Rows, Series, write_condition, write_scan, write_while
from insulae.engine.primitives import Unsupported, Values, constant, write
from insulae.engine.records import Layout
from insulae.engine.smallest_numbers import add_entry
from insulae.engine.vector_math import FLOAT, INT, VectorMath

POINTER, INDEX = ir.PointerType(), ir.IntType(64)
ALIGNMENT = 4
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
NEVER_TWICE = frozenset({*CALLS, "scan", "while", "iota", "optimization_barrier"})
"""Equations that are not looked up among those written before; those within calls and loops are."""


class Code:
    """The code of one traced function over the columns of its matrices, a row for each number:
    `void name(float** inputs, long* strides, int* integers, float** outputs, long* strides, long begin,
    long end)`; a stride is the distance of two rows of a matrix."""

    def __init__(self, name: str, width: int) -> None:
        """Open the function and the loop over blocks of patients."""
        self.module = ir.Module(name=name)
        kind = ir.FunctionType(ir.VoidType(), [*[POINTER] * 5, INDEX, INDEX])
        function = ir.Function(self.module, kind, f"{name}_of_blocks")
        self.name = name
        inputs, input_strides, self.integers, outputs, output_strides, self.begin, self.end = function.args
        self.inputs, self.outputs = (inputs, input_strides), (outputs, output_strides)
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.math = VectorMath(self.builder, width)
        self.width, self.function = width, function
        self.env: dict[Any, Any] = {}
        self.destinations: dict[Any, Output] = {}
        self._known: ChainMap[Any, list[Any]] = ChainMap()
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
        """Close the loop over blocks of patients, add the function to be called, and return the module."""
        b = self.builder
        following = b.add(self.column, ir.Constant(INDEX, self.width))
        self.column.add_incoming(following, b.block)
        b.cbranch(b.icmp_signed("<", following, self.end), self._head, self._exit)
        b.position_at_end(self._exit)
        b.ret_void()
        add_entry(self.module, self.function, self.name)
        return self.module

    def _matrix(self, tables: tuple[Any, Any], number: int) -> tuple[Any, Any]:
        """Return where a matrix lies and the distance of its rows."""
        b, place = self.builder, [ir.Constant(INDEX, number)]
        start = b.load(b.gep(tables[0], place, source_etype=POINTER), typ=POINTER)
        return start, b.load(b.gep(tables[1], place, source_etype=INDEX), typ=INDEX)

    def _cell(self, matrix: tuple[Any, Any], row: Any) -> Any:
        b, (start, stride) = self.builder, matrix
        place = b.add(b.mul(row, stride), self.column)
        return b.gep(start, [place], source_etype=FLOAT)

    def read(
        self, matrix: int, shapes: Sequence[tuple[int, ...]], are_series: Iterable[bool]
    ) -> list[Values | Rows]:
        """Return the arrays of an input matrix, row after row; series are read by loops through them."""
        pointer, row, arrays = self._matrix(self.inputs, matrix), 0, list[Values | Rows]()
        for shape, is_series in zip(shapes, are_series, strict=False):
            rows = Rows(pointer, row, shape)
            arrays.append(rows if is_series else self._loaded(rows, ir.Constant(INDEX, row)))
            row += int(np.prod(shape))
        return arrays

    def _loaded(self, rows: Rows, first: Any) -> Values:
        """Return an array whose first element lies in a row."""
        array = np.empty(rows.shape, object)
        for offset, place in enumerate(np.ndindex(*rows.shape)):
            row = self.builder.add(first, ir.Constant(INDEX, offset)) if offset else first
            cell = self._cell(rows.matrix, row)
            array[place] = self.builder.load(cell, typ=self.math.floats, align=ALIGNMENT)
        return array

    def step_of(self, rows: Rows, step: Any) -> Values:
        """Return one step of an argument that a loop goes through."""
        shape = rows.shape[1:]
        along = self.builder.mul(step, ir.Constant(INDEX, int(np.prod(shape))))
        first = self.builder.add(ir.Constant(INDEX, rows.row), along)
        return self._loaded(Rows(rows.matrix, rows.row, shape), first)

    def integer(self, number: int) -> Values:
        """Return an integer argument, the same for all patients."""
        b = self.builder
        place = b.gep(self.integers, [ir.Constant(INDEX, number)], source_etype=INT)
        return self.same(b.load(place, typ=INT))

    def same(self, scalar: Any) -> Values:
        """Return a scalar in every lane."""
        b, zero = self.builder, ir.Constant(self.math.ints, [ir.Constant(INT, 0)] * self.width)
        first = b.insert_element(ir.Constant(self.math.ints, ir.Undefined), scalar, ir.Constant(INT, 0))
        out = np.empty((), object)
        out[()] = b.shuffle_vector(first, ir.Constant(self.math.ints, ir.Undefined), zero)
        return out

    def store(self, output: Output, values: Values, step: Any = None) -> None:
        """Write an array into its rows of an output matrix, or one step of a series."""
        pointer = self._matrix(self.outputs, output.matrix)
        along = step and self.builder.mul(step, ir.Constant(INDEX, values.size))
        for offset, place in enumerate(np.ndindex(*values.shape)):
            row: Any = ir.Constant(INDEX, output.row + offset)
            row = row if step is None else self.builder.add(row, along)
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
            results = self._once(equation, [self.value(v) for v in equation.invars])
            self.env.update(zip(equation.outvars, results, strict=True))
        return [self.value(v) for v in jaxpr.outvars]

    @contextlib.contextmanager
    def region(self) -> Generator[None]:
        """Forget at its end what was computed within, where the code may not have passed."""
        self._known = self._known.new_child()
        yield
        self._known = self._known.parents

    def _once(self, equation: Any, inputs: list[Any]) -> list[Any]:
        """Return the results of an equation; one that was written before is not written again."""
        name = equation.primitive.name
        if name in NEVER_TWICE or not all(isinstance(x, np.ndarray) for x in inputs):
            return self._equation(equation, inputs)
        operands = tuple((x.shape, *(id(vector) for vector in x.flat)) for x in inputs)
        key = (name, str(equation.params), self.math.is_inside_loop, operands)
        if key not in self._known:
            # The operands are kept with the results: no other vector may take their identity.
            self._known[key] = [inputs, self._equation(equation, inputs)]
        return cast(list[Any], self._known[key][1])

    def _equation(self, equation: Any, inputs: list[Any]) -> list[Any]:
        name, params = equation.primitive.name, equation.params
        if name in CALLS:
            return self._call(equation, inputs)
        match name:
            case "optimization_barrier":
                return inputs
            case "iota":
                return [Counter(params["shape"][0])]
            case "scan":
                return write_scan(self, equation, inputs)
            case "while":
                return write_while(self, params, inputs)
            case "cond":
                return write_condition(self, params, inputs)
            case _:
                return [write(self.math, name, inputs, params)]

    def _call(self, equation: Any, inputs: list[Any]) -> list[Any]:
        closed = equation.params.get("jaxpr") or equation.params["call_jaxpr"]
        if not hasattr(closed, "jaxpr"):
            closed = jax_core.ClosedJaxpr(closed, ())
        for inner, outer in zip(closed.jaxpr.outvars, equation.outvars, strict=True):
            if not isinstance(inner, jax_core.Literal) and outer in self.destinations:
                self.destinations[inner] = self.destinations[outer]
        return self.run(closed, inputs)


def _are_series(jaxpr: Any) -> list[bool]:
    """Tell which arguments of a traced function nothing but loops go through, step by step."""
    series, others = set[Any](), {v for v in jaxpr.outvars if isinstance(v, jax_core.Var)}
    for equation in jaxpr.eqns:
        params, is_scan = equation.params, equation.primitive.name == "scan"
        whole = params["num_consts"] + params["num_carry"] if is_scan else len(equation.invars)
        others.update(v for v in equation.invars[:whole] if isinstance(v, jax_core.Var))
        series.update(v for v in equation.invars[whole:] if isinstance(v, jax_core.Var))
    return [v in series and v not in others for v in jaxpr.invars]


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
    are_series = iter(_are_series(traced.jaxpr))
    for number, layout in enumerate(inputs):
        arguments += code.read(number, layout.shapes, are_series)
    arguments += [code.integer(number) for number in range(n_integers)]
    targets = [Output(number, rows.start) for number, layout in enumerate(outputs) for rows in layout.rows]
    code.destinations.update(zip(traced.jaxpr.outvars, targets, strict=True))
    for target, value in zip(targets, code.run(traced, arguments), strict=True):
        code.finish(target, value)
    return str(code.close())
