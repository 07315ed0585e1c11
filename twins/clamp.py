"""Fit the glucose test alone, predict the same person's clamp: `python -m twins.clamp --data FOLDER`.

The data (CC BY 4.0) are those of Ohashi and others, npj Syst Biol Appl 2018;4:14: a 75 g glucose test and a
hyperglycemic, then hyperinsulinemic-euglycemic clamp of the same people. FOLDER holds the four tables
`ohashi_OGTT.csv`, `ohashi_clamp_blood.csv`, `ohashi_clamp_indices.csv`, `ohashi_subjectinfo.csv`.

Nothing of the clamp enters the fit. The discrepancy between both tests is learned from half of the people and
stated in the intervals of the other half (`discrepancy.py`). The wanted glucose of the clamp is what was
reached: it is what the experimenter set, not an answer of the body. Insulin units are 6 pmol/mU, C-peptide
331.09 pmol per ng.
"""

import argparse
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from insulae.inference import experiments as e
from insulae.inference.evidence import Experiment, Series, stacked
from insulae.inference.fit import Fitted, fit
from insulae.inference.measurement_error import QUANTITIES, error_table
from insulae.inference.predictive import expected, measured, variances
from insulae.inference.prior import believed
from insulae.populations.patient import ClinicNumbers
from insulae.runs.manifest import keep_compiled_code
from twins.kept import kept

PHENOTYPES = {"NGT": "healthy", "IGT": "prediabetes", "T2DM": "type2"}
PMOL_PER_MU, PMOL_PER_NG = 6.0, 331.09
ORAL = np.array([0, 30, 60, 90, 120.0])
CLAMP = np.array([0, 5, 10, 15, 60, 75, 90, 100, 190, 220.0])
END = 220.0
INSULIN_FROM, INSULIN_RATE = 90.0, 40.0
SEED = 20260101
INTERVAL = (5, 95)


@dataclasses.dataclass(frozen=True)
class Subject:
    """One person of the data: who, glucose test [quantity, time], clamp [quantity, time], infusion."""

    name: str
    group: str
    numbers: ClinicNumbers
    oral: np.ndarray
    clamp: np.ndarray
    infusion: float
    sensitivity: float


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The clamp of a subject as foreseen: as it would be measured and without error, [value, draw]."""

    subject: Subject
    fitted: Fitted
    quantity: np.ndarray
    minutes: np.ndarray
    values: np.ndarray
    observed: np.ndarray
    exact: np.ndarray


def of_quantity(p: Prediction, quantity: str) -> np.ndarray:
    """Return which values of a prediction are of one quantity."""
    return p.quantity == QUANTITIES.index(quantity)


def subjects(folder: Path) -> Iterator[Subject]:
    """Return the people of the data."""
    oral = pd.read_csv(folder / "ohashi_OGTT.csv", sep=";").to_numpy(float)
    blood = pd.read_csv(folder / "ohashi_clamp_blood.csv", sep=";", decimal=",").to_numpy(float)
    indices = pd.read_csv(folder / "ohashi_clamp_indices.csv", sep=";")
    people = pd.read_csv(folder / "ohashi_subjectinfo.csv", sep=";")
    scale = np.array([1.0, PMOL_PER_MU, PMOL_PER_NG])[:, None]
    for row, drunk, clamped, index in zip(
        people.itertuples(index=False), oral, blood, indices.itertuples(index=False), strict=True
    ):
        _, male, age, height, weight, _, group = row
        given = {"age": age, "male": male, "height": height / 100, "weight": weight}
        numbers = ClinicNumbers(PHENOTYPES[group], {k: (float(v), float(v)) for k, v in given.items()})
        yield Subject(
            name=f"{int(row[0])}",
            group=group,
            numbers=numbers,
            oral=drunk[1:].reshape(3, -1) * scale,
            clamp=clamped[1:].reshape(3, -1) * scale,
            infusion=float(index[1]),
            sensitivity=float(index[2]),
        )


def glucose_test(subject: Subject) -> Experiment:
    """Return the person's glucose test."""
    names = ("glucose", "insulin", "c_peptide")
    series = tuple(Series(n, ORAL, row) for n, row in zip(names, subject.oral, strict=True))
    schedule = e.joined(e.night(), e.oral_test(75.0, ORAL[-1]))
    return Experiment("glucose test", schedule, float(subject.oral[0, 0]), series)


def clamp(subject: Subject, surface: float, weight: float) -> Experiment:
    """Return the person's clamp at the glucose that was reached."""
    reached = subject.clamp[0]
    early = (INSULIN_FROM >= CLAMP) & np.isfinite(reached)
    times = np.append(CLAMP[early], INSULIN_FROM + e.CLAMP_STEP_MINUTES)
    aim = np.append(reached[early], reached[-1])
    insulin = e.insulin_infusion(END, INSULIN_FROM, INSULIN_RATE, surface, weight)
    schedule = e.joined(e.night(), e.clamp(END, times, aim, insulin))
    infusion = Series("infusion", np.array([END]), np.array([subject.infusion]))
    series = [Series(n, CLAMP, subject.clamp[k]) for n, k in (("insulin", 1), ("c_peptide", 2))]
    return Experiment("clamp", schedule, float(reached[0]), (infusion, *series))


def predict(subject: Subject, keep: Path | None = None) -> Prediction:
    """Fit the glucose test and predict the clamp."""
    known, prior = believed(subject.numbers, [], SEED)
    errors = error_table()
    test = functools.partial(fit, known, prior, [glucose_test(subject)], errors, SEED)
    fitted = kept(keep, f"clamp-{subject.name}", test)
    there = clamp(subject, float(known.surface), float(known.signals.metabolic_weight))
    filled = [
        dataclasses.replace(s, values=np.where(np.isnan(s.values), 1.0, s.values)) for s in there.series
    ]
    evidence = stacked([dataclasses.replace(there, series=tuple(filled))], errors)
    exact = expected(evidence, known, fitted.logarithms)
    variance = variances(fitted.posterior, fitted.logarithms, SEED)
    observed = np.concatenate([s.values for s in there.series])
    minutes = np.concatenate([s.minutes for s in there.series])
    drawn = measured(evidence, exact, variance, SEED)
    return Prediction(
        subject, fitted, np.asarray(evidence.quantity)[: len(observed)], minutes, drawn, observed, exact
    )


def main() -> None:
    """Predict every clamp, print what was found, write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the four tables")
    parser.add_argument("--out", type=Path, default=Path("results/twins_clamp"))
    parser.add_argument("--most", type=int, help="stop after so many people")
    parser.add_argument("--keep", type=Path, help="folder in which the fits are kept")
    given: Any = parser.parse_args()
    keep_compiled_code()
    from twins.clamp_page import write

    found = []
    for subject in list(subjects(given.data))[: given.most]:
        found.append(predict(subject, given.keep))
        print(f"\r{len(found)} people", end="", flush=True)
    print("\n" + write(given.out, found))


if __name__ == "__main__":
    main()
