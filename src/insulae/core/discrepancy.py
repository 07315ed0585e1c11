"""The table of discrepancies: by how much published numbers miss what was simulated, beyond chance and doubt.

Kinds of numbers form families that share a scale: `identity` in the unit of the number, `log` for what is
known to a factor, `logit` for shares of people. A family with too few published values to say takes the row
`pooled`, whose scale is the band of each kind (`validation/acceptance.csv`).
`insulae.validation.discrepancy` estimates the rows from values of the role calibration alone.
"""

import csv
import dataclasses
import functools
import math
from importlib import resources

from insulae.core.errors import TableError

FILE = "discrepancy.csv"
POOLED = "pooled"
IDENTITY, LOG, LOGIT, BAND = "identity", "log", "logit", "band"
COLUMNS = (
    *("family", "scale", "unit", "tau", "low", "high", "values", "studies"),
    *("band", "source", "note"),
)
OF_IT = "% of it"


@dataclasses.dataclass(frozen=True)
class Family:
    """Kinds of numbers that miss alike: name, scale and the unit on it, and the kind whose band is usual."""

    name: str
    scale: str
    unit: str
    lead: str = ""


@dataclasses.dataclass(frozen=True)
class Discrepancy:
    """Standard deviation on the scale of a family, its 90 % interval, and how much it is known from.

    `band` is the usual one of the family, as `acceptance.csv` writes it, for a row whose scale is the band.
    """

    family: str
    scale: str
    unit: str
    tau: float
    low: float
    high: float
    values: int
    studies: int
    band: str
    source: str
    note: str

    @property
    def freedom(self) -> float:
        """Return the degrees of freedom of the prediction: the studies behind it."""
        return float(self.studies)

    @property
    def is_borrowed(self) -> bool:
        """Tell whether a family has too few values and takes what all kinds have together."""
        return self.source == POOLED

    def deviation(self, at: float) -> float:
        """Return the standard deviation at a number, in its unit; NaN where the row has no band to tell it.

        A share is in percent.
        """
        if self.scale == BAND:
            width, _, unit = self.band.partition(" ")
            relative = abs(at) / PERCENT if unit == OF_IT else 1
            return self.tau * float(width or math.nan) * relative
        share = min(max(at / PERCENT, LEAST_SHARE), 1 - LEAST_SHARE)
        return self.tau * {IDENTITY: 1.0, LOG: abs(at), LOGIT: PERCENT * share * (1 - share)}[self.scale]


PERCENT, LEAST_SHARE = 100.0, 0.01
FAMILIES = {
    "hba1c": Family("HbA1c", IDENTITY, "percentage points", "hba1c"),
    "glucose": Family("glucose", IDENTITY, "mg/dL", "fasting_glucose"),
    "weight": Family("body weight", IDENTITY, "kg", "body_weight"),
    "weight_percent": Family("body weight in percent", IDENTITY, "%", "body_weight percent change"),
    "share": Family("share of people", LOGIT, "logit", "share"),
    "incidence": Family("incidence", LOG, "log", "incidence"),
    "time": Family("time to an event", LOG, "log", "first"),
    "c_peptide": Family("C-peptide", LOG, "log", "c_peptide_auc"),
    "range": Family("time in ranges", IDENTITY, "percentage points", "time_in_range"),
    "low": Family("time below range", IDENTITY, "percentage points", "time_below_range"),
    "insulin": Family("insulin dose", LOG, "log", "insulin_dose"),
    "body": Family("tests of the body", LOG, "log", "ogtt.matsuda"),
    "egfr": Family("kidney function", IDENTITY, "mL/min/1.73 m2", "egfr"),
    POOLED: Family(POOLED, BAND, "bands"),
}
_ENDPOINTS = {
    "hba1c": "hba1c",
    "glucose_management_indicator": "hba1c",
    "fasting_glucose": "glucose",
    "confirmed_fasting_glucose": "glucose",
    "two_hour_glucose": "glucose",
    "mean_glucose": "glucose",
    "body_weight": "weight",
    "fasting_c_peptide": "c_peptide",
    "stimulated_c_peptide": "c_peptide",
    "meal_c_peptide_90": "c_peptide",
    "c_peptide_auc": "c_peptide",
    "insulin_dose": "insulin",
    "egfr": "egfr",
}


def family_of(kind: str) -> Family:
    """Return the family of a kind of number, as `hba1c change`, `share`, `first`, `ogtt.matsuda`.

    >>> family_of("hba1c change").name, family_of("time_in_range").name, family_of("mage").name
    ('HbA1c', 'time in ranges', 'pooled')
    """
    return FAMILIES[_key(kind)]


def _key(kind: str) -> str:
    name, _, how = kind.partition(" ")
    if kind in ("share", "incidence"):
        return kind
    if name == "first" or name.startswith("weeks_to_"):
        return "time"
    if "." in name:
        return "body"
    if name.startswith("time_below_"):
        return "low"
    if name.startswith(("time_in_", "time_above_")):
        return "range"
    known = _ENDPOINTS.get(name, POOLED)
    if how == "percent change":
        return "weight_percent" if known == "weight" else POOLED
    return POOLED if how.startswith("slope") or (how and FAMILIES[known].scale == LOG) else known


def read(text: str) -> dict[str, Discrepancy]:
    """Return the rows of a table by family; raises `TableError` for columns or numbers that are wrong."""
    reader = csv.DictReader(text.splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise TableError(f"{FILE}: the first line is {reader.fieldnames}", f"Expected {COLUMNS}")
    return {record["family"]: _row(record) for record in reader}


def _row(record: dict[str, str]) -> Discrepancy:
    try:
        return Discrepancy(
            family=record["family"],
            scale=record["scale"],
            unit=record["unit"],
            tau=float(record["tau"]),
            low=float(record["low"]),
            high=float(record["high"]),
            values=int(record["values"]),
            studies=int(record["studies"]),
            band=record["band"],
            source=record["source"],
            note=record["note"],
        )
    except ValueError as error:
        raise TableError(f"{FILE}, row '{record['family']}': {error}") from error


@functools.cache
def table() -> dict[str, Discrepancy]:
    """Return the rows of the package by family."""
    return read(resources.files("insulae.tables").joinpath(FILE).read_text(encoding="utf-8"))


def written(rows: dict[str, Discrepancy]) -> str:
    """Return rows as the text of a table."""
    lines = [",".join(COLUMNS)]
    for row in rows.values():
        values = [row.family, row.scale, row.unit, *(f"{x:.3g}" for x in (row.tau, row.low, row.high))]
        texts = [f'"{text}"' if "," in text else text for text in (row.band, row.source, row.note)]
        lines.append(",".join([*values, str(row.values), str(row.studies), *texts]))
    return "\n".join(lines) + "\n"
