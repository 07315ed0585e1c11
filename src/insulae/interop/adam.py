"""ADaM datasets of a run: subjects (ADSL), values over time (ADLB, ADEFF), adverse events (ADAE).

ADLB and ADEFF have a row for each subject, parameter and visit with a value; baseline is the last visit up to
enrollment. Times to events (ADTTE) are in `time_to_event.py`.
"""

from typing import Any

import numpy as np
import pandas as pd

from insulae.core.errors import RunError
from insulae.endpoints.base import get
from insulae.interop.dataset import Dataset, Table, dataset, date_number, study_day
from insulae.interop.exposure import first_exposure
from insulae.interop.measures import TESTS, parameter_code, parameter_words
from insulae.interop.sdtm import ordered_events
from insulae.interop.subjects import Subjects, demographic, numbered

CM_PER_M = 100


def subject_level(held: Subjects) -> Dataset:
    """Return ADSL: a row for each subject; all are in the full analysis set."""
    people = held.people
    table = pd.DataFrame(
        {
            "STUDYID": people["STUDYID"],
            "USUBJID": people["USUBJID"],
            "SUBJID": people["SUBJID"],
            "FASFL": "Y",
            "ARM": people["arm"],
            "ACTARM": people["arm"],
            "TRT01P": people["arm"],
            "TRT01A": people["arm"],
            "TRTSDT": date_number(people["arm"].map(first_exposure(held.study))),
            "EOSSTT": np.where(people["death"].notna(), "DISCONTINUED", "COMPLETED"),
            "DTHDT": date_number(people["death"]),
        }
    )
    return dataset("ADSL", table.assign(**demographic(held), **_at_baseline(people)))


def _at_baseline(people: Table) -> dict[str, Any]:
    return {
        "HEIGHTBL": people["height"] * CM_PER_M,
        "WEIGHTBL": people["weight"],
        "BMIBL": people["bmi"],
        "DIABDUR": people["duration"],
    }


def laboratory(held: Subjects) -> Dataset:
    """Return ADLB: the rows of LB, in the same order and therefore with the same sequence numbers."""
    rows = _over_time(held, [name for name in TESTS if _is_laboratory(name)])
    return dataset("ADLB", numbered(rows, "LBSEQ"))


def efficacy(held: Subjects) -> Dataset:
    """Return ADEFF from every other endpoint; of yes or no, AVALC says it and AVAL is 100 or 0."""
    names = [str(name) for name in held.measured["endpoint"].unique()]
    chosen = [n for n in names if get(n).kind != "event_week" and not _is_laboratory(n)]
    rows = _over_time(held, chosen)
    yes_no = rows["PARAMCD"].isin([parameter_code(name) for name in chosen if get(name).kind == "yes_no"])
    rows["AVALC"] = np.where(yes_no, np.where(rows["AVAL"] > 0, "Y", "N"), "")
    rows.loc[yes_no, ["BASE", "CHG"]] = np.nan
    return dataset("ADEFF", rows)


def _is_laboratory(name: str) -> bool:
    return name in TESTS and TESTS[name].domain == "LB"


def _over_time(held: Subjects, names: list[str]) -> Table:
    """Return the rows of some endpoints, in the order of subject, parameter and visit."""
    codes = {name: parameter_code(name) for name in names}
    if len(set(codes.values())) < len(codes):
        raise RunError(f"two endpoints have the same parameter code: {codes}")
    found = held.measured[held.measured["endpoint"].isin(names) & np.isfinite(held.measured["value"])]
    found = found.astype({"endpoint": str}).sort_values(["USUBJID", "endpoint", "day"])
    before = found[found["day"] <= 0].groupby(["USUBJID", "endpoint"]).last()[["value", "day"]]
    before = before.rename(columns={"value": "base", "day": "base_day"}).reset_index()
    found = found.merge(before, how="left", on=["USUBJID", "endpoint"])
    return pd.DataFrame(
        {
            "STUDYID": held.study_id,
            "USUBJID": found["USUBJID"],
            "TRTP": found["arm"],
            "TRTA": found["arm"],
            "PARAM": found["endpoint"].map(parameter_words),
            "PARAMCD": found["endpoint"].map(codes),
            "AVAL": found["value"],
            "BASE": found["base"],
            "CHG": (found["value"] - found["base"]).where(found["day"] > 0),
            "ABLFL": np.where(found["day"] == found["base_day"], "Y", ""),
            "AVISIT": np.where(found["day"] == found["base_day"], "Baseline", _weeks(found["week"])),
            "AVISITN": found["visit"].astype(float),
            "ADT": date_number(found["day"]).astype(float),
            "ADY": study_day(found["day"]).astype(float),
        }
    )


def _weeks(weeks: Table) -> Table:
    return weeks.map("Week {:g}".format)


def adverse_events(held: Subjects) -> Dataset:
    """Return ADAE: the rows of AE for analysis; treatment-emergent is what begins at or after exposure."""
    found = numbered(ordered_events(held), "AESEQ")
    begun = found["day"] >= found["arm"].map(first_exposure(held.study)).astype(float)
    is_first = found["AESEQ"] == 1
    is_first_of_kind = ~found.duplicated(["USUBJID", "AEDECOD"])
    kept = found[["STUDYID", "USUBJID", "AESEQ", "AETERM", "AEDECOD", "AESEV", "AESER", "AEREL"]]
    return dataset(
        "ADAE",
        kept.assign(
            TRTA=found["arm"],
            ATOXGR=found["AETOXGR"],
            TRTEMFL=np.where(begun, "Y", ""),
            ASTDT=date_number(found["day"]).astype(float),
            AENDT=date_number(found["end"]),
            ASTDY=found["AESTDY"],
            AOCCFL=np.where(is_first, "Y", ""),
            AOCCPFL=np.where(is_first_of_kind, "Y", ""),
        ),
    )
