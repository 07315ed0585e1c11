"""What a run must endure: any cut into chunks, being killed at any moment, a full disk, many patients."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.unit.many_patients import CHUNK as MANY
from tests.unit.many_patients import made_up
from tests.unit.tiny_study import CHUNK, ROOT, TEXT, contents, environment, own_cache, start

from insulae.runs import store
from insulae.study import load
from insulae.study.run import run

SIZE = 40
PARTS = SIZE // CHUNK


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_cache(tmp_path_factory):
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run(load.read(TEXT, [f"population.size={SIZE}"]), folder, chunk=CHUNK)
    return contents(folder)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [24])
def test_the_results_do_not_depend_on_how_patients_are_cut_into_chunks(
    chunk: int, undisturbed: dict[str, bytes], tmp_path: Path
):
    run(load.read(TEXT, [f"population.size={SIZE}"]), tmp_path, chunk=chunk)
    found = contents(tmp_path)
    assert {name for name in found if found[name] != undisturbed[name]} == set()


@pytest.mark.parametrize("chunk", [1, 7, 39, 40, 128])
def test_the_files_do_not_show_how_patients_were_cut_into_chunks(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also when every patient simulates alike, as these with made-up numbers do."""
    monkeypatch.setattr("insulae.trials.trial.simulate_chunk", made_up)
    monkeypatch.setattr("insulae.study.merging.ROWS", 300)
    study = load.read(TEXT, [f"population.size={SIZE}", "stored_traces.patients=9"])
    for folder, width in ((tmp_path / "some", chunk), (tmp_path / "others", 8)):
        run(study, folder, chunk=width)
    assert contents(tmp_path / "some") == contents(tmp_path / "others")
    table = pq.read_table(tmp_path / "some" / "endpoints.parquet")
    assert table.num_rows == 20 * len(set(table["patient"].to_pylist())) > 20 * SIZE / 2


def begun(folder: Path) -> bool:
    return any((folder / "chunks").glob("*.parquet"))


def halfway(folder: Path) -> bool:
    return len(list((folder / "chunks").glob("*.fates.parquet"))) >= PARTS // 2


def simulated(folder: Path) -> bool:
    return len(list((folder / "chunks").glob("*.fates.parquet"))) == PARTS


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    undisturbed: dict[str, bytes], tmp_path: Path
):
    for moment in (begun, halfway, simulated):
        _kill(moment, tmp_path)
    last = run(load.read(TEXT, [f"population.size={SIZE}"]), tmp_path, chunk=CHUNK)
    assert last.manifest["chunks_reused"] == PARTS
    assert contents(tmp_path) == undisturbed
    assert not list(tmp_path.glob(f"*{store.UNFINISHED}"))
    assert not list((tmp_path / "chunks").glob(f"*{store.UNFINISHED}"))


def _kill(moment: Callable[[Path], bool], folder: Path) -> None:
    """Start the run and kill it as soon as the moment has come."""
    process = start(folder, size=SIZE)
    while process.poll() is None and not moment(folder):
        time.sleep(0.002)
    process.kill()
    said, _ = process.communicate()
    assert moment(folder), said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not limit the size of files")
def test_a_full_disk_is_said_and_loses_no_finished_chunk(tmp_path: Path):
    changes = ["stored_traces.patients=10"]
    process = start(tmp_path, changes=changes, file_size=1_950_000)  # enough for a chunk, not for all traces
    said, _ = process.communicate()
    assert process.returncode == 1
    assert said.startswith(f"Error: cannot write {tmp_path / 'traces.parquet'}")
    assert "File too large. Free some space" in said
    assert not list(tmp_path.glob("*.parquet")) and not list(tmp_path.rglob(f"*{store.UNFINISHED}"))
    study = load.read(TEXT, changes)
    again = run(study, tmp_path, chunk=CHUNK)
    assert again.manifest["chunks_reused"] == 2
    run(study, tmp_path / "undisturbed", chunk=CHUNK)
    assert contents(tmp_path) == contents(tmp_path / "undisturbed")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak of memory")
def test_memory_does_not_grow_with_the_patients(tmp_path: Path):
    few, many = (_peak(tmp_path / str(n), n) for n in (20 * MANY, 140 * MANY))
    # Memory that grows with the patients would hold at least the rows of the others, 154 MB.
    assert many - few < 60e6


def _peak(folder: Path, size: int) -> int:
    """Return the most memory that a run of made-up patients has held, in bytes."""
    command = [sys.executable, "-m", "tests.unit.many_patients", str(folder), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=ROOT, check=True)
    return int(done.stdout)
