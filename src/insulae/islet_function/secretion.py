"""Insulin secretion rate from C-peptide by deconvolution with the standard kinetics of Van Cauter 1992.

C-peptide decays after a bolus as F exp(-a t) + (1 - F) exp(-b t). Half-life of the fast part, F and half-life
of the slow part follow from group and age, the volume from body surface and sex (Van Cauter 1992, Table 3):

    normal          4.95 min   0.76        slow half-life  0.14 age + 29.16 min
    obese           4.55 min   0.78        volume, men     1.92 BSA + 0.64 L
    type 2          4.52 min   0.78        volume, women   1.11 BSA + 2.04 L

    k12 = F b + (1 - F) a,   k01 = a b / k12,   k21 = a + b - k01 - k12
    C1' = S / V - (k01 + k21) C1 + k12 C2,   C2' = k21 C1 - k12 C2

C-peptide is taken as linear between samples and steady before the first; then the mean secretion of each
interval follows exactly, without smoothing, and may be negative when samples fall faster than the kinetics
allow. Obese is a weight more than 15 % above the ideal one, here a BMI above 26 (15 % above 22.5). Body
surface by Mosteller. The kinetics are those of healthy kidneys: with eGFR below 60 nothing is computed.
"""

from dataclasses import dataclass

import numpy as np

from insulae.islet_function.data import CannotBeComputed, Floats, IsletData, fasting, needed
from insulae.islet_function.registry import index

FAST_HALF_LIFE = {"normal": 4.95, "obese": 4.55, "type 2": 4.52}  # min
FAST_SHARE = {"normal": 0.76, "obese": 0.78, "type 2": 0.78}
OBESE_BMI = 26.0  # kg/m2
LOWEST_EGFR = 60.0  # mL/min/1.73 m2, below which the kidneys are not healthy
VOLUME = {"male": (1.92, 0.64), "female": (1.11, 2.04)}  # L/m2, L


@dataclass(frozen=True)
class Kinetics:
    """Rate constants per minute and volume in L of C-peptide in one person."""

    elimination: float
    outward: float
    inward: float
    volume: float
    surface: float  # m2


def body_surface(height: float, weight: float) -> float:
    """Body surface in m2 of a height in cm and a weight in kg (Mosteller 1987).

    >>> round(body_surface(180.0, 80.0), 2)
    2.0
    """
    return float(np.sqrt(height * weight / 3600.0))


def standard_kinetics(age: float, sex: str, height: float, weight: float, is_type2: bool) -> Kinetics:
    """Return the kinetics of a person; age in years, height in cm, weight in kg."""
    bmi = weight / (height / 100.0) ** 2
    group = "type 2" if is_type2 else "obese" if bmi > OBESE_BMI else "normal"
    fast = np.log(2.0) / FAST_HALF_LIFE[group]
    slow = np.log(2.0) / (0.14 * age + 29.16)
    inward = FAST_SHARE[group] * slow + (1.0 - FAST_SHARE[group]) * fast
    elimination = fast * slow / inward
    surface = body_surface(height, weight)
    per_area, offset = VOLUME[sex]
    return Kinetics(
        elimination, fast + slow - elimination - inward, inward, per_area * surface + offset, surface
    )


def secretion_rates(minute: Floats, c_peptide: Floats, kinetics: Kinetics) -> Floats:
    """Mean secretion in pmol/min of each interval between samples (pmol/L), [samples - 1].

    The peripheral compartment is in balance with the first sample.
    """
    k = kinetics
    peripheral = k.outward / k.inward * c_peptide[0]
    rates = np.empty(minute.size - 1)
    for place in range(minute.size - 1):
        length = minute[place + 1] - minute[place]
        slope = (c_peptide[place + 1] - c_peptide[place]) / length
        # Solution of C2' = k21 (C + slope t) - k12 C2: a line and a decaying rest.
        line_slope = k.outward / k.inward * slope
        line_start = k.outward / k.inward * c_peptide[place] - line_slope / k.inward
        rest, decay = peripheral - line_start, np.exp(-k.inward * length)
        mean_peripheral = line_start + line_slope * length / 2.0 + rest * (1.0 - decay) / (k.inward * length)
        mean_plasma = c_peptide[place] + slope * length / 2.0
        rates[place] = k.volume * (
            slope + (k.elimination + k.outward) * mean_plasma - k.inward * mean_peripheral
        )
        peripheral = line_start + line_slope * length + rest * decay
    return rates


def curve(data: IsletData) -> tuple[Floats, Floats, Kinetics]:
    """Return sample times from 0, the mean secretion of each interval in pmol/min, and the kinetics.

    Raises `CannotBeComputed` for what is missing.
    """
    samples = data.c_peptide
    start = fasting(samples, "C-peptide")
    after = samples.minute > 0.0
    if after.sum() < 2:
        raise CannotBeComputed("there are fewer than two C-peptide samples after the start of the test")
    if samples.below_limit[after].any():
        raise CannotBeComputed("C-peptide is below the limit of the assay in the test")
    kinetics = standard_kinetics(
        needed(data.age, "age"),
        needed(data.sex, "sex"),
        needed(data.height, "height"),
        needed(data.body_weight, "body weight"),
        needed(data.is_type2, "type2_diabetes (yes or no)"),
    )
    if data.egfr is not None and data.egfr < LOWEST_EGFR:
        raise CannotBeComputed(
            f"eGFR is {data.egfr:.0f} and the standard kinetics of C-peptide are those of healthy kidneys"
        )
    minute = np.concatenate([[0.0], samples.minute[after]])
    return (
        minute,
        secretion_rates(minute, np.concatenate([[start], samples.value[after]]), kinetics),
        kinetics,
    )


@index(
    label="Fasting insulin secretion rate",
    unit="pmol/min/m2",
    definition="elimination rate x volume x fasting C-peptide, per body surface",
    source="vancauter1992",
)
def fasting_secretion(data: IsletData) -> float:
    """Secretion that keeps fasting C-peptide constant."""
    _, _, kinetics = curve(data)
    return kinetics.elimination * kinetics.volume * fasting(data.c_peptide, "C-peptide") / kinetics.surface


@index(
    label="Highest insulin secretion rate",
    unit="pmol/min/m2",
    definition="highest mean rate of an interval between samples, by deconvolution, per body surface",
    source="vancauter1992",
)
def highest_secretion(data: IsletData) -> float:
    """Fastest interval of the test."""
    _, rates, kinetics = curve(data)
    return float(rates.max()) / kinetics.surface


@index(
    label="Insulin secreted during the test",
    unit="nmol/m2",
    definition="integral of the secretion rate from 0 to the last sample, per body surface",
    source="vancauter1992",
)
def total_secretion(data: IsletData) -> float:
    """All that was secreted during the test."""
    minute, rates, kinetics = curve(data)
    return float((rates * np.diff(minute)).sum()) / kinetics.surface / 1000.0
