"""Who was simulated: the table of baseline characteristics, of all patients and by sex.

Every arm holds the same patients, so there is one column for all of them; a trial would have one for each
arm.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insulae.populations.enrolled import TRAITS, Trait
from insulae.report.reading import Results
from insulae.runs import store
from insulae.runs.arrow import numbers

Floats = NDArray[np.float64]
ABSENT = "This run keeps no traits of its patients; run it again to have them."
DECIMALS = {"year": 1, "m": 2, "kg": 1, "kg/m2": 1, "%": 1, "U/d": 0, "mg/dL": 0, "pmol/L": 0}


@dataclass(frozen=True)
class BaselineRow:
    """One trait: mean and standard deviation, or number and percent; then median and quartiles."""

    label: str
    summary: str
    median: str
    women: str
    men: str


@dataclass(frozen=True)
class BaselineTable:
    """The table; `absent` says why there is none."""

    absent: str
    size: int
    n_women: int
    n_men: int
    rows: list[BaselineRow]

    @property
    def by_sex(self) -> bool:
        """Whether there are both women and men, so that a column for each tells something."""
        return min(self.n_women, self.n_men) > 0


def baseline(results: Results) -> BaselineTable:
    """Return the baseline characteristics of a run's patients."""
    path = results.directory / "enrolled.parquet"
    if not path.exists():
        return BaselineTable(ABSENT, 0, 0, 0, [])
    table = store.read_table(path)
    values = {name: numbers(table[name]).astype(float) for name in TRAITS if name in table.column_names}
    male = values["male"] > 0
    rows = [_row(TRAITS[name], one, male) for name, one in values.items()]
    return BaselineTable("", len(male), int((~male).sum()), int(male.sum()), rows)


def _row(trait: Trait, values: Floats, male: NDArray[np.bool_]) -> BaselineRow:
    label = f"{trait.label}, {trait.unit}" if trait.unit else trait.label
    if trait.is_share:
        return BaselineRow(f"{label}, n (%)", _share(values), "", "", "")
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    median = f"{_few(middle, trait)} ({_few(low, trait)} to {_few(high, trait)})"
    by_sex = [_mean(values[chosen], trait) for chosen in (~male, male)]
    return BaselineRow(label, _mean(values, trait), median, *by_sex)


def _share(values: Floats) -> str:
    return f"{int((values > 0).sum())} ({100 * (values > 0).mean():.0f})"


def _mean(values: Floats, trait: Trait) -> str:
    if not len(values):
        return "none"
    spread = f" ({_few(float(values.std(ddof=1)), trait)})" if len(values) > 1 else ""
    return _few(float(values.mean()), trait) + spread


def _few(value: float, trait: Trait) -> str:
    return f"{value:.{DECIMALS.get(trait.unit, 0)}f}"
