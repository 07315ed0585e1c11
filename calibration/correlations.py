"""Correlations between traits, and between parts of the body, estimated from data on people.

    python -m calibration.correlations --data DIR            prints them beside the rows of the table
    python -m calibration.correlations --data DIR --write    writes them into tables/correlations.csv

Ranks are correlated (Spearman) within a phenotype; the table holds the correlation of the normal draws behind
them, r = 2 sin(pi rho / 6). Intervals: 95 %, Fisher's transformation with the variance 1.06/(n - 3). Where a
trait stands behind a model quantity (peripheral sensitivity: the clamp; hepatic sensitivity: the inverse of
HOMA-IR; the phases of secretion: insulin of a hyperglycemic clamp), what both share through body mass index
and class is taken out first, because the model adds the effect of weight itself. Rows that no data inform are
left as they are. See `people.py` for the data.
"""

import argparse
import csv
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from calibration import people
from insulae.core.parameters import ANY, correlations

TABLE = Path(__file__).parents[1] / "src" / "insulae" / "tables" / "correlations.csv"
COLUMNS = (
    "first", "second", "population", "correlation", "evidence", "source", "locator",
    "n", "lower", "upper", "note",
)  # fmt: skip
FEWEST = 40
"""People below which nothing is estimated."""
SMALLEST = 0.05
"""Correlations whose interval holds zero and that are smaller are left out of the table."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A correlation of two sampled quantities in a population, with what it rests on."""

    first: str
    second: str
    population: str
    correlation: float
    lower: float
    upper: float
    n: int
    source: str
    locator: str
    note: str


def _ranked(first: pd.Series, second: pd.Series) -> tuple[float, float, float, int]:
    """Return the correlation of the normal draws, its 95 % interval, and n."""
    both = pd.concat([first, second], axis=1).dropna().to_numpy()
    n = len(both)
    rho = float(np.corrcoef(rankdata(both[:, 0]), rankdata(both[:, 1]))[0, 1])
    half = 1.96 * np.sqrt(1.06 / (n - 3))
    low, high = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    normal = [float(2 * np.sin(np.pi * one / 6)) for one in (rho, low, high)]
    return normal[0], normal[1], normal[2], n


TRAITS = (("age", "bmi"), ("age", "hba1c"), ("bmi", "hba1c"))
WITH_DURATION = (("age", "duration"), ("bmi", "duration"), ("duration", "hba1c"))


def of_traits(sample: pd.DataFrame) -> Iterator[Estimate]:
    """Yield the correlations of traits in the fasting sample."""
    for population in ("healthy", "prediabetes", "type2"):
        part = sample[sample.phenotype == population]
        if len(part) < FEWEST:
            continue
        for a, b in TRAITS + (WITH_DURATION if population == "type2" else ()):
            r, low, high, n = _ranked(part[a], part[b])
            where = "1999-2014 fasting sample, adults" + (
                ", told from the age of 30 on" if population == "type2" else ""
            )
            yield Estimate(f"traits.{a}", f"traits.{b}", population, r, low, high, n, "nhanes", where, "")


def _left_over(values: pd.Series, sample: pd.DataFrame) -> pd.Series:
    """Return what class and body mass index do not explain of the logarithm of some values."""
    logs = np.log(values.where(values > 0))
    design = pd.get_dummies(sample.phenotype, dtype=float).assign(bmi=np.log(sample.bmi))
    there = logs.notna() & design.notna().all(axis=1)
    coefficients = np.linalg.lstsq(design[there].to_numpy(), logs[there].to_numpy(), rcond=None)[0]
    return (logs - design.to_numpy() @ coefficients).where(there)


def of_bodies(sample: pd.DataFrame) -> Iterator[Estimate]:
    """Yield the correlations of parts of the body, from the clamps."""
    told = "what body mass index and class explain is taken out; errors of measurement make it too small"
    pairs = {
        ("insulin_resistance.hepatic", "insulin_resistance.peripheral"): (
            1 / people.homa_resistance(sample), sample.clamp_sensitivity,
            "published individual data: inverse HOMA-IR and clamp sensitivity",
        ),
        ("secretion.dynamic_gain", "secretion.maximal"): (
            sample.first_phase, sample.second_phase,
            "published individual data: clamp insulin of 0-10 and of 10-90 minutes",
        ),
    }  # fmt: skip
    for (first, second), (a, b, locator) in pairs.items():
        r, low, high, n = _ranked(_left_over(a, sample), _left_over(b, sample))
        yield Estimate(first, second, ANY, r, low, high, n, "ohashi2018", locator, told)


def estimates(folder: Path) -> list[Estimate]:
    """Return every correlation that the data inform."""
    return [*of_traits(people.nhanes_fasting(folder)), *of_bodies(people.kobe(folder))]


def matters(one: Estimate) -> bool:
    """Tell whether a correlation is large enough, or sure enough, to be in the table."""
    return abs(one.correlation) >= SMALLEST or one.lower * one.upper > 0


def _record(one: Estimate) -> dict[str, str]:
    numbers = {name: f"{getattr(one, name):.2f}" for name in ("correlation", "lower", "upper")}
    texts = {
        name: str(getattr(one, name))
        for name in ("first", "second", "population", "source", "locator", "n", "note")
    }
    return {**texts, **numbers, "evidence": "measured"}


def merged(rows: Iterable[dict[str, str]], found: Iterable[Estimate]) -> list[dict[str, str]]:
    """Return the rows of the table with those that were estimated in place of the former ones, sorted."""
    key = ("first", "second", "population")
    kept = {tuple(row[name] for name in key): {name: row.get(name) or "" for name in COLUMNS} for row in rows}
    kept |= {(one.first, one.second, one.population): _record(one) for one in found if matters(one)}
    return [kept[one] for one in sorted(kept)]


def report(found: Iterable[Estimate]) -> None:
    """Print each correlation with its interval beside that of the table."""
    table = correlations()
    print(f"{'population':12} {'quantities':62} {'r':>6} {'95 % interval':>16} {'n':>6} {'table':>6}")
    for one in found:
        before = table.get((one.first, one.second, one.population))
        shown = "none" if before is None else f"{before:.2f}"
        interval = f"{one.lower:.2f} to {one.upper:.2f}"
        print(
            f"{one.population:12} {one.first + ', ' + one.second:62} {one.correlation:6.2f} {interval:>16}"
            f" {one.n:6d} {shown:>6}"
        )


def report_traits(sample: pd.DataFrame) -> None:
    """Print means and standard deviations of traits by phenotype."""
    type2 = sample[sample.phenotype == "type2"]
    parts = {name: sample[sample.phenotype == name] for name in ("healthy", "prediabetes", "type2")}
    parts |= {"type2_early": type2[type2.duration < 6], "type2_late": type2[type2.duration >= 10]}
    for name, part in parts.items():
        shown = [
            f"{trait} {part[trait].mean():.2f} +- {part[trait].std():.2f}"
            for trait in ("age", "bmi", "hba1c", "duration")
        ]
        print(f"{name:12} n {len(part):5d}: {', '.join(shown)}")


def main() -> None:
    """Read the arguments, estimate, print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    found = estimates(asked.data)
    report(found)
    report_traits(people.nhanes_fasting(asked.data))
    if asked.write:
        with TABLE.open(encoding="utf-8", newline="") as file:
            rows = merged(csv.DictReader(file), found)
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
