"""Simulate a study file with other parameter values, in this process, and read means of its endpoints."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.clock import DAYS_PER_WEEK
from insulae.core.parameters import changed
from insulae.study import load
from insulae.study.plan import trial_of
from insulae.trials.trial import ArmVisit, Outcome, prepare, simulate_chunk

Floats = NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Simulated:
    """The patients of one study who could be simulated."""

    outcome: Outcome

    def values(self, arm: str, endpoint: str, week: float) -> Floats:
        """Return an endpoint of every patient at a visit; raises `KeyError` when there is no such visit."""
        return np.asarray(self._visit(arm, week).values[endpoint])[self._kept()]

    def glucose(self, arm: str, week: float) -> Floats:
        """Return interstitial glucose (mg/dL) before a visit whose traces the study keeps, [patient,
        time]."""
        window = self._visit(arm, week).window
        if window is None:
            raise KeyError(f"no traces of arm '{arm}' are kept at week {week:g}")
        return np.asarray(window.glucose)[self._kept()]

    def _kept(self) -> NDArray[np.bool_]:
        return self.outcome.is_solved & self.outcome.is_finite

    def _visit(self, arm: str, week: float) -> ArmVisit:
        for visit in self.outcome.visits:
            if visit.arm == arm and visit.day == round(week * DAYS_PER_WEEK):
                return visit
        raise KeyError(f"no visit of arm '{arm}' at week {week:g}")

    def mean(self, arm: str, endpoint: str, week: float) -> float:
        """Return the mean over the patients."""
        return float(np.nanmean(self.values(arm, endpoint, week)))

    def change(self, arm: str, endpoint: str, week: float, control: str | None = None) -> float:
        """Return the mean change from enrollment, less that of a control arm where one is named."""
        change = self.mean(arm, endpoint, week) - self.mean(arm, endpoint, 0)
        return change if control is None else change - self.change(control, endpoint, week)


def simulated(
    study: Path, size: int, values: Mapping[str, float] | None = None, overrides: Iterable[str] = ()
) -> Simulated:
    """Simulate the first patients of a study, with the central values of some parameters replaced."""
    prepare()
    with changed(values or {}):
        trial = trial_of(load.load(study, overrides))
        return Simulated(simulate_chunk(trial, range(size), lambda: None, lambda days: None))
