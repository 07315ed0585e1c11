"""How each primitive operation of a traced function is written in vector code.

An array is a numpy array of vectors, one for each element; every vector holds that element for the patients
of a block. Unknown operations raise `Unsupported`, naming the operation.
"""

from typing import Any

import numpy as np
from jax import numpy as jnp
from llvmlite import ir

from insulae.core.errors import InsulaeError
from insulae.engine.vector_math import VectorMath

Values = np.ndarray[Any, np.dtype[np.object_]]


class Unsupported(InsulaeError):
    """A traced function uses an operation that has no vector code yet."""


UNARY = {
    "exp": VectorMath.exp,
    "log": VectorMath.log,
    "log1p": VectorMath.log1p,
    "cos": VectorMath.cos,
    "acos": VectorMath.acos,
    "neg": lambda m, x: m.b.fneg(x) if x.type == m.floats else m.b.neg(x),
    "not": lambda m, x: m.b.not_(x),
    "sqrt": lambda m, x: m.intrinsic("sqrt", x),
    "rsqrt": VectorMath.rsqrt,
    "abs": lambda m, x: m.intrinsic("fabs", x),
    "floor": lambda m, x: m.intrinsic("floor", x),
    "square": lambda m, x: m.mul(x, x),
    "stop_gradient": lambda m, x: x,
    "copy": lambda m, x: x,
}
FLOAT_BINARY = {
    "add": VectorMath.add,
    "add_any": VectorMath.add,
    "sub": VectorMath.sub,
    "mul": VectorMath.mul,
    "div": VectorMath.div,
    "max": VectorMath.maximum,
    "min": VectorMath.minimum,
    "pow": VectorMath.power,
    "rem": lambda m, a, b: m.b.fsub(a, m.b.fmul(b, m.intrinsic("trunc", m.b.fdiv(a, b)))),
}
INT_BINARY = {
    "add": lambda m, a, b: m.b.add(a, b),
    "sub": lambda m, a, b: m.b.sub(a, b),
    "mul": lambda m, a, b: m.b.mul(a, b),
    "max": lambda m, a, b: m.b.select(m.b.icmp_signed(">", a, b), a, b),
    "min": lambda m, a, b: m.b.select(m.b.icmp_signed("<", a, b), a, b),
    "and": lambda m, a, b: m.b.and_(a, b),
    "or": lambda m, a, b: m.b.or_(a, b),
}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _binary(math: VectorMath, name: str, a: Any, b: Any) -> Any:
    if name in COMPARISONS:
        sign = COMPARISONS[name]
        if a.type != math.floats:
            return math.b.icmp_signed(sign, a, b)
        # An undefined number differs from everything, itself included.
        return (math.b.fcmp_unordered if name == "ne" else math.b.fcmp_ordered)(sign, a, b)
    table = FLOAT_BINARY if a.type == math.floats else INT_BINARY
    if name not in table:
        raise _unsupported(name, f"of {a.type}")
    return table[name](math, a, b)


def _unsupported(name: str, where: str = "") -> Unsupported:
    return Unsupported(
        f"the operation '{name}' {where} has no vector code".replace("  ", " "),
        "Write the equation with other operations, or add it to insulae/engine/primitives.py",
    )


def _convert(math: VectorMath, x: Any, dtype: Any) -> Any:
    """Return a vector converted to the type of an array."""
    b, is_float, is_int = math.b, x.type == math.floats, x.type == math.ints
    if jnp.issubdtype(dtype, jnp.floating):
        return x if is_float else b.sitofp(x, math.floats) if is_int else b.uitofp(x, math.floats)
    if jnp.issubdtype(dtype, jnp.integer):
        return x if is_int else b.fptosi(x, math.ints) if is_float else b.zext(x, math.ints)
    if dtype == np.bool_:
        zero = math.number(0) if is_float else math.integer(0)
        return x if x.type.element == ir.IntType(1) else _binary(math, "ne", x, zero)
    raise _unsupported("convert_element_type", f"to {dtype}")


def _integer_power(math: VectorMath, x: Any, exponent: int) -> Any:
    """Return a small whole power by repeated squaring."""
    if exponent < 0:
        return math.b.fdiv(math.number(1), _integer_power(math, x, -exponent))
    result = None
    while exponent:
        if exponent & 1:
            result = x if result is None else math.mul(result, x)
        x, exponent = (math.mul(x, x) if exponent > 1 else x), exponent >> 1
    return math.number(1) if result is None else result


def elementwise(function: Any, *arrays: Values) -> Values:
    """Apply a function element by element."""
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    out = np.empty(shape, object)
    spread = [np.broadcast_to(a, shape) for a in arrays]
    for place in np.ndindex(*shape):
        out[place] = function(*(a[place] for a in spread))
    return out


def _reduced(function: Any, x: Values, axes: tuple[int, ...]) -> Values:
    for axis in sorted(axes, reverse=True):
        rows = list(np.moveaxis(x, axis, 0))
        total = np.asarray(rows[0], object)
        for row in rows[1:]:
            total = elementwise(function, total, np.asarray(row, object))
        x = total
    return x


def _broadcast(x: Values, shape: tuple[int, ...], dimensions: tuple[int, ...]) -> Values:
    sizes = [1] * len(shape)
    for source, target in enumerate(dimensions):
        sizes[target] = x.shape[source]
    return np.broadcast_to(x.reshape(sizes), shape)


def _reshaped(name: str, inputs: list[Values], p: dict[str, Any]) -> Values | None:
    """Return what only moves elements about; None for any other operation."""
    x = inputs[0]
    match name:
        case "broadcast_in_dim":
            return _broadcast(x, p["shape"], p["broadcast_dimensions"])
        case "reshape":
            return x.reshape(p["new_sizes"])
        case "squeeze":
            return np.asarray(np.squeeze(x, axis=p["dimensions"]), object)
        case "slice":
            strides = p["strides"] or (1,) * x.ndim
            limits = zip(p["start_indices"], p["limit_indices"], strides, strict=True)
            return x[tuple(slice(*one) for one in limits)]
        case "concatenate":
            return np.concatenate(inputs, axis=p["dimension"])
        case "stack":
            return np.stack(inputs, axis=p.get("axis", p.get("dimension", 0)))
        case _:
            return None


def write(math: VectorMath, name: str, inputs: list[Values], params: dict[str, Any]) -> Values:
    """Write one operation and return its result; raises `Unsupported`."""
    moved = _reshaped(name, inputs, params)
    if moved is not None:
        return moved
    match name:
        case "select_n":
            return elementwise(lambda c, no, yes: math.b.select(c, yes, no), *inputs)
        case "integer_pow":
            return elementwise(lambda x: _integer_power(math, x, params["y"]), *inputs)
        case "convert_element_type":
            return elementwise(lambda x: _convert(math, x, params["new_dtype"]), *inputs)
        case "reduce_sum":
            return _reduced(math.add, inputs[0], params["axes"])
        case "reduce_or":
            return _reduced(math.b.or_, inputs[0], params["axes"])
        case "round":
            kind = "roundeven" if int(params["rounding_method"]) == 1 else "round"
            return elementwise(lambda x: math.intrinsic(kind, x), *inputs)
        case "clamp":
            low, x, high = inputs
            return elementwise(lambda a, v, c: math.minimum(math.maximum(v, a), c), low, x, high)
        case _ if name in UNARY:
            return elementwise(lambda x: UNARY[name](math, x), *inputs)
        case _ if len(inputs) == 2:
            return elementwise(lambda a, b: _binary(math, name, a, b), *inputs)
        case _:
            raise _unsupported(name)


def constant(math: VectorMath, value: Any) -> Values:
    """Return a known array with each element in every lane."""
    array = np.asarray(value)
    out = np.empty(array.shape, object)
    for place in np.ndindex(*array.shape):
        out[place] = _constant(math, array[place])
    return out


def _constant(math: VectorMath, value: Any) -> ir.Constant:
    if value.dtype == np.bool_:
        return math.truth(bool(value))
    if np.issubdtype(value.dtype, np.integer):
        return math.integer(int(value))
    return math.number(float(value))
