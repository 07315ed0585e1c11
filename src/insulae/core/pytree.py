"""Frozen, keyword-only records that JAX can trace: states, parameters, signals, effects."""

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from insulae.core.jax_later import Array, jax, once_loaded

T = TypeVar("T")
Value = Array | NDArray[np.floating[Any]] | float
"""What a leaf may be given as: an array inside the compiled day, numpy or one number outside of it."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only dataclass whose fields are leaves or subtrees for JAX."""
    return register(dataclasses.dataclass(frozen=True, kw_only=True)(cls))


_fields: dict[type, tuple[str, ...]] = {}
"""The names of the fields of each kind of record."""
_WITH_PARTS: set[type] = {list, dict}
"""What may hold leaves, beside tuples of any kind."""


def register(cls: type[T]) -> type[T]:
    """Let the fields of a dataclass be leaves or subtrees, here and for JAX."""
    _fields[cls] = tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
    _WITH_PARTS.add(cls)

    def tell_jax() -> None:
        jax.tree_util.register_dataclass(cls)

    once_loaded(tell_jax)
    return cls


def replace(record: T, **changes: Any) -> T:
    """Return a copy of a record with some fields changed."""
    return dataclasses.replace(record, **changes)  # type: ignore[type-var]


def map_leaves(function: Callable[..., Any], tree: T, *others: T) -> T:
    """Apply a function leaf by leaf to records, tuples, lists and dictionaries of one structure."""
    parts = zip(*(leaves(one) for one in (tree, *others)), strict=True)
    return maker(tree)(itertools.starmap(function, parts))


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of records, tuples, lists and dictionaries in their order, which is that of JAX."""
    found: list[Any] = []
    _collect(tree, found)
    return found


def _collect(tree: Any, found: list[Any]) -> None:
    parts = _parts(tree)
    if parts is None:
        found.append(tree)
        return
    for part in parts:
        if type(part) in _WITH_PARTS or isinstance(part, tuple):
            _collect(part, found)
        else:
            found.append(part)


def _parts(tree: Any) -> Iterable[Any] | None:
    """Return what a record, a tuple, a list or a dictionary holds; None for a leaf."""
    kind = type(tree)
    if kind in _fields:
        held = vars(tree)
        return [held[name] for name in _fields[kind]]
    if isinstance(tree, tuple | list):
        return tree
    return [tree[name] for name in sorted(tree)] if isinstance(tree, dict) else None


def reader(example: Any) -> Callable[[Any], Sequence[Any]]:
    """Return a function that gives the leaves of trees of the structure of an example, in their order."""
    paths = _paths(example)
    if paths is None or len(paths) < 2:
        return leaves
    return operator.attrgetter(*paths)


def _paths(tree: Any, path: str = "") -> list[str] | None:
    """Return where the leaves of records within records are, in dotted names; None for other trees."""
    if type(tree) not in _fields:
        return None if type(tree) in _WITH_PARTS or isinstance(tree, tuple) else [path]
    found = [_paths(getattr(tree, name), f"{path}.{name}".lstrip(".")) for name in _fields[type(tree)]]
    return None if any(part is None for part in found) else [name for part in found for name in part or ()]


def maker(example: T) -> Callable[[Iterator[Any]], T]:
    """Return a function that makes trees of the structure of an example from their leaves, in their order."""
    parts, kind = _parts(example), cast(Any, type(example))
    if parts is None:
        return next
    makers = [maker(part) for part in parts]
    if kind in _fields:
        return functools.partial(_record, kind, _fields[kind], makers)
    if isinstance(example, dict):
        names = sorted(example)
        return lambda values: kind(zip(names, [make(values) for make in makers], strict=True))
    if hasattr(kind, "_fields"):
        return lambda values: kind(*[make(values) for make in makers])
    return lambda values: kind([make(values) for make in makers])


def _record(kind: type, names: Sequence[str], makers: list[Any], values: Iterator[Any]) -> Any:
    """Return a record of some parts; they are put where its own `__init__` would, in less time."""
    made = object.__new__(kind)
    vars(made).update(zip(names, [make(values) for make in makers], strict=True))
    return made


def structure(tree: Any) -> str:
    """Return a text that tells the kinds of records and their fields, whatever the leaves."""
    return str(map_leaves(lambda leaf: 0, tree))


def skeleton(cls: type[T]) -> T:
    """Return a record of one patient with a zero in every leaf, for what depends on the structure alone.

    >>> @pytree
    ... class Point:
    ...     x: Value
    >>> skeleton(Point)
    Point(x=0.0)
    """
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    made = {f.name: skeleton(f.type) if dataclasses.is_dataclass(f.type) else 0.0 for f in fields}  # type: ignore[arg-type]
    return cls(**made)


def take(tree: T, index: Any) -> T:
    """Take rows of the leading axis of every leaf."""
    return map_leaves(lambda leaf: leaf[index], tree)


def concatenate(trees: list[T]) -> T:
    """Join records along the leading axis of every leaf."""
    return map_leaves(lambda *leaves: np.concatenate(leaves), *trees)


def broadcast(tree: T, n: int, dtype: Any = np.float32) -> T:
    """Give every leaf a leading patient axis of length n and one floating type."""
    return map_leaves(lambda leaf: np.broadcast_to(np.asarray(leaf, dtype), (n,)), tree)
