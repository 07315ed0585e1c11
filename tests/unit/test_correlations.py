"""Correlations behind the table are found again in made-up people, and a table keeps what no data inform."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calibration import people
from calibration.correlations import Estimate, merged, of_bodies, of_traits

from insulae.core.errors import RunError

N = 4000


def made_up(r: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    first, second = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], size=N).T
    return pd.DataFrame(
        {
            "age": 50 + 10 * first,
            "bmi": np.exp(3.3 + 0.2 * second),  # ranks do not see the logarithm
            "hba1c": 6 + rng.normal(size=N),
            "phenotype": "healthy",
        }
    )


def test_the_correlation_behind_the_draws_is_found_through_any_scale():
    found = {(one.first, one.second): one for one in of_traits(made_up(0.4)) if one.population == "healthy"}
    known, none = found["traits.age", "traits.bmi"], found["traits.age", "traits.hba1c"]
    assert known.correlation == pytest.approx(0.4, abs=0.03)  # two standard errors of 4000 people
    assert known.lower < 0.4 < known.upper and known.n == N
    assert none.lower < 0 < none.upper


def test_what_class_and_weight_explain_is_taken_out():
    rng = np.random.default_rng(2)
    bmi = rng.uniform(20, 40, N)
    shared = np.log(bmi)
    sample = pd.DataFrame(
        {
            "bmi": bmi,
            "phenotype": rng.choice(["healthy", "type2"], N),
            "clamp_sensitivity": np.exp(-2 * shared + 0.3 * rng.normal(size=N)),
            "fasting_glucose": 90.0,
            "fasting_insulin": np.exp(4 * shared / 2 + 0.3 * rng.normal(size=N)),
            "first_phase": 1 + rng.uniform(size=N),
            "second_phase": 1 + rng.uniform(size=N),
        }
    )
    assert sample.clamp_sensitivity.corr(sample.fasting_insulin, "spearman") < -0.5
    for one in of_bodies(sample):
        assert one.correlation == pytest.approx(0, abs=0.05)


def test_a_table_keeps_rows_that_no_data_inform_and_leaves_out_what_is_nothing():
    rows = [{"first": "a", "second": "b", "population": "any", "correlation": "0.3", "evidence": "assumed"}]
    large = Estimate("c", "d", "any", 0.5, 0.4, 0.6, 100, "nhanes", "adults", "")
    nothing = Estimate("e", "f", "any", 0.01, -0.1, 0.1, 100, "nhanes", "adults", "")
    written = merged(rows, [large, nothing])
    assert [(row["first"], row["correlation"], row["evidence"]) for row in written] == [
        ("a", "0.3", "assumed"), ("c", "0.50", "measured")
    ]  # fmt: skip


def test_people_are_classified_by_consensus_criteria():
    given = pd.DataFrame(
        {
            "fasting_glucose": [90, 110, 130, 90, 90, np.nan],
            "hba1c": [5.0, 5.0, 5.0, 6.6, 5.8, 5.0],
        }
    )
    expected = ["healthy", "prediabetes", "type2_unknown", "type2_unknown", "prediabetes", ""]
    assert people.classified(given).tolist() == expected
    assert people.classified(given.assign(two_hour_glucose=150.0)).iloc[0] == "prediabetes"


def test_missing_data_are_named(tmp_path: Path):
    with pytest.raises(RunError, match=r"holds no nhanes_fasting_adults\.csv"):
        people.nhanes_fasting(tmp_path)
