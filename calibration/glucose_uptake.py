"""How fast glucose passes from plasma to tissue, from the dose response of glucose utilization to insulin.

    python -m calibration.glucose_uptake            repeats the choice and tells the secretion of health
    python -m calibration.glucose_uptake response   the dose response of the table alone, in a second

Rizza 1981 (abstract): at normal glucose healthy people use at most 10 to 11 mg/kg/min however much insulin
there is, half of it at 55 (s.e. 7) mU/L. Exchange, half of uptake and largest fractional uptake are chosen so
that

* utilization without end of insulin is 10.5 mg/kg/min at 90 mg/dL,
* uptake answers little insulin as before: the mass of half uptake goes with the tissue pool,
* the five-minute step stays as stable as before: the fastest rate of both pools times five minutes is 2.68,
* the tissue pool is the smallest that the others allow.

`insulin_uptake` is then fitted to secretion at rest and over a day in health (polonsky1988, calibration).
Half-maximal insulin is a test.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from calibration.fitting import Target, fit, report
from insulae.core.clock import STEP_MINUTES
from insulae.core.parameters import changed, value
from insulae.study import load
from insulae.validation.body_tests import measured

STUDY = Path(__file__).parents[1] / "validation" / "POLONSKY1988" / "study.yaml"
PEOPLE = 100
PMOL_PER_MU = 6.0
ENDLESS = 1e7
"""Insulin (pmol/L) beyond which nothing changes."""
FASTEST = 2.68 / STEP_MINUTES
"""Fastest rate (1/min) of the two pools; Runge-Kutta steps are stable to 2.78 over their length."""
MOST = Target("glucose used at endless insulin", 10.5, 0.5, "mg/kg/min", "rizza1981")
HALF = Target("insulin at which half of it is used", 55, 7, "mU/L", "rizza1981")
SECRETION = (
    Target("secretion at rest", 50.9, 4.8, "pmol/m2/min", "polonsky1988"),
    Target("secretion of a day", 145.8, 8.8, "nmol/m2", "polonsky1988"),
)
ACTION = ("glucose.insulin_uptake",)
ASKED = ("basal.secretion", "day.secretion_per_area")


@dataclass(frozen=True)
class Exchange:
    """Rates of both ways (1/min), mass of half uptake (mg/kg), largest fractional uptake (1/min)."""

    into: float
    back: float
    half: float
    largest: float

    def as_rows(self) -> dict[str, float]:
        """Return the values by the names of their rows."""
        return {
            "glucose.plasma_to_tissue_rate": self.into,
            "glucose.tissue_to_plasma_rate": self.back,
            "glucose.uptake_half_mass": self.half,
            "glucose.maximal_uptake_rate": self.largest,
        }


def _root(of: Callable[[float], float], low: float, high: float) -> float:
    found: Any = brentq(of, low, high)
    return float(found)


def table() -> Exchange:
    """Return what the table holds."""
    return Exchange(*(value(name) for name in Exchange(0, 0, 0, 0).as_rows()))


def plasma_mass() -> float:
    """Return glucose in plasma at the reference glucose, mg/kg."""
    return value("glucose.volume") * value("glucose.reference_glucose")


def used(exchange: Exchange, insulin: float, sensitivity: float = 1.0) -> float:
    """Return glucose used (mg/kg/min) at the reference glucose and a lasting insulin (pmol/L)."""
    force = value("glucose.basal_uptake") + value("glucose.insulin_uptake") * sensitivity * insulin
    entering = exchange.into * plasma_mass()

    def left(tissue: float) -> float:
        return entering - exchange.back * tissue - fraction(tissue) * tissue

    def fraction(tissue: float) -> float:
        rate = force / (exchange.half + tissue)
        return rate / (1 + (rate / exchange.largest) ** 4) ** 0.25

    tissue = _root(left, 0, entering / exchange.back)
    return value("glucose.insulin_independent_uptake") + fraction(tissue) * tissue


def half_maximal(exchange: Exchange) -> float:
    """Return the insulin (mU/L) at which half of what endless insulin lets use is used."""
    most = used(exchange, ENDLESS)
    return _root(lambda i: used(exchange, i) - most / 2, 0.0, 1e5) / PMOL_PER_MU


def largest_fraction(into: float, back: float) -> float:
    """Return the fractional uptake at which the fastest rate of both pools is `FASTEST`."""
    return (FASTEST**2 - (into + back) * FASTEST) / (FASTEST - into)


def chosen(slope: float) -> Exchange:
    """Return the exchange of the smallest tissue pool; `slope` is half mass by (back over into), kept."""
    uptake = MOST.value - value("glucose.insulin_independent_uptake")

    def back(into: float) -> float:
        def missing(rate: float) -> float:
            most = largest_fraction(into, rate)
            return into * plasma_mass() * most / (rate + most) - uptake

        return _root(missing, 0.02, FASTEST - into - 1e-6)

    found: Any = minimize_scalar(lambda into: into / back(into), bounds=(0.07, 0.2), method="bounded")
    into = float(found.x)
    return Exchange(into, back(into), slope * into / back(into), largest_fraction(into, back(into)))


def secretion(values: Mapping[str, float]) -> list[float]:
    """Return mean secretion at rest and over a day in people like those of the study."""
    study = load.load(STUDY, [f"population.size={PEOPLE}"])
    with changed(values):
        found = measured(study)
    return [float(np.nanmean(found[name])) for name in ASKED]


def told(name: str, exchange: Exchange) -> None:
    """Print an exchange and its dose response."""
    rows = ", ".join(f"{key.split('.')[1]} {number:.3g}" for key, number in exchange.as_rows().items())
    volume = value("glucose.volume") * (1 + exchange.into / exchange.back)
    print(f"{name}: {rows}; glucose fills {100 * volume:.0f} mL/kg")
    for aim, obtained in ((MOST, used(exchange, ENDLESS)), (HALF, half_maximal(exchange))):
        print(f"  {aim.name}: {obtained:.3g} {aim.unit} ({aim.value:g} +- {aim.tolerance:g}, {aim.source})")
    levels = ", ".join(f"{i:.0f} {used(exchange, i * PMOL_PER_MU):.1f}" for i in (10, 30, 60, 100, 300))
    print(f"  used by insulin (mU/L): {levels} mg/kg/min")


BEFORE = Exchange(0.05, 0.123, 181.0, 0.4)
"""What least squares to typical curves had found; glucose drinks do not tell it from others."""


def main() -> None:
    """Choose the exchange, fit the insulin action, print both."""
    told("before", BEFORE)
    found = chosen(BEFORE.half * BEFORE.back / BEFORE.into)
    told("chosen", found)
    told("table", table())
    if sys.argv[1:] != ["response"]:
        fitted = fit(ACTION, SECRETION, secretion, evaluations=5, step=0.1)
        print(report(ACTION, SECRETION, fitted))


if __name__ == "__main__":
    main()
