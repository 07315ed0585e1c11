"""Predictive checks: what simulated people show beside people in data, class by class.

    python -m calibration.checks --data DIR [--size 200] [--write]

For each data set and class as many people are recruited as `--size` says, with the means and spreads of age,
body mass index and (where it is known) HbA1c of the data; with the means alone where so few candidates are
like that that they would be worth less than one in twenty; and solved at rest. Type 2 in NHANES takes
metformin, elsewhere nothing. 75 g of glucose are given after the night. What is compared was not given:
fasting glucose, insulin and C-peptide, the two-hour value, HOMA-IR, Matsuda index, insulinogenic index and
disposition index (insulinogenic times Matsuda). Glucose and C-peptide are read once, with the errors of
readings at visits, and who is in a class of the data by such readings is chosen of the simulated people by
theirs. HbA1c is compared in people of whom age and body mass index alone were given; what sensors show, in
`sensor_checks.py`. The distance is Wasserstein's over the standard deviation of the data (on the logarithmic
scale for all but glucose, HbA1c and sensors), beside that of Kolmogorov and Smirnov. `--write` writes
docs/populations.md and its figure. See `people.py` for the data.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

from calibration import people, sensor_checks
from insulae.core.errors import IncompatibleNumbers, RunError
from insulae.core.parameters import value
from insulae.core.random import DayDraws
from insulae.physiology.effects import Effects, combine
from insulae.populations.baseline import Start, starting
from insulae.populations.bodies import Bodies
from insulae.populations.patient import ClinicNumbers
from insulae.populations.recruitment import Criterion, Target, Wanted, recruit
from insulae.populations.routine import day_draws
from insulae.therapies.base import LONG_AGO, TherapySpec, load_all

SEED = 20260101
GLUCOSE_LOAD = 75.0
MINUTES_PER_SAMPLE = 5
FEWEST = 10
PLAUSIBLE = 0.05
READ_WITH = {
    "fasting_glucose": ("glucose_assay", "fasting_glucose_person"),
    "two_hour_glucose": ("glucose_assay", "two_hour_glucose_person"),
    "fasting_c_peptide": ("c_peptide_assay", "c_peptide_person"),
}
"""What reads each quantity once: coefficients of variation among `readings.*`."""
LABELS = {
    "fasting_glucose": "fasting glucose (mg/dL)",
    "fasting_insulin": "fasting insulin (pmol/L)",
    "fasting_c_peptide": "fasting C-peptide (pmol/L)",
    "two_hour_glucose": "two-hour glucose (mg/dL)",
    "homa": "HOMA-IR",
    "matsuda": "Matsuda index",
    "insulinogenic": "insulinogenic index (pmol/L per mg/dL)",
    "disposition": "disposition index",
    "hba1c": "HbA1c (%)",
    **sensor_checks.LABELS,
}
MEASURED = tuple(name for name in LABELS if name != "hba1c" and name not in sensor_checks.LABELS)
"""What is compared of a test."""
HBA1C_IN = "NHANES 1999-2014, fasting"
"""Data in which HbA1c is compared as well."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One quantity of one class in one data set: the values seen, those simulated, and their distances."""

    sample: str
    phenotype: str
    quantity: str
    seen: Any
    simulated: Any

    @property
    def wasserstein(self) -> float:
        """Distance over the standard deviation of the data."""
        seen, simulated = (_scaled(self.quantity, v) for v in (self.seen, self.simulated))
        return float(wasserstein_distance(seen, simulated) / seen.std())

    @property
    def kolmogorov(self) -> float:
        """Largest distance of the two distribution functions."""
        return float(ks_2samp(self.seen, self.simulated).statistic)


def _scaled(quantity: str, values: Any) -> Any:
    return np.log(values) if is_logarithmic(quantity) else values


def is_logarithmic(quantity: str) -> bool:
    """Tell whether a quantity is compared on the scale of logarithms."""
    is_glucose = quantity.endswith("glucose") or quantity == "hba1c"
    return not is_glucose and quantity not in sensor_checks.LABELS


def derived(table: pd.DataFrame) -> pd.DataFrame:
    """Add the indices that the columns allow."""
    table = table.copy()
    if "fasting_insulin" in table:
        table["homa"] = people.homa_resistance(table)
    if "insulin_30" in table:
        table["matsuda"] = people.matsuda(table)
        table["insulinogenic"] = people.insulinogenic(table)
        table["disposition"] = table.matsuda * table.insulinogenic
    return table


def wanted(data: pd.DataFrame, size: int, statistics: tuple[str, ...]) -> Wanted:
    """Return a cohort with these statistics of age, body mass index and HbA1c, of ages as in the data."""
    known = [
        trait for trait in ("age", "bmi", "hba1c") if trait in data and data[trait].notna().sum() > FEWEST
    ]
    targets = [
        Target(trait, statistic, float(getattr(data[trait], "mean" if statistic == "mean" else "std")()))
        for trait in known
        for statistic in statistics
    ]
    low, high = max(float(data.age.min()), 18.0), float(data.age.max())
    return Wanted(size, tuple(targets), (Criterion("age", low, high, "age as in the data"),))


def recruited(data: pd.DataFrame, phenotype: str, kinds: tuple[str, ...], size: int) -> tuple[Start, str]:
    """Return people like those of the data at rest, and what was matched."""
    numbers = ClinicNumbers(phenotype, {}, kinds, keeps_traits=True)
    treatment = standing(kinds)
    for statistics in (("mean", "sd"), ("mean",)):
        try:
            found = recruit(numbers, treatment, wanted(data, size, statistics), SEED)
        except IncompatibleNumbers:
            continue
        if found.effective_size < PLAUSIBLE * found.eligible and "sd" in statistics:
            continue
        return starting(numbers, treatment, SEED, found.candidates), " and ".join(statistics)
    return starting(numbers, treatment, SEED, np.arange(size)), "nothing"


def standing(kinds: tuple[str, ...]) -> list[TherapySpec]:
    """Return therapies long established, everything at its default."""
    return [load_all().get(kind).model_validate({"kind": kind, "start": LONG_AGO}) for kind in kinds]


def tested(start: Start, kinds: tuple[str, ...]) -> pd.DataFrame:
    """Give 75 g of glucose after the night and return what is measured at 0, 30, 60, 90 and 120 minutes."""
    draws: DayDraws = day_draws(SEED, start.cohort.ids)
    bodies = Bodies(start.cohort.parameters, start.state, draws)
    effects = combine([Effects(), *(spec.build(start.enrolled).effects(0.0) for spec in standing(kinds))])
    trace = bodies.glucose_test(bodies.packed(effects), GLUCOSE_LOAD)
    samples = {minute: minute // MINUTES_PER_SAMPLE for minute in people.MINUTES}
    columns = {
        f"{what}_{minute}": np.asarray(getattr(trace, what))[place]
        for what in ("glucose", "insulin", "c_peptide")
        for minute, place in samples.items()
    }
    table = pd.DataFrame(columns).assign(hba1c=np.asarray(start.cohort.traits.hba1c))[start.is_solved]
    return derived(
        table.assign(
            fasting_glucose=table.glucose_0,
            fasting_insulin=table.insulin_0,
            fasting_c_peptide=table.c_peptide_0,
            two_hour_glucose=table.glucose_120,
        )
    )


def read_once(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose glucose and C-peptide are read once, with what follows from them."""
    table, rng = table.copy(), np.random.default_rng(SEED)
    for quantity, sources in READ_WITH.items():
        variance = sum(np.log1p(value(f"readings.{source}") ** 2) for source in sources)
        drawn = rng.standard_normal(len(table))
        table[quantity] = table[quantity] * np.exp(np.sqrt(variance) * drawn - variance / 2)
    return derived(table)


def of_class(table: pd.DataFrame, phenotype: str, by: str) -> pd.DataFrame:
    """Return who of simulated people belongs to a class by the readings that made the class of the data:
    `told` of diabetes (everybody), `fasting` with HbA1c, `test` (fasting and two hours) or `drink` alone."""
    if by == "told":
        return table
    known = table.assign(
        hba1c=table.hba1c if by == "fasting" else np.nan,
        two_hour_glucose=np.nan if by == "fasting" else table.two_hour_glucose,
        fasting_glucose=table.fasting_glucose if by != "drink" else 0.0,
    )
    found = people.classified(known).replace("type2_unknown", "type2")
    return table[found == phenotype]


def samples(folder: Path) -> dict[str, tuple[pd.DataFrame, tuple[str, ...], str]]:
    """Return the data sets by name, with what type 2 takes in them and what their classes rest on."""
    return {
        "NHANES 1999-2014, fasting": (people.nhanes_fasting(folder), ("metformin",), "fasting"),
        "NHANES III, C-peptide": (people.nhanes_c_peptide(folder), ("metformin",), "told"),
        "NHANES 2013-14, oral test": (people.nhanes_oral_test(folder), (), "test"),
        "Kobe, oral test": (people.kobe(folder), (), "drink"),
        "Vanderbilt, oral test": (people.vanderbilt(folder), (), "test"),
    }


def checks(folder: Path, size: int) -> list[Check]:
    """Return every comparison that the data allow."""
    found: list[Check] = []
    for name, (data, drugs, by) in samples(folder).items():
        for phenotype in ("healthy", "prediabetes", "type2"):
            part = derived(data[data.phenotype == phenotype])
            if len(part) < FEWEST:
                continue
            kinds = drugs if phenotype == "type2" else ()
            start, matched = recruited(part, phenotype, kinds, size)
            told = "told" if kinds else by
            simulated = of_class(read_once(tested(start, kinds)), phenotype, told)
            print(
                f"{name}, {phenotype}: {len(part)} people; {len(simulated)} of {size} simulated are of the "
                f"class; matched in {matched}",
                flush=True,
            )
            if len(simulated) < FEWEST:
                raise RunError(
                    f"{len(simulated)} of {size} simulated people are of the class", "Take more: --size"
                )
            title = f"{name} (n {len(part)})"
            found += _compared(title, phenotype, part, simulated, MEASURED)
            if name == HBA1C_IN:
                start, _ = recruited(part.drop(columns="hba1c"), phenotype, kinds, size)
                drawn = of_class(read_once(tested(start, kinds)), phenotype, told)
                found += _compared(title, phenotype, part, drawn, ("hba1c",))
    return found + sensors(folder, size)


def sensors(folder: Path, size: int) -> list[Check]:
    """Return the comparisons of what sensors show."""
    found: list[Check] = []
    for name, phenotype, treatment, data in sensor_checks.samples(folder):
        simulated, matched = sensor_checks.lived(phenotype, treatment, data, size)
        print(f"{name}, {phenotype}: {len(data)} people; matched in {matched}", flush=True)
        found += _compared(
            f"{name} (n {len(data)})", phenotype, data, simulated, sensor_checks.compared(data)
        )
    return found


def _compared(
    name: str, phenotype: str, data: pd.DataFrame, simulated: pd.DataFrame, quantities: tuple[str, ...]
) -> list[Check]:
    found: list[Check] = []
    for quantity in quantities:
        least = 0 if is_logarithmic(quantity) else -np.inf
        if quantity in data and (data[quantity] > least).sum() >= FEWEST:
            seen, made = (t[quantity][t[quantity] > least].to_numpy(float) for t in (data, simulated))
            found.append(Check(name, phenotype, quantity, seen, made))
    return found


def interval(values: Any) -> str:
    """Return the median and the middle 90 % of some values as text."""
    middle, low, high = np.percentile(values, [50, 5, 95])
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def report(found: list[Check]) -> None:
    """Print medians with the middle 90 % and the distances, the largest first."""
    for one in sorted(found, key=lambda check: -check.wasserstein):
        print(
            f"{one.wasserstein:5.2f} {one.kolmogorov:5.2f}  {one.phenotype:12} {LABELS[one.quantity]:40}"
            f" {interval(one.seen):24} {interval(one.simulated):24} {one.sample}"
        )
    distances = [one.wasserstein for one in found]
    print(f"{len(found)} distances: mean {np.mean(distances):.3f}, median {np.median(distances):.3f}")


def main() -> None:
    """Read the arguments, compare, print, and write the page where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    found = checks(asked.data, asked.size)
    report(found)
    if asked.write:
        from calibration.checks_page import write_page

        write_page(found, asked.size)


if __name__ == "__main__":
    main()
