"""Islet function: indices against values computed by hand or published, and reasons instead of numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from insulae.core.citations import references
from insulae.islet_function.data import IsletData, Samples
from insulae.islet_function.registry import catalogue, evaluate
from insulae.islet_function.scores import beta2
from insulae.islet_function.secretion import secretion_rates, standard_kinetics
from insulae.islet_function.sensitivity import ogis_of

MINUTES = np.array([0.0, 30.0, 60.0, 90.0, 120.0])


def samples(*values: float, below: int = 0) -> Samples:
    """Values at the minutes of a test; the first `below` of them are limits of the assay."""
    value = np.array(values)
    return Samples(MINUTES[: value.size], value, np.arange(value.size) < below)


# Subject 1 of Ohashi 2018 (CC BY 4.0): glucose in mg/dL, insulin in uU/mL, C-peptide in ng/mL.
GLUCOSE, INSULIN, C_PEPTIDE = (88, 139, 190, 163, 135), (11, 58, 110, 105, 119), (2.6, 5.4, 9.4, 10.6, 11.9)
OGTT = IsletData(
    glucose=samples(*GLUCOSE),
    insulin=samples(*(6.0 * x for x in INSULIN)),
    c_peptide=samples(*(x / 3020.3e-6 for x in C_PEPTIDE)),
    test="oral glucose",
    glucose_load=75.0,
    age=34.0,
    sex="female",
    height=152.1,
    body_weight=78.7,
    is_type2=False,
)
GRAFT = IsletData(
    glucose=samples(108.0936, 148.0, 178.0, 173.0, 146.0),  # fasting 6.0 mmol/L
    c_peptide=samples(400.0, 720.0, 1050.0, 1180.0, 1120.0),
    test="mixed meal",
    hba1c=6.0,
    body_weight=60.0,
    insulin_daily=6.0,
    other_drugs=0.0,
    severe_hypoglycemia=0.0,
    days_without_insulin=0.0,
    days_without_drugs=0.0,
)


def value(name: str, data: IsletData) -> float | str | None:
    return next(found.value for found in evaluate(data) if found.index.name == name)


def reason(name: str, data: IsletData) -> str:
    return next(found.sentence() for found in evaluate(data) if found.index.name == name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fasting_c_peptide", 2.6 / 3020.3e-6),
        ("stimulated_c_peptide", 11.9 / 3020.3e-6),
        ("c_peptide_auc", 30.0 * (2.6 / 2 + 5.4 + 9.4 + 10.6 + 11.9 / 2) / 3020.3e-6),
        ("homa1_resistance", 88 / 18.0156 * 11 / 22.5),
        ("homa1_beta", 20 * 11 / (88 / 18.0156 - 3.5)),
        ("matsuda", 10000 / np.sqrt(88 * 11 * 143.0 * 80.6)),
        ("insulinogenic", 47 / 51),
        ("oral_disposition", 47 / 51 / 11),
        ("suito", 1500 * 2.6 / 25),
    ],
)
def test_indices_of_a_glucose_test_equal_those_by_hand(name: str, expected: float):
    assert value(name, OGTT) == pytest.approx(expected)


def test_ogis_equals_the_example_of_another_implementation():
    """tabletools (R) gives 344.5 for a person of 170 cm and 70 kg, surface by Gehan and George."""
    surface = 0.0235 * 170**0.42246 * 70**0.51456
    assert ogis_of((90.0, 135.0, 115.0), (15.0, 150.0), 75.0, surface) == pytest.approx(344.5, abs=0.05)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("beta2_score", 1000 * np.sqrt(0.4) * 0.9 / (6.0 * 6.0)),
        ("beta2_critical_difference", 0.262 * 1000 * np.sqrt(0.4) * 0.9 / 36.0),
        ("beta_score", 1 + 2 + 1 + 2),  # glucose 6.0, HbA1c 6.0, 0.1 U/kg, C-peptide above 0.3
        ("igls_treatment", "optimal"),
        ("igls_graft", "good"),  # optimal would need freedom from insulin
        ("insulin_independence", "no"),
        ("remission", "no"),
    ],
)
def test_scores_and_outcomes_of_a_graft(name: str, expected: float | str):
    found = value(name, GRAFT)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("changes", "treatment", "graft"),
    [
        ({"insulin_daily": 0.0}, "optimal", "optimal"),
        ({"insulin_daily": 0.0, "other_drugs": 1.0}, "optimal", "good"),
        ({"time_in_range": 79.0}, "good", "good"),
        ({"time_below_54": 0.5}, "good", "good"),
        ({"hba1c": 6.9}, "good", "good"),
        ({"c_peptide": samples(50.0, 150.0)}, "optimal", "marginal"),
        ({"c_peptide": samples(50.0, 90.0)}, "optimal", "failure"),
        ({"c_peptide": samples(30.0, 90.0, below=2)}, "optimal", "failure"),
        ({"c_peptide": samples(70.0)}, "optimal", "good"),
        ({"c_peptide": samples(39.0)}, "optimal", "failure"),
        (
            {
                "hba1c": 7.5,
                "baseline_hba1c": 8.5,
                "severe_hypoglycemia": 1.0,
                "baseline_severe_hypoglycemia": 6.0,
            },
            "marginal",
            "marginal",
        ),
        (
            {
                "hba1c": 8.6,
                "baseline_hba1c": 8.5,
                "severe_hypoglycemia": 1.0,
                "baseline_severe_hypoglycemia": 6.0,
            },
            "failure",
            "failure",
        ),
    ],
)
def test_igls_classes(changes: dict[str, object], treatment: str, graft: str):
    data = replace(GRAFT, **changes)  # type: ignore[arg-type]
    assert (value("igls_treatment", data), value("igls_graft", data)) == (treatment, graft)


def test_beta_score_is_zero_without_c_peptide_and_counts_a_high_fasting_one():
    assert value("beta_score", replace(GRAFT, c_peptide=samples(30.0, 90.0))) == 0.0
    assert value("beta_score", replace(GRAFT, c_peptide=samples(310.0))) == 6.0
    assert "no C-peptide after" not in reason("beta_score", GRAFT)
    assert reason("beta_score", replace(GRAFT, c_peptide=samples(250.0))).endswith(
        "there is no C-peptide after the start of the test"
    )


def test_the_best_and_the_worst_beta_score():
    best = replace(GRAFT, glucose=samples(95.0), hba1c=5.5, insulin_daily=0.0)
    worst = replace(
        GRAFT, glucose=samples(130.0), hba1c=8.0, insulin_daily=30.0, c_peptide=samples(20.0, 150.0)
    )
    assert (value("beta_score", best), value("beta_score", worst)) == (8.0, 1.0)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("matsuda", GRAFT, "it is defined for an oral glucose tolerance test"),
        ("matsuda", replace(OGTT, test=None), "nothing says that the test began with a glucose drink"),
        ("matsuda", replace(OGTT, insulin=samples(66.0, 300.0)), "there is no insulin at 60 minutes"),
        ("ogis", replace(OGTT, height=None), "height is missing"),
        ("fasting_secretion", replace(OGTT, is_type2=None), "type2_diabetes (yes or no) is missing"),
        (
            "fasting_secretion",
            replace(OGTT, egfr=45.0),
            "the standard kinetics of C-peptide are those of healthy",
        ),
        (
            "fasting_c_peptide",
            replace(OGTT, c_peptide=samples(20.0, below=1)),
            "is below the limit of the assay",
        ),
        ("insulinogenic", replace(OGTT, glucose=samples(100.0, 90.0)), "glucose does not rise"),
        ("homa1_beta", replace(OGTT, glucose=samples(60.0)), "fasting glucose is not above 3.5 mmol/L"),
        ("suito", replace(OGTT, glucose=samples(60.0)), "fasting glucose is not above 63 mg/dL"),
        ("beta2_score", OGTT, "the daily insulin dose (0 when there is none) is missing"),
        ("beta2_score", replace(GRAFT, insulin_daily=70.0), "more than 1 U/kg/d"),
        (
            "insulin_independence",
            replace(OGTT, days_without_insulin=99.0),
            "it is defined for a mixed-meal test",
        ),
        ("igls_treatment", replace(GRAFT, hba1c=7.5), "baseline_hba1c, which tells marginal from failure"),
        (
            "igls_graft",
            replace(GRAFT, c_peptide=samples(120.0, 150.0, below=2)),
            "and the limit is above that of failure",
        ),
    ],
)
def test_missing_input_gives_a_reason_and_no_number(name: str, data: IsletData, message: str):
    assert value(name, data) is None
    assert reason(name, data).startswith("cannot be computed because ")
    assert message in reason(name, data)


def test_without_any_data_every_index_has_a_reason():
    assert all(found.value is None and found.sentence() for found in evaluate(IsletData()))


def test_every_index_has_definition_source_and_a_place_in_the_order():
    indices = catalogue()
    assert len(indices) == len({one.name for one in indices}) == 23
    assert all(one.definition and one.source in references() for one in indices)


def test_kinetics_are_those_of_van_cauter():
    """A bolus must decay with the half-lives and the share that define the kinetics."""
    k = standard_kinetics(40.0, "male", 175.0, 70.0, False)
    rates = np.linalg.eigvals([[-(k.elimination + k.outward), k.inward], [k.outward, -k.inward]])
    assert sorted(np.log(2.0) / -rates) == pytest.approx([4.95, 0.14 * 40 + 29.16])
    assert k.volume == pytest.approx(1.92 * k.surface + 0.64)
    woman = standard_kinetics(40.0, "female", 165.0, 60.0, False)
    assert woman.volume == pytest.approx(1.11 * woman.surface + 2.04)


def _c_peptide_after(secretion, minute: np.ndarray, k) -> np.ndarray:
    """C-peptide of a secretion (pmol/min) that was constant before 0."""
    start = secretion(0.0) / (k.elimination * k.volume)

    def slope(t: float, c: np.ndarray) -> list[float]:
        returned = k.inward * c[1]
        plasma = secretion(t) / k.volume - (k.elimination + k.outward) * c[0] + returned
        return [plasma, k.outward * c[0] - returned]

    solution = solve_ivp(
        slope, (0.0, minute[-1]), [start, start * k.outward / k.inward], t_eval=minute, rtol=1e-9
    )
    return solution.y[0]


def test_deconvolution_finds_a_known_secretion():
    """A meal, sampled every 5 minutes: each interval within 3 % of the peak, the total within 0.5 %."""
    k = standard_kinetics(45.0, "female", 165.0, 65.0, False)
    minute = np.arange(0.0, 181.0, 5.0)

    def secretion(t: float) -> float:
        return 100.0 + 400.0 * (t / 40.0) * np.exp(1.0 - t / 40.0)

    found = secretion_rates(minute, _c_peptide_after(secretion, minute, k), k)
    fine = np.arange(0.0, 180.0, 0.05) + 0.025
    truth = np.array([secretion(t) for t in fine]).reshape(36, -1).mean(axis=1)
    assert np.abs(found - truth).max() < 0.03 * truth.max()
    assert found.sum() == pytest.approx(truth.sum(), rel=0.005)


def test_constant_c_peptide_means_constant_secretion():
    k = standard_kinetics(60.0, "male", 180.0, 95.0, True)
    rates = secretion_rates(MINUTES, np.full(5, 800.0), k)
    assert rates == pytest.approx(np.full(4, k.elimination * k.volume * 800.0))


def test_beta2_takes_a_population():
    scores = beta2(np.array([1.0, 0.25]), np.array([0.0, 1.5]), np.array([5.0, 8.0]), np.array([5.0, 7.0]))
    assert scores.tolist() == [40.0, 0.0]
