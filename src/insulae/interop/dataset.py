"""A dataset as regulators read it: its variables, its rules, and how days become dates.

The variables a dataset can have, in their order, are rows of `cdisc_variables.csv`: names, labels and whether
they are required (Req), expected (Exp), conditional (Cond) or permissible (Perm), after the CDISC
implementation guides SDTMIG 3.3 and ADaMIG 1.1 as recalled, the labels as in the CDISC pilot study. What a
run cannot fill is left out and named in define.xml.
"""

import csv
import datetime
import functools
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd

from insulae.core.errors import RunError

REFERENCE_DATE = datetime.date(2000, 1, 1)
"""The day of enrollment of every subject; made up, because the simulation has days but no calendar."""
SAS_EPOCH = datetime.date(1960, 1, 1)
LABELS = {
    "DM": "Demographics",
    "EX": "Exposure",
    "CM": "Concomitant Medications",
    "LB": "Laboratory Test Results",
    "VS": "Vital Signs",
    "AE": "Adverse Events",
    "DS": "Disposition",
    "ADSL": "Subject-Level Analysis",
    "ADLB": "Laboratory Analysis",
    "ADEFF": "Efficacy Analysis",
    "ADTTE": "Time-to-Event Analysis",
    "ADAE": "Adverse Events Analysis",
}
KEYS = ("STUDYID", "USUBJID", "PARAMCD", "AVISITN")
LONGEST_LABEL = 40
LONGEST_TEXT = 200
Table = Any
"""A table or column of pandas, which leaves their types so open that a type checker learns nothing."""
_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,7}")


@dataclass(frozen=True)
class Variable:
    """One variable: `type` is char, num, int or date (SAS days); `core` says how much it is asked for."""

    standard: str
    dataset: str
    variable: str
    label: str
    type: str
    core: str


@dataclass(frozen=True)
class Dataset:
    """One dataset: the table holds texts ('' is missing) and numbers (NaN is missing)."""

    name: str
    standard: str
    variables: tuple[Variable, ...]
    absent: tuple[Variable, ...]
    table: Table

    @property
    def label(self) -> str:
        """Name of the dataset in words, which say that it is simulated."""
        return f"{LABELS[self.name]} (simulated)"

    @property
    def keys(self) -> list[str]:
        """Names of the variables that together tell a row from all others, in the order of sorting."""
        domain = self.name.removeprefix("AD") if self.name == "ADAE" else self.name
        wanted = (*KEYS, f"{domain}SEQ")
        return [v.variable for v in self.variables if v.variable in wanted]


@functools.cache
def known_variables() -> tuple[Variable, ...]:
    """Return every variable that a dataset can have, in order."""
    text = resources.files("insulae.interop").joinpath("cdisc_variables.csv").read_text(encoding="utf-8")
    return tuple(Variable(**row) for row in csv.DictReader(text.splitlines()))


def dataset(name: str, table: Table) -> Dataset:
    """Return a dataset of some columns; one without any value is left out, an unknown one is a mistake.

    Raises `RunError` where the table breaks a rule of the transport format.
    """
    known = [v for v in known_variables() if v.dataset == name]
    surplus = [column for column in table if column not in {v.variable for v in known}]
    if surplus:
        raise RunError(f"{name} cannot have the variable {surplus[0]}", "Add it to cdisc_variables.csv")
    filled = tuple(v for v in known if v.variable in table and _has_value(table[v.variable]))
    absent = tuple(v for v in known if v not in filled)
    kept = table[[v.variable for v in filled]].reset_index(drop=True)
    found = Dataset(name, known[0].standard, filled, absent, kept)
    for problem in mistakes(found):
        raise RunError(problem, "Change the name or label in the study file")
    return found


def _has_value(column: Table) -> bool:
    return bool(column.notna().any() if pd.api.types.is_numeric_dtype(column) else (column != "").any())


def mistakes(made: Dataset) -> list[str]:
    """Return in words what the transport format (XPT v5) would not take."""
    found = [f"{made.name}: the label is too long: {made.label}"] * (len(made.label) > LONGEST_LABEL)
    for variable in made.variables:
        where = f"{made.name}.{variable.variable}"
        if not _NAME.fullmatch(variable.variable):
            found.append(f"{where}: a name has at most 8 letters, digits and _, in capitals")
        if len(variable.label) > LONGEST_LABEL:
            found.append(f"{where}: the label has more than {LONGEST_LABEL} letters: {variable.label}")
        if variable.type == "char":
            found += [f"{where}: {problem}" for problem in _mistakes_of_texts(made.table[variable.variable])]
    return found


def _mistakes_of_texts(column: Table) -> list[str]:
    texts = [str(text) for text in column.unique()]
    long = [f"longer than {LONGEST_TEXT} letters: {text}" for text in texts if len(text) > LONGEST_TEXT]
    strange = [f"only ASCII can be written, not '{t}'" for t in texts if not (t.isascii() and _is_plain(t))]
    return long + strange


def _is_plain(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def date_number(day: Any) -> Any:
    """Return the SAS date of days since enrollment."""
    return day + (REFERENCE_DATE - SAS_EPOCH).days


def date_text(day: float) -> str:
    """Return the ISO date of a day since enrollment, '' for NaN.

    >>> date_text(0), date_text(-1.0), date_text(float("nan"))
    ('2000-01-01', '1999-12-31', '')
    """
    return "" if math.isnan(day) else (REFERENCE_DATE + datetime.timedelta(days=int(day))).isoformat()


def study_day(day: Any) -> Any:
    """Return the study day: enrollment is day 1, the day before it day -1, and there is no day 0.

    >>> study_day(0), study_day(-1)
    (1, -1)
    """
    return day + (day >= 0) * 1


def length(made: Dataset, variable: Variable) -> int:
    """Return the length of the longest text of a variable, 8 bytes for a number."""
    return int(made.table[variable.variable].str.len().max()) if variable.type == "char" else 8
