"""JAX for modules that need it only where equations are traced: imported at the first use.

A run whose compiled code is kept traces nothing, so it need not wait for JAX. Here `jax`, `jnp` and `lax`
are the modules of JAX by their usual names, and `Array` stands in annotations. What must be told to JAX, such
as a kind of record, is told once it is loaded, by whomever.
"""

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["Array", "is_loaded", "jax", "jnp", "lax", "once_loaded"]
JAX = "jax"


class _Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import jax
    import jax.numpy as jnp
    from jax import Array, lax
else:
    jax, jnp, lax = (_Later(name) for name in (JAX, "jax.numpy", "jax.lax"))
    Array = Any

_waiting: list[Callable[[], None]] = []


def is_loaded() -> bool:
    """Tell whether somebody has imported JAX."""
    return hasattr(sys.modules.get(JAX), "tree_util")


def once_loaded(action: Callable[[], None]) -> None:
    """Do something as soon as JAX is imported; at once where it is."""
    if is_loaded():
        action()
    else:
        _waiting.append(action)


class _Watch:
    """Finds JAX as everybody does, and does what waits for it after it is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Return how to load JAX; None for any other module."""
        if name != JAX:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        specs = (finder.find_spec(name, path, target) for finder in others)
        found = next((spec for spec in specs if spec is not None), None)
        if found is not None and found.loader is not None:
            load = found.loader.exec_module

            def load_and_tell(module: ModuleType) -> None:
                load(module)
                while _waiting:
                    _waiting.pop(0)()

            found.loader.exec_module = load_and_tell
        return found


if not is_loaded():
    sys.meta_path.insert(0, _Watch())
