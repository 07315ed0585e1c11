"""Stages of a fit: kept once, found again, made anew when what they rest on has changed."""

from pathlib import Path

import pytest
from calibration import stages


def test_a_stage_is_made_once(tmp_path: Path):
    made: list[int] = []

    def stage() -> int:
        made.append(1)
        return len(made)

    assert stages.kept(None, "turns", (), stage) == 1
    assert stages.kept(tmp_path, "turns", (), stage) == 2
    assert stages.kept(tmp_path, "turns", (), stage) == 2
    assert stages.kept(tmp_path, "draws", (), stage) == 3


def test_a_stage_that_rests_on_something_else_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here = tmp_path / "calibration"
    here.mkdir()
    (here / "fit.py").write_text("a = 1")
    monkeypatch.setattr(stages, "HERE", here)
    before = stages.fingerprint(("fit.py",))
    assert stages.fingerprint(("fit.py",)) == before
    (here / "fit.py").write_text("a = 2")
    assert stages.fingerprint(("fit.py",)) != before
