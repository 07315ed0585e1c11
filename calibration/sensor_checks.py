"""What sensors show of simulated people beside recordings of real ones, by class: a part of `checks.py`.

`DIR` holds, at any depth, the recordings of Hall 2018 (19 people who had not been told of diabetes, classed
by the study), of the BIG IDEAs study (11 people with an HbA1c of 5.2 to 6.4 %, whose own is not published:
they stand with prediabetes) and of ShanghaiT2DM, split by whether insulin was injected while the sensor was
worn. Of Shanghai age and body mass index are matched, and the HbA1c that belongs to the mean of the sensor:
the measured one is of the weeks before (10.6 % in those on insulin, whose sensors averaged 151 mg/dL, that
of 6.9 %). So there the mean is given and the rest compared. Of the others nothing is known of each person.
Type 2 is simulated on metformin, and with basal and meal insulin where insulin was taken; what people in
Shanghai took is more varied. No recording of people without dysglycemia is at hand; validation/SHAH2019 has
published ones.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.people import found
from calibration.simulated import simulated
from insulae.cgm import metrics
from insulae.core.errors import IncompatibleNumbers

Floats = NDArray[np.floating]
STUDY = Path(__file__).parents[1] / "studies" / "standard_drugs.yaml"
LABELS = {
    "mean_glucose": "sensor, mean glucose (mg/dL)",
    "coefficient_of_variation": "sensor, coefficient of variation (%)",
    "time_in_range": "sensor, time in 70-180 mg/dL (%)",
    "time_in_tight_range": "sensor, time in 70-140 mg/dL (%)",
    "time_below_range": "sensor, time below 70 mg/dL (%)",
    "time_above_range": "sensor, time above 180 mg/dL (%)",
}
SHORTEST = 3.0
"""Days of a recording from which it is used."""
PER_POINT, AT_NO_HBA1C = 28.7, 46.7
"""Mean glucose (mg/dL) by HbA1c (%), nathan2008."""
TRAITS = {"age": "years", "bmi": "kg/m2", "hba1c": "%"}
"""What may be matched, and its units in a study file."""
METFORMIN = "{kind: metformin, dose: 2000 mg/d}"
SHANGHAI = {
    False: ("type2", f"[{METFORMIN}]"),
    True: ("type2_insulin", f"[{METFORMIN}, {{kind: basal_bolus}}]"),
}
"""Phenotype and treatment that people are simulated with, by whether they injected insulin."""


def of_recording(minutes: Floats, glucose: Floats) -> dict[str, float] | None:
    """Return the metrics of one recording; none of one that is too short."""
    if np.ptp(minutes) < SHORTEST * 24 * 60:
        return None
    return {name: float(getattr(metrics, name)(glucose)) for name in LABELS}


def _recorded(times: Iterable[str], glucose: pd.Series) -> dict[str, float] | None:
    minutes = pd.to_datetime(pd.Series(list(times))).astype("datetime64[s]").astype("int64") / 60
    values = pd.to_numeric(glucose, errors="coerce").to_numpy(float)
    is_there = np.isfinite(values)
    return of_recording(minutes.to_numpy(float)[is_there], values[is_there]) if is_there.any() else None


def hall(folder: Path) -> pd.DataFrame:
    """Return the people of Hall 2018 whom the study found to have prediabetes."""
    raw = pd.read_csv(found(folder, "example_data_hall.csv"))
    raw = raw[raw.diagnosis == "pre-diabetic"]
    return pd.DataFrame([row for _, one in raw.groupby("id") if (row := _recorded(one.time, one.gl))])


def big_ideas(folder: Path) -> pd.DataFrame:
    """Return the people of the BIG IDEAs study."""
    rows: list[dict[str, float]] = []
    for path in sorted(found(folder, "Dexcom_001.csv").parent.glob("Dexcom_*.csv")):
        raw = pd.read_csv(path)
        row = _recorded(raw.timestamp, raw.glucose.where(raw.event_type == "EGV"))
        rows += [row] if row else []
    return pd.DataFrame(rows)


def shanghai(folder: Path) -> dict[bool, pd.DataFrame]:
    """Return the first recording of everybody of ShanghaiT2DM, by whether insulin was injected meanwhile."""
    place = found(folder, "2000_0_20201230.csv").parent
    summary = pd.read_csv(place / "summary.csv", na_values="/").set_index("Patient Number")
    rows: list[dict[str, float]] = []
    for name, person in summary.iterrows():
        path = place / f"{name}.csv"
        if str(name).split("_")[1] != "0" or not path.exists():
            continue
        raw = pd.read_csv(path)
        row = _recorded(raw["Date"], raw["CGM (mg / dl)"])
        if row is None:
            continue
        injected = [c for c in raw.columns if "nsulin dose" in c or c.startswith("CSII")]
        known = {
            "age": float(person["Age (years)"]),
            "bmi": float(person["BMI (kg/m2)"]),
            "hba1c": (row["mean_glucose"] + AT_NO_HBA1C) / PER_POINT,
            "insulin": float(raw[injected].notna().any(axis=None)),
        }
        rows.append(row | known)
    table = pd.DataFrame(rows)
    return {which: table[(table.insulin > 0) == which] for which in (False, True)}


def samples(folder: Path) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Return name, phenotype and treatment to simulate, and recordings."""
    taken = [
        ("Hall 2018, sensor", "prediabetes", "[]", hall(folder)),
        ("BIG IDEAs, sensor", "prediabetes", "[]", big_ideas(folder)),
    ]
    for is_injected, table in shanghai(folder).items():
        name = f"Shanghai, sensor, {'with' if is_injected else 'without'} insulin"
        taken.append((name, *SHANGHAI[is_injected], table))
    return taken


def compared(data: pd.DataFrame) -> tuple[str, ...]:
    """Return what is compared: all but the mean glucose where people were matched by it, as HbA1c."""
    return tuple(name for name in LABELS if name != "mean_glucose" or "hba1c" not in data)


def lived(phenotype: str, treatment: str, data: pd.DataFrame, size: int) -> tuple[pd.DataFrame, str]:
    """Return the metrics of simulated people like those of the data, and what was matched."""
    for statistics in (("mean", "sd"), ("mean",), ()):
        wanted = {
            trait: ", ".join(f"{s}: {_statistic(data[trait], s):.4g} {unit}" for s in statistics)
            for trait, unit in TRAITS.items()
            if trait in data and statistics
        }
        if not wanted and statistics:
            continue
        try:
            return _simulated(phenotype, treatment, wanted, size), " and ".join(statistics) or "nothing"
        except IncompatibleNumbers:
            continue
    raise AssertionError("without any target everybody is found")


def _statistic(values: pd.Series, name: str) -> float:
    column = values.to_numpy(float)
    return float(np.nanmean(column) if name == "mean" else np.nanstd(column, ddof=1))


def _simulated(phenotype: str, treatment: str, wanted: dict[str, str], size: int) -> pd.DataFrame:
    baseline = ", ".join(f"{trait}: {{{text}}}" for trait, text in wanted.items())
    overrides = [
        f"population.size={size}",
        f"population.phenotype={phenotype}",
        "population.patient={}",
        f"population.treatment={treatment}",
        *([f"population.baseline={{{baseline}}}"] if baseline else []),
        *("horizon=2 weeks", "visits=[0, 2]", "arms=[{name: as before}]", "reported=[]"),
        f"endpoints=[{', '.join(LABELS)}]",
        "stored_traces={patients: 0, weeks: []}",
    ]
    run = simulated(STUDY, size, {}, overrides)
    return pd.DataFrame({name: run.values("as before", name, 2) for name in LABELS})
