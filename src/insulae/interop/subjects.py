"""What the folder of a finished run holds, told as subjects of a trial.

The same simulated people live through every arm; a trial has each subject in one. So a person becomes one
subject in each arm: SUBJID is arm and number, and the same number in two arms is the same person. Dates are
counted from a made-up day of enrollment, see `dataset.REFERENCE_DATE`.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import numpy as np

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.errors import RunError
from insulae.interop.dataset import Table
from insulae.runs import store
from insulae.study import load
from insulae.study.results import load_results
from insulae.study.spec import Study

NEEDED = ("study.yaml", "endpoints.parquet", "events.parquet", "enrolled.parquet")
FATAL = "fatal"


@dataclass(frozen=True)
class Subjects:
    """A run as subjects.

    `people`: a row each; arm, patient, STUDYID, USUBJID, SUBJID, ARMCD, `last` (day of the end of
    participation), `death` (day, NaN for survivors), and the traits at enrollment. `measured`: a row for each
    arm, patient, visit and endpoint with USUBJID, arm, patient, visit, week, day, endpoint, value. `events`:
    the adverse events with USUBJID and arm.
    """

    study: Study
    study_id: str
    people: Table
    measured: Table
    events: Table


def read(directory: store.Location) -> Subjects:
    """Return what a run holds; raises `RunError` for a folder without a finished run."""
    results = load_results(directory)
    for name in NEEDED:
        if not (directory / name).exists():
            raise RunError(f"{directory} holds no {name}", "Run the study again: insulae run STUDY.yaml")
    study = load.read((directory / "study.yaml").read_text(encoding="utf-8"), name="study.yaml")
    measured, events, enrolled = results.endpoints(), results.events(), results.enrolled()
    stated, there = {arm.name for arm in study.arms}, set(measured["arm"].unique())
    if stated != there:
        odd = sorted(stated ^ there)[0]
        raise RunError(f"{directory}: study.yaml and endpoints.parquet disagree about the arm '{odd}'")
    return _told(study, measured, events, enrolled)


def _told(study: Study, measured: Table, events: Table, enrolled: Table) -> Subjects:
    study_id = f"SIM-{_plain(study.name).upper()}"
    codes = {arm.name: f"ARM{number}" for number, arm in enumerate(study.arms, start=1)}
    people = measured[["arm", "patient"]].drop_duplicates().astype({"arm": str})
    people["ARMCD"] = people["arm"].map(codes)
    people["SUBJID"] = people["ARMCD"] + "-" + people["patient"].astype(str).str.zfill(6)
    people["STUDYID"], people["USUBJID"] = study_id, study_id + "-" + people["SUBJID"]
    deaths = events[events["outcome"] == FATAL].groupby(["arm", "patient"])["day"].min().rename("death")
    people = people.merge(deaths.reset_index(), how="left", on=["arm", "patient"])
    days = study.visit_days()
    people["last"] = people["death"].fillna(days[-1])
    people = people.merge(enrolled, how="left", on="patient")
    people = people.astype({"death": float, "last": float}).sort_values("USUBJID", ignore_index=True)
    numbers = {day: number for number, day in enumerate(days, start=1)}
    measured["day"] = (measured["week"] * DAYS_PER_WEEK).round().astype(int)
    measured["visit"] = measured["day"].map(numbers)
    named = people[["arm", "patient", "USUBJID"]]
    return Subjects(study, study_id, people, _named(measured, named), _named(events, named))


def _named(table: Table, named: Table) -> Table:
    return table.astype({"arm": str}).merge(named, on=["arm", "patient"])


def _plain(name: str) -> str:
    """Return a name as letters, digits and dashes.

    >>> _plain("Höhere Dosis, 2x")
    'Hohere-Dosis-2x'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-") or "STUDY"


def demographic(held: Subjects) -> dict[str, Any]:
    """Return age in whole years and sex of each subject."""
    people = held.people
    return {
        "AGE": np.floor(people["age"]),
        "AGEU": "YEARS",
        "SEX": np.where(people["male"] > 0, "M", "F"),
    }


def numbered(table: Table, name: str) -> Table:
    """Add a sequence number within each subject, in the order of the rows."""
    return table.assign(**{name: table.groupby("USUBJID").cumcount() + 1.0})
