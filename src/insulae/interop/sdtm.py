"""SDTM datasets of a run: who (DM), what was measured (LB, VS), what happened (AE), how it ended (DS).

Treatments (EX, CM) are in `exposure.py`. A value that is missing, as after a death, has no row.
"""

import numpy as np
import pandas as pd

from insulae.core.adverse_events import adverse_event
from insulae.interop.dataset import Dataset, Table, dataset, date_text, study_day
from insulae.interop.exposure import first_exposure
from insulae.interop.measures import TESTS
from insulae.interop.subjects import FATAL, Subjects, demographic, numbered

SEVERITY = {1: "MILD", 2: "MODERATE", 3: "SEVERE", 4: "SEVERE", 5: "SEVERE"}
NOT_RECOVERED = "NOT RECOVERED/NOT RESOLVED"
OUTCOMES = {
    "recovered": "RECOVERED/RESOLVED",
    "sequelae": "RECOVERED/RESOLVED WITH SEQUELAE",
    "not recovered": NOT_RECOVERED,
    FATAL: "FATAL",
}
YES_NO = {True: "Y", False: "N"}
WITHOUT_UNIT = ("", "dimensionless")


def demographics(held: Subjects) -> Dataset:
    """Return DM: a row for each subject."""
    people, last = held.people, held.people["last"].map(date_text)
    table = pd.DataFrame(
        {
            "STUDYID": people["STUDYID"],
            "DOMAIN": "DM",
            "USUBJID": people["USUBJID"],
            "SUBJID": people["SUBJID"],
            "RFSTDTC": date_text(0),
            "RFENDTC": last,
            "RFXSTDTC": people["arm"].map(first_exposure(held.study)).map(date_text),
            "RFPENDTC": last,
            "DTHDTC": people["death"].map(date_text),
            "DTHFL": np.where(people["death"].notna(), "Y", ""),
            "ARMCD": people["ARMCD"],
            "ARM": people["arm"],
            "ACTARMCD": people["ARMCD"],
            "ACTARM": people["arm"],
        }
    )
    return dataset("DM", table.assign(**demographic(held)))


def laboratory(held: Subjects) -> Dataset:
    """Return LB: a row for each laboratory value at each visit."""
    rows = _results(held, "LB")
    tests = rows.pop("endpoint").map(TESTS)
    rows["LBCAT"] = [test.category for test in tests]
    rows["LBSPEC"] = [test.specimen for test in tests]
    rows["LBLOINC"] = [test.loinc for test in tests]
    rows["LBFAST"] = [test.fasting for test in tests]
    after = [test.minutes for test in tests]
    rows["LBTPT"] = ["" if m is None else f"{m:g} MIN AFTER START OF MEAL" for m in after]
    rows["LBTPTNUM"] = np.array(after, float)
    return dataset("LB", rows)


def vital_signs(held: Subjects) -> Dataset:
    """Return VS: body weight at each visit."""
    return dataset("VS", _results(held, "VS").drop(columns="endpoint"))


def _results(held: Subjects, domain: str) -> Table:
    """Return the rows of a domain of findings, in the order of subject, test and visit."""
    names = [name for name, test in TESTS.items() if test.domain == domain]
    found = held.measured[held.measured["endpoint"].isin(names) & np.isfinite(held.measured["value"])]
    found = found.astype({"endpoint": str, "unit": str}).sort_values(["USUBJID", "endpoint", "day"])
    before = found[found["day"] <= 0].groupby(["USUBJID", "endpoint"])["day"].transform("max")
    text, unit = found["value"].map("{:.6g}".format), found["unit"].replace(dict.fromkeys(WITHOUT_UNIT, ""))
    columns = {
        "TESTCD": found["endpoint"].map(lambda name: TESTS[name].code),
        "TEST": found["endpoint"].map(lambda name: TESTS[name].words),
        "ORRES": text,
        "ORRESU": unit,
        "STRESC": text,
        "STRESN": found["value"],
        "STRESU": unit,
        "LOBXFL": np.where(found["day"] == before.reindex(found.index), "Y", ""),
        "DTC": found["day"].map(date_text),
        "DY": study_day(found["day"]).astype(float),
    }
    shared = {
        "STUDYID": held.study_id,
        "DOMAIN": domain,
        "USUBJID": found["USUBJID"],
        "VISITNUM": found["visit"].astype(float),
        "VISIT": found["week"].map("WEEK {:g}".format),
        "endpoint": found["endpoint"],
    }
    named = {f"{domain}{name}": values for name, values in columns.items()}
    return numbered(pd.DataFrame(shared | named), f"{domain}SEQ")


def adverse_events(held: Subjects) -> Dataset:
    """Return AE: a row for each event; one that outlasts participation has no end and is not resolved."""
    return dataset("AE", numbered(ordered_events(held), "AESEQ").drop(columns=["arm", "day", "end"]))


def ordered_events(held: Subjects) -> Table:
    """Return the columns of AE by subject and day, with arm, `day` and `end` (NaN where it has none)."""
    lasts: Table = held.people[["USUBJID", "last"]]
    found = held.events.merge(lasts, on="USUBJID").sort_values(["USUBJID", "day", "event"], kind="stable")
    is_fatal = found["outcome"] == FATAL
    end = (found["day"] + found["duration"].round()).where(lambda day: day <= found["last"])
    end = end.mask(is_fatal, found["day"])
    is_open = end.isna() & found["outcome"].isin(["recovered", "sequelae"])
    table = {
        "STUDYID": held.study_id,
        "DOMAIN": "AE",
        "USUBJID": found["USUBJID"],
        "AETERM": found["label"],
        "AEDECOD": found["event"].map(lambda name: adverse_event(name).term.upper()),
        "AECAT": found["event"].map(lambda name: adverse_event(name).category.upper()),
        "AESEV": found["grade"].map(SEVERITY),
        "AETOXGR": found["grade"].astype(str),
        "AESER": found["serious"].map(YES_NO),
        "AEREL": found["relation"].str.replace("_", " ").str.upper(),
        "AEOUT": found["outcome"].map(OUTCOMES).mask(is_open, NOT_RECOVERED),
        "AESDTH": is_fatal.map(YES_NO),
        "AESTDTC": found["day"].map(date_text),
        "AEENDTC": end.map(date_text),
        "AESTDY": study_day(found["day"]).astype(float),
        "AEENDY": study_day(end),
    }
    return pd.DataFrame(table | {"arm": found["arm"], "day": found["day"], "end": end})


def disposition(held: Subjects) -> Dataset:
    """Return DS: each subject completes the study or dies; nobody drops out of a simulation."""
    people, ended = held.people, np.where(held.people["death"].notna(), "DEATH", "COMPLETED")
    table = {
        "STUDYID": people["STUDYID"],
        "DOMAIN": "DS",
        "USUBJID": people["USUBJID"],
        "DSTERM": ended,
        "DSDECOD": ended,
        "DSCAT": "DISPOSITION EVENT",
        "DSSTDTC": people["last"].map(date_text),
        "DSSTDY": study_day(people["last"]),
    }
    return dataset("DS", numbered(pd.DataFrame(table), "DSSEQ"))
