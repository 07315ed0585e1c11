"""`insulae design`: run the trial of a study many times, write what it would show and a page."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def design(
    study: Annotated[
        Path,
        typer.Argument(metavar="STUDY.yaml", help="A study with a section `trial`.", show_default=False),
    ],
    out: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Folder or URL of the run; default results/<study file>."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace a value, e.g. trial.design.size=100."),
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="N|ADDRESS", help="As in `insulae run`, for the simulation.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Run the trial of a study many times: power, errors, patients, months, harm; write them and a page.

    The patients are simulated first, as `insulae run` does it, unless that has been done already.
    """
    from insulae.cli.progress import progress
    from insulae.report.design import page
    from insulae.runs import store
    from insulae.study import design as trial
    from insulae.study.load import load
    from insulae.study.run import run

    loaded = load(study, changes or [])
    trial.trial_of_study(loaded)
    command = shlex.join(["insulae", *sys.argv[1:]])
    with progress() as on_progress:
        results = run(loaded, out or Path("results") / study.stem, workers, on_progress, command)
    outcomes = trial.outcomes_of(loaded, results.directory, study.parent)
    with progress() as on_progress:
        events = trial.events_of(results.directory)
        found = trial.characterize(loaded, outcomes, command, on_progress, events)
    trial.write(found, results.directory)
    written = store.write_text(results.directory / "design.html", page(found))
    if as_json:
        typer.echo(json.dumps(_brief(found) | {"report": str(written)}, ensure_ascii=False))
        return
    for line in answer(found):
        typer.echo(line)
    typer.echo(written)


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "simulated",
        "truths",
        "planned",
        "null",
        "judged",
        "shared_alpha",
        "enrichment",
        "search",
        "replayed",
        "assurance",
        "subgroups",
        "processor_seconds",
    )
    return {key: found[key] for key in kept} | {"answer": answer(found)}


def answer(found: dict[str, Any]) -> list[str]:
    """Return what was found in a few sentences."""
    from insulae.report.design import answer as sentences

    return [*sentences(found), "Simulated, not medical advice."]
