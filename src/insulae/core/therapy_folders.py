"""Folders of one's own that add therapies: INSULAE_THERAPIES names them, separated as in PATH.

A folder holds one Python file for each therapy, a parameters.csv with their rows and, for sources the package
does not know, a references.bib. Their code runs with the rights of who starts insulae.
"""

import functools
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from insulae.core.errors import TableError

FOLDERS = "INSULAE_THERAPIES"


@functools.cache
def therapy_folders() -> tuple[Path, ...]:
    """Return the folders; raises `TableError` for one that is not there."""
    named = [Path(part).absolute() for part in os.environ.get(FOLDERS, "").split(os.pathsep) if part]
    for folder in named:
        if not folder.is_dir():
            raise TableError(f"{FOLDERS} names no folder: '{folder}'", "Name folders that hold therapies")
    return tuple(named)


def therapy_files() -> list[tuple[Path, Path]]:
    """Return (folder, file) of everything in the folders that can change a number."""
    patterns = ("*.py", "parameters.csv")
    return [(f, path) for f in therapy_folders() for one in patterns for path in sorted(f.glob(one))]


def tables(name: str) -> Iterator[tuple[str, str]]:
    """Yield where a table stands and its text: that of the package, then those of the folders."""
    yield name, resources.files("insulae.tables").joinpath(name).read_text(encoding="utf-8")
    for folder in therapy_folders():
        path = folder / name
        if path.exists():
            yield str(path), path.read_text(encoding="utf-8")
