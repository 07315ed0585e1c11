"""Write `docs/performance.md` from the result files; measures nothing.

`python -m benchmarks.page` writes page and figure anew from whatever results exist.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import figure
from benchmarks.results import FOLDER, ROOT, Results, load
from benchmarks.targets import TARGETS, Target

PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "performance.png"
MARKS = {True: "pass", False: "**miss**", None: "not measured"}

INTRODUCTION = """# Performance

Measured and written by `make bench`; the numbers are in `benchmarks/results`. Times say how fast the program
is, not whether the physiology is right. What is simulated here is not medical advice.
"""

METHOD = """## How the engines are compared

All engines but simglucose integrate the same equations: our right-hand side, traced once and written out
for each engine by `benchmarks/equations.py`, so none of them can drift from ours. The patients are adults
with type 1 diabetes on basal-bolus insulin. Our own rows and the C++ loop live the whole day, as the
simulator does: meals and insulin decided in every step, five-minute traces, daily summary (our rows also
plan the day's meals and tell the slow clock). The other engines cannot run the control law inside; they
integrate the recorded inputs of the same day, constant within each five minutes, started afresh where the
inputs change. That is less work than ours; the rows with recorded inputs show our own fixed steps on that
task, compiled by the engine of the simulator and by JAX, and the targets hold both comparisons. simglucose
runs its own model.

The whole day draws within its steps, what a sensor errs by and whether a low is noticed, by hashing whole
numbers (`core/counted_noise.py`). The C++ loop computes the same hashes and lives the same day: a test holds
its glucose against ours. It computes both branches of every choice, where our code passes over what none of
the patients side by side needs (pumps, sensors that nobody reads, lows that nobody has); that is part of our
lead. Models in SBML, and right-hand sides in general, have no whole numbers; what was
drawn reaches the peers as part of the recorded inputs.

Every engine is pinned to the same core and takes its turn once a round; speeds are medians over the rounds,
ratios are medians of the ratios within a round. The error is the largest difference in glucose from an
eighth-order adaptive solver (Dopri8, relative tolerance 1e-9, double precision) over all patients and
steps; engines that can be tuned use the fastest solver and tolerance found that comes at least as near as
our five-minute step. Memory is the peak of the whole process, Python and libraries included; the first call
includes compilation with nothing kept.
"""


def _number(value: float) -> str:
    """Return a number with three digits that count.

    >>> _number(76543.2), _number(12.345), _number(0.0123)
    ('76,500', '12.3', '0.0123')
    """
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return _number(value) if isinstance(value, float) else str("" if value is None else value)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return a table of markdown with aligned columns."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    lines = [cells[0], ["-" * width for width in widths], *cells[1:]]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]


def _targets(results: Results) -> list[str]:
    def row(target: Target) -> tuple[Any, ...]:
        found = target.found(results)
        shown = None if found is None else f"{_number(found)} {target.unit}".strip()
        return target.name, target.wanted, shown, MARKS[target.is_met(results)]

    return ["## Targets", "", *table(("", "wanted", "measured", ""), map(row, TARGETS)), ""]


def _engines(results: Results) -> list[str]:
    if "peers" not in results:
        return []
    engines = results["peers"]["engines"]
    header = (
        "engine",
        "patient-days/s",
        "ours is faster",
        "of C++",
        "error mg/dL",
        "memory MiB",
        "first call s",
    )
    rows = [_engine(engine) for engine in engines]
    settings = [f"- **{e['label']}**: {_described(e)}" for e in engines]
    patients = results["peers"]["patients"]
    title = f"## One day on one core, {patients} patients, {results['peers']['rounds']} rounds"
    return [title, "", *table(header, rows), "", *settings, "", METHOD]


def _engine(engine: dict[str, Any]) -> tuple[Any, ...]:
    if "missing" in engine:
        return engine["label"], "missing", *[""] * 5
    of_c = None if engine["of_c"] is None else f"{engine['of_c']:.2g}"
    faster = f"{_number(engine['ours_over_it'])} x"
    numbers = (engine["error"], engine["peak_memory"], engine["first_call"])
    return engine["label"], engine["rate"], faster, of_c, *numbers


def _described(engine: dict[str, Any]) -> str:
    """Return in words what an engine does, how, and in which versions; or why it is missing."""
    if "missing" in engine:
        return f"{engine['work']}. Missing here: {engine['missing']}"
    versions = ", ".join(f"{name} {version}" for name, version in engine["versions"].items())
    return f"{engine['work']}. {engine['settings']}; {versions}"


def _kernel(results: Results) -> list[str]:
    if "kernel" not in results:
        return []
    rows: list[Sequence[Any]] = []
    for batch in results["kernel"]["batches"]:
        ours, c = batch["engines"][:2]
        rows.append((batch["patients"], ours.get("rate"), c.get("rate", "missing"), ours.get("of_c")))
    header = ("patients at once", "ours, patient-days/s", "C++ loop, patient-days/s", "ours of C++")
    return ["## The compiled day against the C++ loop", "", *table(header, rows), ""]


def _whole_runs(results: Results) -> list[str]:
    if "whole_runs" not in results:
        return []
    rows = [
        (run["label"], run["patients"], run.get("seconds", run.get("missing")), run.get("peak_memory"))
        for run in results["whole_runs"]["runs"]
    ]
    title = f"## Whole runs on {results['whole_runs']['cores']} cores, from the study file to the report"
    return [title, "", *table(("study", "patients", "time s", "memory MiB"), rows), ""]


def _scaling(results: Results) -> list[str]:
    if "scaling" not in results:
        return []
    found = results["scaling"]
    held = {
        "patients": "1 year",
        "years": f"{found['patients_by_years']} patients",
        "cores": f"{found['patients_by_cores']} patients, 1 year",
    }
    rows = [
        (
            f"{run['value']:,} {run['varied']}",
            held[run["varied"]],
            run["seconds"],
            run.get("simulating"),
            run["peak_memory"],
        )
        for run in found["runs"]
    ]
    table_lines = table(("run", "with", "time s", "of it simulating s", "memory MiB"), rows)
    return ["## Growth of whole runs, two arms", "", *table_lines, "", *_second_core(found)]


def _second_core(found: dict[str, Any]) -> list[str]:
    """Return how much of what a second core can give the runs get."""
    most = [engine for engine in found.get("second_core_at_most", []) if "gain" in engine]
    if not most or not found.get("second_core"):
        return []
    limits = " and ".join(f"the {engine['label']} {_number(engine['gain'])} times" for engine in most)
    return [
        "On two cores of this machine, in two processes that share nothing, against one core (median of the "
        f"rounds): {limits} as many days: as much as a second core can give here. Whole runs get "
        f"{_number(found['second_core'])} times, their simulation "
        f"{_number(found['second_core_simulating'])}; starting, merging and the report use one core.",
        "",
    ]


def _startup(results: Results) -> list[str]:
    if "startup" not in results:
        return []
    ways = results["startup"]["ways"].values()
    rows = [(w["label"], w["seconds"], min(w["times"]), max(w["times"]), w["peak_memory"]) for w in ways]
    header = ("", "median s", "fastest s", "slowest s", "memory MiB")
    return ["## Start-up", "", *table(header, rows), ""]


def _gpu(results: Results) -> list[str]:
    if "gpu" not in results:
        return []
    found = results["gpu"]
    header = ("device", "patients at once", "patient-days/s", "first call s")
    rows = [(row["device"], row["patients"], row["rate"], row["first_call"]) for row in found["rows"]]
    seen = f"The GPU is a {found['gpu']}." if found["gpu"] else "There was no GPU on this machine."
    text = (
        f"The day as JAX compiles it, on all cores of the processor and on a GPU (`make bench-gpu`). {seen}"
    )
    return ["## Processor and GPU", "", text, "", *table(header, rows), ""]


def _machines(results: Results) -> list[str]:
    rows = [
        (name, r["measured_on"], m["processor"], m["vectors"], m["cores"], m["memory_gib"], m["system"])
        for name, r in results.items()
        for m in [r["machine"]]
    ]
    header = ("results", "measured on", "processor", "vectors", "cores", "memory GiB", "system")
    return ["## Where this was measured", "", *table(header, rows)]


def text(results: Results) -> str:
    """Return the page."""
    picture = "![Speed of the engines on one core; time and memory against patients, years](performance.png)"
    parts = (_targets, _engines, _kernel, _whole_runs, _scaling, _startup, _gpu, _machines)
    lines = [line for part in parts for line in part(results)]
    return "\n".join([INTRODUCTION, picture, "", *lines, ""])


def write(results: Results, page: Path = PAGE, picture: Path = FIGURE) -> None:
    """Write page and figure."""
    page.write_text(text(results), encoding="utf-8")
    figure.write(results, picture)


if __name__ == "__main__":
    write(load(FOLDER))
    print(PAGE)
