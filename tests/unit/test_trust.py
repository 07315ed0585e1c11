"""How far to trust a mean, on the page of a run: what is known is told, what is not is said."""

import json
from pathlib import Path

import pytest
from tests.unit.report_fixture import write_results

from insulae.core import discrepancy
from insulae.report import trust as page
from insulae.report.page import write_report
from insulae.report.reading import read


def row(family: str, source: str = "fitted") -> discrepancy.Discrepancy:
    scale = "band" if source == "pooled" else "identity"
    return discrepancy.Discrepancy(family, scale, "", 0.3, 0.2, 0.4, 9, 6, "2 kg", source, "")


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that does not change with the model."""
    found = {"HbA1c": row("HbA1c"), "body weight": row("body weight", source="pooled")}
    monkeypatch.setattr(page, "table", lambda: found)


def doubted(directory: Path) -> Path:
    """Write results that tell chance and doubt."""
    folder = write_results(directory)
    path = folder / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    numbers = {"mean": [7.0], "chance": [0.1], "doubt": [0.4], "resolution": [0.05]}
    faint = {"mean": [-0.5], "chance": [0.1], "doubt": [0.01], "resolution": [0.05]}
    influence = {"metformin.sensitivity_effect": -0.9, "graft.leak": 0.1}
    summary["doubt"] = {
        "groups": 32,
        "rows": 2,
        "chance_correlation": 0.5,
        "arms": {"islets": {"hba1c": numbers}},
        "differences": {"care as before": {"hba1c": faint}},
        "influence": {"islets": {"hba1c": influence}},
    }
    path.write_text(json.dumps(summary), encoding="utf-8")
    return folder


@pytest.mark.usefixtures("rows")
def test_chance_doubt_and_discrepancy_add_as_squares(tmp_path: Path):
    (found,) = [
        r for r in page.trust(read(doubted(tmp_path))).means if (r.label, r.arm) == ("HbA1c", "islets")
    ]
    assert (found.mean, found.chance, found.doubt, found.missed) == ("7.0 %", "± 0.16", "± 0.66", "± 0.49")
    assert found.together == "± 0.84"  # 1.645 times the root of 0.01 + 0.16 + 0.09


@pytest.mark.usefixtures("rows")
def test_doubt_that_drowns_in_chance_is_called_small_not_zero(tmp_path: Path):
    (found,) = page.trust(read(doubted(tmp_path))).differences
    assert found.doubt == "below 0.082"


@pytest.mark.usefixtures("rows")
def test_what_is_not_known_is_said(tmp_path: Path):
    found = page.trust(read(write_results(tmp_path)))
    assert not found.groups and not found.differences and not found.matters
    assert {r.doubt for r in found.means} == {page.NOT_ASKED}
    weight = [r for r in found.means if "weight" in r.label]
    assert {r.missed for r in weight} <= {"± 0.99 *"}  # 1.645 times 0.3 bands of 2 kg
    others = [r for r in found.means if "HbA1c" not in r.label and "weight" not in r.label]
    assert others and {r.missed for r in others} == {page.NOT_KNOWN}
    assert {r.together for r in others} == {page.NOT_KNOWN}


@pytest.mark.usefixtures("rows")
def test_rows_that_matter_are_named_and_drawn(tmp_path: Path):
    found = page.trust(read(doubted(tmp_path)))
    assert found.matters == ["hba1c, islets: metformin.sensitivity_effect (−0.90)"]
    (figure,) = found.figures
    assert "metformin.sensitivity_effect" in figure.svg and "graft.leak" in figure.svg
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert 'id="trust"' in html and "32 groups" in html
