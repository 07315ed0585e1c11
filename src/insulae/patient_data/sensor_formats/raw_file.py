"""A file as it lies on the disk (text in any encoding, workbook, JSON), and what a reader finds in it."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from insulae.core.errors import InvalidData
from insulae.patient_data.entries import Entry

WORKBOOK = b"PK\x03\x04"
ENCODINGS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
Row = dict[str, str]


@dataclass(frozen=True)
class Options:
    """What only the person who has the file can know; None where it is not given."""

    unit: str | None = None  # mg/dL or mmol/L, where the file does not say
    day_first: bool | None = None  # order of day and month, where the dates leave it open
    person: str | None = None  # which person, where a file holds several


@dataclass(frozen=True)
class Found:
    """Entries of one file in its own order, which maker and layout they are from, and remarks."""

    layout: str
    entries: Sequence[Entry]
    remarks: Sequence[str] = field(default=())


@dataclass(frozen=True, eq=False)
class RawFile:
    """The bytes of a file with its name."""

    name: str
    content: bytes

    @classmethod
    def at(cls, path: Path) -> "RawFile":
        """Read a file; raises `InvalidData` where there is none or it is empty."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidData(f"{path} cannot be read: {error.strerror}") from error
        if not content.strip():
            raise InvalidData(f"{path.name} is empty")
        return cls(path.name, content)

    @property
    def is_workbook(self) -> bool:
        """Tell whether it is an Excel workbook, whatever its name says."""
        return self.content.startswith(WORKBOOK)

    @cached_property
    def text(self) -> str:
        """The text, from UTF-8, UTF-16 or, where that fails, Windows-1252; empty for a workbook."""
        if self.is_workbook:
            return ""
        encoding = next((e for mark, e in ENCODINGS.items() if self.content.startswith(mark)), "utf-8")
        try:
            return self.content.decode(encoding)
        except UnicodeDecodeError:
            return self.content.decode("cp1252", errors="replace")

    @cached_property
    def head(self) -> str:
        """The first lines, which tell the layout."""
        return "\n".join(self.text.splitlines()[:15])

    @cached_property
    def json(self) -> Any:
        """The content as JSON, None when it is something else; raises `InvalidData` for broken JSON."""
        if not self.text.lstrip("\ufeff \t\r\n").startswith(("[", "{")):
            return None
        try:
            return json.loads(self.text.lstrip("\ufeff"))
        except json.JSONDecodeError as error:
            raise InvalidData(f"{self.name}, line {error.lineno}: not valid JSON ({error.msg})") from error

    @cached_property
    def sheets(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of each sheet of a workbook; raises `InvalidData` when it cannot be opened."""
        try:
            import openpyxl
        except ImportError as error:
            raise InvalidData(
                f"{self.name} is a workbook", "Install openpyxl: pip install insulae[data]"
            ) from error
        import warnings

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Workbook contains no default style")  # of no matter for values
            try:
                book = openpyxl.load_workbook(io.BytesIO(self.content), read_only=True, data_only=True)
            except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
                raise InvalidData(f"{self.name} is a workbook that cannot be opened: {error}") from error
            return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def rows_below(text: str, mark: str, delimiter: str) -> Iterator[tuple[str, Row]]:
    """Yield (line, row by column) of the table whose header holds the column `mark`.

    A header that comes again starts the table anew; lines without a separator are passed over.
    """
    header: list[str] | None = None
    for number, cells in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), start=1):
        named = [cell.strip().strip('"') for cell in cells]
        if mark in named:
            header = named
        elif header is not None and len(cells) > 1:
            padded = [*named, *[""] * (len(header) - len(named))]
            yield f"line {number}", dict(zip(header, padded, strict=False))


def number(text: str, name: str, place: str) -> float:
    """Read a number written with a point or a comma; raises `InvalidData` naming file and place."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise InvalidData(f"{name}, {place}: '{text}' is not a number") from None


def column(names: Sequence[str], beginning: str) -> str | None:
    """Return the first column whose name begins like this, capitals and blanks aside."""
    wanted = beginning.lower().replace(" ", "")
    return next((name for name in names if name.lower().replace(" ", "").startswith(wanted)), None)


def unit_in(name: str) -> str | None:
    """Return the unit of glucose that a column name states.

    >>> unit_in("CGM (mg / dl)")
    'mg/dL'
    """
    plain = name.lower().replace(" ", "")
    return "mg/dL" if "mg/dl" in plain else "mmol/L" if "mmol/l" in plain else None


def glucose_cells(row: Row, names: Mapping[str, str], file: str) -> Iterator[tuple[str, str, str]]:
    """Yield quantity, cell and unit of the columns of glucose that a row fills.

    `names` gives the quantity by how the column begins; raises `InvalidData` for a column without a unit.
    """
    for beginning, name in names.items():
        title = column(list(row), beginning)
        if title is None or not row[title]:
            continue
        unit = unit_in(title)
        if unit is None:
            raise InvalidData(f"{file}: the column '{title}' states neither mg/dL nor mmol/L")
        yield name, row[title], unit


def amounts(row: Row, names: Mapping[str, tuple[str, str]], file: str, place: str) -> Iterator[Entry]:
    """Yield the amounts that a row holds; `names` gives quantity and unit by how the column begins."""
    for beginning, (name, unit) in names.items():
        title = column(list(row), beginning)
        if title is not None and row[title]:
            yield Entry(None, name, number(row[title], file, place), unit, place)


def dated(
    rows: Sequence[tuple[str, Row]],
    times: Sequence[datetime],
    file: str,
    entries: Callable[[Row, str, str], Iterator[Entry]],
) -> list[Entry]:
    """Return the entries of all rows, each with the time of its row; `entries` takes row, place and file."""
    pairs = zip(rows, times, strict=True)
    return [one._replace(time=time) for (place, row), time in pairs for one in entries(row, place, file)]
