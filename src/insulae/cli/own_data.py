"""Commands for a person's own data: `insulae cgm` and `insulae islet-function`."""

import json
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from insulae.patient_data.table import PatientTable


class Unit(StrEnum):
    """Unit of glucose."""

    MG_PER_DL = "mg/dL"
    MMOL_PER_L = "mmol/L"


class Order(StrEnum):
    """Order of day and month."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files of one person.", show_default=False)
]
Zone = Annotated[
    str | None,
    typer.Option("--time-zone", metavar="ZONE", help="Where the person lived, e.g. Europe/Berlin."),
]
Stated = Annotated[Unit | None, typer.Option("--unit", help="Unit of glucose, where the file does not say.")]
Dates = Annotated[Order | None, typer.Option("--dates", help="Order of day and month, where it is open.")]
Person = Annotated[
    str | None, typer.Option("--person", metavar="NAME", help="Which person of a file of several.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="Where to write; default results/<file>.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV only.")]


def cgm(
    files: Files,
    time_zone: Zone = None,
    unit: Stated = None,
    dates: Dates = None,
    person: Person = None,
    show: Annotated[
        Unit | None, typer.Option("--show", help="Unit to show; default that of the file.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="Days before the last reading to report.")] = 14,
    out: Out = None,
    as_json: Json = False,
    as_csv: Csv = False,
    as_fhir: Annotated[bool, typer.Option("--fhir", help="Print FHIR Observations only.")] = False,
) -> None:
    """Measure a sensor record: consensus metrics, glucose profile, episodes, risk; as text and as a page.

    Reads files of Dexcom, FreeStyle Libre, Medtronic, Tidepool, Nightscout and plain tables.
    """
    from insulae.report import sensor, sensor_fhir

    table = _read(files, time_zone, (unit, dates, person))
    record = sensor.record_of(table, days)
    found = sensor.summary(table, record, show.value if show else table.glucose_unit)
    command = shlex.join(["insulae", *sys.argv[1:]])
    written = _write(
        out or Path("results") / files[0].stem, "cgm", sensor.page(table, record, found, command)
    )
    if as_fhir:
        typer.echo(json.dumps(sensor_fhir.bundle(found), ensure_ascii=False))
        return
    _print(found, sensor.as_csv(found) if as_csv else None, sensor.as_text(found), written, as_json)


def islet_function(
    files: Files,
    time_zone: Zone = None,
    unit: Stated = None,
    dates: Dates = None,
    person: Person = None,
    out: Out = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Compute islet function from a meal or glucose test: C-peptide, secretion, indices, scores, outcomes.

    What cannot be computed says why. FILE is a table of time, quantity, value and unit (docs/your_data.md).
    """
    from insulae.report import islet_function as report

    table = _read(files, time_zone, (unit, dates, person))
    data = report.data_of(table)
    found = report.summary(table, data)
    command = shlex.join(["insulae", *sys.argv[1:]])
    folder = out or Path("results") / files[0].stem
    written = _write(folder, "islet_function", report.page(data, found, command))
    _print(found, report.as_csv(found) if as_csv else None, report.as_text(found), written, as_json)


def _read(
    files: list[Path], time_zone: str | None, given: tuple[Unit | None, Order | None, str | None]
) -> "PatientTable":
    from insulae.patient_data.read import read_all
    from insulae.patient_data.sensor_formats.raw_file import Options

    unit, dates, person = given
    day_first = None if dates is None else dates is Order.DAY_FIRST
    return read_all(files, time_zone, Options(unit.value if unit else None, day_first, person))


def _write(folder: Path, name: str, page: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.html"
    path.write_text(page, encoding="utf-8")
    return path


def _print(found: dict[str, object], csv: str | None, text: str, written: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found | {"report": str(written)}, ensure_ascii=False))
    elif csv is not None:
        typer.echo(csv, nl=False)
    else:
        typer.echo(text)
        typer.echo(written)
