"""Frozen, keyword-only records that JAX can trace: states, parameters, signals, effects."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, dataclass_transform

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


def register(cls: type[T]) -> type[T]:
    """Let the fields of a dataclass be leaves or subtrees, here and for JAX."""
    _fields[cls] = tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
    once_loaded(lambda: jax.tree_util.register_dataclass(cls))
    return cls


def replace(record: T, **changes: Any) -> T:
    """Return a copy of a record with some fields changed."""
    return dataclasses.replace(record, **changes)  # type: ignore[type-var]


def map_leaves(function: Callable[..., Any], tree: T, *others: T) -> T:
    """Apply a function leaf by leaf to records, tuples, lists and dictionaries of one structure."""
    kind: Any = type(tree)
    if (names := _fields.get(kind)) is not None:
        values = [vars(one) for one in (tree, *others)]
        return kind(**{name: map_leaves(function, *[value[name] for value in values]) for name in names})
    if isinstance(tree, tuple | list):
        made = [map_leaves(function, *parts) for parts in zip(tree, *others, strict=True)]
        return kind(*made) if hasattr(kind, "_fields") else kind(made)
    if isinstance(tree, dict):
        both: Any = (tree, *others)
        return kind({name: map_leaves(function, *[one[name] for one in both]) for name in sorted(both[0])})
    return function(tree, *others)


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of records, tuples, lists and dictionaries in their order, which is that of JAX."""
    found: list[Any] = []
    map_leaves(found.append, tree)
    return found


def with_leaves(example: T, values: Iterable[Any]) -> T:
    """Return a tree of the structure of an example that holds some leaves, in their order."""
    following = iter(values)
    return map_leaves(lambda _: next(following), example)


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
