"""The five-minute step against an adaptive solver at a tolerance of 1e-9, over days of recorded inputs."""

import numpy as np
import pytest

from insulae.trials import accuracy

LARGEST = {"glucose": 0.5, "insulin": 5.0, "c_peptide": 10.0, "mean_glucose": 0.02}
"""A glucose sensor shows whole mg/dL and insulin assays err by 5 %: nobody sees errors this small."""
PRECISION = {"glucose": 5e-3, "insulin": 5e-3, "c_peptide": 2e-2, "mean_glucose": 1e-3}
"""Single precision carries 7 digits; a day of 288 steps may lose two or three of them."""
CASES = {case.name: case for case in accuracy.days()}
HARDEST = ["healthy", "type 1 on basal-bolus", "insulin-sensitive type 1"]
"""Fast secretion, large boluses, and strong insulin action; `insulae accuracy` measures the others."""


@pytest.fixture(scope="module", params=HARDEST)
def traces(request: pytest.FixtureRequest) -> dict[str, accuracy.Trace]:
    return accuracy.solutions(accuracy.recorded(CASES[request.param]))


def test_the_step_is_short_enough(traces: dict[str, accuracy.Trace]):
    found = accuracy.errors(traces["full"], traces["reference"])
    assert all(found[name] < LARGEST[name] for name in LARGEST), found


def test_half_the_step_is_at_least_eight_times_better(traces: dict[str, accuracy.Trace]):
    """Fourth order promises sixteen; inputs that start within the first, steep minutes take some of it."""
    full, half = (accuracy.errors(traces[name], traces["reference"]) for name in ("full", "half"))
    assert accuracy.order(full["glucose"], half["glucose"]) > 3
    assert accuracy.order(full["insulin"], half["insulin"]) > 3


def test_single_precision_is_enough(traces: dict[str, accuracy.Trace]):
    found = accuracy.errors(traces["single"], traces["full"])
    assert all(found[name] < PRECISION[name] for name in PRECISION), found


def test_the_day_is_a_day(traces: dict[str, accuracy.Trace]):
    """The comparison means nothing if glucose stands still or double precision is not in use."""
    glucose = traces["reference"].glucose
    assert glucose.dtype == np.float64 and traces["single"].glucose.dtype == np.float32
    assert glucose.shape == (288, accuracy.FEW)
    assert (np.ptp(glucose, axis=0) > 20).all()
