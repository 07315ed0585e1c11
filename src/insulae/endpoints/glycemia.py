"""Glycemia: HbA1c, fasting and mean glucose, CGM times in ranges, variability and risk indices.

The CGM measures are those of `insulae.cgm.metrics`, taken over the window that ends at the visit.
"""

import numpy as np
from numpy.typing import NDArray

from insulae.cgm import metrics
from insulae.cgm.readings import Readings
from insulae.endpoints.base import Floats, endpoint, percent

FASTING_DIABETES, DRINK_DIABETES = 126.0, 200.0
"""Glucose (mg/dL) from which diabetes is diagnosed, fasting and two hours after a drink (ada2025)."""

FASTING_IMPAIRED, DRINK_IMPAIRED = 110.0, 140.0
"""Glucose (mg/dL) from which it is impaired, fasting and two hours after a drink (who2006)."""


def is_diabetic(fasting: Floats, two_hours: Floats) -> NDArray[np.bool_]:
    """Tell who is diabetic by one drink: by glucose before it or two hours after (mg/dL)."""
    return (fasting >= FASTING_DIABETES) | (two_hours >= DRINK_DIABETES)


@endpoint(unit="%", label="HbA1c", better="lower", source="ada2025", cdisc="HBA1CHGB")
def hba1c(hba1c: Floats) -> Floats:
    """Glycated hemoglobin as measured (NGSP)."""
    return hba1c


@endpoint(unit="%", label="Change of HbA1c", better="lower", source="ada2025")
def hba1c_change(hba1c: Floats, enrolled_hba1c: Floats) -> Floats:
    """HbA1c less that at enrollment, in percentage points."""
    return hba1c - enrolled_hba1c


@endpoint(unit="%", label="HbA1c below 7.0 %", better="higher", source="landstra2021", kind="yes_no")
def hba1c_below_7(hba1c: Floats) -> Floats:
    """HbA1c below 7.0 %, the limit of a good outcome in the Igls criteria 2.0."""
    return percent(hba1c < 7.0, hba1c)


@endpoint(unit="%", label="HbA1c below 6.5 %", better="higher", source="ada2025", kind="yes_no")
def hba1c_below_6_5(hba1c: Floats) -> Floats:
    """HbA1c below 6.5 %, the diagnostic limit of diabetes; says nothing about drugs (see `remission`)."""
    return percent(hba1c < 6.5, hba1c)


@endpoint(unit="mg/dL", label="Fasting glucose", better="lower", source="ada2025", cdisc="GLUC")
def fasting_glucose(fasting_glucose: Floats) -> Floats:
    """Mean of the fasting values of the window, as one test reads it."""
    return fasting_glucose


@endpoint(unit="mg/dL", label="Confirmed fasting glucose", better="lower", source="ada2025")
def confirmed_fasting_glucose(fasting_glucose: Floats, fasting_glucose_again: Floats) -> Floats:
    """Lower of two tests: above a limit only where a second test confirms the first, as diagnoses ask."""
    return np.minimum(fasting_glucose, fasting_glucose_again)


@endpoint(unit="mg/dL", label="Glucose two hours after a drink", better="lower", source="ada2025")
def two_hour_glucose(two_hour_glucose: Floats) -> Floats:
    """Glucose two hours after 75 g of glucose in water, in the morning of the visit."""
    return two_hour_glucose


@endpoint(
    unit="%", label="Diabetes by fasting glucose or a drink", better="lower", source="ada2025", kind="yes_no"
)
def diabetes_by_drink(
    fasting_glucose: Floats,
    two_hour_glucose: Floats,
    fasting_glucose_again: Floats,
    two_hour_glucose_again: Floats,
) -> Floats:
    """Fasting glucose of 126 mg/dL or 200 mg/dL two hours after a drink, found again in a second drink."""
    first = is_diabetic(fasting_glucose, two_hour_glucose)
    second = is_diabetic(fasting_glucose_again, two_hour_glucose_again)
    return percent(first & second, fasting_glucose, two_hour_glucose)


@endpoint(unit="%", label="Impaired glucose by a drink", better="lower", source="who2006", kind="yes_no")
def impaired_by_drink(fasting_glucose: Floats, two_hour_glucose: Floats) -> Floats:
    """Fasting glucose of 110 to 125 mg/dL or 140 to 199 mg/dL two hours after a drink, and no diabetes by
    it."""
    impaired = (fasting_glucose >= FASTING_IMPAIRED) | (two_hour_glucose >= DRINK_IMPAIRED)
    found = impaired & ~is_diabetic(fasting_glucose, two_hour_glucose)
    return percent(found, fasting_glucose, two_hour_glucose)


@endpoint(unit="mg/dL", label="Mean CGM glucose", better="lower", source="battelino2023")
def mean_glucose(readings: Readings) -> Floats:
    """Mean of all readings."""
    return metrics.mean_glucose(readings)


@endpoint(unit="%", label="Time in range 70-180 mg/dL", better="higher", source="battelino2023")
def time_in_range(readings: Readings) -> Floats:
    """Share of readings from 70 to 180 mg/dL, both ends included."""
    return metrics.time_in_range(readings)


@endpoint(unit="%", label="Time in tight range 70-140 mg/dL", better="higher", source="battelino2023")
def time_in_tight_range(readings: Readings) -> Floats:
    """Share of readings from 70 to 140 mg/dL (3.9-7.8 mmol/L), both ends included."""
    return metrics.time_in_tight_range(readings)


@endpoint(unit="%", label="Time below 70 mg/dL", better="lower", source="battelino2023")
def time_below_range(readings: Readings) -> Floats:
    """Share of readings below 70 mg/dL, those below 54 included."""
    return metrics.time_below_range(readings)


@endpoint(unit="%", label="Time below 54 mg/dL", better="lower", source="battelino2023")
def time_below_54(readings: Readings) -> Floats:
    """Share of readings below 54 mg/dL."""
    return metrics.time_below_54(readings)


@endpoint(unit="%", label="Time above 180 mg/dL", better="lower", source="battelino2023")
def time_above_range(readings: Readings) -> Floats:
    """Share of readings above 180 mg/dL, those above 250 included."""
    return metrics.time_above_range(readings)


@endpoint(unit="%", label="Time above 250 mg/dL", better="lower", source="battelino2023")
def time_above_250(readings: Readings) -> Floats:
    """Share of readings above 250 mg/dL."""
    return metrics.time_above_250(readings)


@endpoint(unit="%", label="Coefficient of variation of glucose", better="lower", source="battelino2023")
def coefficient_of_variation(readings: Readings) -> Floats:
    """Standard deviation over mean; at most 36 % is called stable."""
    return metrics.coefficient_of_variation(readings)


@endpoint(unit="%", label="Glucose management indicator", better="lower", source="bergenstal2018")
def glucose_management_indicator(readings: Readings) -> Floats:
    """HbA1c that the mean glucose lets expect."""
    return metrics.glucose_management_indicator(readings)


@endpoint(unit="dimensionless", label="Low blood glucose index", better="lower", source="kovatchev1997")
def low_blood_glucose_index(readings: Readings) -> Floats:
    """Frequency and depth of low readings."""
    return metrics.low_blood_glucose_index(readings)


@endpoint(unit="dimensionless", label="High blood glucose index", better="lower", source="kovatchev1997")
def high_blood_glucose_index(readings: Readings) -> Floats:
    """Frequency and height of high readings."""
    return metrics.high_blood_glucose_index(readings)


@endpoint(unit="dimensionless", label="Glycemia risk index", better="lower", source="klonoff2023")
def glycemia_risk_index(readings: Readings) -> Floats:
    """Weighted times outside the range, 0 (best) to 100."""
    return metrics.glycemia_risk_index(readings)


@endpoint(unit="mg/dL", label="Mean amplitude of glycemic excursions", better="lower", source="service1970")
def mage(readings: Readings) -> Floats:
    """Mean of the swings larger than one standard deviation; NaN when there is none."""
    return metrics.mage(readings)
