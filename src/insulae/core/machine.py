"""What this process computes with: the engine that compiles the model, and where compiled code is kept."""

import functools
import os
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from insulae.core.errors import UnknownName
from insulae.core.jax_later import jax

ENGINE = "INSULAE_ENGINE"
ENGINES = ("native", "xla")


@functools.cache
def engine() -> str:
    """Return which compiler is used: INSULAE_ENGINE, else `xla` where JAX finds a GPU, else `native`.

    Raises `UnknownName` for a wrong choice.
    """
    chosen = os.environ.get(ENGINE)
    if chosen is None:
        return "xla" if _may_have_accelerator() and jax.default_backend() != "cpu" else "native"
    if chosen not in ENGINES:
        raise UnknownName(f"{ENGINE} names no engine: '{chosen}'", f"Known: {', '.join(ENGINES)}")
    return chosen


def _may_have_accelerator() -> bool:
    """Tell whether anything is installed that lets JAX compute elsewhere than on the processor.

    JAX without its plugins knows processors alone, so it need not be loaded to be asked.
    """
    packages = ("jax_plugins", "libtpu")
    return any(find_spec(name) for name in packages) or bool(entry_points(group="jax_plugins"))


def cache_folder() -> Path:
    """Return where compiled code is kept between runs: INSULAE_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("INSULAE_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "insulae" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "insulae"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "insulae"


def writable_folder(name: str) -> Path | None:
    """Return a folder of the cache, created where it is missing; None where it cannot be written."""
    folder = cache_folder() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
