"""A cohort has the baseline of a trial because of who was chosen; what cannot be had is refused."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from tests.unit import tiny_study

from insulae.core.errors import IncompatibleNumbers, InvalidStudy
from insulae.populations.balancing import balanced, scaled, thinned
from insulae.populations.cohort import draw_traits, sample
from insulae.populations.patient import ClinicNumbers
from insulae.populations.recruitment import Criterion, Recruits, Target, Wanted, recruit
from insulae.statistics.balancing import chances
from insulae.study import load
from insulae.study.plan import plan, trial_of
from insulae.study.run import run
from insulae.therapies.base import TherapySpec

SEED = 20260101
TYPE2 = ClinicNumbers("type2", {}, (), keeps_traits=True)
TARGETS = (
    Target("hba1c", "mean", 8.3),
    Target("hba1c", "sd", 0.9),
    Target("bmi", "mean", 33.0),
    Target("duration", "median", 6.0),
    Target("duration", "lower_quartile", 3.5),
    Target("male", "share", 0.6),
)
ELIGIBLE = (Criterion("hba1c", 7.0, 10.0, "hba1c 7 to 10 %"), Criterion("age", 18, 75, "age 18 to 75 years"))
STUDY = """
name: recruited
seed: 7
population:
  phenotype: type2
  size: 16
  baseline: {hba1c: {mean: 67 mmol/mol, sd: 8 mmol/mol}, age: {mean: 55 years}, male: 50 %}
  eligibility: [hba1c 7-10 %, egfr at least 60 mL/min/1.73 m2]
  treatment: [metformin]
horizon: 1 week
visits: [0, 1]
endpoints: [hba1c, egfr]
stored_traces: {patients: 0}
arms: [{name: care}]
"""


def traits_of(candidates: np.ndarray) -> dict[str, np.ndarray]:
    traits = draw_traits(TYPE2, SEED, candidates)
    return {
        "bmi": traits.weight / traits.height**2,
        **{n: getattr(traits, n) for n in ("hba1c", "age", "male", "egfr")},
    }


def test_a_cohort_shows_the_baseline_and_is_eligible():
    found = recruit(TYPE2, [], Wanted(300, TARGETS, ELIGIBLE), SEED)
    assert len(set(found.candidates.tolist())) == 300
    traits = traits_of(found.candidates)
    # Balanced to within a few patients of 300: a hundredth of a standard deviation of each number.
    assert traits["hba1c"].mean() == pytest.approx(8.3, abs=0.01)
    assert traits["hba1c"].std() == pytest.approx(0.9, abs=0.02)
    assert traits["bmi"].mean() == pytest.approx(33.0, abs=0.1)
    assert traits["male"].mean() == pytest.approx(0.6, abs=0.01)
    assert traits["hba1c"].min() >= 7 and traits["hba1c"].max() <= 10 and traits["age"].max() <= 75
    assert dict(found.steps)["selected"] == 300
    counts = [left for _, left in found.steps]
    assert counts == sorted(counts, reverse=True)
    assert 300 < found.effective_size < found.eligible


def test_the_shape_of_the_rest_stays_that_of_the_candidates():
    """Asking for one mean moves it and leaves what is independent of it alone."""
    found = recruit(TYPE2, [], Wanted(1500, (Target("hba1c", "mean", 8.5),)), SEED)
    traits, everybody = traits_of(found.candidates), traits_of(np.arange(20_000))
    # Standard errors of 1500 patients: 0.13 kg/m2 and 0.4 mL/min; three of them.
    assert traits["bmi"].mean() == pytest.approx(everybody["bmi"].mean(), abs=0.4)
    assert traits["egfr"].mean() == pytest.approx(everybody["egfr"].mean(), abs=1.3)


def test_chances_have_the_largest_entropy_of_all_that_show_the_mean():
    """With one feature the chances are a logistic function of it."""
    values = np.linspace(0, 1, 201)
    found = chances(values[None], np.array([0.7]), 50)
    assert found.is_reached and found.of.sum() == pytest.approx(50)
    assert (found.of @ values) / 50 == pytest.approx(0.7, abs=1e-4)
    slope = np.diff(np.log(found.of / (1 - found.of)))
    np.testing.assert_allclose(slope, slope[0], rtol=1e-3)


def test_without_anything_wanted_everybody_is_as_likely():
    found = chances(np.empty((0, 40)), np.empty(0), 10)
    np.testing.assert_allclose(found.of, 0.25, rtol=1e-6)
    assert found.effective_size == pytest.approx(40)


def test_the_cube_keeps_number_means_and_chances():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(3, 400))
    found = chances(features, np.array([0.3, 0.0, -0.2]), 60)
    counts = np.zeros(400)
    for seed in range(60):
        chosen = balanced(found.of, features, seed)
        counts[chosen] += 1
        assert len(chosen) == 60
        assert np.abs(features[:, chosen].mean(axis=1) - found.reached).max() < 0.1  # not balanced: 0.13 each
    # The mean distance of a share of 60 draws from a chance near 0.15 is 0.8 standard errors, 0.037.
    assert np.abs(counts / 60 - found.of).mean() < 0.045


def test_thinning_keeps_who_is_sure_to_be_chosen():
    probable = np.concatenate([np.full(10, 0.999), np.full(990, 0.01)])
    kept, left = thinned(probable, 100, SEED)
    assert set(range(10)) <= set(kept.tolist())
    assert 59 <= len(kept) <= 61  # 10 for sure, 990 with a chance of 0.05 each
    # Who stays by chance is as likely to be chosen as all who stay so; who is sure keeps the own chance.
    assert left[probable[kept] < 0.5].std() < 1e-9 and (left[probable[kept] > 0.5] == 0.999).all()


def test_scaled_chances_sum_to_the_total_and_none_is_above_one():
    found = scaled(np.array([0.9, 0.8, 0.1, 0.1, 0.1]), 3)
    assert found.sum() == pytest.approx(3) and found.max() <= 1
    assert found[2:] == pytest.approx(1 / 3)


def test_a_small_cohort_with_hard_targets_has_its_size():
    """Means and spreads of a trial (SURPASS-1) that the candidates left after thinning cannot show."""
    numbers = {"age": (54, 12), "duration": (4.7, 5), "bmi": (31.9, 6.6), "hba1c": (7.94, 0.87)}
    hard = [Target(name, *s) for name, (m, sd) in numbers.items() for s in (("mean", m), ("sd", sd))]
    found = recruit(TYPE2, [], Wanted(40, tuple(hard)), SEED)
    assert len(set(found.candidates.tolist())) == 40


@pytest.mark.parametrize(
    ("target", "words"),
    [(Target("hba1c", "mean", 11.4), "hba1c mean 9.9"), (Target("duration", "median", 59.9), "at or below")],
)
def test_what_cannot_be_had_is_refused_with_what_can(target: Target, words: str):
    with pytest.raises(IncompatibleNumbers, match=words) as refusal:
        recruit(TYPE2, [], Wanted(500, (target,), ELIGIBLE), SEED)
    assert "hba1c 7 to 10 %" in str(refusal.value) and "Move the targets" in str(refusal.value)


def test_too_few_eligible_candidates_are_counted():
    with pytest.raises(
        IncompatibleNumbers, match=r"too few candidates are eligible for 500.*duration 59 to 60: "
    ):
        recruit(TYPE2, [], Wanted(500, (), (Criterion("duration", 59, 60, "duration 59 to 60"),)), SEED)


def test_fasting_c_peptide_comes_from_solved_starting_states(spec):
    numbers = ClinicNumbers("type2", {}, ("metformin",), keeps_traits=True)
    treatment: list[TherapySpec] = [spec("metformin", start=-3650.0)]
    targets = (Target("fasting_c_peptide", "mean", 1000.0),)
    found = recruit(numbers, treatment, Wanted(16, targets), SEED)
    of = {one.target.trait: one for one in found.statistics}
    # Only the last of 16 choices is not balanced: it moves the mean by 3000 / 16 pmol/L.
    assert of["fasting_c_peptide"].selected == pytest.approx(1000, abs=190)
    assert "with a starting state" in dict(found.steps)


def test_another_body_has_the_same_traits():
    ids = np.arange(5)
    first, second = (sample(TYPE2, SEED, ids, attempt) for attempt in (0, 3))
    for name in ("hba1c", "age", "weight", "male", "egfr"):
        np.testing.assert_array_equal(getattr(first.traits, name), getattr(second.traits, name))
        np.testing.assert_array_equal(
            getattr(first.traits, name), getattr(draw_traits(TYPE2, SEED, ids), name)
        )
    assert (first.parameters.slow.hba1c.red_cell_factor != second.parameters.slow.hba1c.red_cell_factor).all()


def test_recruits_of_a_chunk_are_those_of_the_study():
    todo = plan(load.read(STUDY), width=5)
    assert todo.trial.recruits is not None
    whole = todo.trial.recruits.of(range(16)).tolist()
    parts = [todo.recruits(chunk) for chunk in todo.chunks()]
    cut = [part.of(chunk.ids).tolist() for part, chunk in zip(parts, todo.chunks(), strict=True) if part]
    assert list(itertools.chain.from_iterable(cut)) == whole
    assert Recruits(3, np.array([7, 8, 9])).of(range(4, 6)).tolist() == [8, 9]
    assert trial_of(load.read(STUDY)).recruits is not None


def test_the_size_decides_who_is_recruited_and_so_the_names_of_chunks():
    small, large = (plan(load.read(STUDY, [f"population.size={n}"]), width=8) for n in (16, 24))
    assert small.key != large.key


def test_a_run_tells_how_its_patients_were_chosen_whatever_the_chunks(tmp_path: Path):
    study = load.read(STUDY)
    wide, narrow = (run(study, tmp_path / str(chunk), chunk=chunk) for chunk in (16, 8))
    assert wide.summary == narrow.summary
    found = wide.summary["recruitment"]
    assert [step["step"] for step in found["attrition"]][-2:] == ["selected", "in the results"]
    assert {(one["trait"], one["statistic"]) for one in found["baseline"]} == {
        ("hba1c", "mean"), ("hba1c", "sd"), ("age", "mean"), ("male", "share")
    }  # fmt: skip
    # 67 mmol/mol is 8.28 %, 8 mmol/mol are 0.73 % (NGSP master equation)
    wanted = {(one["trait"], one["statistic"]): one["target"] for one in found["baseline"]}
    assert wanted["hba1c", "mean"] == pytest.approx(8.281, abs=1e-3)
    assert wanted["hba1c", "sd"] == pytest.approx(0.732, abs=1e-3)
    at_start = wide.endpoints().query("endpoint == 'hba1c' and week == 0").value
    assert at_start.mean() == pytest.approx(8.28, abs=0.1)
    json.dumps(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("population.baseline.hba1c={sd: 1 %}", "baseline.hba1c: sd is given without a mean"),
        ("population.baseline.hba1c={mean: 8}", "baseline.hba1c: mean: '8' has no unit"),
        ("population.baseline.hba1c={mean: 80 %}", "outside of what can be simulated"),
        ("population.baseline.hba1c={median: 7 to 8 %}", "should be one quantity"),
        ("population.baseline.age={quartiles: 50 years}", "should be a range"),
        ("population.baseline.male=130 %", "no share"),
        ("population.baseline.insulin_dose={mean: 30 U/d}", "holds no basal_bolus"),
        ("population.patient={hba1c: 8 %}", "is given for every patient already"),
        ("population.eligibility=[hba2c 7-10 %]", "did you mean 'hba1c'"),
        ("population.eligibility=[age 7]", "eligibility.0: '7' has no unit"),
        ("population.treatment=[metformn]", "did you mean 'metformin'"),
    ],
)
def test_mistakes_of_a_baseline_are_named(change: str, words: str):
    with pytest.raises(InvalidStudy, match=words):
        load.read(STUDY, [change])


def test_a_baseline_written_out_reads_back_as_the_same():
    study = load.read(STUDY, ["population.baseline.c_peptide={median: 0.9 nmol/L}"])
    assert load.read(load.to_yaml(study)) == study
    assert study.population.baseline is not None
    assert study.population.baseline.traits == ["age", "hba1c", "fasting_c_peptide"]
    assert tiny_study.TEXT  # a study without a baseline recruits nobody
    assert trial_of(load.read(tiny_study.TEXT)).recruits is None
