"""Predictive checks: a distance that is zero for the same people, and a glucose test that is one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from calibration import checks, checks_page, people, sensor_checks
from calibration.checks import Check, wanted

from insulae.populations.baseline import Start

RNG = np.random.default_rng(1)
SEEN = np.exp(RNG.normal(3, 0.5, 400))


def test_a_distance_is_in_standard_deviations_of_the_data():
    assert Check("a", "healthy", "homa", SEEN, SEEN).wasserstein == 0
    doubled = Check("a", "healthy", "homa", SEEN, 2 * SEEN)
    # On the logarithmic scale everybody is ln 2 away.
    assert doubled.wasserstein == pytest.approx(np.log(2) / np.log(SEEN).std())
    shifted = Check("a", "healthy", "fasting_glucose", SEEN, SEEN + 10)
    assert shifted.wasserstein == pytest.approx(10 / SEEN.std())
    assert Check("a", "healthy", "homa", SEEN, SEEN + 1000).kolmogorov == 1


def test_a_cohort_is_asked_to_be_like_the_data():
    data = pd.DataFrame({"age": [20.0, 30, 40] * 10, "bmi": [24.0, 25, 26] * 10, "hba1c": np.nan})
    asked = wanted(data, 7, ("mean", "sd"))
    assert {(t.trait, t.statistic) for t in asked.targets} == {
        ("age", "mean"), ("age", "sd"), ("bmi", "mean"), ("bmi", "sd")
    }  # fmt: skip
    assert (asked.criteria[0].low, asked.criteria[0].high) == (20, 40)


def test_a_drink_raises_what_it_should_and_indices_agree_with_their_definitions(
    healthy: Start,
):
    table = checks.tested(healthy, ())
    for what in ("glucose", "insulin", "c_peptide"):
        assert (table[f"{what}_30"] > table[f"{what}_0"]).all()
    one = table.iloc[0]
    insulin = one.fasting_insulin / 6.0
    assert one.homa == pytest.approx(one.fasting_glucose / 18.0156 * insulin / 22.5, rel=1e-4)
    assert one.disposition == pytest.approx(one.matsuda * one.insulinogenic, rel=1e-4)
    curves = (("glucose", 90), ("insulin", 60))
    flat = pd.DataFrame({f"{what}_{m}": [v] for what, v in curves for m in people.MINUTES})
    # Matsuda: 10,000 / sqrt(90 mg/dL x 10 uU/mL x 90 x 10)
    assert people.matsuda(flat)[0] == pytest.approx(10_000 / 900)


def test_reading_once_errs_about_the_value_and_classes_follow_the_readings():
    n = 4000
    true = pd.DataFrame(
        {
            "fasting_glucose": np.full(n, 98.0),
            "two_hour_glucose": np.full(n, 130.0),
            "fasting_insulin": np.full(n, 40.0),
            "fasting_c_peptide": np.full(n, 500.0),
            "hba1c": np.full(n, 5.3),
        }
    )
    once = checks.read_once(true)
    assert once.fasting_glucose.mean() == pytest.approx(98, rel=0.01)
    # Assay 2.5 % and person 5.7 %.
    assert np.log(once.fasting_glucose).std() == pytest.approx(np.hypot(0.025, 0.057), rel=0.05)
    assert np.corrcoef(once.fasting_glucose, once.two_hour_glucose)[0, 1] == pytest.approx(0, abs=0.05)
    assert once.homa[0] == pytest.approx(once.fasting_glucose[0] / 18.0156 * 40 / 6 / 22.5)
    healthy = checks.of_class(once, "healthy", "test")
    between = checks.of_class(once, "prediabetes", "test")
    assert healthy.fasting_glucose.max() < 100 and healthy.two_hour_glucose.max() < 140
    assert ((between.fasting_glucose >= 100) | (between.two_hour_glucose >= 140)).all()
    assert len(healthy) + len(between) == pytest.approx(n, rel=0.05)
    assert (checks.of_class(once, "prediabetes", "drink").two_hour_glucose >= 140).all()
    assert len(checks.of_class(once, "type2", "told")) == n


def test_the_page_lists_the_largest_distance_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "figures").mkdir()
    monkeypatch.setattr(checks_page, "DOCS", tmp_path)
    monkeypatch.setattr(checks_page, "FIGURE", tmp_path / "figures" / "populations.png")
    near, far = (Check(name, "healthy", "homa", SEEN, SEEN * by) for name, by in (("near", 1.1), ("far", 3)))
    checks_page.write_page([near, far], 400)
    page = (tmp_path / "populations.md").read_text()
    assert page.index("| far |") < page.index("| near |")
    assert "Not medical advice" in page and "type2_early" in page
    assert (tmp_path / "figures" / "populations.png").stat().st_size > 1000
    checks.report([near, far])


def test_recordings_of_sensors_are_read_and_short_ones_left_out(tmp_path: Path):
    times = pd.date_range("2026-01-01", periods=4 * 288, freq="5min")
    glucose = np.tile([60.0, 100.0, 160.0, 200.0], 288)
    people_ = {"a": (times, glucose), "short": (times[:288], glucose[:288])}
    rows = [
        pd.DataFrame({"id": name, "time": t, "gl": g, "diagnosis": "pre-diabetic"})
        for name, (t, g) in people_.items()
    ]
    pd.concat(rows).to_csv(tmp_path / "example_data_hall.csv", index=False)
    (one,) = sensor_checks.hall(tmp_path).to_dict("records")
    assert one["mean_glucose"] == pytest.approx(130)
    quarters = ("time_below_range", "time_in_tight_range", "time_above_range")
    assert [one[name] for name in quarters] == pytest.approx([25, 25, 25])
    assert one["time_in_range"] == pytest.approx(50)


def test_sensors_are_compared_on_their_own_scale_and_nought_is_a_value():
    data = pd.DataFrame({"time_below_range": [0.0] * 10 + [2.0] * 10})
    (check,) = checks._compared("a", "type2", data, data + 1, tuple(sensor_checks.LABELS))
    assert check.wasserstein == pytest.approx(1 / check.seen.std())
    (row,) = [r for r in checks_page._by_class([check]) if "below 70" in r]
    assert row.endswith("|  |  | 1.00 (1) |  |")


def test_what_people_were_matched_by_is_not_compared():
    matched, free = pd.DataFrame({"hba1c": [6.9]}), pd.DataFrame({"age": [50]})
    assert sensor_checks.compared(free) == tuple(sensor_checks.LABELS)
    assert set(sensor_checks.LABELS) - set(sensor_checks.compared(matched)) == {"mean_glucose"}
