"""From a study file to a folder of results: complete, repeatable, resumable; eight patients at once."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.unit.tiny_study import CHUNK, RESULTS, ROOT, TEXT, contents, environment, own_cache

from insulae.cli.main import main
from insulae.core.errors import InvalidStudy, RunError
from insulae.core.machine import engine
from insulae.report.reading import read
from insulae.runs import manifest, store
from insulae.runs.chunks import Chunk
from insulae.study import load
from insulae.study.job import Done, Job, simulate
from insulae.study.results import Results, load_results
from insulae.study.run import run
from insulae.study.spec import Study

FILES = {*RESULTS, "manifest.json"}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_cache(tmp_path_factory):
        yield


@pytest.fixture(scope="module")
def study() -> Study:
    return load.read(TEXT)


@pytest.fixture(scope="module")
def results(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(study, tmp_path_factory.mktemp("run") / "out", command="insulae run tiny.yaml", chunk=CHUNK)


@pytest.fixture
def copy(results: Results, tmp_path: Path) -> Path:
    return Path(shutil.copytree(str(results.directory), tmp_path / "copy"))


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


def test_rows_are_sorted_by_patient_arm_week_and_endpoint(results: Results):
    endpoints, traces = results.endpoints(), results.traces()
    assert endpoints.equals(endpoints.sort_values(["patient", "arm", "week", "endpoint"], ignore_index=True))
    columns = ["patient", "arm", "week", "day", "minute"]
    assert traces.equals(traces.sort_values(columns, ignore_index=True))


def test_the_summary_is_that_of_the_table(results: Results, study: Study):
    table = results.endpoints()
    for arm, name in (("cells", "hba1c"), ("care", "mage")):
        rows = table[(table["arm"] == arm) & (table["endpoint"] == name)]
        record = results.summary["arms"][arm][name]
        for place, week in enumerate(record["weeks"]):
            values = rows[rows["week"] == week]["value"].to_numpy()
            assert record["mean"][place] == np.sort(values).mean()
            assert record["p50"][place] == pytest.approx(np.median(values))


def test_traces_are_kept_for_the_first_patients(results: Results):
    traces = results.traces()
    columns = ["arm", "patient", "week", "day", "minute", "glucose", "sensor", "insulin", "c_peptide"]
    assert list(traces.columns) == columns
    assert set(traces["patient"]) <= {0, 1}
    one = traces[(traces["arm"] == "care") & (traces["patient"] == traces["patient"].min())]
    assert len(one) == 2 * 14 * 288
    assert one[one["week"] == 0]["day"].min() == -14 and one[one["week"] == 2]["day"].max() == 13
    assert one["minute"].max() == 1435
    assert traces["glucose"].dtype == np.float32


def test_who_enrolled_is_kept_once_for_all_arms(results: Results, study: Study):
    people, endpoints = results.enrolled(), results.endpoints()
    assert list(people["patient"]) == sorted(endpoints["patient"].unique())
    np.testing.assert_allclose(people["bmi"], people["weight"] / people["height"] ** 2)
    assert set(people["male"]) <= {0.0, 1.0} and people.notna().all().all()
    first = endpoints[(endpoints["week"] == 0) & (endpoints["endpoint"] == "hba1c")]
    for _, arm in first.groupby("arm"):
        # HbA1c as read at the visit errs by about 2 %, the starting state does not
        away = np.abs(arm["value"].to_numpy() - people["hba1c"])
        assert away.max() < 1 and away.mean() < 0.3
    insulin = endpoints[(endpoints["week"] == 0) & (endpoints["endpoint"] == "insulin_dose")]
    assert (people["insulin_dose"] > 0).all() and (insulin["value"] > 0).all()


def test_the_manifest_tells_how_to_run_it_again(results: Results):
    manifest = results.manifest
    assert manifest["command"] == "insulae run tiny.yaml"
    assert (
        manifest["seed"] == 7 and manifest["phenotype"] == "type1" and manifest["arms"] == ["cells", "care"]
    )
    assert sum(manifest["draws"].values()) == manifest["size"] == 16
    assert manifest["patients_used"] + sum(manifest["failures"].values()) == 16
    assert set(manifest["wall_seconds"]) == {"plan", "simulate", "merge", "summarize"}
    assert manifest["workers"]["kind"] == "threads" and manifest["workers"]["count"] >= 1
    assert manifest["workers"]["peak_memory_bytes"] <= manifest["peak_memory_bytes"]
    assert manifest["patients_per_chunk"] == CHUNK
    assert "battelino2023" in manifest["references"]


def test_a_process_gives_the_same_numbers_even_when_it_is_killed(
    results: Results, study: Study, tmp_path: Path
):
    seen: list[tuple[int, int]] = []

    def kill_who_still_works(done: int, total: int) -> None:
        seen.append((done, total))
        for child in multiprocessing.active_children() if 0 < done < total else ():
            child.kill()

    again = run(study, tmp_path, 1, kill_who_still_works, chunk=CHUNK)
    assert contents(tmp_path) == contents(Path(str(results.directory)))
    assert again.manifest["workers"].items() >= {"kind": "processes", "count": 1}.items()
    total = seen[0][1]
    assert seen == [(0, total), (total / 2, total), (total, total)]


WITHOUT_JAX = """
import sys
from tests.unit.tiny_study import CHUNK, TEXT
from insulae.cli import main
from insulae.report import page
from insulae.study import load
from insulae.study.run import run

run(load.read(TEXT), sys.argv[1], chunk=CHUNK)
sys.exit("jax" in sys.modules)
"""


@pytest.mark.skipif(engine() != "native", reason="the other engine is JAX")
def test_a_run_with_kept_code_does_not_wait_for_jax(results: Results, tmp_path: Path):
    command = [sys.executable, "-c", WITHOUT_JAX, str(tmp_path)]
    assert subprocess.run(command, env=environment(), cwd=ROOT).returncode == 0
    assert contents(tmp_path) == contents(Path(results.directory))


def test_a_run_below_a_url_holds_the_same_bytes(results: Results, study: Study, copy: Path):
    url = "memory://bucket/run"
    again = run(study, url, chunk=CHUNK)
    assert {name: (again.directory / name).read_bytes() for name in RESULTS} == contents(copy)
    assert store.names(again.directory) == FILES | {"chunks"}
    assert run(study, url, chunk=CHUNK).manifest["chunks_reused"] == 2
    assert load_results(url).summary == results.summary
    there, here = read(url), read(copy)
    pair = [results.values("care", "mage", 2.0) for results in (there, here)]
    np.testing.assert_array_equal(pair[0].patients, pair[1].patients)
    np.testing.assert_array_equal(pair[0].numbers, pair[1].numbers)
    assert there.traces is not None and there.traces.equals(here.traces) and there.study == here.study


def test_workers_that_write_elsewhere_are_found_out_at_once(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A worker on another machine may have a folder of the same name."""
    monkeypatch.setattr("insulae.study.run.simulate", lambda job, on_step: Done(job.name, 1))
    with pytest.raises(RunError, match=r"has written chunk .*chunks does not hold it.*all workers reach"):
        run(study, tmp_path, chunk=CHUNK)


def test_a_worker_of_another_version_refuses_its_job(tmp_path: Path):
    other = manifest.identity() | {"tables": "another"}
    with pytest.raises(RunError, match=r"tables is .* instead of another"):
        simulate(Job("{}", str(tmp_path), "name", Chunk(0, 1), other))


def test_finished_chunks_are_used_again_and_missing_ones_simulated(
    results: Results, study: Study, copy: Path
):
    before = contents(copy)
    sorted((copy / "chunks").glob("*.fates.parquet"))[0].unlink()
    for name in FILES:
        (copy / name).unlink()
    again = run(study, copy, chunk=CHUNK)
    assert again.manifest["chunks_reused"] == 1
    assert contents(copy) == before


def test_a_larger_study_adds_patients_and_changes_nobody(results: Results, copy: Path):
    smaller = run(load.read(TEXT, ["population.size=8"]), copy, chunk=CHUNK)
    assert smaller.manifest["chunks_reused"] == 1 and smaller.manifest["workers"] == {}
    few, many = smaller.endpoints(), results.endpoints()
    same = many[many["patient"] < 8].reset_index(drop=True)
    assert few.equals(same)


def test_an_interrupted_run_leaves_no_half_written_file_and_goes_on(
    results: Results, study: Study, tmp_path: Path
):
    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path, on_progress=stop, chunk=CHUNK)
    assert not list(tmp_path.rglob(f"*{store.UNFINISHED}"))
    assert not (tmp_path / "summary.json").exists()
    run(study, tmp_path, chunk=CHUNK)
    assert contents(tmp_path) == contents(Path(str(results.directory)))


def test_progress_counts_to_the_end(tmp_path: Path):
    seen: list[tuple[int, int]] = []
    small = load.read(TEXT, ["population.size=8"])
    run(small, tmp_path, on_progress=lambda *now: seen.append(now), chunk=CHUNK)
    assert len(seen) > 10
    assert seen[0][0] == 0 and seen[-1][0] == seen[-1][1] > 0
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
    arguments = ["run", str(tmp_path / "tiny.yaml"), "--out", str(copy), "--chunk", "8", "--precision"]
    assert call(arguments, monkeypatch) == 0
    shown = capsys.readouterr()
    lines = shown.out.strip().splitlines()
    assert lines[-1] == str(copy / "report.html") and Path(lines[-1]).exists()
    assert "not medical advice" in lines[-2]
    assert lines[0].startswith("cells, at week 2")
    assert "+-" in shown.out and shown.err == ""


def path_copier(source: Path) -> Callable[[Path], None]:
    """Return a writer that copies a file."""
    return lambda to: shutil.copyfile(source, to) and None


def test_the_command_prints_nothing_but_json_when_asked(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "tiny.yaml").write_text(TEXT)
    url = "memory://bucket/printed"
    for path in (path for path in copy.rglob("*") if path.is_file()):
        store.write_whole(store.location(url) / path.relative_to(copy).as_posix(), path_copier(path))
    arguments = ["run", str(tmp_path / "tiny.yaml"), "--out", url, "--chunk", "8", "--json"]
    assert call(arguments, monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["summary"] == f"{url}/summary.json"
    assert found["report"] == f"{url}/report.html"
    assert "not medical advice" in store.location(found["report"]).read_text(encoding="utf-8")
    assert found["arms"]["care"]["hba1c"]["n"] <= 16


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--workers", "many"], "tcp://host:8786"),
        (["--chunk", "0"], "at least 1"),
        (["--out", "s4://bucket"], "cannot use s4://bucket"),
    ],
)
def test_workers_and_places_that_do_not_exist_are_mistakes(
    options: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "tiny.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    assert call(["run", "tiny.yaml", *options], monkeypatch) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.parquet"))
