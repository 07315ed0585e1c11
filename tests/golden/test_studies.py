"""The three studies at 128 patients and few visits: what they promise to show, within bands fixed beforehand.

The bands are those of the published values and of the studies' purpose, not of yesterday's output; a change
of the model that leaves one of them must be explained under *Numbers changed*.
"""

from pathlib import Path
from typing import Any

import pytest

from insulae.study.load import load
from insulae.study.run import run

STUDIES = Path(__file__).parents[2] / "studies"
VISITS = {
    "first_case": [0, 8, 32, 48, 56, 64, 80, 113],
    "first_case_type1": [0, 8, 17, 52],
    "zimislecel": [0, 13, 26, 52],
}


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = {}
    for name, visits in VISITS.items():
        study = load(STUDIES / f"{name}.yaml", [f"visits={visits}", "population.size=128"])
        found[name] = run(study, tmp_path_factory.mktemp(name), 1).summary["arms"]
    return found


def at(arm: dict[str, Any], endpoint: str, statistic: str, week: float | None = None) -> float:
    record = arm[endpoint]
    place = -1 if week is None else record["weeks"].index(week)
    value = record[statistic][place]
    return float("inf") if value is None else value


def test_the_type_2_case_covers_what_was_reported(summaries: dict[str, Any]):
    arm = summaries["first_case"]["cell therapy"]
    reported = [
        ("weeks_to_insulin_free", None, 11),
        ("weeks_to_first_tablet_stopped", None, 48),
        ("weeks_to_last_tablet_stopped", None, 56),
        ("time_in_tight_range", 0, 57),
        ("hba1c", 0, 6.6),
    ]
    missed = [
        (endpoint, week, value)
        for endpoint, week, value in reported
        if not at(arm, endpoint, "p05", week) <= value <= at(arm, endpoint, "p95", week)
    ]
    assert not missed
    # 4.6 % was reported; since islets are silent below a threshold even the lowest stay above it.
    assert at(arm, "hba1c", "p05") < 5.0 and at(arm, "hba1c", "p50") < 5.7
    # Week 11 was reported; it lies among the earliest, the median person is slower.
    assert 6 <= at(arm, "weeks_to_insulin_free", "p50") <= 20
    # Over 99 % were reported: read through a sensor that errs, the best of the simulated come close to it.
    assert at(arm, "time_in_tight_range", "p50") > 85
    assert at(arm, "time_in_tight_range", "p95") > 98


def test_standard_care_of_the_type_2_case_stays_where_it_was(summaries: dict[str, Any]):
    arm = summaries["first_case"]["standard care"]
    assert at(arm, "insulin_free", "mean") == 0
    assert abs(at(arm, "hba1c", "p50") - at(arm, "hba1c", "p50", 0)) < 0.3


def test_the_type_1_case_is_free_of_insulin_with_glucose_in_range(summaries: dict[str, Any]):
    arm = summaries["first_case_type1"]["cell therapy"]
    assert 6 <= at(arm, "weeks_to_insulin_free", "p50") <= 16
    assert at(arm, "time_in_range", "p05", 0) <= 43.18 <= at(arm, "time_in_range", "p95", 0)
    assert at(arm, "time_in_range", "p05") <= 98 <= at(arm, "time_in_range", "p95")
    # Glucose of the median person is near 88 mg/dL, so that a sensor that errs shows a tenth of it below 70.
    assert at(arm, "time_in_range", "p50") > 80


def test_zimislecel_returns_c_peptide_and_independence(summaries: dict[str, Any]):
    arm = summaries["zimislecel"]["zimislecel"]
    # The exact 95 % intervals of the 10 and the 12 of 12 reported.
    assert 52 <= at(arm, "insulin_independence", "mean") <= 98
    assert at(arm, "hba1c_below_7", "mean") >= 74
    for week, reported in ((13, 424), (26, 1036), (52, 1274)):
        assert abs(at(arm, "meal_c_peptide_90", "mean", week) / reported - 1) < 0.30


def test_nobody_is_lost(summaries: dict[str, Any]):
    counts = [record["n"] for arms in summaries.values() for arm in arms.values() for record in arm.values()]
    assert min(min(n) for n in counts) >= 126
