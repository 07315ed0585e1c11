"""Insulin sensitivity and resistance: HOMA1 from a fasting sample, Matsuda and OGIS from oral glucose.

HOMA1 is the formula of 1985. HOMA2 is left out: it has no formula but a model of many equations whose
solution could not be checked against published values here. Units inside the formulas are mg/dL and uU/mL, or
mmol/L.
"""

import numpy as np

from insulae.islet_function.data import CannotBeComputed, IsletData, at, fasting, need_oral_glucose, needed
from insulae.islet_function.registry import index
from insulae.islet_function.secretion import body_surface

PMOL_PER_MILLIUNIT = 6.0  # Knopp 2019
MG_PER_DL_PER_MMOL = 18.0156
OGTT = (0.0, 30.0, 60.0, 90.0, 120.0)
# Mari 2001, two-hour test, in g/m2, mg/dL and uU/mL.
P1, P2, P3, P4, P5, P6 = 650.0, 325.0, 81300.0, 132.0, 6.52e-4, 173.0
VOLUME = 1.0e4  # mL/m2
CLAMP_GLUCOSE = 90.0  # mg/dL


def fasting_units(data: IsletData) -> float:
    """Fasting insulin in uU/mL."""
    return fasting(data.insulin, "insulin") / PMOL_PER_MILLIUNIT


def fasting_mmol(data: IsletData) -> float:
    """Fasting glucose in mmol/L."""
    return fasting(data.glucose, "glucose") / MG_PER_DL_PER_MMOL


@index(
    label="HOMA1-IR",
    unit="",
    definition="fasting glucose (mmol/L) x fasting insulin (uU/mL) / 22.5; the formula of 1985, not HOMA2",
    source="matthews1985",
)
def homa1_resistance(data: IsletData) -> float:
    """Insulin resistance from a fasting sample."""
    return fasting_mmol(data) * fasting_units(data) / 22.5


@index(
    label="HOMA1-B",
    unit="%",
    definition="20 x fasting insulin (uU/mL) / (fasting glucose (mmol/L) - 3.5); formula of 1985, not HOMA2",
    source="matthews1985",
)
def homa1_beta(data: IsletData) -> float:
    """Beta-cell function from a fasting sample."""
    excess = fasting_mmol(data) - 3.5
    if excess <= 0.0:
        raise CannotBeComputed("fasting glucose is not above 3.5 mmol/L")
    return 20.0 * fasting_units(data) / excess


@index(
    label="Matsuda index",
    unit="",
    definition="10000 / sqrt(fasting glucose x fasting insulin x mean glucose x mean insulin), mg/dL and "
    "uU/mL, means of the samples at 0, 30, 60, 90 and 120 minutes",
    source="matsuda1999",
)
def matsuda(data: IsletData) -> float:
    """Whole-body insulin sensitivity from an oral glucose tolerance test."""
    need_oral_glucose(data)
    glucose = np.mean([at(data.glucose, minute, "glucose") for minute in OGTT])
    insulin = np.mean([at(data.insulin, minute, "insulin") for minute in OGTT]) / PMOL_PER_MILLIUNIT
    product = fasting(data.glucose, "glucose") * fasting_units(data) * glucose * insulin
    if product <= 0.0:
        raise CannotBeComputed("insulin is zero")
    return float(1.0e4 / np.sqrt(product))


def ogis_of(
    glucose: tuple[float, float, float], insulin: tuple[float, float], load: float, surface: float
) -> float:
    """OGIS in mL/min/m2 of a two-hour test (Mari 2001).

    glucose at 0, 90 and 120 minutes in mg/dL, insulin at 0 and 90 minutes in uU/mL, load in g, surface in m2.
    """
    first, middle, last = glucose
    appeared = (P1 * load / surface - VOLUME * (last - middle) / 30.0) / middle + P3 / first
    clearance = P4 * appeared / (insulin[1] - insulin[0] + P2)
    excess = middle - CLAMP_GLUCOSE
    b = (P5 * excess + 1.0) * clearance
    return float(0.5 * (b + np.sqrt(b**2 + 4.0 * P5 * P6 * excess * clearance)))


@index(
    label="OGIS",
    unit="mL/min/m2",
    definition="model-based glucose clearance of a two-hour test from samples at 0, 90 and 120 minutes",
    source="mari2001",
)
def ogis(data: IsletData) -> float:
    """Oral glucose insulin sensitivity."""
    need_oral_glucose(data)
    load = needed(data.glucose_load, "the glucose load in g")
    surface = body_surface(needed(data.height, "height"), needed(data.body_weight, "body weight"))
    first, middle, last = (at(data.glucose, minute, "glucose") for minute in (0.0, 90.0, 120.0))
    insulin = fasting_units(data), at(data.insulin, 90.0, "insulin") / PMOL_PER_MILLIUNIT
    value = ogis_of((first, middle, last), insulin, load, surface)
    if not np.isfinite(value) or value <= 0.0:
        raise CannotBeComputed("glucose and insulin of the test are outside what the model can describe")
    return value
