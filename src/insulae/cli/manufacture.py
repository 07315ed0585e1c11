"""`insulae manufacture`: simulate how the cells are made, write the results and their page."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from insulae.manufacturing.spec import ManufacturingStudy


def manufacture(
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY.yaml", help="The manufacturing study.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write; default results/<study file>.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="Another seed than the file's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Simulate how the cells are made: lots, release tests, waiting, cost; write results and a page."""
    from insulae.cli.progress import progress
    from insulae.manufacturing import results
    from insulae.manufacturing.load import load
    from insulae.manufacturing.study import run
    from insulae.report.manufacturing import page
    from insulae.runs.manifest import keep_compiled_code

    keep_compiled_code()
    loaded = load(study)
    chosen = loaded if seed is None else loaded.model_copy(update={"seed": seed})
    with progress() as on_progress:
        found = run(chosen, on_progress)
    command = shlex.join(["insulae", *sys.argv[1:]])
    whole = results.completed(found, command)
    folder = out or Path("results") / study.stem
    written = results.write(whole, folder, page(whole))
    if as_json:
        typer.echo(json.dumps(results.brief(whole) | {"report": str(written)}, ensure_ascii=False))
        return
    for line in _answer(chosen, whole):
        typer.echo(line)
    typer.echo(written)


def _answer(study: "ManufacturingStudy", whole: dict[str, Any]) -> list[str]:
    """Return what the study found, a line for each arm and each number that was compared."""
    from insulae.manufacturing.results import sentence, verdict

    lines = [sentence(arm.name, whole["arms"][arm.name]) for arm in study.arms]
    lines += [verdict(one) for one in whole["reported"]]
    return [*lines, "Simulated, not medical advice."]
