"""`insulae fit`, `update`, `forecast`: a person's own data, the twin, the twin under therapies."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from insulae.inference.evidence import Evidence
    from insulae.inference.measured import Measured
    from insulae.inference.person import Known
    from insulae.inference.twin import Twin
    from insulae.study.person import Person

PersonArgument = Annotated[
    Path, typer.Argument(metavar="PATIENT.yaml", help="Who it is and which data there are.")
]
TwinArgument = Annotated[Path, typer.Argument(metavar="TWIN", help="Folder that insulae fit wrote.")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where to write.")]
DRAWN = 8
"""Experiments that a page draws, the first ones."""
Data = Annotated[list[Path] | None, typer.Option("--data", metavar="FILE", help="A further data file.")]


def fit(
    patient: PersonArgument,
    data: Data = None,
    out: Out = None,
) -> None:
    """Fit a digital twin to one person's data; write it with its page."""
    from insulae.cli.progress import progress
    from insulae.inference import twin as twins
    from insulae.inference.fit import fit as fitted
    from insulae.inference.measurement_error import error_table
    from insulae.runs.manifest import keep_compiled_code
    from insulae.study.person import experiments_of, known_of, load_person

    keep_compiled_code()
    person = load_person(patient, data or [])
    known, prior = known_of(person)
    experiments = experiments_of(person, known)
    with progress() as on_progress:
        found = fitted(known, prior, experiments, error_table(), person.file.seed, on_progress)
    made = twins.twin_of(found, _described(person), person.file.seed)
    folder = out or Path("results") / f"twin_{patient.stem}"
    twins.write(made, folder)
    notes = _notes(person)
    _write_page(made, found.posterior.evidence, known, experiments, folder, notes)
    _say(made, folder, notes)


def update(twin: TwinArgument, patient: PersonArgument, data: Data = None, out: Out = None) -> None:
    """Weigh a twin's draws by new data (of PATIENT.yaml and --data); old data are not fitted again."""
    from insulae.inference import twin as twins
    from insulae.inference.evidence import stacked
    from insulae.inference.measurement_error import error_table
    from insulae.inference.updating import updated
    from insulae.runs.manifest import keep_compiled_code
    from insulae.study.person import experiments_of, known_of, load_person

    keep_compiled_code()
    before = twins.read(twin)
    person = load_person(patient, data or [], before.person)
    known, _ = known_of(person)
    experiments = experiments_of(person, known)
    after = updated(before, known, experiments, error_table())
    folder = out or twin
    twins.write(after, folder)
    said = f"Updated with {len(experiments)} new experiments: {after.effective:.0f} draws stay effective."
    notes = _notes(person)
    _write_page(after, stacked(experiments, error_table()), known, experiments, folder, [said, *notes])
    typer.echo(said)
    _say(after, folder, notes)


def forecast(
    twin: TwinArgument,
    study: Annotated[Path, typer.Option("--study", metavar="STUDY.yaml", help="What is compared.")],
    out: Out = None,
    size: Annotated[int, typer.Option(help="Draws of the posterior to follow.")] = 200,
) -> None:
    """Let the same person live through every arm of a study; write the results and report."""
    from insulae.cli.progress import progress
    from insulae.inference.twin import read
    from insulae.report.page import write_report
    from insulae.runs.manifest import keep_compiled_code
    from insulae.study import forecast as forecasts
    from insulae.study.load import load

    keep_compiled_code()
    person = read(twin)
    mine = forecasts.study_of(person, load(study), size)
    folder = out or Path("results") / f"forecast_{twin.name}_{study.stem}"
    with progress() as on_progress:
        results = forecasts.forecast(person, mine, folder, on_progress, _command())
    reference = forecasts.reference_of(mine)
    for gain in forecasts.gains(results, reference):
        typer.echo(
            f"{gain.arm} against {reference}, {gain.endpoint}: {gain.median:+.2f} ({gain.low:+.2f} to "
            f"{gain.high:+.2f}); better in {100 * gain.better:.0f} % of draws"
        )
    typer.echo("Simulated, not medical advice.")
    typer.echo(write_report(results.directory))
    typer.echo(_forecast_page(twin, person, results.directory, reference, mine.population.size))


def _forecast_page(folder: Path, person: "Twin", run: Any, reference: str, size: int) -> Any:
    """Write the page of a forecast with the person's own data, and return its path."""
    import numpy as np

    from insulae.inference import measured
    from insulae.inference.person import FITTED
    from insulae.inference.virtual import chosen
    from insulae.report.forecast import write_forecast

    kept, words = measured.read(folder), person.determined()
    drawn = np.exp(person.logarithms[:, chosen(person, size)])
    uncertain = {name: (drawn[place], words[name]) for place, name in enumerate(FITTED)}
    values = measured.clinic_values(kept)
    return write_forecast(run, person.person["name"], reference, _panels(kept), values, uncertain)


def _panels(series: "Sequence[Measured]") -> list[str]:
    """Draw series of the first experiments."""
    from insulae.report.twin import measured_panel

    shown = list(dict.fromkeys(row.name for row in series))[:DRAWN]
    return [
        measured_panel(row.name, row.quantity, row.minutes, row.seen, row.bands)
        for row in series
        if row.name in shown
    ]


def _command() -> str:
    return shlex.join(["insulae", *sys.argv[1:]])


def _described(person: "Person") -> dict[str, Any]:
    """Return what a twin keeps of the person: in words that a study file reads."""
    file = person.file
    return {
        "name": file.name,
        "phenotype": file.phenotype,
        "patient": file.patient.model_dump(mode="json", exclude_none=True),
        "treatment": [spec.model_dump(mode="json", exclude_none=True) for spec in person.treatment],
        "data": [table.source for table in person.tables],
    }


def _notes(person: "Person") -> list[str]:
    """Return how each file was read: units, clock, gaps, what was mended and what is not read."""
    return [f"{table.source}: {'; '.join(table.remarks)}." for table in person.tables if table.remarks]


def _say(twin: "Twin", folder: Path, notes: list[str]) -> None:
    from insulae.inference import twin as twins

    for name, word in twin.determined().items():
        low, middle, high = twin.percentiles()[list(twin.determined()).index(name)]
        typer.echo(f"{name}: {middle:.3g} ({low:.3g} to {high:.3g}), {word}")
    typer.echo(f"Draws: {twins.sampling(twin.findings)}.")
    for line in twin.findings["trouble"]:
        typer.echo(f"Trouble: {line}.", err=True)
    for line in notes:
        typer.echo(f"Note: {line}")
    typer.echo("Simulated, not medical advice.")
    typer.echo(folder / "index.html")


def _write_page(
    twin: "Twin",
    evidence: "Evidence",
    known: "Known",
    experiments: list[Any],
    folder: Path,
    history: list[str],
) -> None:
    """Draw data against the twin and prior against posterior, and write the page."""
    import numpy as np

    from insulae.inference import measured
    from insulae.inference.person import FITTED
    from insulae.inference.series import drawn_series
    from insulae.inference.twin import sampling
    from insulae.report.twin import density_panel, twin_page

    panels = _panels(measured.write(drawn_series(twin, evidence, known, experiments), folder))
    spread = np.sqrt(np.diag(twin.prior_covariance))
    densities = {
        name: density_panel(name, twin.logarithms[k], twin.weights, twin.prior_mean[k], spread[k])
        for k, name in enumerate(FITTED)
    }
    said = [*history, f"Draws: {sampling(twin.findings)}."]
    page = twin_page(twin, panels, densities, _command(), said)
    (folder / "index.html").write_text(page, encoding="utf-8")
