"""The equations as text for other engines, written from what JAX traces: they cannot drift from ours.

A function of one patient is traced to a list of scalar operations (arrays are taken apart into their
elements, calls and both branches of choices are written out, barriers drop out); one table per language says
how each is written there.
Values are numbers, whole numbers of 32 bits that wrap, or truths; not every language has all three.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import jax
import numpy as np
from jax.extend import core
from numpy.typing import NDArray

from insulae.core.errors import InsulaeError
from insulae.core.registry import nearest

Operand = str | float | int | bool
Kind = Literal["number", "whole", "truth"]
Objects = NDArray[np.object_]

CALLS = ("jit", "pjit", "closed_call", "custom_jvp_call", "custom_vjp_call")
LONGEST_POWER = 8


class Untranslatable(InsulaeError):
    """An operation of the traced equations that other engines cannot be given."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """One scalar value of a kind and how it is made."""

    name: str
    primitive: str
    operands: tuple[Operand, ...]
    kind: Kind = "number"


@dataclasses.dataclass(frozen=True)
class Program:
    """A function as scalar operations: its arguments, with their kinds, and results, as their leaves lie."""

    inputs: tuple[str, ...]
    kinds: tuple[Kind, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[Operand, ...]


class _Tracer:
    """Takes a traced function apart; every array of the trace is an array of operands of the same shape."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def run(self, closed: core.ClosedJaxpr, arguments: Sequence[Objects]) -> list[Objects]:
        jaxpr = closed.jaxpr
        known: dict[Any, Objects] = dict(zip(jaxpr.invars, arguments, strict=True))
        known |= {v: _objects(c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True)}

        def read(atom: Any) -> Objects:
            if isinstance(atom, core.Literal):
                return _objects(np.asarray(atom.val, cast(Any, atom.aval).dtype))
            return known[atom]

        for equation in jaxpr.eqns:
            made = self._equation(equation, [read(atom) for atom in equation.invars])
            known |= dict(zip(equation.outvars, made, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(self, equation: Any, values: list[Objects]) -> list[Objects]:
        name, parameters = equation.primitive.name, equation.params
        if name in CALLS:
            return self.run(parameters.get("jaxpr") or parameters["call_jaxpr"], values)
        if name == "cond":
            return self._chosen(equation, values)
        if name == "optimization_barrier" or (name == "reduce_or" and not parameters["axes"]):
            return values
        if name in SHAPES:
            return [SHAPES[name](values, parameters)]
        if name == "reduce_sum":
            return [self._sum(values[0], parameters["axes"], _kind(equation.outvars[0].aval.dtype))]
        if name == "integer_pow":
            return [self._power(values[0], parameters["y"], _kind(equation.outvars[0].aval.dtype))]
        if name == "convert_element_type":
            return [self._converted(values[0], equation)]
        return [self._elementwise(name, values, _kind(equation.outvars[0].aval.dtype))]

    def _chosen(self, equation: Any, values: list[Objects]) -> list[Objects]:
        """Write out both branches of a choice and take one: other engines compute what we pass over."""
        (index, *arguments), (if_false, if_true) = values, equation.params["branches"]
        made = [self.run(branch, arguments) for branch in (if_false, if_true)]
        is_true = self._elementwise("ne", [index, _objects(0)], "truth")
        kinds = [_kind(variable.aval.dtype) for variable in equation.outvars]
        pairs = zip(*made, kinds, strict=True)
        return [self._elementwise("select_n", [is_true, no, yes], kind) for no, yes, kind in pairs]

    def _elementwise(self, name: str, values: Sequence[Objects], kind: Kind) -> Objects:
        together = np.broadcast(*values)
        made = [self._add(name, cast("tuple[Operand, ...]", operands), kind) for operands in together]
        return _objects(made).reshape(together.shape)

    def _add(self, primitive: str, operands: tuple[Operand, ...], kind: Kind) -> str:
        name = f"v{len(self.operations)}"
        self.operations.append(Operation(name, primitive, operands, kind))
        return name

    def _sum(self, values: Objects, axes: Sequence[int], kind: Kind) -> Objects:
        parts = np.moveaxis(values, axes, range(len(axes))).reshape(-1, *np.delete(values.shape, axes))
        total = parts[0]
        for part in parts[1:]:
            total = self._elementwise("add", [np.asarray(total, object), np.asarray(part, object)], kind)
        return np.asarray(total, object)

    def _power(self, values: Objects, exponent: int, kind: Kind) -> Objects:
        if not 1 < exponent <= LONGEST_POWER:
            raise Untranslatable(f"the power {exponent} has no translation", f"Expected 2 to {LONGEST_POWER}")
        product = values
        for _ in range(exponent - 1):
            product = self._elementwise("mul", [product, values], kind)
        return product

    def _converted(self, values: Objects, equation: Any) -> Objects:
        """Turn truths into ones and zeros, and numbers into whole ones towards zero or back."""
        before, after = _kind(equation.invars[0].aval.dtype), _kind(equation.outvars[0].aval.dtype)
        if before == after:
            return values
        if after == "truth":
            return self._elementwise("ne", [values, _objects(0.0 if before == "number" else 0)], "truth")
        if before == "truth":
            no, yes = (0.0, 1.0) if after == "number" else (0, 1)
            return self._elementwise("select_n", [values, _objects(no), _objects(yes)], after)
        return self._elementwise(f"{before}_to_{after}", [values], after)


def _kind(dtype: Any) -> Kind:
    """Return the kind of the values of an array; raises `Untranslatable` for one no language is given."""
    found = np.dtype(dtype)
    if found == np.bool_:
        return "truth"
    if found == np.int32:
        return "whole"
    if np.issubdtype(found, np.floating):
        return "number"
    raise Untranslatable(f"values of the type {found} have no translation", "Expected float, int32 or bool")


def _objects(value: Any) -> Objects:
    """Return an array of operands: names, truths, whole numbers as they are, and numbers as floats."""
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USbi":
        return array.astype(object)
    return array.astype(np.float64).astype(object)


def _broadcast(values: list[Objects], parameters: Mapping[str, Any]) -> Objects:
    shape, kept = parameters["shape"], parameters["broadcast_dimensions"]
    spread = [values[0].shape[kept.index(axis)] if axis in kept else 1 for axis in range(len(shape))]
    return np.broadcast_to(values[0].reshape(spread), shape)


def _slice(values: list[Objects], parameters: Mapping[str, Any]) -> Objects:
    strides = parameters["strides"] or [1] * values[0].ndim
    bounds = zip(parameters["start_indices"], parameters["limit_indices"], strides, strict=True)
    return values[0][tuple(slice(*bound) for bound in bounds)]


SHAPES: Mapping[str, Callable[[list[Objects], Mapping[str, Any]], Objects]] = {
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "reshape": lambda values, p: values[0].reshape(p["new_sizes"]),
    "squeeze": lambda values, p: np.squeeze(values[0], p["dimensions"]),
    "expand_dims": lambda values, p: np.expand_dims(values[0], p["dimensions"]),
    "transpose": lambda values, p: np.transpose(values[0], p["permutation"]),
    "concatenate": lambda values, p: np.concatenate(values, p["dimension"]),
    "stack": lambda values, p: np.stack(values, p.get("axis", 0)),
    "stop_gradient": lambda values, p: values[0],
    "copy": lambda values, p: values[0],
}


def trace(function: Callable[..., Any], *arguments: Any) -> Program:
    """Return a function of one patient as scalar operations; the arguments are examples of one."""
    leaves = jax.tree_util.tree_leaves(arguments)
    sizes = [int(np.size(leaf)) for leaf in leaves]
    names = [f"x{i}" for i in range(sum(sizes))]
    starts = np.cumsum([0, *sizes[:-1]])
    given = [
        _objects(names[start : start + size]).reshape(np.shape(leaf))
        for leaf, start, size in zip(leaves, starts, sizes, strict=True)
    ]
    tracer, closed = _Tracer(), jax.make_jaxpr(function)(*arguments)
    made = tracer.run(closed, given)
    outputs = tuple(operand for array in made for operand in array.ravel())
    kinds: list[Kind] = []
    for variable, size in zip(closed.in_avals, sizes, strict=True):
        for _ in range(size):
            kinds.append(_kind(variable.dtype))
    return _pruned(Program(tuple(names), tuple(kinds), tuple(tracer.operations), outputs))


def _pruned(program: Program) -> Program:
    """Leave out the operations on which no result depends."""
    needed = {operand for operand in program.outputs if isinstance(operand, str)}
    kept: list[Operation] = []
    for operation in reversed(program.operations):
        if operation.name in needed:
            kept.append(operation)
            needed |= {operand for operand in operation.operands if isinstance(operand, str)}
    return dataclasses.replace(program, operations=tuple(reversed(kept)))


@dataclasses.dataclass(frozen=True)
class Language:
    """How operations are written: a template for each operation, and a constant and a statement of each kind.

    A kind without a statement is one that the language does not have.
    """

    templates: Mapping[str, str]
    constant: Callable[[float | int | bool], str]
    forms: Mapping[Kind, str]

    def operand(self, operand: Operand) -> str:
        """Return an operand as it is written."""
        return operand if isinstance(operand, str) else self.constant(operand)

    def expression(self, operation: Operation, written: Mapping[str, str] | None = None) -> str:
        """Return the right-hand side of an operation; names that are `written` out already are replaced."""
        if operation.primitive not in self.templates:
            raise Untranslatable(
                f"the operation '{operation.primitive}' has no translation",
                nearest(operation.primitive, self.templates),
            )
        operands = [self.operand(operand) for operand in operation.operands]
        return self.templates[operation.primitive].format(*((written or {}).get(o, o) for o in operands))

    def statement(self, kind: Kind, name: str, value: str) -> str:
        """Return the statement that gives a name to a value."""
        if kind not in self.forms:
            raise Untranslatable(
                f"'{value}' is a {kind}, which has no translation", nearest(kind, self.forms)
            )
        return self.forms[kind].format(name=name, value=value)

    def statements(self, program: Program) -> Iterator[str]:
        """Return one statement for each operation, in order."""
        for operation in program.operations:
            yield self.statement(operation.kind, operation.name, self.expression(operation))


def _in_cplusplus(x: float | int | bool) -> str:
    if isinstance(x, bool | int):
        return f"whole_number({-x if isinstance(x, bool) else x})"
    if np.isfinite(x):
        return f"number({np.format_float_scientific(np.float32(x))}f)"
    return f"number({'-' if x < 0 else ''}INFINITY)"


_SIGNS = {
    "add": "({} + {})",
    "add_any": "({} + {})",
    "sub": "({} - {})",
    "mul": "({} * {})",
    "div": "({} / {})",
    "neg": "(-{})",
    "exp": "exp({})",
    "sqrt": "sqrt({})",
    "rsqrt": "(1.0 / sqrt({}))",
    "lt": "({} < {})",
    "le": "({} <= {})",
    "gt": "({} > {})",
    "ge": "({} >= {})",
    "eq": "({} == {})",
    "ne": "({} != {})",
}
PYTHON = Language(
    _SIGNS
    | {
        "max": "maximum({}, {})",
        "min": "minimum({}, {})",
        "select_n": "where({0}, {2}, {1})",
        "and": "({} & {})",
        "or": "({} | {})",
        "round": "rint({})",
        "rem": "fmod({}, {})",
    },
    repr,
    {"number": "{name} = {value}", "truth": "{name} = {value}"},
)
"""The names `exp`, `sqrt`, `maximum`, `where`, ... are those of numpy, jax.numpy or math."""

CPLUSPLUS = Language(
    _SIGNS
    | {
        "rsqrt": "(number(1.0f) / sqrt({}))",
        "max": "larger({}, {})",
        "min": "smaller({}, {})",
        "select_n": "({0} ? {2} : {1})",
        "and": "({} & {})",
        "or": "({} | {})",
        "xor": "({} ^ {})",
        "not": "(~{})",
        "shift_left": "({} << {})",
        "shift_right_arithmetic": "({} >> {})",
        "shift_right_logical": "shifted_right({}, {})",
        "number_to_whole": "whole_of({})",
        "whole_to_number": "number_of({})",
        "floor": "next_below({})",
        "round": "nearest({})",
        "rem": "remainder_of({}, {})",
    },
    _in_cplusplus,
    {
        "number": "const vec {name} = {value};",
        "whole": "const whole {name} = {value};",
        "truth": "const mask {name} = {value};",
    },
)
"""Vectors of single-precision numbers, and of whole numbers of 32 bits, with the functions of `day.cpp`."""

ANTIMONY = Language(
    _SIGNS | {"max": "max({}, {})", "min": "min({}, {})", "select_n": "piecewise({2}, {0}, {1})"},
    repr,
    {"number": "{name} := {value}", "truth": "{name} := {value}"},
)
"""Assignment rules of a model of the Systems Biology Markup Language."""


def python_function(program: Program, name: str, groups: Mapping[str, int]) -> str:
    """Return the source of a function of sequences, one per group of inputs, that returns a tuple."""
    source = [f"def {name}({', '.join(groups)}):"]
    names = iter(program.inputs)
    for group, size in groups.items():
        source += [f"    {next(names)} = {group}[{i}]" for i in range(size)]
    source += [f"    {statement}" for statement in PYTHON.statements(program)]
    results = ", ".join(PYTHON.operand(operand) for operand in program.outputs)
    return "\n".join([*source, f"    return ({results},)", ""])


def inlined(program: Program, language: Language) -> tuple[list[str], list[str]]:
    """Return statements only for values that are used more than once, and the results as expressions."""
    uses = Counter(operand for operation in program.operations for operand in operation.operands)
    uses.update(program.outputs)
    statements, written = list[str](), dict[str, str]()
    for operation in program.operations:
        expression = language.expression(operation, written)
        if uses[operation.name] == 1:
            written[operation.name] = expression
        else:
            statements.append(language.statement(operation.kind, operation.name, expression))
    results = [language.operand(operand) for operand in program.outputs]
    return statements, [written.get(result, result) for result in results]
