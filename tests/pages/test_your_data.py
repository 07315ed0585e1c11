"""The page docs/your_data.md does what it says: its commands and its Python run, its table is read."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from insulae.core.citations import references
from insulae.islet_function.registry import catalogue
from insulae.patient_data.quantities import quantities
from insulae.patient_data.tidy import tidy_table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your_data.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, flags=re.M | re.S)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the examples of the page, where its commands have run in one shell."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "docs" / "examples", folder / "docs" / "examples")
    program = folder / "insulae"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m insulae.cli.main "$@"\n')
    program.chmod(0o755)
    path = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    script = "set -e\n" + "\n".join(blocks("sh"))
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=os.environ | path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def test_the_commands_of_the_page_write_what_it_says(clone: Path):
    printed = (clone / "printed.txt").read_text(encoding="utf-8")
    assert "Time in 70 to 180 mg/dL" in printed and "OGIS" in printed
    assert (clone / "results" / "sensor" / "cgm.html").exists()
    assert (clone / "results" / "ogtt" / "islet_function.html").exists()
    assert json.loads((clone / "cgm.json").read_text(encoding="utf-8"))["unit"] == "mmol/L"


def test_the_python_of_the_page_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for block in blocks("py"):
        exec(block, names)
    assert names["bundle"]["resourceType"] == "Bundle"  # type: ignore[index]


def test_the_table_of_the_page_is_read():
    table = tidy_table(re.findall(r"^```\n(time,.*?)^```", PAGE, flags=re.M | re.S)[0], "page")
    assert table.series("c_peptide").censored.tolist() == [-1]
    assert table.series("carbohydrate").value.tolist() == [45.0]


def test_every_quantity_that_the_page_names_exists():
    named = set(re.findall(r"`([a-z0-9_]+)`", PAGE)) - {
        "time",
        "value",
        "unit",
        "note",
        "female",
        "male",
        "glucose",
    }
    assert {name for name in named if name not in quantities()} <= {"ogtt"}


def test_islet_function_indices_cite_what_exists():
    assert all(one.source in references() for one in catalogue())
