"""Scores and classes by which transplants of islets are judged in the clinic, of simulated patients."""

import numpy as np

from insulae.cgm.limits import MG_PER_DL_PER_MMOL
from insulae.cgm.metrics import mean_of_present, time_below_54, time_in_range
from insulae.cgm.readings import Readings
from insulae.endpoints.base import Floats, endpoint, percent
from insulae.islet_function.scores import PMOL_PER_NMOL, beta2


@endpoint(unit="", label="BETA-2 score", better="higher", source="forbes2016")
def beta2_score(
    meal_test_c_peptide: Floats,
    insulin_dose: Floats,
    body_weight: Floats,
    fasting_glucose: Floats,
    hba1c: Floats,
) -> Floats:
    """Graft function from fasting C-peptide and glucose, HbA1c and insulin per weight; 0 above 1 U/kg/d."""
    fasting = meal_test_c_peptide[:, 0] / PMOL_PER_NMOL
    dose = mean_of_present(insulin_dose) / body_weight
    return beta2(fasting, dose, fasting_glucose / MG_PER_DL_PER_MMOL, hba1c)


@endpoint(unit="%", label="Igls 2.0 treatment success", better="higher", source="landstra2021", kind="yes_no")
def igls_success(hba1c: Floats, readings: Readings, severe_hypoglycemias: Floats) -> Floats:
    """Optimal or good treatment outcome: HbA1c < 7.0 %, at least 70 % in range, below 1 % under 54 mg/dL.

    No severe hypoglycemia since enrollment stands for none in a year, which is stricter after the first year.
    """
    in_range, low = time_in_range(readings), time_below_54(readings)
    success = (hba1c < 7.0) & (in_range >= 70.0) & (low < 1.0) & (severe_hypoglycemias == 0.0)
    return percent(np.asarray(success), hba1c, in_range, low, severe_hypoglycemias)
