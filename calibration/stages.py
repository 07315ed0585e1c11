"""Stages of a long fit that are kept in a folder, so that one that was broken off goes on where it was.

A stage is found again only while the equations, the table of parameters and the fit itself are the same.
"""

import hashlib
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).parent
SOURCES = (
    "src/insulae/physiology/**/*.py",
    "src/insulae/inference/*.py",
    "src/insulae/tables/parameters.csv",
)
T = TypeVar("T")


def fingerprint(own: Sequence[str]) -> str:
    """Return a digest of the equations, the table, and some files of this folder."""
    digest = hashlib.sha256()
    files = [path for pattern in SOURCES for path in sorted(HERE.parent.glob(pattern))]
    for path in [*files, *(HERE / name for name in own)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def kept(folder: Path | None, name: str, own: Sequence[str], made: Callable[[], T]) -> T:
    """Return what a stage makes, from the folder where it was made before; without a folder, make it.

    Only folders of one's own should be given: what is read there is trusted.
    """
    if folder is None:
        return made()
    path = folder / f"{name}-{fingerprint(own)}.pickle"
    if path.exists():
        print(f"{name}: found in {path}", flush=True)
        return pickle.loads(path.read_bytes())
    begun = time.process_time()
    found = made()
    print(f"{name}: {time.process_time() - begun:.0f} s of the processor", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(found))
    return found
