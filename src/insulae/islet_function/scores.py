"""Scores of a transplant's function: beta score, BETA-2 with its critical difference, SUITO.

The formulas take arrays, so that they serve a simulated population too.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insulae.islet_function.data import CannotBeComputed, IsletData, fasting, highest, needed
from insulae.islet_function.registry import index
from insulae.islet_function.sensitivity import fasting_mmol

PMOL_PER_NMOL, PMOL_PER_NANOGRAM_PER_ML = 1000.0, 1.0e6 / 3020.3
CRITICAL_SHARE = 0.262
"""Share of a BETA-2 score by which the next must differ: 2.8 x 9.3 % (beta2variability2020)."""


def beta2(c_peptide: ArrayLike, insulin: ArrayLike, glucose: ArrayLike, hba1c: ArrayLike) -> NDArray[Any]:
    """BETA-2 = 1000 sqrt(C-peptide) (1 - insulin) / (glucose x HbA1c) (Forbes 2016).

    Fasting C-peptide in nmol/L, insulin in U/kg/d, fasting glucose in mmol/L, HbA1c in %. Above 1 U/kg/d the
    formula has no meaning and the score is 0.

    >>> round(float(beta2(1.0, 0.0, 5.0, 5.0)), 1)
    40.0
    """
    dose = np.clip(1.0 - np.asarray(insulin), 0.0, None)
    return 1000.0 * np.sqrt(c_peptide) * dose / (np.asarray(glucose) * np.asarray(hba1c))


def dose_per_weight(data: IsletData) -> float:
    """Injected insulin in U/kg/d; raises `CannotBeComputed` when dose or weight is missing."""
    dose = needed(data.insulin_daily, "the daily insulin dose (0 when there is none)")
    return dose / needed(data.body_weight, "body weight")


def _hba1c(data: IsletData) -> float:
    return needed(data.hba1c, "HbA1c")


@index(
    label="BETA-2 score",
    unit="",
    definition="1000 x sqrt(fasting C-peptide, nmol/L) x (1 - insulin, U/kg/d) / (fasting glucose, mmol/L x "
    "HbA1c, %)",
    source="forbes2016",
)
def beta2_score(data: IsletData) -> float:
    """Graft function from one fasting sample."""
    c_peptide, dose = fasting(data.c_peptide, "C-peptide") / PMOL_PER_NMOL, dose_per_weight(data)
    if dose > 1.0:
        raise CannotBeComputed("more than 1 U/kg/d of insulin is outside the formula")
    return float(beta2(c_peptide, dose, fasting_mmol(data), _hba1c(data)))


@index(
    label="Critical difference of the BETA-2 score",
    unit="",
    definition="26.2 % of the score (2.8 x biological variation of 9.3 %); a smaller change may be chance",
    source="beta2variability2020",
)
def beta2_critical_difference(data: IsletData) -> float:
    """By how much the next score must differ."""
    return CRITICAL_SHARE * beta2_score(data)


@index(
    label="SUITO index",
    unit="",
    definition="1500 x fasting C-peptide (ng/mL) / (fasting glucose (mg/dL) - 63)",
    source="takita2012",
)
def suito(data: IsletData) -> float:
    """Secretory unit of islet transplant objects."""
    excess = fasting(data.glucose, "glucose") - 63.0
    if excess <= 0.0:
        raise CannotBeComputed("fasting glucose is not above 63 mg/dL")
    return 1500.0 * fasting(data.c_peptide, "C-peptide") / PMOL_PER_NANOGRAM_PER_ML / excess


@index(
    label="Beta score",
    unit="of 8",
    definition="0 to 2 points each for fasting glucose (<= 5.5, < 7.0 mmol/L), HbA1c (<= 6.1, < 7.0 %), "
    "insulin and tablets (none; < 0.25 U/kg/d or tablets) and stimulated C-peptide (>= 0.3, >= 0.1 "
    "nmol/L; below, the score is 0)",
    source="ryan2005beta",
)
def beta_score(data: IsletData) -> float:
    """Composite score of a graft after a meal test."""
    points_of_c_peptide = _c_peptide_points(data)
    drugs = needed(data.other_drugs, "the number of other glucose-lowering drugs (0 when there is none)")
    dose, glucose, hba1c = dose_per_weight(data), round(fasting_mmol(data), 1), _hba1c(data)
    if points_of_c_peptide == 0:
        return 0.0
    treatment = 0 if dose >= 0.25 else 2 if dose == 0.0 and drugs == 0.0 else 1
    points = _steps(glucose, 5.5, 7.0) + _steps(hba1c, 6.1, 7.0) + treatment + points_of_c_peptide
    return float(points)


def _steps(value: float, best: float, worst: float) -> int:
    """2 points up to the best limit, 0 from the worst, 1 between."""
    return 2 if value <= best else 0 if value >= worst else 1


def _c_peptide_points(data: IsletData) -> int:
    """Points by stimulated C-peptide; a fasting one of 0.3 nmol/L or more counts as such."""
    try:
        stimulated = highest(data.c_peptide, "C-peptide")
    except CannotBeComputed:
        stimulated = fasting(data.c_peptide, "C-peptide")
        if stimulated < 300.0:
            raise
    return 2 if stimulated >= 300.0 else 1 if stimulated >= 100.0 else 0
