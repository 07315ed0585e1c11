"""What each endpoint of a run is called where data are exchanged: code, words, and which dataset takes it.

Laboratory values and body weight are measured in real trials too and go to LB and VS. Whatever is derived
(sensor metrics, scores, yes or no, insulin doses) goes to the analysis dataset ADEFF alone.
"""

import re
from dataclasses import dataclass

from insulae.endpoints.base import get

LONGEST = 8


@dataclass(frozen=True)
class Measure:
    """A test of SDTM: domain, code and words of the controlled terminology, specimen, LOINC, time."""

    domain: str
    code: str
    words: str
    category: str = ""
    specimen: str = ""
    loinc: str = ""
    fasting: str = ""
    minutes: float | None = None


TESTS = {
    "hba1c": Measure("LB", "HBA1CHGB", "Hemoglobin A1C/Hemoglobin", "CHEMISTRY", "BLOOD", "4548-4"),
    "fasting_glucose": Measure("LB", "GLUC", "Glucose", "CHEMISTRY", "PLASMA", "1558-6", "Y"),
    "fasting_c_peptide": Measure("LB", "CPEPTIDE", "C-peptide", "CHEMISTRY", "PLASMA", "1986-9", "Y"),
    "meal_c_peptide_90": Measure("LB", "CPEPTIDE", "C-peptide", "CHEMISTRY", "PLASMA", "1986-9", "N", 90.0),
    "egfr": Measure("LB", "GFRE", "Glomerular Filtration Rate, Estimated", "CHEMISTRY", "", "98979-8"),
    "body_weight": Measure("VS", "WEIGHT", "Weight"),
}


def parameter_code(name: str) -> str:
    """Return the code of an endpoint in analysis datasets: that of CDISC, else the beginnings of its words.

    >>> parameter_code("hba1c"), parameter_code("time_in_tight_range"), parameter_code("mage")
    ('HBA1CHGB', 'TIINTIRA', 'MAGE')
    """
    if (found := get(name)).cdisc:
        return found.cdisc
    words = re.findall(r"[a-z0-9]+", name)
    share = max(1, LONGEST // len(words))
    return "".join(word[:share] for word in words).upper()[:LONGEST]


def parameter_words(name: str) -> str:
    """Return label and unit of an endpoint, no unit for yes or no.

    >>> parameter_words("hba1c")
    'HbA1c (%)'
    """
    found = get(name)
    unit = "" if found.unit in ("", "dimensionless") or found.kind == "yes_no" else f" ({found.unit})"
    return f"{found.label}{unit}"
