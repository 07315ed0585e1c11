"""Chunks, threads, files and provenance of runs."""

import errno
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from insulae.core.errors import RunError
from insulae.runs import chunks, executors, manifest, store


@pytest.mark.parametrize("size", [1, 127, 128, 129, 1000])
def test_chunks_hold_every_patient_once(size: int):
    cut = chunks.cut(size)
    kept = [patient for chunk in cut for patient in chunk.ids[: chunk.kept]]
    assert kept == list(range(size))
    assert {len(chunk.ids) for chunk in cut} == {chunks.WIDTH}


def test_a_larger_study_keeps_the_chunks_of_a_smaller_one():
    small, large = chunks.cut(100), chunks.cut(300)
    assert [c.ids for c in small] == [c.ids for c in large[:1]]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_answers_come_in_the_order_of_the_jobs(workers: int):
    assert executors.map_jobs(lambda job, _: job**2, range(20), workers) == [n**2 for n in range(20)]


def test_the_first_error_stops_the_other_jobs():
    started, stopped = threading.Event(), threading.Event()

    def job(number: int, signal: executors.Signal) -> None:
        if number == 0:
            started.wait(10)
            raise RunError("broken")
        started.set()
        try:
            for _ in range(1000):
                signal.check()
                stopped.wait(0.01)
        except executors.Stopped:
            stopped.set()
            raise

    with pytest.raises(RunError, match="broken"):
        executors.map_jobs(job, [0, 1], workers=2)
    assert stopped.is_set()


def test_the_hash_sees_borders_and_not_the_order_of_keys():
    assert store.digest("ab", "c") != store.digest("a", "bc")
    assert store.digest_of({"a": 1, "b": 2}) == store.digest_of({"b": 2, "a": 1})


def test_files_are_hashed_by_name_and_content(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x\r\n")
    first = store.digest_of_files(tmp_path, tmp_path.glob("*"))
    (tmp_path / "a").write_bytes(b"x\n")
    assert store.digest_of_files(tmp_path, tmp_path.glob("*")) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert store.digest_of_files(tmp_path, tmp_path.glob("*")) != first


def test_a_table_reads_back_and_has_always_the_same_bytes(tmp_path: Path):
    table = pa.table({"patient": [1, 2], "value": [0.5, float("inf")]})
    first, second = (store.write_table(tmp_path / name, table).read_bytes() for name in ("a", "b"))
    assert first == second
    assert store.read_table(tmp_path / "a").equals(table)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    path = store.write_text(tmp_path / "a.txt", "old")

    def full(to: Path) -> None:
        to.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        store.write_whole(path, full)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path):
    (tmp_path / f"x.1.2{store.UNFINISHED}").touch()
    store.make_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="--out"):
        store.make_folder(tmp_path / "file" / "inside")


def test_a_damaged_table_is_an_error_in_words(tmp_path: Path):
    (tmp_path / "a.parquet").write_bytes(b"nonsense")
    with pytest.raises(RunError, match="Delete the file"):
        store.read_table(tmp_path / "a.parquet")


def test_provenance_is_stable_and_complete():
    assert manifest.environment().keys() >= {"versions", "git", "tables_hash", "code_hash", "platform"}
    assert manifest.identity() == manifest.identity()


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("INSULAE_CACHE", str(tmp_path))
    assert manifest.cache_folder() == tmp_path
    monkeypatch.delenv("INSULAE_CACHE")
    assert manifest.cache_folder().is_absolute()
