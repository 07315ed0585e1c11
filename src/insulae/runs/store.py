"""Files of a run: named by what they depend on, written whole or not at all, so a killed run can go on."""

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from insulae.core.errors import RunError

UNFINISHED = ".unfinished"
DIGITS = 16


def digest(*parts: str | bytes) -> str:
    """Return a short hash of some texts; the borders between the parts count."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:DIGITS]


def digest_of(record: Any) -> str:
    """Return the hash of plain data, whatever the order of its keys."""
    return digest(json.dumps(record, sort_keys=True, ensure_ascii=False))


def digest_of_files(folder: Path, paths: Iterable[Path]) -> str:
    """Return the hash of the names and contents of some files below a folder."""
    parts: list[str | bytes] = []
    for path in sorted(paths):
        parts += [path.relative_to(folder).as_posix(), path.read_bytes().replace(b"\r\n", b"\n")]
    return digest(*parts)


def make_folder(folder: Path) -> None:
    """Create a folder, remove what an interrupted run left unfinished in it; or raise `RunError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise RunError(f"the folder {folder} cannot be written to", "Choose another one with --out")


def _unwritable(path: Path, error: OSError) -> RunError:
    reason = error.strerror or str(error)
    return RunError(f"cannot write {path}: {reason}", "Free some space or choose another folder with --out")


def write_whole(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file, then put it in place; raises `RunError` when the disk refuses."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}{UNFINISHED}")
    try:
        write(unfinished)
        with open(unfinished, "rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text file whole."""

    def write(to: Path) -> None:
        to.write_bytes(text.encode("utf-8"))

    return write_whole(path, write)


def write_json(path: Path, record: Any) -> Path:
    """Write plain data whole; numbers that are not finite are refused."""
    return write_text(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_table(path: Path, table: pa.Table) -> Path:
    """Write a table whole; the same table gives the same bytes."""
    return write_whole(path, lambda to: pq.write_table(table, to, compression="zstd"))


def read_table(path: Path) -> pa.Table:
    """Read a table back; raises `RunError` when the file is damaged."""
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"cannot read {path}: {error}", "Delete the file and run the study again") from error
