"""The life table of the general population: how many of some age and sex die within a year (ssa2017).

The period life table of the United States in 2017, every fifth year of age from 20 to 100. Between these ages
the rate of death is interpolated on the logarithmic scale; younger and older people get the nearest one.
"""

import csv
import functools
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
SOURCE = "ssa2017"
"""Key of the life table in `tables/references.bib`."""


@functools.cache
def _rates() -> tuple[Floats, Floats, Floats]:
    """Return ages (year) and the logarithms of the yearly rates of death of men and women at these ages."""
    text = resources.files("insulae.tables").joinpath("life_table.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    # The probability of the year that begins at an age is the rate in its middle.
    ages = np.array([float(row["age"]) for row in rows]) + 0.5
    male, female = (np.array([float(row[sex]) for row in rows]) for sex in ("male", "female"))
    return ages, np.log(-np.log1p(-male)), np.log(-np.log1p(-female))


def death_rate(age: Floats, male: Floats) -> Floats:
    """Return the deaths per person-year of the general population at some ages (year); male is 1 or 0."""
    ages, men, women = _rates()
    return np.exp(np.where(np.asarray(male) > 0, np.interp(age, ages, men), np.interp(age, ages, women)))
