"""What was measured in a person beside what the twin would show: `measured.json` in the twin's folder.

A forecast draws it behind the simulated past: the twin's draws alone do not tell how well they fit.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from insulae.core.errors import RunError
from insulae.core.glucose_levels import LEVEL_1_LOW

FILE = "measured.json"
HIGHEST_IN_RANGE = 180.0
"""mg/dL (battelino2023)."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """One series: minutes and measured values, and 5th, 50th, 95th percentile [3, value] of the twin."""

    name: str
    quantity: str
    minutes: Sequence[float]
    seen: Sequence[float]
    bands: Sequence[Sequence[float]]


def write(series: Iterable[tuple[str, str, Any, Any, Any]], folder: Path) -> list[Measured]:
    """Write series (name, quantity, minutes, seen, bands) into a twin's folder and return them."""
    rows = [Measured(n, q, *(np.asarray(a).tolist() for a in arrays)) for n, q, *arrays in series]
    text = json.dumps([dataclasses.asdict(row) for row in rows])
    (folder / FILE).write_text(text, encoding="utf-8")
    return rows


def read(folder: Path) -> list[Measured]:
    """Return the series of a twin's folder; raises `RunError` where they are missing."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder} holds no {FILE}, which the figures of a forecast need", "Run `insulae fit` again"
        ) from error
    return [Measured(**row) for row in rows]


def clinic_values(series: Iterable[Measured]) -> dict[str, float]:
    """Return endpoints of a visit as they were measured: HbA1c, fasting values, time in ranges."""
    rows = list(series)
    found = {"hba1c": _first(rows, "hba1c"), "fasting_glucose": _first(rows, "glucose")}
    found["fasting_c_peptide"] = _first(rows, "c_peptide")
    sensor = [np.asarray(r.seen) for r in rows if r.quantity == "interstitial"]
    if sensor:
        glucose = np.concatenate(sensor)
        found["mean_glucose"] = float(glucose.mean())
        found["time_in_range"] = 100 * float(
            ((glucose >= LEVEL_1_LOW) & (glucose <= HIGHEST_IN_RANGE)).mean()
        )
        found["time_below_range"] = 100 * float((glucose < LEVEL_1_LOW).mean())
    return {name: value for name, value in found.items() if value is not None}


def _first(rows: Sequence[Measured], quantity: str) -> float | None:
    """Return the value at the beginning of the last series of a quantity; None where none begins at zero."""
    values = [r.seen[0] for r in rows if r.quantity == quantity and r.minutes and r.minutes[0] <= 0]
    return values[-1] if values else None
