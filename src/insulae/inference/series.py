"""Measured series beside what the twin would show."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from insulae.inference.evidence import Evidence, Experiment
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.model import Floats
from insulae.inference.person import Known
from insulae.inference.predictive import expected, measured
from insulae.inference.twin import SHOWN, Twin, weighted


def _variance(twin: Twin) -> Floats:
    """Return the error variance of each kind in units of the expected one, as the fit found it."""
    checks = twin.findings["checks"]
    sizes = [checks.get(name, {}).get("error_against_expected", 1.0) for name in QUANTITIES]
    return np.repeat(np.square(sizes)[:, None], twin.logarithms.shape[1], axis=1)


def drawn_series(
    twin: Twin, evidence: Evidence, known: Known, experiments: Sequence[Experiment]
) -> Iterator[tuple[str, str, Any, Any, Any]]:
    """Yield name, quantity, minutes, measured values and percentiles [3, value] of each series."""
    mean = expected(evidence, known, twin.logarithms)
    values = measured(evidence, mean, _variance(twin), twin.seed)
    shown = np.stack([weighted(row, twin.weights, SHOWN) for row in values], axis=1)
    n = len(mean)
    quantity, place = np.asarray(evidence.quantity)[:n], np.asarray(evidence.experiment)[:n]
    for number, experiment in enumerate(experiments):
        for series in experiment.series:
            rows = (place == number) & (quantity == QUANTITIES.index(series.quantity))
            there = np.isfinite(series.values)
            order = np.argsort(np.asarray(series.minutes)[there], kind="stable")
            minutes, seen = (np.asarray(a)[there][order] for a in (series.minutes, series.values))
            yield experiment.name, series.quantity, minutes, seen, shown[:, rows]
