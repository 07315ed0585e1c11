"""Data laid out for NONMEM: one row for each dose or observation, with ID, TIME, DV, AMT, MDV, EVID.

What a compartment or a type of observation means stands only in the model that goes with such data, so the
file must say it here: a column DVNAME with names of quantities for observations, AMTNAME for doses, and UNIT.
TIME is in hours, as usual there; a column TIMEUNIT with `min` changes that. Rows with EVID 3 or 4 (reset) and
with ADDL are refused: what they ask for is not in the table.
"""

import csv
from collections.abc import Iterator

from insulae.core.errors import InsulaeError, InvalidData
from insulae.patient_data.entries import Entry, amount, table_of
from insulae.patient_data.quantities import quantity
from insulae.patient_data.table import PatientTable
from insulae.patient_data.tidy import SPELLED

MISSING = ("", ".", "NA")
COVARIATES = {"AGE": ("age", "year"), "WT": ("body_weight", "kg"), "HT": ("height", "cm")}
Row = dict[str, str]


def is_nonmem(text: str) -> bool:
    """Tell whether a text has the columns ID, TIME and DV."""
    header = _header(text)
    return {"ID", "TIME", "DV"} <= set(header)


def nonmem_table(text: str, source: str, person: str | None = None) -> PatientTable:
    """Read one person of a data set; raises `InvalidData` when one must be chosen or names are missing."""
    header = _header(text)
    if "DVNAME" not in header:
        raise InvalidData(
            f"{source}: no column says what DV is", "Expected a column DVNAME with names like glucose"
        )
    rows = [
        (f"line {n}", dict(zip(header, (cell.strip() for cell in cells), strict=False)))
        for n, cells in enumerate(csv.reader(text.splitlines()), start=1)
        if n > 1 and cells
    ]
    people = sorted({row["ID"] for _, row in rows})
    if person is None and len(people) > 1:
        raise InvalidData(
            f"{source} holds {len(people)} people: {', '.join(people[:8])}",
            "Choose: --person ID, or person: in a patient file",
        )
    if person is not None and person not in people:
        raise InvalidData(f"{source} has nobody called '{person}'", f"Known: {', '.join(people[:20])}")
    chosen = [(place, row) for place, row in rows if person in (None, row["ID"])]
    entries = [
        *_covariates(chosen, source),
        *(e for place, row in chosen for e in _entries(row, place, source)),
    ]
    return table_of(entries, source, None, ("read as NONMEM data", *_hours(chosen)))


def _hours(rows: list[tuple[str, Row]]) -> Iterator[str]:
    if any(row.get("TIMEUNIT") != "min" for _, row in rows):
        yield "TIME is taken as hours, as usual in NONMEM data; a column TIMEUNIT with min changes that"


def _header(text: str) -> list[str]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return [name.strip().lstrip("#").upper() for name in first.lstrip("\ufeff").split(",")]


def _present(row: Row, name: str) -> bool:
    return row.get(name, "") not in MISSING


def _number(row: Row, name: str, place: str) -> float:
    try:
        return float(row[name])
    except ValueError as error:
        raise InvalidData(f"{place}: {name} is '{row[name]}', not a number") from error


def _covariates(rows: list[tuple[str, Row]], source: str) -> Iterator[Entry]:
    for column, (name, unit) in COVARIATES.items():
        values = {row[column]: place for place, row in rows if _present(row, column)}
        if len(values) == 1:
            text, place = next(iter(values.items()))
            yield Entry(None, name, _number({column: text}, column, f"{source}, {place}"), unit, place)


def _entries(row: Row, place: str, source: str) -> Iterator[Entry]:
    where = f"{source}, {place}"
    event = int(_number(row, "EVID", where)) if _present(row, "EVID") else None
    if event in (3, 4) or _present(row, "ADDL"):
        raise InvalidData(
            f"{where}: EVID {event} or ADDL is not read", "Write every dose as a row of its own"
        )
    if not _present(row, "TIME"):
        raise InvalidData(f"{where}: no TIME")
    minute = _number(row, "TIME", where) * (1.0 if row.get("TIMEUNIT") == "min" else 60.0)
    is_dose = event == 1 or (event is None and _present(row, "AMT") and _number(row, "AMT", where) > 0)
    if is_dose:
        yield _entry(row, ("AMTNAME", "AMT"), minute, place, where)
    elif event in (None, 0) and row.get("MDV") != "1" and _present(row, "DV"):
        yield _entry(row, ("DVNAME", "DV"), minute, place, where)


def _entry(row: Row, columns: tuple[str, str], minute: float, place: str, where: str) -> Entry:
    name = row.get(columns[0], "")
    try:
        quantity(name)
    except InsulaeError as error:
        raise InvalidData(f"{where}: {columns[0]}: {error}") from error
    number, censored = amount(row[columns[1]], name, where)
    unit = row.get("UNIT", "")
    return Entry(minute, name, number, SPELLED.get(unit, unit), place, censored)
