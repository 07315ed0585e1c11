"""The page docs/add_a_therapy.md does what it says: its files are written, its commands run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from insulae.study.results import load_results

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add_a_therapy.md").read_text(encoding="utf-8")
FILE = re.compile(r"^\*\*(?P<name>\S+)\*\*\n\n```\w+\n(?P<text>.*?)^```", flags=re.M | re.S)
COMMANDS = re.compile(r"^```sh\n(.*?)^```", flags=re.M | re.S)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what a clone holds and the files of the page."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("tests", "calibration"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for found in FILE.finditer(PAGE):
        path = folder / found["name"]
        path.parent.mkdir(exist_ok=True)
        path.write_text(found["text"], encoding="utf-8")
    programs = folder / "bin"
    programs.mkdir()
    for name, call in (("python", ""), ("insulae", " -m insulae.cli.main")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{call} "$@"\n')
        (programs / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def printed(clone: Path) -> str:
    """Return what the commands of the page print, all in one shell that stops at the first failure."""
    script = "set -e\n" + "\n".join(found for found in COMMANDS.findall(PAGE))
    package = str(ROOT / "src")
    script = script.replace("PYTHONPATH=.", f'PYTHONPATH=".{os.pathsep}{package}"')
    environment = os.environ | {
        "PATH": f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": package,
    }
    done = subprocess.run(
        ["sh", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_holds_files_and_commands():
    names = [found["name"] for found in FILE.finditer(PAGE)]
    assert len(names) == len(set(names)) == PAGE.count("\n**")
    assert {Path(name).suffix for name in names} == {".py", ".csv", ".bib", ".yaml"}
    assert len(COMMANDS.findall(PAGE)) == PAGE.count("```sh")


@pytest.mark.slow
def test_the_therapy_is_in_the_catalogue_and_in_studies(printed: str):
    for words in (
        "bromocriptine (drugs)",
        "Known: ",
        "Not modelled: ",
        "hepatic_sensitivity  × 1.6",
        "defronzo2011",
    ):
        assert words in printed
    assert "bromocriptine: 64 patients, 3 arms, 3 visits; nothing is wrong." in printed


@pytest.mark.slow
def test_the_fit_prints_what_the_row_and_the_page_say(printed: str):
    found = re.search(r"bromocriptine\.sensitivity_effect: 0\.64 -> ([\d.]+)", printed)
    # The page quotes the fit; a fit a tenth away asks for another row.
    assert found and float(found[1]) == pytest.approx(0.64, rel=0.1)


@pytest.mark.slow
def test_the_study_shows_the_published_effect_and_less_at_half_the_dose(clone: Path, printed: str):
    arms = load_results(clone / "results" / "bromocriptine").summary["arms"]
    ends = {name: arm["hba1c"]["mean"][-1] for name, arm in arms.items()}
    full, half = (ends[name] - ends["as before"] for name in ("bromocriptine", "half the dose"))
    # Published: -0.5 to -0.7; 64 other patients than those of the fit may leave the range by a tenth.
    assert -0.8 <= full <= -0.4 and full < half < 0


@pytest.mark.slow
def test_the_contract_tests_find_and_pass_it(printed: str):
    passed = re.search(r"(\d+) passed", printed)
    assert passed and int(passed[1]) > 20 and "failed" not in printed


def loaded(folder: str) -> subprocess.CompletedProcess[str]:
    """Start the package with a folder of therapies and list them."""
    command = [sys.executable, "-m", "insulae.cli.main", "show", "therapies"]
    environment = os.environ | {"INSULAE_THERAPIES": folder, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


TABLE = "my_therapies/parameters.csv"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("bromocriptine.onset,d,", "bromocriptine.onset,week,", "'bromocriptine.onset' has the unit week"),
        ("bromocriptine.onset,", "bromocriptine.offset,", "'bromocriptine.onset' has no row"),
        ("name,unit", "name,units", "Expected name,unit,population"),
    ],
)
def test_a_mistake_in_the_folder_is_told(tmp_path: Path, old: str, new: str, sentence: str):
    for found in FILE.finditer(PAGE):
        path = tmp_path / found["name"]
        path.parent.mkdir(exist_ok=True)
        text = found["text"].replace(old, new) if found["name"] == TABLE else found["text"]
        path.write_text(text, encoding="utf-8")
    done = loaded(str(tmp_path / "my_therapies"))
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_or_takes_a_name_is_refused(tmp_path: Path):
    done = loaded(str(tmp_path / "none"))
    assert done.returncode == 2 and "INSULAE_THERAPIES names no folder" in done.stderr
    (tmp_path / "metformin.py").write_text('"""Another metformin."""\n')
    done = loaded(str(tmp_path))
    assert done.returncode == 2 and "a module whose name is taken" in done.stderr
