"""Write the report of a run: one self-contained HTML page for paper, a screen or a phone."""

import re
from typing import Any

from insulae.core.phenotypes import phenotypes
from insulae.report import figures, given, tables, words
from insulae.report.baseline import baseline
from insulae.report.comparison import HIT, MISS, NOT_JUDGED, Comparison, compare, main_arm
from insulae.report.flow import flow
from insulae.report.panel import Easel
from insulae.report.reading import Results, read
from insulae.report.recruitment import recruitment
from insulae.report.safety import harm
from insulae.report.templates import template
from insulae.report.trust import trust
from insulae.runs import store

TIME_COURSES = {
    "hba1c": "HbA1c",
    "insulin_dose": "Injected insulin",
    "time_in_tight_range": "Time in tight range, 70–140 mg/dL",
    "time_in_range": "Time in range, 70–180 mg/dL",
    "time_below_range": "Time below 70 mg/dL",
    "fasting_c_peptide": "Fasting C-peptide",
    "meal_c_peptide_90": "C-peptide 90 minutes after a test meal",
    "graft_mass": "Graft mass",
    "graft_function": "Graft function per mass",
    "egfr": "Kidney function, estimated GFR",
}
NOT_MODELED = (
    "Harm that no therapy of the study names; what the section Harm does not list did not happen or was not "
    "drawn.",
    "What an adverse event does to the body, but for those that the section Harm names; care that is changed "
    "because of one, but for tablets in hospital.",
    "Drug levels, pregnancy, and any other illness that changes glucose.",
    "Symptoms: severe hypoglycemia is drawn from the days with glucose below 54 mg/dL, not felt.",
    "Drop-out and missed visits: every simulated patient stays to the end or to death.",
    "Long-term complications of diabetes other than kidney function.",
    "Differences between centers and surgeons beyond the spread of the parameters.",
)


def write_report(directory: store.Location | str) -> store.Location:
    """Read a results folder or URL, write `report.html` into it and return its path.

    Raises `RunError` when the folder holds no summary or cannot be written.
    """
    results = read(directory)
    return store.write_text(results.directory / "report.html", _render(results))


def _render(results: Results) -> str:
    return _unbroken(template("page").render(_content(results)))


def _unbroken(page: str) -> str:
    """Keep a number and its unit, and both ends of a range, on one line."""
    page = re.sub(r"(?<=\d)[-–](?=\d+ (mg/dL|mmol/L))", "\N{WORD JOINER}–\N{WORD JOINER}", page)
    return re.sub(r"(?<=\d) (?=%|U/day|mg/dL|mmol/L|pmol/L|kg\b|week\b|weeks\b)", "\N{NO-BREAK SPACE}", page)


def _content(results: Results) -> dict[str, Any]:
    """Return everything the template prints."""
    arm, compared = main_arm(results), compare(results)
    others = [name for name in results.arms if name != arm]
    return {
        **_introduction(results, arm),
        "answer": words.answer(results, arm, others) if results.arms else ["The run holds no arms."],
        "figures": _figures(results, compared),
        "outcomes": tables.outcomes(results),
        "trust": trust(results),
        "harm": harm(results),
        "comparisons": tables.comparisons(compared),
        "counts": {v: sum(c.verdict == v for c in compared) for v in (MISS, NOT_JUDGED, HIT)},
        **_background(results, compared),
    }


def _introduction(results: Results, arm: str) -> dict[str, Any]:
    """Return what was asked, who the patients are and what they were given."""
    population = results.study.get("population") or {}
    return {
        "title": results.name,
        "question": str(results.study.get("question") or "The study file states no question."),
        "notes": [tables.cited(note) for note in results.study.get("notes") or []],
        "size": results.size,
        "phenotype": _phenotype(str(population.get("phenotype", "not stated"))),
        "is_given": bool(population.get("patient")),
        "recruitment": recruitment(results),
        "flow": flow(results),
        "patients": tables.patients(results, arm),
        "baseline": baseline(results),
        "care": given.background(results),
        "arms": given.arms(results),
        "colors": {name: figures.color(results, name) for name in results.arms},
    }


def _phenotype(name: str) -> str:
    """Return what a phenotype is called; a name the table does not have stays as it is."""
    return phenotypes()[name].label if name in phenotypes() else name


def _figures(results: Results, compared: list[Comparison]) -> list[figures.Figure]:
    easel = Easel()
    courses = [figures.time_course(results, e, title, compared, easel) for e, title in TIME_COURSES.items()]
    off = figures.share_off_insulin(results, compared, easel)
    return [*figures.glucose_profiles(results), off, *courses]


def _background(results: Results, compared: list[Comparison]) -> dict[str, Any]:
    """Return the limits, the sources and how to run it again."""
    manifest = results.manifest
    return {
        "not_modeled": NOT_MODELED,
        "assumptions": tables.assumptions(),
        "failures": tables.failures(manifest),
        "sources": tables.sources(results, compared),
        "command": str(manifest.get("command") or "The run left no manifest with its command."),
        "provenance": tables.provenance(manifest),
    }
