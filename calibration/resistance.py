"""How resistant people with type 2 diabetes are: `python -m calibration.resistance --data DIR`.

One factor of two rows is fitted, sensitivity of the periphery and of the liver beyond what weight, liver fat
and glucose take. It answers to fasting insulin of people in the fasting sample of NHANES whom nobody had told
of diabetes, by HbA1c (they take no drug), and to the resistance of the periphery that the glucose tests of
Kobe and Vanderbilt ask for at the same body mass index (`hierarchy.py`). Simulated people have the mean age,
body mass index and HbA1c of each class. Who is solved for an HbA1c has the fewer beta cells the more
sensitive he is, so the factor moves insulin and hardly glucose, and what drugs and weight do stays.

The ratio of both rows is kept: left free, the liver becomes twice as sensitive, as the glucose tests have it,
and the dawn rise has to grow by more than half for fasting glucose at the same HbA1c. What the tests say of
the liver and fasting glucose are printed as tests.
`DIR` holds nhanes_fasting_adults.csv at any depth.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration import people
from calibration.checks import recruited, tested
from calibration.fitting import Target, fit, report
from insulae.core.parameters import changed, lookup, values
from insulae.physiology.slow import insulin_resistance

PERIPHERY, LIVER = "insulin_resistance.peripheral", "insulin_resistance.hepatic"
CLASSES = ((6.5, 7.0), (7.0, 8.0), (8.0, 10.0))
"""HbA1c (%), from and to."""
SIZE = 64
ASSAY = 0.26
"""By how much insulin assays and their conversion differ (15 %, assumed), in each of three classes that one
assay moves together: times the root of three."""
EFFICIENCY = 1.25
"""Standard error of a median over that of a mean, of a normal distribution."""
GLUCOSE_OF_KOBE = 154.0
"""Mean glucose (mg/dL) of type 2 diabetes in the glucose tests, of which 36 people of Kobe are most."""
PERIPHERY_OF_TESTS = Target("periphery at one body mass index, share of health", 0.34, 0.07, "", "ohashi2018")
LIVER_OF_TESTS = Target("liver at one body mass index, share of health", 1.05, 0.14, "", "ohashi2018")
"""docs/fast_fit.md; the tolerances are the widths of the intervals, as standard errors."""


def unknown(folder: Path) -> list[pd.DataFrame]:
    """Return people not told of diabetes, by class of HbA1c."""
    data = people.nhanes_fasting(folder)
    data = data[(data.phenotype == "type2_unknown") & data.fasting_insulin.notna()]
    return [data[(data.hba1c >= low) & (data.hba1c < high)] for low, high in CLASSES]


def targets(classes: Sequence[pd.DataFrame]) -> list[Target]:
    """Return median fasting insulin of each class, then what the glucose tests ask for."""
    insulin = list[Target]()
    for (low, high), seen in zip(CLASSES, classes, strict=True):
        middle = float(seen.fasting_insulin.median())
        error = EFFICIENCY * float(np.log(seen.fasting_insulin).std()) / np.sqrt(len(seen))
        off = middle * float(np.hypot(error, ASSAY))
        insulin += [Target(f"fasting insulin, HbA1c {low:g} to {high:g} %", middle, off, "pmol/L", "nhanes")]
    return [*insulin, PERIPHERY_OF_TESTS]


def left() -> tuple[float, float]:
    """Return sensitivity of periphery and liver in type 2 at the reference index, share of health."""
    p = values(insulin_resistance.Parameters, "type2")
    mean_glucose: Any = np.asarray(GLUCOSE_OF_KOBE)
    glucose = float(insulin_resistance.glucose_target(p, mean_glucose))
    liver = float(insulin_resistance.hepatic_share(p, p.liver_fat))
    return float(p.peripheral) * glucose, float(p.hepatic) * glucose * liver


def both(found: Mapping[str, float]) -> dict[str, float]:
    """Return the two rows for one of the periphery, at the ratio of the table."""
    ratio = found[PERIPHERY] / lookup(PERIPHERY, "type2").value
    return {PERIPHERY: found[PERIPHERY], LIVER: ratio * lookup(LIVER, "type2").value}


def rested(found: Mapping[str, float], classes: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Return glucose tests of people like those of each class."""
    with changed(found):
        return [tested(recruited(seen, "type2", (), SIZE)[0], ()) for seen in classes]


def model(found: Mapping[str, float], classes: Sequence[pd.DataFrame]) -> Sequence[float]:
    """Return the simulated counterpart of every target."""
    rows = both(found)
    insulin = [float(table.fasting_insulin.median()) for table in rested(rows, classes)]
    with changed(rows):
        return [*insulin, left()[0]]


def main() -> None:
    """Repeat the fit and print it with its test."""
    parser = argparse.ArgumentParser(description="Fit the insulin resistance of type 2 diabetes.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data")
    classes = unknown(parser.parse_args().data)
    wanted = targets(classes)
    found = fit((PERIPHERY,), wanted, lambda x: model(x, classes), evaluations=4, population="type2")
    print(report((PERIPHERY,), wanted, found, "type2"))
    print(f"{LIVER}: {lookup(LIVER, 'type2').value:.4g} -> {both(found.values)[LIVER]:.4g}")
    with changed(both(found.values)):
        print(f"not used in the fit: {LIVER_OF_TESTS.name}: {LIVER_OF_TESTS.value:g}, {left()[1]:.3g}")
    print("not used in the fit: fasting glucose (mg/dL), published, simulated [nhanes]")
    for (low, high), seen, table in zip(CLASSES, classes, rested(both(found.values), classes), strict=True):
        got = float(table.fasting_glucose.mean())
        print(f"  HbA1c {low:g} to {high:g} %: {float(seen.fasting_glucose.mean()):.0f}, {got:.0f}")


if __name__ == "__main__":
    main()
