"""The name under which a compiled function is kept, from the source it was made of.

Tracing a day with JAX and writing it as vector code takes longer than loading the result. The name is a hash
of all code and tables of this package, of the versions of what translates it, of the processor and of the
shapes of the arguments, so whatever may change the code changes the name. A function that its source does not
tell has no name and is traced every time: one that lies inside another one or in another package, and any
while a function of the kernel is replaced by one from elsewhere. Not noticed: a method replaced in a class.
"""

import functools
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

import insulae
from insulae.core.jax_later import is_loaded, jax
from insulae.core.pytree import leaves, structure

PACKAGE = Path(insulae.__file__).parent
SOURCES = ("*.py", "*.csv")
KERNEL = tuple(f"{insulae.__name__}.{folder}." for folder in ("physiology", "devices", "lifestyle"))
TRANSLATORS = ("jax", "jaxlib", "llvmlite", "numpy")
KNOWN = frozenset({insulae.__name__, *TRANSLATORS, *sys.stdlib_module_names})
"""Packages whose functions this package's source and the versions tell."""


def hash_of_source(folder: Path) -> str:
    """Return the hash of the names and contents of all code and tables below a folder."""
    total = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in folder.rglob(pattern)):
        name, data = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        total.update(b"%d %d " % (len(name), len(data)) + name + data)
    return total.hexdigest()


@functools.cache
def _package() -> str:
    """Return what stays the same while this process runs: source, versions, settings of JAX."""
    versions = [f"{name} {metadata.version(name)}" for name in TRANSLATORS]
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("JAX_")]
    return "\n".join([hash_of_source(PACKAGE), platform.python_version(), *versions, *settings])


def _described(value: Any) -> str | None:
    """Return a text that tells a constant, a module or a function; None for what it cannot tell."""
    if isinstance(value, tuple):
        return str([_described(part) for part in value])
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, ModuleType):
        return value.__name__
    return repr(value) if isinstance(value, int | float | str) else None


def _globals(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield the present globals of the kernel's modules and of the function's own, in one order."""
    for module in sorted(sys.modules):
        if module.startswith(KERNEL) or module == function.__module__:
            for name, value in sorted(vars(sys.modules[module]).items()):
                if not name.startswith("__"):
                    yield f"{module}.{name}", value


def _is_told_by_source(function: Callable[..., Any]) -> bool:
    """Tell whether a function and all functions of the kernel come from where source or version tells."""
    module = sys.modules.get(function.__module__)
    if getattr(module, function.__name__, None) is not function:
        return False
    functions = [value for _, value in _globals(function) if isinstance(value, FunctionType)] + [function]
    return all(value.__module__.partition(".")[0] in KNOWN for value in functions)


def _is_double() -> bool:
    """Tell whether JAX computes in double precision, or will when it is loaded."""
    if is_loaded():
        return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
    return os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "true", "t", "yes", "y", "on")


def source_key(
    function: Callable[..., Any], shapes: Sequence[Any], n_integers: int, processor: str
) -> str | None:
    """Return the name of a compiled function of one patient; None where the source does not tell it.

    Nor does it in double precision, which is a setting of the process.
    """
    if _is_double() or not _is_told_by_source(function):
        return None
    records = list(shapes)
    arguments = [structure(records), str([np.shape(leaf) for leaf in leaves(records)]), str(n_integers)]
    present = [f"{name} {_described(value)}" for name, value in _globals(function)]
    name = f"{function.__module__}.{function.__name__}"
    return hashlib.sha256("\n".join([_package(), processor, name, *arguments, *present]).encode()).hexdigest()
