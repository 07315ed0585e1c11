"""Statistics over patients, and the answer made from them."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insulae.study import answer, load
from insulae.study.results import SIMULATED, quantile, statistics, summarize
from insulae.study.spec import Study

TEXT = """
name: small
population: {phenotype: type1, size: 3, treatment: [{kind: basal_bolus}]}
horizon: 8 weeks
visits: [0, 8]
endpoints: [hba1c, insulin_free, weeks_to_insulin_free]
arms: [{name: cells}, {name: care}]
reported:
  - {endpoint: hba1c, arm: cells, week: 8, value: 6.0 %, source: wu2024}
  - {endpoint: hba1c, arm: cells, week: 8, value: 9.0 %, kind: at_most, source: wu2024}
  - {endpoint: hba1c, arm: cells, week: 8, value: 9.0 %, kind: at_least, source: wu2024}
  - {endpoint: hba1c, arm: cells, week: 4, value: 9.0 %, source: wu2024}
  - {endpoint: weeks_to_insulin_free, arm: cells, value: 11 weeks, source: wu2024}
"""
VALUES = {
    "hba1c": [5.0, 6.0, 7.0],
    "insulin_free": [100.0, 100.0, 0.0],
    "weeks_to_insulin_free": [4.0, 6.0, math.inf],
}


@pytest.fixture
def study() -> Study:
    return load.read(TEXT)


@pytest.fixture
def summary(study: Study) -> dict[str, Any]:
    return summarize(study, lambda arm, name, week: np.array(VALUES[name]))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_of_finite_values_are_those_of_numpy(values: list[float], share: float):
    found = quantile(np.sort(values), share)
    # numpy interpolates in another order of operations
    assert found == pytest.approx(np.quantile(values, share), abs=1e-9)


def test_a_quantile_on_an_event_that_never_happened_is_unknown():
    found = statistics(np.array([3.0, math.inf, 1.0, math.inf]))
    assert found["p05"] == pytest.approx(1.3)
    assert (found["p50"], found["mean"], found["sd"], found["n"]) == (None, None, None, 4)


def test_missing_values_are_left_out():
    assert statistics(np.array([1.0, math.nan, 3.0]))["mean"] == 2
    assert statistics(np.array([math.nan]))["n"] == 0
    assert statistics(np.array([math.nan]))["p50"] is None
    assert statistics(np.array([2.0]))["sd"] is None


def test_the_summary_keeps_its_contract(summary: dict[str, Any]):
    assert set(summary) == {"study", "simulated", "arms"}
    assert "not medical advice" in summary["simulated"]
    assert list(summary["arms"]) == ["cells", "care"]
    record = summary["arms"]["cells"]["hba1c"]
    assert set(record) == {"unit", "label", "weeks", "n", "mean", "sd", "p05", "p25", "p50", "p75", "p95"}
    assert record["weeks"] == [0, 8] and record["n"] == [3, 3] and record["mean"] == [6, 6]
    json.dumps(summary, allow_nan=False)


def test_the_answer_is_a_few_sentences_that_end_with_what_they_are(study: Study, summary: dict[str, Any]):
    sentences = answer.answer(study, summary)
    assert 2 <= len(sentences) <= 5
    assert sentences[0].startswith("cells, at week 8: 67 % of patients off insulin, last insulin in week 6")
    assert "HbA1c 6.0 % (5.1 to 6.9)" in sentences[0]
    assert "to never" in sentences[0]
    assert sentences[-1] == SIMULATED


def test_reported_values_are_inside_or_outside_or_without_a_visit(study: Study, summary: dict[str, Any]):
    inside = [answer.is_inside(reported, summary) for reported in study.reported]
    assert inside == [True, True, False, None, True]
    assert "Of 4 reported values of the patient, 3 lie within" in " ".join(answer.answer(study, summary))


def test_precision_is_twice_the_standard_error(summary: dict[str, Any]):
    assert answer.standard_error(summary["arms"]["cells"]["hba1c"]) == pytest.approx(1 / math.sqrt(3))
    assert answer.standard_error(summary["arms"]["cells"]["weeks_to_insulin_free"]) is None
    assert any("HbA1c 6 +- 1.2 %" in line for line in answer.precision(summary))
