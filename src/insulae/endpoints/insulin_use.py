"""Insulin use: dose, time without insulin, insulin independence, and when insulin and tablets were stopped.

Insulin independence needs at least 14 consecutive days without injected insulin together with good glycemia;
the 14 days as in the trials of the Clinical Islet Transplantation Consortium (Hering 2016,
doi:10.2337/dc15-1988) and the Igls consensus (Rickels 2018, doi:10.1111/tri.13138). Protocols differ in the
glycemic part: HbA1c below or at 7.0 %, fasting glucose up to 126 or 140 mg/dL. `insulin_independence` names
the one used here.
"""

import numpy as np

from insulae.cgm.metrics import mean_of_present
from insulae.endpoints.base import MEAL_TEST_MINUTES, Floats, endpoint, percent

DAYS_WITHOUT_INSULIN = 14
TWO_HOURS = MEAL_TEST_MINUTES.index(120)


@endpoint(unit="U/d", label="Insulin dose", better="lower", source="hering2016")
def insulin_dose(insulin_dose: Floats) -> Floats:
    """Mean injected insulin over the days of the window; missing days are ignored."""
    return mean_of_present(insulin_dose)


@endpoint(
    unit="%", label="Off insulin for 14 days or more", better="higher", source="rickels2018", kind="yes_no"
)
def insulin_free(days_off_insulin: Floats) -> Floats:
    """No injected insulin for at least 14 consecutive days; no glycemic criterion."""
    return percent(days_off_insulin >= DAYS_WITHOUT_INSULIN, days_off_insulin)


@endpoint(unit="%", label="Insulin independence", better="higher", source="hering2016", kind="yes_no")
def insulin_independence(
    days_off_insulin: Floats, hba1c: Floats, fasting_glucose: Floats, meal_test_glucose: Floats
) -> Floats:
    """Off insulin for at least 14 days with all of three glycemic criteria.

    HbA1c <= 7.0 %, fasting glucose <= 126 mg/dL, and glucose <= 180 mg/dL two hours into the mixed-meal test.
    """
    after_meal = meal_test_glucose[:, TWO_HOURS]
    controlled = (hba1c <= 7.0) & (fasting_glucose <= 126.0) & (after_meal <= 180.0)
    independent = controlled & (days_off_insulin >= DAYS_WITHOUT_INSULIN)
    return percent(independent, days_off_insulin, hba1c, fasting_glucose, after_meal)


@endpoint(
    unit="week",
    label="Weeks until insulin was stopped",
    better="lower",
    source="rickels2018",
    kind="event_week",
)
def weeks_to_insulin_free(insulin_stopped_week: Floats) -> Floats:
    """Start of the present insulin-free time of at least 14 days; infinite when there is none."""
    return np.asarray(insulin_stopped_week)


@endpoint(
    unit="week",
    label="Weeks until the first tablet was stopped",
    better="lower",
    source="riddle2021",
    kind="event_week",
)
def weeks_to_first_tablet_stopped(first_tablet_stopped_week: Floats) -> Floats:
    """Week in which the first glucose-lowering tablet was stopped; infinite when none was."""
    return np.asarray(first_tablet_stopped_week)


@endpoint(
    unit="week",
    label="Weeks until the last tablet was stopped",
    better="lower",
    source="riddle2021",
    kind="event_week",
)
def weeks_to_last_tablet_stopped(last_tablet_stopped_week: Floats) -> Floats:
    """Week in which the last glucose-lowering tablet was stopped; infinite while any is taken."""
    return np.asarray(last_tablet_stopped_week)
