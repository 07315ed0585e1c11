"""Fits kept in a folder, so that a command that was broken off goes on where it was.

A fit is found again by its name and by the source and the tables of everything below the studies: a change
there makes it anew. The files hold Python objects (pickle), so read only folders of your own.
"""

import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from insulae.engine.source import PACKAGE, hash_of_source

Found = TypeVar("Found")
FOLDERS = (
    "core",
    "devices",
    "endpoints",
    "engine",
    "inference",
    "lifestyle",
    "physiology",
    "populations",
    "tables",
    "therapies",
)
"""Folders of the package that a fit hangs on."""


@functools.cache
def _model() -> str:
    """Return the digest of source and tables."""
    parts = [hash_of_source(PACKAGE / folder) for folder in FOLDERS]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def kept(folder: Path | None, name: str, compute: Callable[[], Found]) -> Found:
    """Return what was kept under a name for the present model, else compute and keep it."""
    if folder is None:
        return compute()
    path = folder / f"{name}-{_model()}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())
    found = compute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        pickle.dump(found, file)
    os.replace(file.name, path)
    return found
