"""Who the patients are at enrollment, as a trial's table of baseline characteristics asks for them.

Age, sex, body size and duration are what each patient was given or drew. HbA1c, fasting glucose and C-peptide
are those of the starting state, without measurement error; the insulin dose is 0 where none is taken.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.populations.baseline import Start
from insulae.therapies.base import TherapySpec

Numbers = NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Trait:
    """A column of the table of enrolled patients; `is_share`: 1 for yes and 0 for no."""

    label: str
    unit: str
    is_share: bool = False


TRAITS: Mapping[str, Trait] = {
    "age": Trait("Age", "year"),
    "male": Trait("Men", "", is_share=True),
    "height": Trait("Height", "m"),
    "weight": Trait("Weight", "kg"),
    "bmi": Trait("Body mass index", "kg/m2"),
    "duration": Trait("Duration of diabetes", "year"),
    "hba1c": Trait("HbA1c", "%"),
    "fasting_glucose": Trait("Fasting glucose", "mg/dL"),
    "fasting_c_peptide": Trait("Fasting C-peptide", "pmol/L"),
    "insulin_dose": Trait("Insulin", "U/d"),
    "egfr": Trait("Estimated GFR", "mL/min/1.73 m2"),
}


def traits(start: Start, treatment: Iterable[TherapySpec]) -> dict[str, Numbers]:
    """Return the traits of patients at their starting state by the names of TRAITS, each [patient]."""
    enrolled, drawn = start.enrolled, start.cohort.traits
    known = {
        name: np.asarray(getattr(enrolled, name), np.float64)
        for name in ("age", "male", "height", "weight", "duration", "hba1c", "fasting_glucose", "egfr")
    }
    given = [part for spec in treatment for part in spec.build(enrolled).parts()]
    takes_insulin = any(part.sort == "insulin" for part in given)
    known["bmi"] = known["weight"] / known["height"] ** 2
    known["fasting_c_peptide"] = np.asarray(start.fasting_c_peptide, np.float64)
    known["insulin_dose"] = np.asarray(drawn.insulin_dose, np.float64) * takes_insulin
    return {name: known[name] for name in TRAITS}
