"""Results of a run: what its folder holds, and the statistics over the patients.

An event that has not happened counts as infinitely late, so a quantile that falls on it is unknown (null),
and so are mean and standard deviation. A missing value is left out of the statistics and of `n`.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import RunError
from insulae.endpoints import base as endpoints
from insulae.runs import store
from insulae.study.records import week_of
from insulae.study.spec import Study

if TYPE_CHECKING:
    import pandas as pd

SIMULATED = "Every number here is simulated and is not medical advice."
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Results:
    """The folder of a finished run, or the URL below which its files are."""

    directory: store.Location
    summary: dict[str, Any]
    manifest: dict[str, Any]

    def endpoints(self) -> "pd.DataFrame":
        """Return the long table: arm, patient, week, endpoint, value, unit; all of it, in memory."""
        return store.read_table(self.directory / "endpoints.parquet").to_pandas()

    def events(self) -> "pd.DataFrame":
        """Return the adverse events, a row each; what is missing lasts or ended in death."""
        return store.read_table(self.directory / "events.parquet").to_pandas()

    def enrolled(self) -> "pd.DataFrame":
        """Return who the patients are at enrollment, a row each; the same in all arms."""
        return store.read_table(self.directory / "enrolled.parquet").to_pandas()

    def traces(self) -> "pd.DataFrame":
        """Return the stored days: arm, patient, week, day, minute, glucose, insulin, c_peptide."""
        return store.read_table(self.directory / "traces.parquet").to_pandas()


def load_results(directory: store.Location | str) -> Results:
    """Return the results in a folder or below a URL; raises `RunError` when no run was finished there."""
    directory = store.location(directory)
    found: dict[str, Any] = {}
    for name in ("summary", "manifest"):
        path = directory / f"{name}.json"
        if not path.exists():
            raise RunError(f"{directory} holds no {name}.json", "Run the study first: insulae run STUDY.yaml")
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    return Results(directory, **found)


def quantile(ordered: Floats, share: float) -> float:
    """Return a quantile of sorted values by linear interpolation; infinite once an infinite value counts.

    >>> quantile(np.array([1.0, 2.0, np.inf]), 0.5), quantile(np.array([1.0, np.inf]), 0.5)
    (2.0, inf)
    """
    place = share * (len(ordered) - 1)
    below, above = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)])
    part = place - math.floor(place)
    return below if part == 0 or below == above else below + part * (above - below)


def statistics(values: Floats) -> dict[str, float | None]:
    """Return n, mean, sd and quantiles of the values that are there; None for what is infinite or unknown."""
    there = np.sort(values[~np.isnan(values)])
    if not len(there):
        return {"n": 0, "mean": None, "sd": None, **dict.fromkeys(QUANTILES)}
    is_finite = bool(np.isfinite(there).all())
    found: dict[str, float | None] = {
        "n": len(there),
        "mean": float(there.mean()) if is_finite else None,
        "sd": float(there.std(ddof=1)) if is_finite and len(there) > 1 else None,
    }
    quantiles = {name: quantile(there, share) for name, share in QUANTILES.items()}
    return found | {name: value if math.isfinite(value) else None for name, value in quantiles.items()}


def summarize(study: Study, values: Callable[[str, str, float], Floats]) -> dict[str, Any]:
    """Return the statistics of every arm, endpoint and visit; all are lists as long as `weeks`.

    `values` gives those of all patients for an arm, an endpoint and a week.
    """
    weeks = [week_of(day) for day in study.visit_days()]
    arms = {
        arm.name: {name: _over_visits(values, arm.name, name, weeks) for name in study.endpoint_names()}
        for arm in study.arms
    }
    return {"study": study.name, "simulated": SIMULATED, "arms": arms}


def _over_visits(
    values: Callable[[str, str, float], Floats], arm: str, name: str, weeks: Sequence[float]
) -> dict[str, Any]:
    member = endpoints.get(name)
    columns = [statistics(values(arm, name, week)) for week in weeks]
    lists = {statistic: [column[statistic] for column in columns] for statistic in columns[0]}
    return {"unit": member.unit, "label": member.label, "weeks": list(weeks), **lists}
