"""Estimators against golden numbers: repeated measures, survival, sample sizes.

Origins are told in `trials/README.md`. nlme stops its search about 1e-6 from the maximum, the tolerance of
standard errors; its log likelihood has seven printed decimals.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from insulae.statistics import mmrm, mmrm_inference, sample_size, survival

GOLDEN = Path(__file__).parent / "trials"
TABLE = pd.read_csv(GOLDEN / "golden_statistics.csv")
GROWTH = pd.read_csv(GOLDEN / "golden_mmrm_potthoff_roy.csv")
COMPLETE = "MMRM Potthoff-Roy complete"
TERMS = {
    "(Intercept)": (0, 0),
    "SexFemale": (1, 0),
    **{f"age{a}": (0, i) for i, a in enumerate((10, 12, 14), 1)},
}
TERMS |= {f"SexFemale:age{a}": (1, i) for i, a in enumerate((10, 12, 14), 1)}


def fitted(rows: pd.DataFrame) -> mmrm.Mmrm:
    wide = rows.pivot(index="Subject", columns="age", values="distance")
    female = (rows.groupby("Subject").Sex.first().reindex(wide.index) == "Female").to_numpy(float)
    return mmrm.fit(wide.to_numpy(float), np.column_stack([np.ones(len(wide)), female]))


def contrast(term: str) -> np.ndarray:
    """Return the weights of a treatment-coded term: a later age is a difference from age 8."""
    row, visit = TERMS[term]
    weights = np.zeros((2, 4))
    weights[row, visit] = 1
    if visit:
        weights[row, 0] -= 1
    return weights


def golden(case: str) -> pd.Series:
    """Return the numbers of a case; some follow their estimate in the next row under the name `same`."""
    named = TABLE.case.where(TABLE.case != "same").ffill()
    return (
        TABLE[named.str.startswith(case)]
        .drop_duplicates("quantity")
        .set_index("quantity")
        .value.astype(float)
    )


@pytest.mark.parametrize(
    ("case", "rows", "close"),
    [(COMPLETE, GROWTH, 1e-6), ("MMRM Potthoff-Roy, every 7th", GROWTH.drop(GROWTH.index[6::7]), 1e-5)],
)
def test_repeated_measures_are_those_of_nlme(case: str, rows: pd.DataFrame, close: float):
    known, model = golden(case), fitted(rows)
    assert model.log_likelihood == pytest.approx(known["REML logLik"], abs=1e-6)
    for term in TERMS:
        effect, error = model.contrast(contrast(term))
        assert effect == pytest.approx(known[f"{term} est"], abs=close)
        assert error == pytest.approx(known[f"{term} model-based SE"], abs=close)


def test_complete_data_have_the_exact_degrees_of_freedom():
    """27 children, two groups: each visit's contrast is a t test on 25 degrees of freedom, unadjusted."""
    model = fitted(GROWTH)
    for term in TERMS:
        for method in (mmrm_inference.satterthwaite, mmrm_inference.kenward_roger):
            found = method(model, contrast(term))
            assert found.freedom == pytest.approx(25, abs=1e-4)
            assert found.error == pytest.approx(model.contrast(contrast(term))[1], rel=1e-6)


def test_kenward_roger_is_the_formula_of_the_paper_on_dense_matrices():
    rows = GROWTH.drop(GROWTH.index[6::7]).sort_values(["Subject", "age"])
    model, e = fitted(rows), mmrm.basis(4)
    blocks, columns = [], []
    for _, child in rows.groupby("Subject"):
        place = ((child.age - 8) // 2).to_numpy()
        blocks.append(place)
        female = float(child.Sex.iloc[0] == "Female")
        columns.append(np.kron([[1.0, female]], np.eye(4)[place]))
    x = np.vstack(columns)

    def dense(small: np.ndarray) -> np.ndarray:
        found, at = np.zeros((len(x), len(x))), 0
        for place in blocks:
            found[at : at + len(place), at : at + len(place)] = small[np.ix_(place, place)]
            at += len(place)
        return found

    inverse, v = np.linalg.inv(dense(model.visits)), [dense(one) for one in e]
    phi = np.linalg.inv(x.T @ inverse @ x)
    projection = inverse - inverse @ x @ phi @ x.T @ inverse
    w = np.linalg.inv([[0.5 * np.trace(projection @ a @ projection @ b) for b in v] for a in v])
    p = [-x.T @ inverse @ a @ inverse @ x for a in v]
    inner = sum(
        w[a, b] * (x.T @ inverse @ v[a] @ inverse @ v[b] @ inverse @ x - p[a] @ phi @ p[b])
        for a in range(len(v))
        for b in range(len(v))
    )
    enlarged = phi + 2 * phi @ inner @ phi
    for term in TERMS:
        c = contrast(term).ravel()
        slope = np.array([-c @ phi @ one @ phi @ c for one in p])
        found = mmrm_inference.kenward_roger(model, contrast(term))
        assert found.error == pytest.approx(np.sqrt(c @ enlarged @ c), rel=1e-8)
        assert found.freedom == pytest.approx(2 * (c @ phi @ c) ** 2 / (slope @ w @ slope), rel=1e-8)


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    return pd.read_csv(GOLDEN / "lung.csv")


def test_survival_is_that_of_r(lung: pd.DataFrame):
    time, died = lung.time.to_numpy(float), lung.status.to_numpy(bool)
    share, error = survival.kaplan_meier(time, died).at(365.25)
    assert share == pytest.approx(golden("lung data, all")["KM S(365.25 d)"], abs=1e-7)
    assert error == pytest.approx(golden("lung data, all")["Greenwood SE"], abs=1e-7)
    statistic, _ = survival.log_rank(time, died, lung.sex.to_numpy())
    assert statistic == pytest.approx(golden("lung, sex")["log-rank chi2"], abs=1e-5)
    age, sex = survival.cox(time, died, lung[["age", "sex"]].to_numpy(float))
    known = TABLE[TABLE.case.isin(["lung, Cox (Efron) age", "lung, Cox age", "lung, Cox sex"])].value.astype(
        float
    )
    np.testing.assert_allclose([age.effect, age.error, sex.effect, sex.error], known, rtol=1e-7)


def test_weibull_is_that_of_r(lung: pd.DataFrame):
    known = TABLE[TABLE.case == "lung, Weibull AFT sex"].value.iloc[0].split(" / ")
    found = survival.weibull(
        lung.time.to_numpy(float), lung.status.to_numpy(bool), lung[["sex"]].to_numpy(float)
    )
    made = [found.intercept, found.slopes[0], np.log(found.scale)]
    np.testing.assert_allclose(made, [float(one) for one in known], atol=1e-6)


def test_sample_sizes_are_those_of_rpact():
    means = golden("t-test delta .5")["N_total"]
    assert sample_size.t_test_size(0.5, 1.0, 0.05, 0.9) == pytest.approx(means, abs=1e-4)
    known = golden("survival HR .6")
    events = sample_size.events_needed(0.6, 0.05, 0.9)
    assert events == pytest.approx(known["events"], abs=1e-4)
    second, first = (sample_size.share_with_event(m, 12, 24) for m in (24, 24 / 0.6))
    assert events / ((first + second) / 2) == pytest.approx(known["N"], abs=1e-3)
