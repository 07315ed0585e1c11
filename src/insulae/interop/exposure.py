"""Treatments as SDTM datasets: EX, begun in the study; CM, begun before enrollment.

Both tell what the study file states, a row for each therapy: a run keeps no record of single doses. A dose is
given where the file gives one. An end is given where the file states it, or at death; doses that were weaned
or tablets that were stopped by a rule show in the endpoints only.
"""

import math
import re
from typing import Any

import pandas as pd

from insulae.interop.dataset import Dataset, Table, dataset, date_text, study_day
from insulae.interop.subjects import Subjects, numbered
from insulae.study.spec import Arm, Study

_DOSE = re.compile(r"\s*([-+]?\d[\d_.]*(?:[eE][-+]?\d+)?)\s*(\S.*)")


def taken(study: Study, arm: Arm) -> list[Any]:
    """Return what an arm takes: the treatment at enrollment, with what the arm adds or replaces."""
    together = {spec.kind: spec for spec in study.population.treatment}
    return list((together | {spec.kind: spec for spec in arm.therapies}).values())


def first_exposure(study: Study) -> dict[str, float]:
    """Return the first day of a therapy begun in the study, by arm; NaN where none is."""
    starts = {arm.name: [spec.start for spec in taken(study, arm) if spec.start >= 0] for arm in study.arms}
    return {arm: min(days, default=math.nan) for arm, days in starts.items()}


def exposure(held: Subjects) -> Dataset:
    """Return EX: therapies that begin at enrollment or later."""
    planned = _planned(held.study)
    return _therapies(held, "EX", planned[planned["start"] >= 0])


def medications(held: Subjects) -> Dataset:
    """Return CM: therapies begun before enrollment."""
    planned = _planned(held.study)
    return _therapies(held, "CM", planned[planned["start"] < 0])


def _planned(study: Study) -> Table:
    """Return the therapies of every arm as the study file states them: name, dose, unit, first, last day."""
    rows = [{"arm": arm.name, **_stated(spec)} for arm in study.arms for spec in taken(study, arm)]
    return pd.DataFrame(rows, columns=["arm", "TRT", "DOSE", "DOSU", "start", "stop"]).astype(
        {"DOSE": float, "start": float, "stop": float}
    )


def _stated(spec: Any) -> dict[str, Any]:
    plain = spec.model_dump(mode="json", exclude_none=True)
    name = plain.get("drug") or spec.kind
    found = _DOSE.fullmatch(str(plain.get("dose", "")))
    dose, unit = (float(found[1]), found[2]) if found else (math.nan, "")
    stop = getattr(spec, "stop", None)
    return {
        "TRT": str(name).replace("_", " ").upper(),
        "DOSE": dose,
        "DOSU": unit,
        "start": spec.start,
        "stop": math.nan if stop is None else stop,
    }


def _therapies(held: Subjects, domain: str, planned: Table) -> Dataset:
    """Return the rows of a domain of interventions, those begun while the subject took part."""
    rows = held.people.merge(planned, on="arm")
    rows = rows[rows["start"] <= rows["last"]].sort_values(["USUBJID", "start", "TRT"])
    end = rows["stop"].where(rows["stop"] <= rows["last"]).fillna(rows["death"])
    columns = {
        "TRT": rows["TRT"],
        "DOSE": rows["DOSE"],
        "DOSU": rows["DOSU"],
        "STDTC": rows["start"].map(date_text),
        "ENDTC": end.map(date_text),
        "STDY": study_day(rows["start"]),
        "ENDY": study_day(end),
    }
    named = {f"{domain}{name}": values for name, values in columns.items()}
    shared = {"STUDYID": rows["STUDYID"], "DOMAIN": domain, "USUBJID": rows["USUBJID"]}
    return dataset(domain, numbered(pd.DataFrame(shared | named), f"{domain}SEQ"))
