"""A results folder with made-up but plausible numbers, for the tests of the report."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from insulae.endpoints.base import catalogue

WEEKS = [0.0, 4.0, 8.0, 12.0, 20.0, 32.0, 48.0, 56.0, 80.0, 113.0]
PATIENTS = 60
ARMS = ("islets", "care as before")

REPORTED = [
    {"endpoint": "hba1c", "arm": "islets", "week": 0, "value": "6.6 %", "source": "wu2024"},
    {
        "endpoint": "hba1c",
        "arm": "islets",
        "week": 113,
        "value": "4.6 %",
        "source": "wu2024",
        "note": "kidney graft",
    },
    {"endpoint": "weeks_to_insulin_free", "arm": "islets", "value": "11 week", "source": "wu2024"},
    {
        "endpoint": "time_in_tight_range",
        "arm": "islets",
        "week": 32,
        "value": "99 %",
        "kind": "at_least",
        "source": "wu2024",
        "locator": "abstract",
    },
    {
        "endpoint": "insulin_free",
        "arm": "islets",
        "week": 56,
        "value": "83 %",
        "statistic": "percent",
        "n": 12,
        "source": "reichman2025",
    },
    {
        "endpoint": "hba1c",
        "arm": "islets",
        "week": 12,
        "value": "9.9 %",
        "statistic": "mean",
        "n": 12,
        "source": "reichman2025",
    },
    {
        "endpoint": "igls_class",
        "arm": "islets",
        "week": 12,
        "value": "1",
        "source": "Somebody 2020. doi:10.1000/made-up",
    },
]

STUDY: dict[str, Any] = {
    "name": "synthetic",
    "question": "When can insulin stop with 1.2 million islet equivalents from his own cells?",
    "notes": ["The numbers of this page are made up for a test."],
    "seed": 1,
    "population": {
        "phenotype": "type2",
        "size": PATIENTS,
        "patient": {
            "age": "59 year",
            "sex": "male",
            "bmi": "20.5 to 27.5 kg/m2",
            "duration": "25 year",
            "hba1c": "6.6 %",
            "insulin_dose": "20 to 30 U/d",
        },
        "treatment": [
            {"kind": "basal_bolus", "start": "-3650 day"},
            {"kind": "metformin", "dose": "2000 mg/d", "start": "-3650 day"},
            {"kind": "immunosuppression", "start": "-3650 day"},
        ],
    },
    "arms": [
        {
            "name": "islets",
            "therapies": [
                {
                    "kind": "islet_infusion",
                    "dose": "1.2e+06 IEQ",
                    "site": "portal_vein",
                    "product": "stem_cell",
                    "source": "autologous",
                },
                {"kind": "basal_bolus", "titration": "wean"},
                {
                    "kind": "metformin",
                    "dose": "2000 mg/d",
                    "start": "-3650 day",
                    "withdraw": {"off_insulin": "308 day", "hba1c_below": "6.5 %"},
                },
            ],
        },
        {"name": "care as before", "therapies": []},
    ],
    "reported": REPORTED,
}

MANIFEST = {
    "command": "insulae run studies/synthetic.yaml --out results/synthetic",
    "seed": 1,
    "versions": {"insulae": "0.1.0", "python": "3.11.2", "jax": "0.10.2"},
    "study_hash": "1f3a",
    "tables_hash": "9c2e",
    "size": PATIENTS + 2,
    "patients_used": PATIENTS,
    "failures": {
        "no starting state with the given numbers": 2,
        "numbers not finite during the simulation": 0,
    },
    "draws": {"1": 55, "2": 4, "6": 3},
    "references": ["ada2025", "battelino2023", "wu2024"],
}

# Value before treatment, at the end with islets, spread between patients; care as before stays where it was.
_COURSES = {
    "hba1c": (6.6, 5.2, 0.25),
    "insulin_dose": (25.0, 0.0, 3.0),
    "time_in_range": (78.0, 98.5, 4.0),
    "time_in_tight_range": (57.0, 95.0, 5.0),
    "time_below_range": (2.5, 0.6, 0.5),
    "hypoglycemia_episodes": (1.8, 0.4, 0.3),
    "fasting_glucose": (135.0, 98.0, 8.0),
    "fasting_c_peptide": (250.0, 620.0, 90.0),
    "meal_c_peptide_90": (420.0, 1750.0, 260.0),
    "graft_mass": (0.0, 0.45, 0.06),
    "graft_function": (0.0, 0.9, 0.08),
    "egfr": (72.0, 68.0, 7.0),
    "body_weight": (72.0, 70.0, 6.0),
}
_YES_NO = ("insulin_free", "remission")
_EVENTS = {
    "weeks_to_insulin_free": 11.0,
    "weeks_to_first_tablet_stopped": 48.0,
    "weeks_to_last_tablet_stopped": 56.0,
}


def write_results(directory: Path, **changes: Any) -> Path:
    """Write a results folder; changes: arms, reported, without (endpoints), nothing, traces, manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    arms = changes.get("arms", ARMS)
    table, summary = _numbers(arms, changes.get("without", ()), changes.get("nothing", False))
    study = copy.deepcopy(STUDY)
    study["arms"] = [arm for arm in study["arms"] if arm["name"] in arms]
    study["reported"] = changes.get("reported", REPORTED)
    (directory / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    (directory / "summary.json").write_text(json.dumps(summary))
    table.to_parquet(directory / "endpoints.parquet")
    if changes.get("traces", True):
        _traces(arms).to_parquet(directory / "traces.parquet")
    if changes.get("manifest", True):
        (directory / "manifest.json").write_text(json.dumps(MANIFEST))
    return directory


@functools.cache
def _numbers(
    arms: tuple[str, ...], without: tuple[str, ...], nothing: bool
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the long table and its summary; made once for all tests that want the same."""
    table = _table(arms, without)
    if nothing:
        table["value"] = np.nan
    return table, _summary(table)


def _table(arms: tuple[str, ...], without: tuple[str, ...]) -> pd.DataFrame:
    """Return the long table of all endpoints."""
    members = {m.name: m for m in catalogue()}
    rng = np.random.default_rng(0)
    luck = rng.normal(size=PATIENTS)
    stop = np.where(luck > -1.2, 11 * np.exp(0.3 * luck), np.inf)
    parts = []
    for arm in arms:
        for name in (*_COURSES, *_YES_NO, *_EVENTS):
            if name in without:
                continue
            for week in WEEKS:
                values = _values(name, week, arm, luck, stop)
                frame = {
                    "arm": arm,
                    "patient": range(PATIENTS),
                    "week": week,
                    "endpoint": name,
                    "value": values,
                }
                parts.append(pd.DataFrame({**frame, "unit": members[name].unit}))
    return pd.concat(parts, ignore_index=True)


def _values(name: str, week: float, arm: str, luck: np.ndarray, stop: np.ndarray) -> np.ndarray:
    treated = arm == "islets"
    if name in _EVENTS:
        when = stop * _EVENTS[name] / 11
        return np.where(treated & (when <= week), when, np.inf)
    if name in _YES_NO:
        later = 2 if name == "insulin_free" else 60
        return np.where(treated & (stop + later <= week), 100.0, 0.0)
    before, after, spread = _COURSES[name]
    share = (1 - np.exp(-week / 12)) * treated
    values = (
        before + (after - before) * share + spread * luck * (before > 0 or week > 0) * (before > 0 or treated)
    )
    if name == "insulin_dose":
        values = np.where(treated & (stop <= week), 0.0, values)
    return np.clip(values, 0, 100 if "time" in name else None)


def _summary(table: pd.DataFrame) -> dict[str, Any]:
    members = {m.name: m for m in catalogue()}
    arms: dict[str, Any] = {}
    for (arm, name), rows in table.groupby(["arm", "endpoint"], sort=False):
        statistics = [_statistics(v["value"].to_numpy()) for _, v in rows.groupby("week")]
        record = {k: [s[k] for s in statistics] for k in statistics[0]}
        arms.setdefault(arm, {})[name] = {
            "unit": members[name].unit,
            "label": members[name].label,
            "weeks": sorted(rows["week"].unique().tolist()),
            **record,
        }
    return {"study": "synthetic", "simulated": "Simulated, not medical advice", "arms": arms}


def _statistics(values: np.ndarray) -> dict[str, float | None]:
    present = values[~np.isnan(values)]
    if not len(present):
        return dict.fromkeys(("mean", "sd", "p05", "p25", "p50", "p75", "p95")) | {"n": 0}
    places = np.percentile(present, (5, 25, 50, 75, 95), method="nearest")
    finite = bool(np.isfinite(present).all())
    found = {
        "n": len(present),
        "mean": present.mean() if finite else np.inf,
        "sd": present.std() if finite else np.inf,
    }
    found |= dict(zip(("p05", "p25", "p50", "p75", "p95"), places, strict=True))
    return {k: float(v) if np.isfinite(v) else None for k, v in found.items()}


@functools.cache
def _traces(arms: tuple[str, ...]) -> pd.DataFrame:
    """Return fourteen days of six patients before and at the end, with three meals."""
    rng, minute, parts = np.random.default_rng(1), np.arange(0, 1440, 5), []
    meals = sum(np.exp(-0.5 * ((minute - at) / 55) ** 2) for at in (510, 810, 1170))
    for arm in arms:
        for week in (WEEKS[0], WEEKS[-1]):
            good = arm == "islets" and week > 0
            for patient in range(6):
                for day in range(14):
                    level = (92 if good else 118) + rng.normal(0, 6 if good else 14)
                    glucose = (
                        level
                        + (38 if good else 80) * meals * rng.uniform(0.6, 1.4)
                        + rng.normal(0, 3, len(minute))
                    )
                    frame = {
                        "arm": arm,
                        "patient": patient,
                        "week": week,
                        "day": int(week * 7) - 14 + day,
                        "minute": minute,
                    }
                    parts.append(
                        pd.DataFrame({**frame, "glucose": glucose, "insulin": 60.0, "c_peptide": 500.0})
                    )
    return pd.concat(parts, ignore_index=True)
