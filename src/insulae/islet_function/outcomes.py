"""Outcomes by their written definitions: Igls 2.0, insulin independence, remission.

Igls 2.0 (Landstra 2021, Table 2) judges the treatment (HbA1c and time in range, severe hypoglycemia and time
below 54 mg/dL) and the graft (C-peptide, freedom from drugs), which cannot be better than the treatment.
HbA1c and severe hypoglycemia are needed; sensor values count where they are given. In uremia C-peptide may
mislead.
"""

from typing import Literal

from insulae.islet_function.data import CannotBeComputed, IsletData, Samples, at, fasting, needed
from insulae.islet_function.registry import index

Class = Literal["optimal", "good", "marginal", "failure"]
CLASSES: tuple[Class, ...] = ("optimal", "good", "marginal", "failure")
DAYS_WITHOUT_INSULIN, DAYS_WITHOUT_DRUGS = 14.0, 90.0


def treatment_is(hba1c: float, severe: float, in_range: float | None, below_54: float | None) -> Class | None:
    """Return optimal or good when all that is given allows it, otherwise None.

    HbA1c in %, severe hypoglycemic episodes a year, sensor times in %.
    """
    if severe > 0.0:
        return None
    if hba1c <= 6.5 and (in_range is None or in_range >= 80.0) and (below_54 is None or below_54 == 0.0):
        return "optimal"
    if hba1c < 7.0 and (in_range is None or in_range >= 70.0) and (below_54 is None or below_54 < 1.0):
        return "good"
    return None


@index(
    label="Igls 2.0 treatment outcome",
    unit="",
    definition="optimal: HbA1c <= 6.5 %, in range >= 80 %, no severe hypoglycemia, below 54 mg/dL 0 %; "
    "good: < 7.0 %, >= 70 %, none, < 1 %; marginal: HbA1c at most that before, "
    "severe hypoglycemia less than before; otherwise failure",
    source="landstra2021",
)
def igls_treatment(data: IsletData) -> str:
    """How well the treatment controls glucose."""
    hba1c = needed(data.hba1c, "HbA1c")
    severe = needed(data.severe_hypoglycemia, "severe_hypoglycemia (episodes a year, 0 when there is none)")
    better = treatment_is(hba1c, severe, data.time_in_range, data.time_below_54)
    if better is not None:
        return better
    before = needed(data.baseline_hba1c, "baseline_hba1c, which tells marginal from failure,")
    severe_before = needed(
        data.baseline_severe_hypoglycemia, "baseline_severe_hypoglycemia, which tells marginal from failure,"
    )
    if severe_before == 0.0:
        return "marginal" if hba1c < before and severe == 0.0 else "failure"
    return "marginal" if hba1c <= before and severe < severe_before else "failure"


@index(
    label="Igls 2.0 graft function",
    unit="",
    definition="optimal: optimal treatment without insulin and other glucose-lowering drugs; good: "
    "stimulated C-peptide > 0.17 nmol/L (fasting >= 0.07); marginal: >= 0.10 (>= 0.04); otherwise failure; "
    "never better than the treatment",
    source="landstra2021",
)
def igls_graft(data: IsletData) -> str:
    """How well the graft works."""
    by_c_peptide = _by_c_peptide(data.c_peptide)
    treatment = igls_treatment(data)
    if by_c_peptide == "good" and treatment == "optimal":
        dose = needed(data.insulin_daily, "the daily insulin dose (0 when there is none)")
        drugs = needed(data.other_drugs, "the number of other glucose-lowering drugs (0 when there is none)")
        return "optimal" if dose == 0.0 and drugs == 0.0 else "good"
    return max(by_c_peptide, treatment, key=lambda one: [*CLASSES].index(one))  # type: ignore[arg-type]


def _by_c_peptide(samples: Samples) -> Class:
    """Class by the highest stimulated sample, or by the fasting ones when there is no other."""
    after = samples.minute > 0.0
    if after.any():
        return _graded(samples, samples.value[after].max(), (170.0, 100.0), is_strict=True)
    return _graded(samples, fasting(samples, "C-peptide"), (70.0, 40.0), is_strict=False)


def _graded(samples: Samples, value: float, limits: tuple[float, float], *, is_strict: bool) -> Class:
    good, marginal = limits
    is_limit = bool(samples.below_limit[samples.value == value].all()) and samples.below_limit.any()
    if is_limit and value > marginal:
        raise CannotBeComputed(
            "C-peptide is below the limit of the assay, and the limit is above that of failure"
        )
    if is_limit or value < marginal:
        return "failure"
    return "good" if value > good or (value == good and not is_strict) else "marginal"


@index(
    label="Insulin independence",
    unit="",
    definition="no injected insulin for at least 14 days with HbA1c <= 7.0 %, fasting glucose <= 126 mg/dL "
    "and glucose <= 180 mg/dL two hours into a mixed-meal test",
    source="hering2016",
)
def insulin_independence(data: IsletData) -> str:
    """Whether the person does without insulin, and well."""
    days = needed(data.days_without_insulin, "days_without_insulin")
    if data.test == "oral glucose":
        raise CannotBeComputed(
            "it is defined for a mixed-meal test, and the test was an oral glucose tolerance test"
        )
    hba1c = needed(data.hba1c, "HbA1c")
    before, after = fasting(data.glucose, "glucose"), at(data.glucose, 120.0, "glucose")
    holds = days >= DAYS_WITHOUT_INSULIN and hba1c <= 7.0 and before <= 126.0 and after <= 180.0
    return "yes" if holds else "no"


@index(
    label="Remission of diabetes",
    unit="",
    definition="HbA1c below 6.5 % at least three months after the last glucose-lowering drug",
    source="riddle2021",
)
def remission(data: IsletData) -> str:
    """Whether diabetes is in remission."""
    days = needed(data.days_without_drugs, "days_without_drugs")
    return "yes" if needed(data.hba1c, "HbA1c") < 6.5 and days >= DAYS_WITHOUT_DRUGS else "no"
