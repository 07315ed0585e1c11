"""The flow of patients on the page counts who the run counted."""

import json
import re
from pathlib import Path

import pytest
from tests.unit.report_fixture import MANIFEST, PATIENTS, write_results

from insulae.report.flow import flow
from insulae.report.page import write_report
from insulae.report.reading import read


def changed(folder: Path, **fields: object) -> Path:
    """Write results whose summary says more."""
    write_results(folder, traces=False)
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def test_failures_are_steps_of_a_run_that_chooses_nobody(tmp_path: Path):
    found = flow(read(write_results(tmp_path / "run", traces=False)))
    assert [(step.left, step.lost) for step in found.steps] == [("62", ""), ("60", "2"), ("60", "")]
    assert "no starting state" in found.steps[1].label and MANIFEST["failures"]
    assert [(one.begun, one.died, one.measured) for one in found.arms] == [
        (str(PATIENTS), "", str(PATIENTS))
    ] * 2


def test_a_recruited_cohort_shows_every_screen(tmp_path: Path):
    steps = [{"step": "candidates", "left": 10_000}, {"step": "hba1c 7-10 %", "left": 4_000}]
    recruitment = {"attrition": steps, "eligible": 4_000, "effective_size": 2_000.0, "baseline": []}
    folder = changed(tmp_path / "run", recruitment=recruitment)
    assert [(step.left, step.lost) for step in flow(read(folder)).steps] == [
        ("10,000", ""),
        ("4,000", "6,000"),
    ]
    page = write_report(folder).read_text(encoding="utf-8")
    assert re.search(r"6,000 left out</span><strong>4,000</strong> hba1c 7-10.%", page)
    assert "nobody is randomized" in page


@pytest.mark.parametrize("deaths", [0, 7])
def test_deaths_are_those_of_the_summary(tmp_path: Path, deaths: int):
    count = {"events": 0, "patients": 0, "serious": 0, "severe": 0, "fatal": 0, "rate": 0.0, "share": 0.0}
    harm = {"patients": PATIENTS, "patient_years": 100.0, "deaths": deaths, "any": count, "events": {}}
    found = flow(read(changed(tmp_path / "run", harm={"islets": harm})))
    assert [(one.arm, one.died) for one in found.arms] == [("islets", str(deaths)), ("care as before", "")]
