"""`insulae export`: the results of a finished run in the formats of others."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """What to write."""

    CDISC = "cdisc"


def export(
    results: Annotated[
        str, typer.Argument(metavar="RESULTS", help="Folder or URL of a finished run.", show_default=False)
    ],
    to: Annotated[
        Format, typer.Option("--to", help="SDTM and ADaM as XPT and Dataset-JSON.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder to make; default RESULTS/cdisc.")
    ] = None,
) -> None:
    """Write a run as datasets of subjects, visits and events, each marked as simulated."""
    from insulae.interop.cdisc import export as exported

    folder, made = exported(results, out)
    for one in made:
        missing = [v.variable for v in one.absent if v.core == "Req"]
        remark = f"; required but not held by the run: {', '.join(missing)}" if missing else ""
        rows = f"{len(one.table)} rows{remark}" if len(one.table) else "no rows, no file"
        typer.echo(f"{one.name:5s} {rows}")
    typer.echo("Simulated, not medical advice.")
    typer.echo(folder)
