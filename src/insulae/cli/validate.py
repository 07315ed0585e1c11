"""`insulae validate`: simulate published studies, hold them against what was observed, write the page."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from insulae.validation.catalogue import Catalogue
    from insulae.validation.run import Asked


def validate(
    study: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this study; may be repeated.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Judge these numbers instead, in the columns of the evidence."),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave out rows of --evidence that cannot be asked.")
    ] = False,
    leave_out: Annotated[
        bool,
        typer.Option("--leave-out", help="Refit without each study that entered a fit, then predict it."),
    ] = False,
    smoke: Annotated[bool, typer.Option("--smoke", help="A few tiny studies, to see that it works.")] = False,
    size: Annotated[int | None, typer.Option(min=20, help="Simulated people of every study.")] = None,
    studies: Annotated[Path, typer.Option(metavar="FOLDER", help="The published studies.")] = Path(
        "validation"
    ),
    credibility: Annotated[
        Path | None,
        typer.Option(
            metavar="PAGE.md",
            help="Also write the credibility page, beside that of the accuracy, or that of --leave-out.",
        ),
    ] = None,
    discrepancy: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE.csv",
            help="Estimate the discrepancy from calibration values of this run, write it there, use it.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write.")] = Path("results/validation"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Simulate published studies and judge every observed number; what was simulated before is used again."""
    from insulae.runs.manifest import keep_compiled_code
    from insulae.runs.store import make_folder, write_json, write_text
    from insulae.validation.catalogue import catalogue
    from insulae.validation.discrepancy import with_everything
    from insulae.validation.page import page
    from insulae.validation.run import SMOKE_SIZE, record

    keep_compiled_code()
    make_folder(out)
    known = catalogue(studies)
    todo = _asked(known, study or [], evidence, skip_unknown, smoke)
    resized = [one.sized(size or (SMOKE_SIZE if smoke else None)) for one in todo]
    if leave_out:
        whole, text = _left_out(resized, known, out, discrepancy)
    else:
        judged = _judged(resized, known, out)
        rows = _discrepancies(judged, known, discrepancy)
        whole, text = record(with_everything(judged, rows), known, command(), rows), _credibility
    name = "leave_out" if leave_out else "validation"
    write_json(out / f"{name}.json", whole)
    written = write_text(out / f"{name}.html", page(whole))
    if credibility is not None:
        write_text(credibility, text(whole, credibility))
    if as_json:
        typer.echo(json.dumps(whole, ensure_ascii=False))
        return
    for line in _answer(whole):
        typer.echo(line)
    typer.echo(written)


def command() -> str:
    """Return the command without the folder it wrote to, which is nobody else's."""
    words, kept = iter(sys.argv[1:]), ["insulae"]
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return shlex.join(kept)


def _discrepancies(found: Any, known: "Catalogue", path: Path | None) -> Any:
    """Return the table of the package, or one estimated from what was judged, which is then written."""
    from insulae.core import discrepancy
    from insulae.runs.store import write_text
    from insulae.validation.discrepancy import estimated

    if path is None:
        return discrepancy.table()
    rows = estimated(found, known.bands)
    write_text(path, discrepancy.written(rows))
    return rows


def _credibility(whole: dict[str, Any], path: Path) -> str:
    from insulae.validation.credibility import credibility

    return credibility(whole, path.parent / "accuracy.md")


def _asked(
    known: "Catalogue", names: list[str], evidence: Path | None, skip: bool, smoke: bool
) -> list["Asked"]:
    """Return what is to be judged; raises `InsulaeError` for unknown studies and rows."""
    from insulae.core.errors import InsulaeError
    from insulae.validation.evidence import unseen
    from insulae.validation.run import asked

    small = [name for name, p in known.studies.items() if p.is_smoke]
    chosen = known.chosen(names or (small if smoke else []))
    if evidence is None:
        return asked(chosen, None)
    new = unseen(evidence, known)
    if new.mistakes and not skip:
        raise InsulaeError("\n".join(new.mistakes), "Mend them, or leave these rows out with --skip-unknown")
    for mistake in new.mistakes:
        typer.echo(f"Left out: {mistake}", err=True)
    return asked(chosen, new.observed)


def _judged(todo: list["Asked"], known: "Catalogue", out: Path) -> Any:
    from insulae.cli.progress import progress
    from insulae.validation.run import judge_all

    with progress() as on_progress:
        return judge_all(todo, known, out, on_progress, _named(len(todo)))


def _left_out(todo: list["Asked"], known: "Catalogue", out: Path, discrepancy: Path | None) -> Any:
    """Return the record of studies left out of their fits, and what writes its page."""
    from insulae.core import discrepancy as discrepancies
    from insulae.core.errors import InsulaeError
    from insulae.validation.discrepancy import with_everything
    from insulae.validation.leave_out import judge_left_out, refits
    from insulae.validation.leave_out_page import markdown, plain
    from insulae.validation.run import record

    if discrepancy is not None:
        raise InsulaeError("--discrepancy needs the fits as they are", "Leave out --leave-out")
    entries, rows = refits(known.folder), discrepancies.table()
    left = judge_left_out(todo, known, entries, out / "leave_out", lambda text: typer.echo(text, err=True))
    found = with_everything([j for one in left for j in one.without], rows)
    whole = record(found, known, command(), rows, "Validation, each study left out of its fit")
    whole["left_out"] = plain(left, lambda judged: with_everything(judged, rows))
    return whole, lambda whole, path: markdown(whole["left_out"], entries.reasons)


def _named(count: int) -> Any:
    """Return a function that names each study as it begins, where no bar is drawn."""
    done = iter(range(1, count + 1))

    def name(study: str) -> None:
        place = next(done)
        if not sys.stderr.isatty():
            typer.echo(f"{place} of {count}: {study}", err=True)

    return name


def _answer(whole: dict[str, Any]) -> list[str]:
    """Return misses that count, totals and the bars as lines."""
    from insulae.validation.page import number

    if whole["left_out"]:
        return [*_without_studies(whole["left_out"]), whole["simulated"]]
    lines: list[str] = []
    for v in whole["values"]:
        if v["counts"] and v["verdict"] == "miss":
            simulated = f"simulated {number(v['simulated'])} ({number(v['low'])} to {number(v['high'])})"
            what = f"{v['study']}, {v['arm']}, {v['endpoint']}, week {v['week']:g}"
            lines.append(f"MISS {what}: observed {number(v['observed'])} {v['unit']}, {simulated}")
    for row in whole["domains"]:
        counts = f"{row['covered']} covered, {row['accepted']} accepted, {row['inside']} inside by chance"
        lines.append(f"{row['name']}, of {row['total']}: {counts}")
    for layer in whole["honesty"]:
        inside, spread = number(layer["share_inside"]), number(layer["z_sd"])
        width = number(layer["half_width_over_band"])
        lines.append(f"{layer['layer']}: {inside} % inside, z spreads {spread}, half width {width} bands")
    for bar in whole["bars"]:
        met = {True: "met", False: "NOT met", None: "nothing judged"}[bar["is_met"]]
        reached = f"{number(bar['reached'])} {bar['unit']}"
        lines.append(f"{bar['measure']} bar: {bar['name']}: {reached} (asked {bar['asked']:g}): {met}")
    return [*lines, whole["simulated"]]


def _without_studies(left_out: list[dict[str, Any]]) -> list[str]:
    """Return what entered fits, as fitted and predicted without its study, and the counts, as lines."""
    from insulae.validation.leave_out_page import counts
    from insulae.validation.page import left_out_rows

    lines = [
        f"{n['study']}, {n['what']}, week {n['week']}: observed {n['observed']}, fitted {n['fitted']}, "
        f"without it {n['without']} ({n['interval']}): {n['verdict']}"
        for n in left_out_rows(left_out)
        if n["used"] == "yes"
    ]
    for row in counts(left_out):
        covered, accepted = (f"{row[k]['found']} of {row[k]['of']} {k}" for k in ("covered", "accepted"))
        lines.append(f"fitted {row['how']}: {covered}, {accepted}")
    return lines
