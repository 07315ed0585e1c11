"""Frozen, keyword-only records that JAX can trace: states, parameters, signals, effects."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Value = jax.Array | NDArray[np.floating[Any]] | float
"""What a leaf may be given as: an array inside the compiled day, numpy or one number outside of it."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
def pytree(cls: type[T]) -> type[T]:
    """Make a class a frozen, keyword-only dataclass whose fields are leaves or subtrees for JAX."""
    return jax.tree_util.register_dataclass(dataclasses.dataclass(frozen=True, kw_only=True)(cls))


def replace(record: T, **changes: Any) -> T:
    """Return a copy of a record with some fields changed."""
    return dataclasses.replace(record, **changes)  # type: ignore[type-var]


def map_leaves(function: Callable[..., Any], tree: T, *others: T) -> T:
    """Apply a function leaf by leaf."""
    return jax.tree_util.tree_map(function, tree, *others)


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


def broadcast(tree: T, n: int, dtype: Any = jnp.float32) -> T:
    """Give every leaf a leading patient axis of length n and one floating type."""
    return map_leaves(lambda leaf: jnp.broadcast_to(jnp.asarray(leaf, dtype), (n,)), tree)
