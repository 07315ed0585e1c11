"""C-peptide of the standard mixed-meal test (Greenbaum 2008, doi:10.2337/dc07-1898)."""

import numpy as np

from insulae.endpoints.base import MEAL_TEST_MINUTES, Floats, endpoint


@endpoint(unit="pmol/L", label="Fasting C-peptide", better="higher", source="greenbaum2008", cdisc="CPEPTIDE")
def fasting_c_peptide(meal_test_c_peptide: Floats) -> Floats:
    """C-peptide before the meal."""
    return meal_test_c_peptide[:, 0]


@endpoint(unit="pmol/L", label="Peak C-peptide of the meal test", better="higher", source="greenbaum2008")
def stimulated_c_peptide(meal_test_c_peptide: Floats) -> Floats:
    """Highest of the five values; NaN when all are missing."""
    return np.fmax.reduce(meal_test_c_peptide, axis=1)


@endpoint(unit="pmol/L", label="C-peptide 90 minutes after the meal", better="higher", source="greenbaum2008")
def meal_c_peptide_90(meal_test_c_peptide: Floats) -> Floats:
    """C-peptide at 90 minutes."""
    return meal_test_c_peptide[:, MEAL_TEST_MINUTES.index(90)]


@endpoint(unit="pmol/L*min", label="C-peptide area over two hours", better="higher", source="greenbaum2008")
def c_peptide_auc(meal_test_c_peptide: Floats) -> Floats:
    """Area under the curve from 0 to 120 minutes by the trapezoidal rule; NaN when any value is missing."""
    return np.asarray(np.trapezoid(meal_test_c_peptide, x=MEAL_TEST_MINUTES, axis=1))
