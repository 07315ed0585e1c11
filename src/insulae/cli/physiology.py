"""Commands that look at the body itself: reference people, numerical accuracy."""

from pathlib import Path
from typing import Annotated

import typer


def phenotypes(
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("results/phenotypes.html"),
) -> None:
    """Simulate reference people over a day and two tests; write a page beside typical published values."""
    from insulae.report.phenotypes import rows, write_page
    from insulae.runs.manifest import keep_compiled_code
    from insulae.trials import phenotypes as people

    keep_compiled_code()
    found, references = people.curves(_next_person), people.references()
    values = [people.simulated(found, r) for r in references]
    table = rows(references, values)
    for row in table:
        verdict = "hit " if row["hit"] else "MISS"
        where = f"{row['person']}, {row['test']}, {row['quantity']} at {row['minute']}"
        typer.echo(f"{verdict} {where}: {row['simulated']} (range {row['range']})")
    hits = sum(row["hit"] for row in table)
    typer.echo(f"{hits} of {len(table)} inside their range. Simulated, not medical advice.")
    typer.echo(write_page(out, found, references, values, people.PATIENTS))


def _next_person(name: str) -> None:
    typer.echo(f"simulating: {name}", err=True)


def accuracy() -> None:
    """Measure the error of the numerical scheme against tight references and print it."""
    from insulae.runs.manifest import keep_compiled_code
    from insulae.trials.accuracy import report

    keep_compiled_code()
    typer.echo(report())
