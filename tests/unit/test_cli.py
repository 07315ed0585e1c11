"""The command line: fast to start, complete, and mistakes in words with exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from insulae.cli.main import main
from insulae.cli.show import CATALOGUES

ROOT = Path(__file__).parents[2]
FIRST = str(ROOT / "studies" / "first_case.yaml")


def call(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", ["insulae", *arguments])
        main()
    return int(stopped.value.code or 0)


def test_starting_imports_nothing_heavy():
    code = "import sys, insulae.cli.main; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"jax", "numpy", "pandas", "matplotlib", "pydantic", "pyarrow", "scipy", "pint"}
    assert not heavy & set(loaded.split())


def test_the_module_is_a_program_as_well():
    done = subprocess.run(
        [sys.executable, "-m", "insulae.cli.main", "show", "endpoint"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "did you mean 'endpoints'" in done.stderr and not done.stdout


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]):
    assert call("--help") == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in ("run", "check", "cite", "show", "new", "not medical advice"))


@pytest.mark.parametrize("catalogue", sorted(set(CATALOGUES) - {"schema"}))
def test_every_catalogue_is_shown_as_text_and_as_json(catalogue: str, capsys: pytest.CaptureFixture[str]):
    assert call("show", catalogue) == 0
    lines = capsys.readouterr().out.splitlines()
    assert call("show", catalogue, "--json") == 0
    records = json.loads(capsys.readouterr().out)
    assert len(lines) == len(records) + 1
    assert all(record["name"] for record in records)


def test_one_name_is_shown_whole_and_a_beginning_lists_its_names(capsys: pytest.CaptureFixture[str]):
    assert call("show", "endpoints", "time_in_range") == 0
    assert "battelino2023" in capsys.readouterr().out
    assert call("show", "parameters", "metformin.") == 0
    assert "metformin.half_dose" in capsys.readouterr().out


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]):
    assert call("show", "schema") == 0
    assert (
        "islet_infusion"
        in json.loads(capsys.readouterr().out)["$defs"]["Arm"]["properties"]["therapies"]["items"][
            "discriminator"
        ]["mapping"]
    )


def test_a_study_is_checked_without_running(capsys: pytest.CaptureFixture[str]):
    assert call("check", FIRST) == 0
    assert "200 patients, 2 arms, 30 visits" in capsys.readouterr().out
    assert call("check", FIRST, "--set", "population.size=3", "--json") == 0
    assert json.loads(capsys.readouterr().out)["study"]["population"]["size"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", FIRST, "--set", "arms.0.therapies.1.kind=metfromin"], "did you mean 'metformin'"),
        (["run", "none.yaml"], "cannot read none.yaml"),
        (["run", FIRST, "--size", "0"], "population.size"),
        (["show", "endpoint"], "did you mean 'endpoints'"),
        (["show", "parameters", "nonsense"], "unknown name 'nonsense'"),
        (["new", "page", "x.yaml"], "Known: study"),
        (["new", "study", FIRST], "exists already"),
    ],
)
def test_a_mistake_exits_with_two_and_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert call(*arguments) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and shown.out == ""
    assert "Traceback" not in shown.err


def test_a_study_is_cited_as_text_and_as_bibtex(capsys: pytest.CaptureFixture[str]):
    assert call("cite", FIRST, "--text") == 0
    assert "10.1038/s41421-024-00662-3" in capsys.readouterr().out
    assert call("cite", FIRST) == 0
    assert "@article{wu2024," in capsys.readouterr().out
    assert call("cite", FIRST, "--json") == 0
    assert "wu2024" in json.loads(capsys.readouterr().out)


def test_a_new_study_can_be_checked_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.yaml"
    assert call("new", "study", str(path)) == 0
    assert call("check", str(path)) == 0
    assert "nothing is wrong" in capsys.readouterr().out
