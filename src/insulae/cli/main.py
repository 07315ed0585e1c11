"""The command line: run, check, cite, show, new; other commands stand in files of their own.

Results go to stdout, progress and remarks to stderr; a mistake exits with 2. Commands import what they need
when they are called, so that help appears at once.
"""

import gc
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from insulae.cli import own_data, physiology, twins
from insulae.cli.design import design
from insulae.cli.export import export
from insulae.cli.manufacture import manufacture
from insulae.cli.show import show
from insulae.cli.validate import validate
from insulae.core.errors import InsulaeError

if TYPE_CHECKING:
    from insulae.runs.store import Location
    from insulae.study.results import Results
    from insulae.study.spec import Study

CYCLES = (100_000, 20, 50)
"""After how many new objects Python looks for unused cycles: imports and figures make many that stay."""
EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    help="Simulated trials of islet-cell and glucose-lowering therapies. Simulated, not medical advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(show)
app.command()(physiology.phenotypes)
app.command()(physiology.accuracy)
app.command()(manufacture)
app.command()(own_data.cgm)
app.command()(own_data.islet_function)
app.command()(validate)
app.command()(design)
app.command()(export)
app.command()(twins.fit)
app.command()(twins.update)
app.command()(twins.forecast)

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help='Replace a value, e.g. arms.0.therapies.0.dose="2e6 IEQ".'
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


@app.command()
def run(
    study: StudyFile,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Folder or URL (s3://...) of the results; default results/<study file>."
        ),
    ] = None,
    size: Annotated[int | None, typer.Option(help="Number of simulated patients.")] = None,
    changes: Set = None,
    workers: Annotated[
        str | None,
        typer.Option(
            metavar="N|ADDRESS",
            help="Processes, or a Dask scheduler like tcp://host:8786; default: what suits the study.",
        ),
    ] = None,
    chunk: Annotated[
        int | None, typer.Option(help="Patients simulated together; changes no result.", show_default=False)
    ] = None,
    as_json: Json = False,
    precision: Annotated[
        bool, typer.Option("--precision", help="Also tell how far the means may move with another seed.")
    ] = False,
) -> None:
    """Simulate a study, write its results and report, and print the answer.

    The same command goes on where an interrupted run stopped.
    """
    from insulae.study.load import load
    from insulae.study.run import run as simulate

    resized = [] if size is None else [f"population.size={size}"]
    loaded = load(study, [*(changes or []), *resized])
    _remark(loaded)
    command = shlex.join(["insulae", *sys.argv[1:]])
    try:
        with _progress() as on_progress:
            place = out or Path("results") / study.stem
            results = simulate(loaded, place, workers, on_progress, command, chunk)
    except KeyboardInterrupt:
        typer.echo("Interrupted; the same command goes on from here.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    report = _write_report(results.directory)
    if as_json:
        typer.echo(json.dumps(_key_results(loaded, results, report), ensure_ascii=False))
        return
    _print_answer(loaded, results.summary, precision)
    typer.echo(report or results.directory)


def _remark(study: "Study") -> None:
    from insulae.study.checks import remarks

    for remark in remarks(study):
        typer.echo(f"Note: {remark}", err=True)


def _progress() -> Any:
    from insulae.cli.progress import progress

    return progress()


def _write_report(directory: "Location") -> "Location | None":
    """Write the page and return its path; None where the report is not installed."""
    from importlib.util import find_spec

    if find_spec("insulae.report") is None:
        return None
    from insulae.report.page import write_report

    return write_report(directory)


def _print_answer(study: "Study", summary: dict[str, Any], precision: bool) -> None:
    from insulae.study import answer

    sentences = answer.answer(study, summary)
    lines = [*sentences[:-1], *(answer.precision(summary) if precision else []), sentences[-1]]
    for line in lines:
        typer.echo(line)


def _key_results(study: "Study", results: "Results", report: "Location | None") -> dict[str, Any]:
    """Return where the results are and the statistics of the last visit."""
    from insulae.study.answer import answer, standard_error

    def last(record: dict[str, Any]) -> dict[str, Any]:
        shown = {k: v[-1] if isinstance(v, list) else v for k, v in record.items() if k != "weeks"}
        return {"week": record["weeks"][-1], **shown, "standard_error": standard_error(record)}

    summary = results.summary
    arms = {name: {e: last(record) for e, record in arm.items()} for name, arm in summary["arms"].items()}
    return {
        "summary": str(results.directory / "summary.json"),
        "report": str(report) if report else None,
        "answer": answer(study, summary),
        "simulated": summary["simulated"],
        "arms": arms,
    }


@app.command()
def check(study: StudyFile, changes: Set = None, as_json: Json = False) -> None:
    """Read a study file and say what is wrong with it, without running it."""
    from insulae.study.checks import remarks
    from insulae.study.load import load

    loaded = load(study, changes or [])
    if as_json:
        typer.echo(json.dumps({"study": loaded.to_plain(), "remarks": remarks(loaded)}, ensure_ascii=False))
        return
    _remark(loaded)
    size, visits = loaded.population.size, len(loaded.visit_days())
    typer.echo(f"{loaded.name}: {size} patients, {len(loaded.arms)} arms, {visits} visits; nothing is wrong.")


@app.command()
def cite(
    study: StudyFile,
    text: Annotated[bool, typer.Option("--text", help="Lines of text instead of BibTeX.")] = False,
    as_json: Json = False,
) -> None:
    """Print the references of all parameters, endpoints and reported values that a study uses."""
    from insulae.core import citations
    from insulae.study.load import load
    from insulae.study.sources import references_of

    keys = references_of(load(study))
    if as_json:
        typer.echo(json.dumps({key: citations.text(key) for key in keys}, ensure_ascii=False))
    elif text:
        typer.echo("\n".join(citations.text(key) for key in keys))
    else:
        typer.echo(citations.bibtex(keys), nl=False)


@app.command()
def new(
    sort: Annotated[str, typer.Argument(metavar="study", help="What to begin: study.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
) -> None:
    """Write a commented study file to start from."""
    from importlib import resources

    from insulae.core.errors import RunError, UnknownName

    if sort != "study":
        raise UnknownName(f"cannot begin a new '{sort}'", "Known: study")
    if path.exists():
        raise RunError(f"{path} exists already", "Choose another name")
    text = resources.files("insulae.study").joinpath("template.yaml").read_text(encoding="utf-8")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
    typer.echo(path)


def main() -> None:
    """Run the command line; a mistake is told in its own words and exits with 2."""
    gc.set_threshold(*CYCLES)
    try:
        app()
    except InsulaeError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_MISTAKE)
    finally:
        gc.freeze()  # or Python would search all that is left for cycles, a tenth of the run of one person


if __name__ == "__main__":
    main()
