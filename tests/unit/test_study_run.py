"""From a study file to a folder of results: complete, repeatable, resumable; eight patients at once."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from insulae.cli.main import main
from insulae.core.errors import InvalidStudy, RunError
from insulae.runs import chunks, store
from insulae.study import load
from insulae.study.results import Results, load_results
from insulae.study.run import run
from insulae.study.spec import Study

TEXT = """
name: tiny
seed: 7
population: {phenotype: type1, size: 10, treatment: [{kind: basal_bolus}]}
horizon: 2 weeks
visits: [0, 2]
endpoints: [hba1c, time_in_range, insulin_dose, weeks_to_insulin_free, mage]
stored_traces: {patients: 2}
arms:
  - name: cells
    therapies:
      - {kind: islet_infusion, dose: 1e6 IEQ, source: autologous}
      - {kind: basal_bolus, titration: wean}
  - name: care
"""
FILES = {"endpoints.parquet", "traces.parquet", "summary.json", "manifest.json", "study.yaml"}


@pytest.fixture(scope="module", autouse=True)
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "WIDTH", 8)
        patch.setenv("INSULAE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def study() -> Study:
    return load.read(TEXT)


@pytest.fixture(scope="module")
def results(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(study, tmp_path_factory.mktemp("run") / "out", workers=2, command="insulae run tiny.yaml")


@pytest.fixture
def copy(results: Results, tmp_path: Path) -> Path:
    return Path(shutil.copytree(results.directory, tmp_path / "copy"))


def contents(directory: Path) -> dict[str, bytes]:
    """Return what must be the same however the run went: everything but the times in the manifest."""
    return {name: (directory / name).read_bytes() for name in FILES - {"manifest.json"}}


def test_the_folder_is_complete(results: Results, study: Study):
    assert {path.name for path in results.directory.iterdir()} == FILES | {"chunks"}
    assert load.load(results.directory / "study.yaml") == study
    assert load_results(results.directory) == results


def test_every_patient_has_every_endpoint_at_every_visit(results: Results, study: Study):
    table = results.endpoints()
    assert list(table.columns) == ["arm", "patient", "week", "endpoint", "value", "unit"]
    used = results.manifest["patients_used"]
    assert len(table) == used * 2 * 2 * len(study.endpoints)
    assert table["patient"].max() < study.population.size
    assert table["value"].dropna().ge(0).all()


def test_arms_share_patients_and_days(results: Results):
    table = results.endpoints()
    start = table[(table["week"] == 0) & (table["endpoint"] == "time_in_range")]
    by_arm = [group.sort_values("patient")["value"].to_numpy() for _, group in start.groupby("arm")]
    np.testing.assert_array_equal(*by_arm)


def test_traces_are_kept_for_the_first_patients(results: Results):
    traces = results.traces()
    columns = ["arm", "patient", "week", "day", "minute", "glucose", "insulin", "c_peptide"]
    assert list(traces.columns) == columns
    assert set(traces["patient"]) <= {0, 1}
    one = traces[(traces["arm"] == "care") & (traces["patient"] == traces["patient"].min())]
    assert len(one) == 2 * 14 * 288
    assert one[one["week"] == 0]["day"].min() == -14 and one[one["week"] == 2]["day"].max() == 13
    assert one["minute"].max() == 1435
    assert traces["glucose"].dtype == np.float32


def test_the_manifest_tells_how_to_run_it_again(results: Results):
    manifest = results.manifest
    assert manifest["command"] == "insulae run tiny.yaml"
    assert (
        manifest["seed"] == 7 and manifest["phenotype"] == "type1" and manifest["arms"] == ["cells", "care"]
    )
    assert sum(manifest["draws"].values()) == manifest["size"] == 10
    assert manifest["patients_used"] + sum(manifest["failures"].values()) == 10
    assert set(manifest["wall_seconds"]) == {"plan", "simulate", "merge", "summarize"}
    assert "battelino2023" in manifest["references"]


def test_the_numbers_do_not_depend_on_the_workers(results: Results, study: Study, tmp_path: Path):
    again = run(study, tmp_path, workers=1)
    assert contents(again.directory) == contents(results.directory)


def test_finished_chunks_are_used_again_and_missing_ones_simulated(
    results: Results, study: Study, copy: Path
):
    before = contents(copy)
    sorted((copy / "chunks").glob("*.fates.parquet"))[0].unlink()
    for name in FILES:
        (copy / name).unlink()
    again = run(study, copy)
    assert again.manifest["chunks_reused"] == 1
    assert contents(copy) == before


def test_a_larger_study_adds_patients_and_changes_nobody(results: Results, copy: Path):
    smaller = run(load.read(TEXT, ["population.size=5"]), copy)
    assert smaller.manifest["chunks_reused"] == 1
    few, many = smaller.endpoints(), results.endpoints()
    same = many[many["patient"] < 5].reset_index(drop=True)
    assert few.equals(same)


def test_an_interrupted_run_leaves_no_half_written_file_and_goes_on(
    results: Results, study: Study, tmp_path: Path
):
    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, workers=1, on_progress=stop)
    assert not list(tmp_path.rglob(f"*{store.UNFINISHED}"))
    assert not (tmp_path / "summary.json").exists()
    run(study, tmp_path)
    assert contents(tmp_path) == contents(results.directory)


def test_progress_counts_to_the_end(study: Study, tmp_path: Path):
    seen: list[tuple[int, int]] = []
    run(load.read(TEXT, ["population.size=1"]), tmp_path, on_progress=lambda *now: seen.append(now))
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_study_that_contradicts_itself_is_not_run(study: Study, tmp_path: Path):
    twice = study.model_copy(update={"arms": (study.arms[0], study.arms[0])})
    with pytest.raises(InvalidStudy, match="already named"):
        run(twice, tmp_path)


def test_a_folder_without_results_is_told(tmp_path: Path):
    with pytest.raises(RunError, match="Run the study first"):
        load_results(tmp_path)


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["insulae", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_the_command_prints_the_answer_and_where_the_report_is(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "tiny.yaml").write_text(TEXT)
    assert call(["run", str(tmp_path / "tiny.yaml"), "--out", str(copy), "--precision"], monkeypatch) == 0
    shown = capsys.readouterr()
    lines = shown.out.strip().splitlines()
    assert lines[-1] == str(copy / "report.html") and Path(lines[-1]).exists()
    assert "not medical advice" in lines[-2]
    assert lines[0].startswith("cells, at week 2")
    assert "+-" in shown.out and shown.err == ""


def test_the_command_prints_nothing_but_json_when_asked(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "tiny.yaml").write_text(TEXT)
    assert call(["run", str(tmp_path / "tiny.yaml"), "--out", str(copy), "--json"], monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["summary"] == str(copy / "summary.json")
    assert found["arms"]["care"]["hba1c"]["n"] <= 10
