"""ADTTE: days from enrollment to death, to the first serious event, and to what endpoints count in weeks.

Who had no event is censored at the end of participation, at death where that ends it. The day of an event
that an endpoint counts in weeks (insulin stopped) is the earliest that any visit of the subject reports.
"""

import numpy as np
import pandas as pd

from insulae.core.clock import DAYS_PER_WEEK
from insulae.endpoints.base import get
from insulae.interop.dataset import Dataset, Table, dataset, date_number, study_day
from insulae.interop.measures import parameter_code
from insulae.interop.sdtm import ordered_events
from insulae.interop.subjects import Subjects, numbered


def time_to_event(held: Subjects) -> Dataset:
    """Return ADTTE: a row for each subject and parameter; AVAL is in days, the day of enrollment is day 1."""
    events = numbered(ordered_events(held), "AESEQ")
    deaths = events[events["AESDTH"] == "Y"]
    serious = events[events["AESER"] == "Y"]
    hypoglycemia = held.events[held.events["event"] == "severe_hypoglycemia"]["label"].unique()
    parts = [
        _parameter(held, "DEATH", "Time to death (days)", _first(deaths)),
        _parameter(held, "SERIOUS", "Time to first serious adverse event (days)", _first(serious)),
        _parameter(
            held,
            "SEVHYPO",
            "Time to first severe hypoglycemia (days)",
            _first(events[events["AETERM"].isin(hypoglycemia)]),
        ),
    ]
    names = [str(n) for n in held.measured["endpoint"].unique() if get(str(n)).kind == "event_week"]
    for name in sorted(names):
        words = get(name).label.replace("Weeks until", "Time until")
        parts.append(_parameter(held, parameter_code(name), f"{words} (days)", _earliest(held, name)))
    return dataset("ADTTE", pd.concat(parts, ignore_index=True).sort_values(["USUBJID", "PARAMCD"]))


def _first(events: Table) -> Table:
    """Return the first of some adverse events of each subject: day, what it is, where it stands."""
    found = events.drop_duplicates("USUBJID")
    return pd.DataFrame(
        {
            "USUBJID": found["USUBJID"],
            "day": found["day"].astype(float),
            "EVNTDESC": found["AETERM"],
            "SRCDOM": "AE",
            "SRCVAR": "AESTDTC",
            "SRCSEQ": found["AESEQ"],
        }
    )


def _earliest(held: Subjects, name: str) -> Table:
    found = held.measured[(held.measured["endpoint"] == name) & np.isfinite(held.measured["value"])]
    days = (found.groupby("USUBJID")["value"].min() * DAYS_PER_WEEK).round()
    table = pd.DataFrame({"USUBJID": days.index, "day": days.to_numpy()})
    return table.assign(EVNTDESC=get(name).label.replace("Weeks until ", "").capitalize())


def _parameter(held: Subjects, code: str, words: str, events: Table) -> Table:
    rows = held.people.merge(events, how="left", on="USUBJID")
    is_event = rows["day"].notna()
    day = rows["day"].fillna(rows["last"])
    ended = np.where(rows["death"].notna(), "Death", "End of study")
    table = pd.DataFrame(
        {
            "STUDYID": rows["STUDYID"],
            "USUBJID": rows["USUBJID"],
            "TRTP": rows["arm"],
            "PARAM": words,
            "PARAMCD": code,
            "AVAL": study_day(day),
            "CNSR": (~is_event).astype(float),
            "STARTDT": float(date_number(0)),
            "ADT": date_number(day),
            "EVNTDESC": rows["EVNTDESC"].fillna(""),
            "CNSDTDSC": np.where(is_event, "", ended),
        }
    )
    if "SRCDOM" not in rows:
        return table.assign(SRCDOM="", SRCVAR="", SRCSEQ=np.nan)
    source = {"SRCDOM": rows["SRCDOM"].fillna(""), "SRCVAR": rows["SRCVAR"].fillna("")}
    return table.assign(**source, SRCSEQ=rows["SRCSEQ"].astype(float))
