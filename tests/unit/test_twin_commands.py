"""The commands of the folder `twins`: what they compute, on numbers whose answer is known."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from twins import clamp, clamp_page, levels, nuts, recover, sensor, sensor_page, speed
from twins.page import write_page
from twins.recurring import Recurring, carried, recurring

from insulae.inference.diagnostics import converged
from insulae.inference.measurement_error import QUANTITIES
from insulae.inference.person import FITTED
from insulae.inference.point import Point
from insulae.inference.sensor_days import Diary

CENTER = np.linspace(-1, 1, len(FITTED))
SPREAD = np.linspace(0.5, 2, len(FITTED))


def density(places: np.ndarray) -> np.ndarray:
    """A Gaussian with means `CENTER` and standard deviations `SPREAD`, [draw]."""
    return -0.5 * (((places - CENTER[:, None]) / SPREAD[:, None]) ** 2).sum(axis=0)


@pytest.fixture(scope="module")
def gaussian() -> Any:
    """A fit whose posterior is a Gaussian; the proposals' one is wider and beside it."""
    point = Point(CENTER + 0.3, np.diag((1.2 * SPREAD) ** 2), 0.0, 0.0)
    return SimpleNamespace(posterior=SimpleNamespace(density=density), point=point)


def test_both_samplers_draw_a_known_gaussian(gaussian: Any):
    for cost in (speed.ours(gaussian, 1), speed.emcees(gaussian, 1, 400)):
        assert cost.effective > 400
        np.testing.assert_allclose(cost.mean, CENTER, atol=0.35)
        np.testing.assert_allclose(cost.spread, SPREAD, rtol=0.2)
        assert "a second" in str(cost) and 0 < cost.acceptance < 1


@pytest.mark.slow
def test_nuts_draws_a_known_gaussian(gaussian: Any):
    with jax.enable_x64(True):
        draws, said = nuts.drawn(
            lambda x: -0.5 * (((x - CENTER) / SPREAD) ** 2).sum(), gaussian.point, 1, 100, 200
        )
    assert draws.shape == (nuts.CHAINS, 200, len(FITTED)) and said["divergences"] == 0
    np.testing.assert_allclose(draws.reshape(-1, len(FITTED)).mean(axis=0), CENTER, atol=0.3)
    np.testing.assert_allclose(draws.reshape(-1, len(FITTED)).std(axis=0), SPREAD, rtol=0.15)


def test_an_audit_tells_a_shift_from_agreement():
    random = np.random.default_rng(1)
    walked, other = (random.standard_normal((4, 500, len(FITTED))) for _ in range(2))
    assert list(nuts.compared(walked, other))[-1].endswith("hit")
    other[:, :, 3] += 0.5
    lines = list(nuts.compared(walked, other))
    assert lines[-1].endswith("MISS") and "+0.5" in lines[3]
    assert list(nuts.compared(walked, 1.5 * walked))[-1].endswith("MISS")


def test_what_recurs_is_found_and_what_does_not_is_no_profile():
    random = np.random.default_rng(1)
    hours = np.sin(np.arange(96) / 96 * 2 * np.pi)[None, :, None]
    noise = 0.1 * random.standard_normal((8, 96, 1))
    same, chance = recurring(0.3 * hours + noise, 2), recurring(noise, 2)
    for day in same.profile:
        assert np.corrcoef(day[:, 0], hours[0, :, 0])[0, 1] > 0.98
        assert day[:, 0].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.15)
    assert np.var(same.own) == pytest.approx(0.01, rel=0.3) and (same.uncertain < 0.005).all()
    assert np.abs(chance.profile).max() < 0.06 and np.var(chance.own) == pytest.approx(0.01, rel=0.15)


def test_a_memory_that_fades_weighs_the_last_days():
    """Days that follow one another by a known law are foreseen by it: half of the day before, then less."""
    random = np.random.default_rng(1)
    days = [random.standard_normal((2000, 1))]
    for _ in range(7):
        days.append(0.5 * days[-1] + np.sqrt(0.75) * random.standard_normal((2000, 1)))
    found = recurring(0.2 * np.stack(days), 3)
    for ahead, day in enumerate(found.profile, start=1):
        np.testing.assert_allclose(day, 0.2 * 0.5**ahead * days[-1], atol=0.06)
    expected = 0.04 * (0.95 - 0.95 * 0.5 ** (2 * np.arange(1, 4)))
    np.testing.assert_allclose(found.uncertain, expected, rtol=0.12)


def test_missing_readings_of_what_recurs_count_nowhere():
    deviation = np.tile(np.linspace(0, 1, 24), (5, 1))[..., None]
    deviation[2, 3:9] = np.nan
    deviation[:, 20] = np.nan
    found = recurring(deviation, 2)
    assert np.isfinite(found.profile).all() and (found.profile[:, 20, 0] == 0).all()
    np.testing.assert_allclose(found.profile[0, :20, 0], deviation[0, :20, 0], rtol=0.03, atol=1e-9)


def test_carried_days_have_the_profile_and_the_spread_found():
    own = np.sqrt(0.03) * np.random.default_rng(1).standard_normal((400, 24, 1)) + np.zeros((1, 1, 4000))
    found = Recurring(np.full((3, 24, 4000), 0.1), np.array([0.01, 0.01, 0.03]), own)
    coming = carried(found, 0.8, 1)
    assert coming.shape == (3, 24, 4000)
    np.testing.assert_allclose(coming.mean(axis=2), 0.1, atol=0.03)
    np.testing.assert_allclose(coming.var(axis=2).mean(axis=1), [0.04, 0.04, 0.06], rtol=0.1)
    # Days share the unknown part of the profile: a quarter of the variance of the first two.
    assert np.corrcoef(coming[0, 5], coming[1, 5])[0, 1] == pytest.approx(0.25, abs=0.06)


def test_a_rare_meal_of_one_day_comes_back_whole():
    """One day in five is high for hours: foreseen days are either, never all a little high."""
    deviation = np.zeros((5, 24, 1000))
    deviation[2, 12:18] = 0.5
    coming = carried(dataclasses.replace(recurring(deviation, 1), uncertain=np.zeros(1)), 0.8, 1)[0]
    is_high = coming[14] > 0.3
    assert is_high.mean() == pytest.approx(0.2, abs=0.04)
    assert (coming[12:18, is_high] > 0.3).all() and (coming[12:18, ~is_high] < 0.1).all()


COLUMNS = (
    "Date,CGM (mg / dl),CBG (mg / dl),Blood Ketone (mmol / L),Dietary intake,Insulin dose - s.c.,"
    'Non-insulin hypoglycemic agents,"CSII - bolus insulin (Novolin R, IU)",'
    '"CSII - basal insulin (Novolin R, IU / H)",Insulin dose - i.v.'
)


def recording(folder: Path, name: str, days: int, notes: dict[tuple[int, int], str]) -> None:
    """Write a recording from 08:00 on, each half hour; notes [day, hour] fill columns five to ten."""
    lines = [COLUMNS]
    for step in range(16, 48 * days):
        day, minute = divmod(step * 30, 1440)
        note = notes.get((day, minute // 60), ",,,,,") if minute % 60 == 0 else ",,,,,"
        lines.append(f"2021-05-{day + 1:02d} {minute // 60:02d}:{minute % 60:02d}:00,{120 + day},,,{note}")
    (folder / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four recordings: injections, a pump taken off, insulin into a vein, too short."""
    head = "Patient Number,Gender,Age (years),Height (m),Weight (kg),Glomerular Filtration Rate"
    rows = [f"{name},2,60,1.7,70,90" for name in ("a", "b", "c", "d")]
    (tmp_path / "summary.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    meal = "Rice 100 g,,,,,"
    recording(tmp_path, "a", 7, {(1, 12): meal, (1, 13): meal, (2, 7): ',"Humulin 70/30, 10 IU",,,,'})
    recording(tmp_path, "b", 7, {(1, 8): ",,,4,0.5,", (1, 12): ",,,,0.7,"})
    recording(tmp_path, "c", 7, {(1, 8): ",,,,,2 IU"})
    recording(tmp_path, "d", 4, {})
    return tmp_path


def test_recordings_are_read_or_left_out_with_the_reason(folder: Path):
    first, pump, vein, short = sensor.recordings(folder)
    assert isinstance(first, sensor.Recording) and isinstance(pump, sensor.Recording)
    assert vein == "c: insulin into a vein" and short == "d: 2 whole days"
    assert first.numbers.treatment == ("basal_bolus",) and first.numbers.given["male"] == (1.0, 1.0)
    # A premix is split; notes an hour apart are two meals of the usual size.
    assert first.diary.rapid[0, 1] == pytest.approx(3) and first.diary.long[0, 1] == pytest.approx(7)
    assert first.diary.meals.tolist() == [[1440 + 720, 65.0], [1440 + 780, 65.0]]
    assert pump.diary.rapid.tolist() == [[1440 + 480, 4.0]]
    # Nobody notes a rate after noon: the pump was taken off.
    assert pump.diary.pump[:, 1].tolist() == [0.5, 0.7, 0.0]


def test_an_insulin_without_a_name_stops_the_reading(folder: Path):
    recording(folder, "a", 7, {(1, 8): ',"wonder insulin, 5 IU",,,,'})
    with pytest.raises(ValueError, match="not known"):
        next(sensor.recordings(folder))


def test_foreseen_days_use_notes_of_the_last_fitted_days_only():
    minutes = np.arange(0, 8 * 1440, 15.0)
    noted = np.array([[day * 1440 + 480.0, 10.0 * day] for day in range(8)])
    diary = Diary(np.stack([minutes, minutes], 1), noted, noted, noted[:0], noted)
    found = sensor._replayed(diary, range(1, 5), range(5, 8))
    assert found.glucose[:, 0].max() < 5 * 1440
    for each in (found.meals, found.rapid, found.pump):
        assert each[each[:, 0] >= 5 * 1440].tolist() == [
            [day * 1440 + 480.0, 10.0 * (day - 3)] for day in (5, 6, 7)
        ]
    told = sensor._replayed(diary, range(1, 5), range(5, 8), insulin_known=True)
    assert told.rapid.tolist() == noted.tolist() and told.meals.tolist() == found.meals.tolist()


def foreseen(name: str, seen: float, twin: float, repeated: float) -> Any:
    fitted = SimpleNamespace(draws=SimpleNamespace(convergence=SimpleNamespace(effective=np.array([500.0]))))
    glucose = np.tile(np.linspace(90, 150, 40), (9, 1))
    return sensor.Foreseen(
        recording=SimpleNamespace(name=name),  # type: ignore[arg-type]
        fitted=fitted,  # type: ignore[arg-type]
        minutes=np.arange(9) * 15.0,
        glucose=glucose,
        seen=np.array([100, 110, 120, 130, 140, 60, 300, np.nan, np.nan]),
        in_range=twin + np.linspace(-5, 5, 21),
        body_in_range=np.full(21, twin),
        told_in_range=np.full(21, seen + 1),
        seen_in_range=seen,
        repeated=repeated,
        profile=repeated,
    )


def test_forecasts_are_judged_against_what_was_seen(tmp_path: Path):
    found = [foreseen("a", 70, 72, 75), foreseen("b", 80, 90, 80), foreseen("c", 60, 63, 70)]
    said = sensor_page.write(tmp_path, found, ["d: too short"])
    assert "median error of the twins: 3.0 points (wanted below 8 points) hit" in said
    assert "told the insulin of the last days: 1.0 points" in said and "mean error of the twins: 5.0" in said
    assert "of the last days repeated: 5.0 points (wanted above 3.0) hit" in said
    alone = "90 % intervals of readings, of the twins alone: 71 % of 21"
    assert alone in said and "time in range, of the twins alone: 0 % of 3" in said
    assert "the other half" not in said  # three recordings teach no level
    assert "mean glucose seen against that foreseen: +27 %, lower in 0 of 3" in said
    assert "Simulated. Not medical advice." in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_level_is_learned_from_other_people_and_widens_their_intervals(tmp_path: Path):
    found = [foreseen(name, 70, 72, 75) for name in "abcdef"]
    said = sensor_page.write(tmp_path, found, [])
    assert "of readings, with the level of the other half: 86 % of 42" in said
    assert "with its shift as well: shift +" in said


def test_the_level_of_stays_and_days_is_found_again():
    random, truth = np.random.default_rng(1), levels.Level(-0.1, 0.08, 0.05)
    within = 0.03**2 * np.ones((3, 3)) + 1e-4 * np.eye(3)
    noise = np.linalg.cholesky(within) @ random.standard_normal((3, 400))
    stays, days = random.standard_normal(400), random.standard_normal((3, 400))
    parts = [(d, within) for d in (truth.shift + truth.stay * stays + truth.day * days + noise).T]
    found = levels.likeliest(parts, is_shifted=True)
    # Standard errors with 400 people: 0.005 of the shift, 0.004 of both spreads.
    assert (found.shift, found.stay, found.day) == pytest.approx((-0.1, 0.08, 0.05), abs=0.015)
    assert levels.likeliest(parts, is_shifted=False).stay > 0.11  # what all share becomes spread
    draws = truth.draws(3, 20000)
    assert draws.mean() == pytest.approx(-0.1, abs=0.005)
    assert np.cov(draws)[0, 1] == pytest.approx(0.08**2, abs=5e-4)


def test_coverage_counts_who_is_inside():
    draws = np.linspace(0, 1, 1001) + np.zeros((2, 1))
    truths = [np.array([0.5, 0.01]), np.array([0.06, 0.99]), np.array([0.94, 0.5])]
    inside = recover.coverage([(t, SimpleNamespace(logarithms=draws)) for t in truths])  # type: ignore[list-item]
    assert inside.tolist() == [[True, False], [True, False], [True, True]]


def test_clamp_data_are_read_in_the_units_of_the_package(tmp_path: Path):
    oral = (
        "x;"
        + ";".join(["g"] * 5 + ["i"] * 5 + ["c"] * 5)
        + "\n1;"
        + ";".join(["90"] * 5 + ["10"] * 5 + ["2"] * 5)
    )
    blood = "x;" + ";".join(["v"] * 30) + "\n1;" + ";".join(["200,5"] * 10 + ["20"] * 10 + ["3"] * 10)
    (tmp_path / "ohashi_OGTT.csv").write_text(oral)
    (tmp_path / "ohashi_clamp_blood.csv").write_text(blood)
    (tmp_path / "ohashi_clamp_indices.csv").write_text("id;gir;isi\n1;6.5;7.1")
    (tmp_path / "ohashi_subjectinfo.csv").write_text("id;male;age;h;w;bmi;group\n1;1;40;170;65;22;NGT")
    (one,) = clamp.subjects(tmp_path)
    assert one.oral[1, 0] == 60 and one.oral[2, 0] == pytest.approx(662.18)
    assert one.clamp[0, 0] == 200.5 and one.clamp[1, 0] == 120 and one.infusion == 6.5
    assert one.numbers.phenotype == "healthy" and one.numbers.given["height"] == (1.7, 1.7)


def test_a_clamp_is_scored_by_rise_and_interval():
    minutes = np.array([0.0, 5, 10])
    values = np.array([[10.0], [30], [20]]) + np.linspace(-1, 1, 41)
    p: Any = SimpleNamespace(
        quantity=np.full(3, QUANTITIES.index("insulin")),
        minutes=minutes,
        values=values,
        exact=values,
        observed=np.array([10.0, 30, 99]),
    )
    assert clamp_page.early(p, values, "insulin", 10)[0] == pytest.approx(22.5 - 10)
    assert clamp_page.coverage([p], "insulin") == (pytest.approx(200 / 3), 3)


def test_a_page_says_hit_and_miss(tmp_path: Path):
    checks = [("a", "1", "2", True), ("b", "1", "2", False), ("c", "", "3", None)]
    said = write_page(tmp_path / "x" / "index.html", "Title", ["A sentence."], checks, [])
    assert said.splitlines()[:3] == ["a: 2 (wanted 1) hit", "b: 2 (wanted 1) MISS", "c: 3 (wanted ) "]
    assert 'class="miss">\nmiss' in (tmp_path / "x" / "index.html").read_text(encoding="utf-8")


def test_convergence_of_few_walkers_is_that_of_independent_draws():
    draws = np.random.default_rng(1).standard_normal((speed.WALKERS, 30, 2))
    assert converged(draws).effective.min() > 0.6 * speed.WALKERS * 30
    assert jnp.isfinite(jnp.asarray(converged(draws).r_hat)).all()
