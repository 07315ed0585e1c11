"""How high glucose is in the morning of type 2 diabetes: `python -m calibration.fasting --data DIR`.

Two rows are fitted together, the height of the dawn rise and its width; its hour is taken from clamps and
tracer studies. They answer to fasting glucose by HbA1c, of people told of diabetes (simulated on metformin)
and of people with an HbA1c of 7 % or more who were not (on nothing), and to the course of sensor glucose
through the night of people without insulin, each hour as a share of the person's own mean.
`DIR` holds, at any depth, nhanes_fasting_adults.csv and the recordings of ShanghaiT2DM (zhao2023).
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration import people
from calibration.fitting import Target, fit, report
from calibration.simulated import Simulated, simulated
from insulae.core.clock import MINUTES_PER_HOUR, STEP_MINUTES, STEPS_PER_DAY

STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
SIZE = 64
NAMES = ("glucose.dawn_rise", "glucose.dawn_width")
CLASSES = ((7.0, 7.5), (7.5, 8.0), (8.0, 9.0), (9.0, 10.0), (10.0, 12.0))
"""HbA1c (%), from and to."""
BACKGROUNDS = {"type2": "[{kind: metformin, dose: 2000 mg/d}]", "type2_unknown": "[]"}
HOURS = (3, 5, 6)
"""Clock hours before breakfast: later ones depend on when and what is eaten, which differs in Shanghai."""
SENSOR_CLASS = (6.6, 7.6)
"""HbA1c (%) of the people in the recordings: 7.1 % on the average."""
FEWEST_READINGS = 96


def fasting_targets(data: pd.DataFrame) -> list[Target]:
    """Return mean fasting glucose by class of HbA1c with its standard error, told of diabetes or not."""
    targets: list[Target] = []
    for phenotype in BACKGROUNDS:
        known = data[data.phenotype == phenotype]
        for low, high in CLASSES:
            glucose = known.fasting_glucose[(known.hba1c >= low) & (known.hba1c < high)]
            name = f"fasting glucose, HbA1c {low:g} to {high:g} %, {phenotype}"
            error = float(glucose.std() / np.sqrt(len(glucose)))
            targets.append(Target(name, float(glucose.mean()), error, "mg/dL", "nhanes"))
    return targets


def recorded_shares(folder: Path) -> NDArray[np.float64]:
    """Return sensor glucose of `HOURS` over the person's mean, [recording, hour], of who takes no insulin."""
    found: list[NDArray[np.float64]] = []
    for path in sorted(people.found(folder, "2000_0_20201230.csv").parent.glob("2*.csv")):
        table = pd.read_csv(path)
        given = [name for name in table.columns if name.startswith(("Insulin", "CSII"))]
        glucose = table["CGM (mg / dl)"]
        if table[given].notna().any(axis=None) or glucose.notna().sum() < FEWEST_READINGS:
            continue
        by_hour = glucose.groupby(pd.to_datetime(table["Date"]).dt.hour).mean()
        found.append(np.asarray(by_hour.reindex(HOURS) / glucose.mean(), float))
    return np.stack(found)


def sensor_targets(folder: Path) -> list[Target]:
    """Return the shares of the mean with their standard errors."""
    shares = recorded_shares(folder)
    means, errors = np.nanmean(shares, axis=0), np.nanstd(shares, axis=0) / np.sqrt(len(shares))
    return [
        Target(f"sensor glucose of hour {hour}, share of the mean", float(m), float(e), "", "zhao2023")
        for hour, m, e in zip(HOURS, means, errors, strict=True)
    ]


def lived(values: Mapping[str, float], hba1c: tuple[float, float], background: str) -> Simulated:
    """Simulate a fortnight of people in a class of HbA1c (%) on a background."""
    overrides = [
        f"population.size={SIZE}",
        f"population.patient.hba1c={hba1c[0]:g} to {hba1c[1]:g} %",
        f"population.treatment={background}",
        "horizon=2 weeks",
        "visits=[0, 2]",
        "arms=[{name: as before}]",
        "endpoints=[fasting_glucose]",
        "reported=[]",
        f"stored_traces={{patients: {SIZE}, weeks: [2]}}",
    ]
    return simulated(STUDY, SIZE, values, overrides)


def hourly_shares(run: Simulated) -> list[float]:
    """Return simulated interstitial glucose of `HOURS` over its mean."""
    glucose = run.glucose("as before", 2)
    days = glucose.reshape(len(glucose), -1, STEPS_PER_DAY).mean(axis=1)
    per_hour = MINUTES_PER_HOUR // STEP_MINUTES
    hours = days.reshape(len(days), -1, per_hour).mean(axis=2) / days.mean(axis=1, keepdims=True)
    return [float(hours[:, hour].mean()) for hour in HOURS]


def model(values: Mapping[str, float]) -> Sequence[float]:
    """Return the simulated counterpart of every target."""
    fasting = [
        lived(values, hba1c, background).mean("as before", "fasting_glucose", 0)
        for background in BACKGROUNDS.values()
        for hba1c in CLASSES
    ]
    return [*fasting, *hourly_shares(lived(values, SENSOR_CLASS, BACKGROUNDS["type2"]))]


def main() -> None:
    """Repeat the fit and print it."""
    parser = argparse.ArgumentParser(description="Fit the dawn rise of type 2 diabetes.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data")
    folder = parser.parse_args().data
    targets = [*fasting_targets(people.nhanes_fasting(folder)), *sensor_targets(folder)]
    found = fit(NAMES, targets, model, evaluations=8, population="type2")
    print(report(NAMES, targets, found, "type2"))


if __name__ == "__main__":
    main()
