"""The page of a forecast: doses found in the arms, gains by hand, the person's data on the page."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from insulae.core.errors import RunError
from insulae.inference import measured
from insulae.report.forecast import doses, write_forecast

ARMS = [
    {"name": "none", "therapies": []},
    {"name": "half", "therapies": [{"kind": "metformin"}, {"kind": "glp1_agonist", "dose": "0.5 mg/week"}]},
    {"name": "whole", "therapies": [{"kind": "metformin"}, {"kind": "glp1_agonist", "dose": "1 mg/week"}]},
]
FALLS = {"none": 0.0, "half": 0.4, "whole": 0.8}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three arms in four draws: HbA1c falls more with the dose, and more in later draws."""
    weeks, patients = [0.0, 26.0], np.arange(4)
    rows, arms = [], {}
    for arm, fall in FALLS.items():
        values = np.stack([8 + 0 * patients, 8 - fall * (0.5 + patients / 3)])
        rows += [
            (arm, p, w, "hba1c", v, "%")
            for w, each in zip(weeks, values, strict=True)
            for p, v in enumerate(each)
        ]
        table = {f"p{q:02d}": np.percentile(values, q, axis=1).tolist() for q in (5, 25, 50, 75, 95)}
        arms[arm] = {
            "hba1c": {
                "unit": "%",
                "label": "HbA1c",
                "weeks": weeks,
                "n": [4, 4],
                "mean": [8, 8],
                "sd": [0, 0],
            }
            | table
        }
    names = ("arm", "patient", "week", "endpoint", "value", "unit")
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))),
        tmp_path / "endpoints.parquet",
    )
    (tmp_path / "summary.json").write_text(json.dumps({"study": "x", "arms": arms}))
    (tmp_path / "study.yaml").write_text(
        yaml.safe_dump({"name": "x", "question": "Which dose?", "arms": ARMS})
    )
    (tmp_path / "manifest.json").write_text(json.dumps({"command": "insulae forecast"}))
    return tmp_path


def test_the_dose_in_which_arms_differ_is_found():
    assert doses({"arms": ARMS}) == ("glp1 agonist dose, mg/week", {"none": 0.0, "half": 0.5, "whole": 1.0})
    other = [*ARMS[:2], {"name": "x", "therapies": [{"kind": "metformin", "dose": "500 mg"}]}]
    assert doses({"arms": other}) == ("", {})
    assert doses({"arms": ARMS[:1]}) == ("", {})


def test_the_page_shows_gains_and_the_persons_own_data(run: Path):
    uncertain = {
        "capacity": (np.array([4.0, 3, 2, 1]), "determined"),
        "first_phase": (np.array([1.0, 3, 2, 1]), "x"),
    }
    path = write_forecast(run, "anna", "none", ["<svg>past</svg>"], {"hba1c": 9.0}, uncertain)
    page = " ".join(Path(str(path)).read_text(encoding="utf-8").split())
    # Falls of 0.2, 0.33, 0.47 and 0.6 at half, of twice as much at the whole dose.
    assert "<td>half</td><td>HbA1c, %</td><td>-0.40</td>" in page
    assert "<td>100 %</td> <td>25 % by 0.5</td>" in page and "<td>75 % by 0.5</td>" in page
    assert (
        "the gain is larger with lower capacity (rank correlation +1.00), which the data determined" in page
    )
    assert "No arm changes" not in page and "glp1 agonist dose, mg/week" in page and "<svg>past</svg>" in page
    assert "<td>9.0</td><td>8.0</td>" in page and "outside" in page
    assert "Simulated. Not medical advice." in page and "Which dose?" in page


def test_what_was_measured_is_kept_and_read_back(tmp_path: Path):
    bands = np.zeros((3, 4))
    rows = [
        ("HbA1c", "hba1c", np.array([0.0]), np.array([7.1]), bands[:, :1]),
        ("glucose test", "glucose", np.array([0.0, 30, 60, 90]), np.array([100.0, 200, 180, 150]), bands),
        ("day 1", "interstitial", np.array([0.0, 15, 30, 45]), np.array([60.0, 100, 180, 200]), bands),
    ]
    kept = measured.write(rows, tmp_path)
    assert measured.read(tmp_path) == kept
    assert measured.clinic_values(kept) == pytest.approx(
        {
            "hba1c": 7.1,
            "fasting_glucose": 100,
            "mean_glucose": 135,
            "time_in_range": 50,
            "time_below_range": 25,
        }
    )
    with pytest.raises(RunError, match="Run `insulae fit` again"):
        measured.read(tmp_path / "nothing")
