"""Data on people that populations are compared with: one table each, in the units used inside.

`DIR` is a folder that holds, at any depth, the public files below. Columns: age (year), male (0/1), bmi
(kg/m2), hba1c (%), duration (year), fasting_glucose and two_hour_glucose (mg/dL), fasting_insulin (pmol/L),
fasting_c_peptide (pmol/L), phenotype. Phenotypes follow ada2025: who was told of diabetes from the age of 30
on is type 2; without that, fasting glucose, HbA1c and the two-hour value (where there are any) decide.

nhanes_fasting_adults.csv   NHANES 1999-2014, fasting sample (who is below 40 was not asked about diabetes)
nhanes_2013_14_ogtt.csv     NHANES 2013-14, oral glucose test (UCI 887)
nhanes3_diabetes_cpeptide.csv   NHANES III, told of diabetes, with C-peptide and GAD65
ohashi_*.csv                Kobe, oral test and clamp in the same 82 people (ohashi2018)
ogtt_wide.csv               Vanderbilt, oral test in 184 people (R package tabletools)
"""

from pathlib import Path

import numpy as np
import pandas as pd

from insulae.core.errors import RunError

PMOL_PER_MICROUNIT = 6.0
PMOL_PER_NG_C_PEPTIDE = 331.1
PMOL_PER_NMOL = 1000.0
MG_PER_DL_PER_MMOL = 18.0156
TOLD, NOT_TOLD = 1, 2
ADULT_ONSET = 30
GAD_POSITIVE = 0.069
MINUTES = (0, 30, 60, 90, 120)


def found(folder: Path, name: str) -> Path:
    """Return a data file below a folder; raises `RunError` when it is not there."""
    paths = sorted(folder.rglob(name))
    if not paths:
        raise RunError(f"{folder} holds no {name}", "calibration/people.py tells which data are needed")
    return paths[0]


def classified(people: pd.DataFrame) -> pd.Series:
    """Return the phenotype of people not told of diabetes, by glucose and HbA1c; empty if unknown."""
    glucose, hba1c = people.fasting_glucose, people.hba1c
    late = people.two_hour_glucose if "two_hour_glucose" in people else pd.Series(np.nan, people.index)
    is_diabetic = (glucose >= 126) | (hba1c >= 6.5) | (late >= 200)
    is_between = (glucose >= 100) | (hba1c >= 5.7) | (late >= 140)
    choices = np.select(
        [glucose.isna(), is_diabetic, is_between], ["", "type2_unknown", "prediabetes"], "healthy"
    )
    return pd.Series(choices, people.index)


def nhanes_fasting(folder: Path) -> pd.DataFrame:
    """Return the fasting sample of 1999 to 2014."""
    raw = pd.read_csv(found(folder, "nhanes_fasting_adults.csv"))
    onset = raw.Age_diabetes.where(raw.Age_diabetes <= raw.AGE)
    people = pd.DataFrame(
        {
            "age": raw.AGE,
            "male": (raw.GENDER == 1).astype(float),
            "bmi": raw.Weight / (raw.Height / 100) ** 2,
            "hba1c": raw.Glycohemoglobin,
            "duration": raw.AGE - onset,
            "fasting_glucose": raw.Glucose,
            "fasting_insulin": PMOL_PER_MICROUNIT * raw.Insulin,
        }
    )
    people["phenotype"] = classified(people)
    was_told = raw.Dr_diabetes == TOLD
    people.loc[was_told, "phenotype"] = ""
    people.loc[was_told & (onset >= ADULT_ONSET), "phenotype"] = "type2"
    return people


def nhanes_oral_test(folder: Path) -> pd.DataFrame:
    """Return the oral glucose tests of 2013-14 in people not told of diabetes."""
    raw = pd.read_csv(found(folder, "nhanes_2013_14_ogtt.csv"))
    raw = raw[(raw.DIQ010 != TOLD) & (raw.RIDAGEYR >= 18)]
    people = pd.DataFrame(
        {
            "age": raw.RIDAGEYR,
            "male": (raw.RIAGENDR == 1).astype(float),
            "bmi": raw.BMXBMI,
            "hba1c": np.nan,
            "fasting_glucose": raw.LBXGLU,
            "two_hour_glucose": raw.LBXGLT,
            "fasting_insulin": PMOL_PER_MICROUNIT * raw.LBXIN,
        }
    )
    people["phenotype"] = classified(people)
    return people


def nhanes_c_peptide(folder: Path) -> pd.DataFrame:
    """Return people told of diabetes from the age of 30 on, without GAD65 antibodies, with C-peptide."""
    raw = pd.read_csv(found(folder, "nhanes3_diabetes_cpeptide.csv"))
    raw = raw[(raw.GAD65 < GAD_POSITIVE) & (raw.ADD >= ADULT_ONSET) & (raw.ADD <= raw.AGE)]
    return pd.DataFrame(
        {
            "age": raw.AGE,
            "bmi": raw.BMI,
            "hba1c": raw.HbA1c,
            "duration": raw.AGE - raw.ADD,
            "fasting_glucose": MG_PER_DL_PER_MMOL * raw.GLU,
            "fasting_c_peptide": PMOL_PER_NMOL * raw.CPEP,
            "phenotype": "type2",
        }
    )


def _curves(raw: pd.DataFrame, columns: dict[str, str], scale: dict[str, float]) -> pd.DataFrame:
    """Return the curves of an oral test as columns like `glucose_30`."""
    return pd.DataFrame(
        {
            f"{what}_{minute}": scale[what] * raw[pattern.format(minute)]
            for what, pattern in columns.items()
            for minute in MINUTES
        }
    )


def kobe(folder: Path) -> pd.DataFrame:
    """Return the oral tests of Kobe with the indices of the clamp: insulin sensitivity (glucose infused per
    glucose and insulin) and insulin of the first 10 and the next 80 minutes."""
    test = pd.read_csv(found(folder, "ohashi_OGTT.csv"), sep=";")
    subjects = pd.read_csv(found(folder, "ohashi_subjectinfo.csv"), sep=";")
    clamp = pd.read_csv(found(folder, "ohashi_clamp_indices.csv"), sep=";")
    test.columns = [name.replace(" ", "") for name in test.columns]
    scale = {"glucose": 1.0, "insulin": PMOL_PER_MICROUNIT, "c_peptide": PMOL_PER_NG_C_PEPTIDE}
    patterns = {"glucose": "O-PG({})", "insulin": "O-IRI({})", "c_peptide": "O-CPR({})"}
    raw = test.merge(subjects, on="No").merge(clamp, on="No")
    kinds = {"NGT": "healthy", "IGT": "prediabetes", "T2DM": "type2"}
    people = pd.DataFrame(
        {
            "age": raw.age,
            "male": raw["sex(male1)"].astype(float),
            "bmi": raw.BMI,
            "height": raw.BH / 100,
            "weight": raw.BW,
            "clamp_sensitivity": raw["ISI(GIR/Glu/IRI)"],
            "first_phase": raw["incremental AUC IRI(10)"],
            "second_phase": raw["incremental AUC IRI(10-90)"],
            "phenotype": raw.type.map(kinds),
        }
    )
    people = people.join(_curves(raw, patterns, scale))
    return people.assign(
        fasting_glucose=people.glucose_0,
        two_hour_glucose=people.glucose_120,
        fasting_insulin=people.insulin_0,
        fasting_c_peptide=people.c_peptide_0,
    )


def vanderbilt(folder: Path) -> pd.DataFrame:
    """Return the oral tests of Vanderbilt; phenotypes by fasting and two-hour glucose."""
    raw = pd.read_csv(found(folder, "ogtt_wide.csv"))
    patterns = {"glucose": "ogtt_glucose_{:03d}", "insulin": "ogtt_insulin_{:03d}"}
    curves = _curves(raw, patterns, {"glucose": 1.0, "insulin": PMOL_PER_MICROUNIT})
    people = pd.DataFrame(
        {
            "age": raw.age,
            "male": (raw["gender.f"] == "Male").astype(float),
            "bmi": raw.bmi,
            "height": raw.height_cm / 100,
            "weight": raw.weight_kg,
            "hba1c": np.nan,
        }
    ).join(curves)
    people = people.assign(
        fasting_glucose=people.glucose_0,
        two_hour_glucose=people.glucose_120,
        fasting_insulin=people.insulin_0,
    )
    people["phenotype"] = classified(people)
    return people


def homa_resistance(people: pd.DataFrame) -> pd.Series:
    """Return HOMA-IR (matthews1985): glucose (mmol/L) times insulin (microunits/mL) over 22.5."""
    glucose = people.fasting_glucose / MG_PER_DL_PER_MMOL
    return glucose * people.fasting_insulin / PMOL_PER_MICROUNIT / 22.5


def matsuda(people: pd.DataFrame) -> pd.Series:
    """Return the Matsuda index (matsuda1999) from the curves of an oral test."""
    glucose, insulin = (mean_curve(people, what) for what in ("glucose", "insulin"))
    product = people.glucose_0 * people.insulin_0 * glucose * insulin / PMOL_PER_MICROUNIT**2
    return 10_000 / np.sqrt(product)


def mean_curve(people: pd.DataFrame, what: str) -> pd.Series:
    """Return the mean over the two hours of an oral test, by trapezoids."""
    values = people[[f"{what}_{minute}" for minute in MINUTES]].to_numpy(float)
    return pd.Series(np.trapezoid(values, MINUTES, axis=1) / MINUTES[-1], people.index)


def insulinogenic(people: pd.DataFrame) -> pd.Series:
    """Return the rise of insulin over that of glucose in the first 30 minutes, where glucose rises."""
    rise = people.glucose_30 - people.glucose_0
    return ((people.insulin_30 - people.insulin_0) / rise).where(rise > 5)
