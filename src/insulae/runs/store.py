"""Files of a run, in a folder or below an fsspec URL: written whole or not at all, so a killed run can go on.

A file of a folder is written beside its place and moved there; an object of a store is written to a local
temporary file and uploaded in one piece.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from insulae.core.errors import RunError

UNFINISHED = ".unfinished"
DIGITS = 16
NESTED = (dict, list, tuple)
"""What has lines of its own in a file of JSON."""
if TYPE_CHECKING:
    from upath import UPath

    Location = Path | UPath
else:  # an import that takes longer than to write all files of a small run, needed for URLs alone
    Location = Path
"""A local path, or one below a URL; both speak the language of `pathlib`."""


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


def location(given: Location | str) -> Location:
    """Return the path that a text or path names: a local folder, or `s3://`, `gs://`, `file://` and the like.

    Raises `RunError` when the file system is not known or its package is not installed.
    """
    if "://" not in str(given):
        return Path(str(given))
    from upath import UPath

    try:
        found = UPath(given)
        found.fs  # noqa: B018  (loads the package behind the file system)
    except (ImportError, ValueError) as error:
        hint = "Install the package named here, for example: pip install s3fs (s3://) or gcsfs (gs://)"
        raise RunError(f"cannot use {given}: {error}", hint) from error
    return Path(found.path) if found.protocol in ("file", "local") else found


def make_folder(folder: Location) -> None:
    """Create a folder, remove what an interrupted run left unfinished in it; or raise `RunError`.

    A store of objects has no folders: there a small object is written and removed.
    """
    if not isinstance(folder, Path):
        probe = write_text(folder / f"probe{UNFINISHED}", "")
        with _refused(folder, Exception):
            probe.unlink()
        return
    with _refused(folder, OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
    if not os.access(folder, os.W_OK):
        raise RunError(f"the folder {folder} cannot be written to", "Choose another one with --out")


@contextlib.contextmanager
def _refused(path: Location, kind: type[Exception]) -> Generator[None]:
    """Turn the refusal of a disk or store into `RunError`; packages of stores have errors of their own."""
    try:
        yield
    except kind as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        first = "Free some space" if isinstance(path, Path) else "Check address, keys and permissions"
        hint = f"{first} or choose another place with --out"
        raise RunError(f"cannot write {path}: {reason}", hint) from error


def write_whole(path: Location, write: Callable[[Path], None]) -> Location:
    """Let `write` fill a temporary file, then put it in place; raises `RunError` when the disk refuses."""
    put = _write_beside if isinstance(path, Path) else _upload
    with _refused(path, OSError):
        put(cast(Any, path), write)
    return path


def _write_beside(path: Path, write: Callable[[Path], None]) -> None:
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}{UNFINISHED}")
    try:
        write(unfinished)
        with open(unfinished, "rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _upload(path: "UPath", write: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unfinished = Path(folder) / path.name
        write(unfinished)
        with _refused(path, Exception):
            path.fs.put_file(str(unfinished), path.path)


def write_text(path: Location, text: str) -> Location:
    """Write a text file whole."""

    def write(to: Path) -> None:
        to.write_bytes(text.encode("utf-8"))

    return write_whole(path, write)


def write_json(path: Location, record: Any) -> Location:
    """Write plain data whole, a list on one line; numbers that are not finite are refused."""
    return write_text(path, _laid_out(record) + "\n")


def _laid_out(record: Any, margin: str = "\n") -> str:
    """Return JSON with a line for each entry and each plain list.

    With an indent, `json` gives every number a line of its own and leaves its fast writer.
    """
    inner, is_list = margin + " ", isinstance(record, list | tuple)
    if isinstance(record, Mapping) and record:
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_laid_out(record[key], inner)}" for key in record]
    elif is_list and any(isinstance(part, NESTED) for part in record):
        parts = [_laid_out(part, inner) for part in record]
    else:
        return json.dumps(record, ensure_ascii=False, allow_nan=False)
    opening, closing = "[]" if is_list else "{}"
    return opening + ",".join(inner + part for part in parts) + margin + closing


def write_tables(path: Location, schema: pa.Schema, tables: Iterable[pa.Table]) -> Location:
    """Write tables one after the other into one file, each a row group of its own, never two in memory.

    The same tables give the same bytes. Texts coded as dictionaries read back as plain texts. Fractions
    hardly repeat, and a dictionary of them takes more time and room than they do.
    """
    repeating: Any = [field.name for field in schema if not pa.types.is_floating(field.type)]

    def write(to: Path) -> None:
        with pq.ParquetWriter(
            to, schema, compression="zstd", store_schema=False, use_dictionary=repeating
        ) as writer:
            for table in tables:
                writer.write_table(table.combine_chunks(), row_group_size=max(1, table.num_rows))

    return write_whole(path, write)


def read_table(
    path: Location, columns: Sequence[str] | None = None, read_dictionary: Sequence[str] = ()
) -> pa.Table:
    """Read a table back, or some columns of it; raises `RunError` when the file is damaged.

    Texts of the columns named in `read_dictionary` stay coded.
    """
    tables = [*read_row_groups(path, columns, read_dictionary)]
    return pa.concat_tables(tables) if len(tables) != 1 else tables[0]


def read_row_groups(
    path: Location, columns: Sequence[str] | None = None, read_dictionary: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """Yield a table row group by row group, one in memory at a time; see `read_table`."""
    # `pyarrow.parquet.read_table` and `empty_table` import pandas: longer than reading most tables takes.
    try:
        with path.open("rb") as opened, pq.ParquetFile(opened, read_dictionary=[*read_dictionary]) as file:
            if not file.num_row_groups:
                none = pa.Table.from_batches([], file.schema_arrow)
                yield none.select([*(columns or none.column_names)])
            for number in range(file.num_row_groups):
                yield file.read_row_group(number, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"cannot read {path}: {error}", "Delete the file and run the study again") from error


def names(folder: Location) -> set[str]:
    """Return the names of the files in a folder, empty when there is none; nothing remembered is used."""
    if not isinstance(folder, Path):
        folder.fs.invalidate_cache()
    try:
        return {path.name for path in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError):
        return set()
