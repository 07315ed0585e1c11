"""A Dask cluster of real processes: same results even when a worker is killed; what goes wrong is said."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit import worker_jobs
from tests.unit.tiny_study import CHUNK, ROOT, TEXT, contents, environment, own_cache

from insulae.core.errors import RunError
from insulae.runs import executors
from insulae.runs.workers import finished
from insulae.study import load
from insulae.study.run import run

SIZE = 40


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_cache(tmp_path_factory):
        yield


def ignore(steps: int) -> None:
    """Hear of steps."""


class Cluster:
    """A scheduler that gives up a job after two lost workers, and the workers of a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._begin(["scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)])
        self.address = _address(file)

    def _begin(self, arguments: list[str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
        limits = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        with open(self._folder / "log.txt", "ab") as log:
            process = subprocess.Popen(
                command, env=environment() | limits, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        self._processes.append(process)
        return process

    def worker(self) -> "subprocess.Popen[bytes]":
        """Begin a worker that is not begun again when it dies."""
        here = ["--local-directory", str(self._folder)]
        return self._begin(["worker", self.address, "--nthreads", "1", "--no-nanny", *here])

    def end(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()


def _address(file: Path) -> str:
    """Return the address that a scheduler writes when it is ready."""
    for _ in range(600):
        if file.exists() and (text := file.read_text()):
            return str(json.loads(text)["address"])
        time.sleep(0.05)
    raise AssertionError("the scheduler was not ready within half a minute")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    begun = Cluster(tmp_path_factory.mktemp("cluster"))
    yield begun
    begun.end()


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes_even_when_a_worker_is_killed(cluster: Cluster, tmp_path: Path):
    study = load.read(TEXT, [f"population.size={SIZE}"])
    run(study, tmp_path / "local", chunk=CHUNK)
    workers = [cluster.worker(), cluster.worker()]
    seen: list[int] = []

    def kill_one(done: int, total: int) -> None:
        seen.append(done)
        if 0 < done < total and workers[0].poll() is None:
            workers[0].kill()

    found = run(study, tmp_path / "cluster", cluster.address, kill_one, chunk=CHUNK)
    assert workers[0].poll() is not None and workers[1].poll() is None
    assert len(seen) == 1 + SIZE // CHUNK
    assert found.manifest["workers"]["kind"] == "dask"
    assert contents(tmp_path / "cluster") == contents(tmp_path / "local")


def test_a_worker_of_another_version_is_refused(cluster: Cluster):
    worker = cluster.worker()
    with pytest.raises(RunError, match=r"differs from the run it works for: code is \w{16} instead of other"):
        _answers(cluster, worker_jobs.differ, {"code": "other"})
    worker.kill()


def test_a_worker_without_the_package_says_so(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    worker = cluster.worker()
    only_here = type(sys)("only_here")
    exec("def work(job): pass", vars(only_here))
    monkeypatch.setitem(sys.modules, "only_here", only_here)
    with pytest.raises(RunError, match=r"cannot run chunk 1: No module named 'only_here'.*Install the same"):
        _answers(cluster, only_here.work, "chunk 1")
    worker.kill()


def test_a_job_that_kills_its_workers_is_named(cluster: Cluster):
    for _ in range(2):
        cluster.worker()
    with pytest.raises(RunError, match=r"chunk 7 lost its worker several times, the last one at tcp://"):
        _answers(cluster, worker_jobs.die, "chunk 7")


def test_a_scheduler_that_dies_is_said(tmp_path: Path):
    lonely = Cluster(tmp_path)
    lonely.worker()
    marker = tmp_path / "begun"
    with executors.chosen(lonely.address) as workers:
        future = workers.submit(worker_jobs.sleep, str(marker), ignore)
        while not marker.exists():
            time.sleep(0.05)
        lonely.end()
        with pytest.raises(RunError, match=r"lost before chunk 1 was done.*goes on from here"):
            workers.answer(future, "chunk 1")


def _answers(cluster: Cluster, function: Callable[..., object], job: object) -> list[object]:
    with executors.chosen(cluster.address) as workers:
        return list(finished(workers, function, [job], ignore))


def test_a_scheduler_that_does_not_answer_is_said_soon():
    begin = time.monotonic()
    with pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1.*dask scheduler"):
        executors.chosen("tcp://127.0.0.1:1").__enter__()
    assert time.monotonic() - begin < 20


def test_without_dask_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"pip install insulae\[cluster\]"):
        executors.chosen("tcp://127.0.0.1:1").__enter__()
