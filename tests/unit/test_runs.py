"""Chunks, threads, processes, merged tables and provenance of runs; files are in `test_store.py`."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import worker_jobs
from tests.unit.tiny_study import ROOT, environment

from insulae.core import machine
from insulae.core.errors import RunError
from insulae.runs import chunks, executors, manifest, merge
from insulae.runs.columns import Columns
from insulae.runs.processes import processes
from insulae.runs.threads import threads
from insulae.runs.workers import Workers, finished

Start = Callable[[int], AbstractContextManager[Workers]]


def ignore(steps: int) -> None:
    """Hear of steps."""


@pytest.mark.parametrize("width", [1, 8, 128])
@pytest.mark.parametrize("size", [1, 127, 128, 129, 1000])
def test_chunks_hold_every_patient_once_and_nobody_else(size: int, width: int):
    cut = list(chunks.cut(size, width))
    assert [patient for chunk in cut for patient in chunk.ids] == list(range(size))
    assert {chunk.size for chunk in cut[:-1]} <= {width}


@pytest.mark.parametrize("size", [1024, 2047, 5120, 5121, 8192, 10_000, 100_000])
def test_a_large_study_has_a_multiple_of_four_chunks_that_end_together(size: int):
    sizes = [chunk.size for chunk in chunks.cut(size, chunks.width_for(size))]
    assert len(sizes) % chunks.FEWEST == 0
    assert max(sizes) <= chunks.WIDEST
    assert max(sizes) - min(sizes) < len(sizes) * chunks.NARROWEST


def test_chunks_of_nobody_are_refused():
    with pytest.raises(RunError, match="--chunk"):
        chunks.cut(10, 0)


@pytest.mark.parametrize("start", [threads, processes])
def test_every_job_is_answered_once(start: Start):
    with start(2) as workers:
        found = list(finished(workers, worker_jobs.square, range(9), ignore))
    assert sorted(found) == [n**2 for n in range(9)]


def test_jobs_are_drawn_only_when_they_can_soon_be_done():
    drawn = 0

    def jobs():
        nonlocal drawn
        while drawn < 100:
            drawn += 1
            yield drawn

    with threads(2) as workers:
        answers = finished(workers, worker_jobs.square, jobs(), ignore)
        next(answers)
        assert drawn <= 2 * workers.window
        answers.close()


@pytest.mark.parametrize("start", [threads, processes])
def test_the_first_error_stops_the_other_jobs(start: Start):
    begin = time.monotonic()
    with pytest.raises(RunError, match=r"broken\. mend it"), start(2) as workers:
        list(finished(workers, worker_jobs.complain, [1, 0], ignore))
    assert time.monotonic() - begin < 45  # the other job takes a minute
    assert not multiprocessing.active_children()


def test_an_interruption_stops_the_jobs():
    def interrupt(steps: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), threads(2) as workers:
        list(finished(workers, worker_jobs.complain, [1, 2], interrupt))


def test_the_job_of_a_killed_process_is_done_again(tmp_path: Path):
    with processes(1) as workers:
        (process,) = finished(workers, worker_jobs.die_once, [str(tmp_path / "marker")], ignore)
    assert process != os.getpid()


def test_a_job_that_kills_its_processes_is_named():
    with pytest.raises(RunError, match="chunk 7 lost its worker process 3 times"), processes(1) as workers:
        list(finished(workers, worker_jobs.die, ["chunk 7"], ignore))


def test_processes_end_with_the_one_that_started_them(tmp_path: Path):
    code = (
        "import sys\n"
        "from insulae.runs.processes import processes\nfrom insulae.runs.workers import finished\n"
        "from tests.unit.worker_jobs import sleep\n"
        "with processes(1) as workers:\n    list(finished(workers, sleep, sys.argv[1:], print))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "pid")], env=environment(), cwd=ROOT
    )
    child = int(_text(tmp_path / "pid"))
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not _is_alive(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the worker outlived its parent by ten seconds")


def _text(path: Path) -> str:
    """Return the text of a file as soon as it has one."""
    for _ in range(600):
        if path.exists() and (text := path.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written within half a minute")


def _is_alive(process: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be collected does not."""
    state = Path(f"/proc/{process}/stat")
    if state.parent.parent.exists():
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
    return not subprocess.call(["kill", "-0", str(process)], stderr=subprocess.DEVNULL)


def test_workers_are_a_number_or_an_address():
    with executors.chosen("2") as workers:
        assert (workers.kind, workers.count) == ("processes", 2)
    with executors.chosen(None) as workers:
        assert workers.kind == "threads"


@pytest.mark.parametrize("workers", [0, -1, "0", "two", "host:8786", "1.5"])
def test_workers_that_are_neither_are_refused(workers: int | str):
    with pytest.raises(RunError, match="tcp://host:8786"):
        executors.chosen(workers)


def tables(sizes: list[int]) -> list[pa.Table]:
    """Return tables of these sizes that follow one another."""
    ends = np.cumsum(sizes)
    texts = pa.array(["a", "b"])
    return [
        pa.table(
            {
                "row": pa.array(np.arange(end - n, end)),
                "text": pa.DictionaryArray.from_arrays(
                    pa.array(np.arange(end - n, end) % 2, pa.int32()), texts
                ),
            }
        )
        for end, n in zip(ends, sizes, strict=True)
    ]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(1, 12))
def test_row_groups_hold_the_same_rows_however_they_arrive(sizes: list[int], rows: int):
    groups = list(merge.row_groups(tables(sizes), rows))
    whole = list(merge.row_groups(tables([sum(sizes)]), rows))
    assert [g.num_rows for g in groups] == [g.num_rows for g in whole]
    assert all(g.num_rows == rows for g in groups[:-1])
    assert [g.to_pydict() for g in groups] == [g.to_pydict() for g in whole]


def test_answers_computed_ahead_keep_their_order_and_do_not_run_away():
    begun: list[int] = []

    def slow_first(number: int) -> int:
        begun.append(number)
        time.sleep(0.05 if number == 0 else 0)
        return number

    answers = merge.ahead(slow_first, range(50))
    assert next(answers) == 0
    assert len(begun) <= 2 * merge.READ_AHEAD
    assert list(answers) == list(range(1, 50))


@pytest.mark.parametrize("buffer", [1, 200, 1 << 20])
def test_columns_are_read_as_they_were_written(buffer: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("insulae.runs.columns.BUFFER", buffer)
    rows = np.random.default_rng(1).normal(size=(23, 5))
    columns = Columns(5, 30, tmp_path)
    for first, last in ((0, 4), (4, 4), (4, 17), (17, 23)):
        columns.append(rows[first:last])
    assert columns.count == 23
    for number in (3, 0, 4):
        np.testing.assert_array_equal(columns.column(number), rows[:, number])
    columns.close()
    assert not list(tmp_path.iterdir())


def test_columns_without_a_place_are_an_error_in_words(tmp_path: Path):
    with pytest.raises(RunError, match="TMPDIR"):
        Columns(2, 2, tmp_path / "missing")


def test_provenance_is_stable_and_complete():
    assert manifest.environment().keys() >= {"versions", "git", "tables_hash", "code_hash", "platform"}
    assert manifest.identity() == manifest.identity()


def test_another_identity_is_refused_and_the_difference_named():
    manifest.require(manifest.identity())
    with pytest.raises(
        RunError, match=r"differs .*: code is \w+ instead of 0{16}\. Install the same version"
    ):
        manifest.require(manifest.identity() | {"code": 16 * "0"})
    with pytest.raises(RunError, match=r"engine is .* instead of tpu, new is None instead of 1"):
        manifest.require(manifest.identity() | {"engine": "tpu", "new": 1})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_the_peak_of_memory_is_in_bytes():
    before = manifest.peak_memory() or 0
    block = np.ones(200_000_000 // 8)
    assert 30e6 < before < 30e9
    assert (manifest.peak_memory() or 0) >= max(before, block.nbytes)


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("INSULAE_CACHE", str(tmp_path))
    assert machine.cache_folder() == tmp_path
    monkeypatch.delenv("INSULAE_CACHE")
    assert machine.cache_folder().is_absolute()
