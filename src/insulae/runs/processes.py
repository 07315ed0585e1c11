"""Workers that are processes of this machine: one that dies is replaced and its job done again.

Each worker is a pool of a single process, so that a death concerns one job only, which is known.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from insulae.core.errors import RunError
from insulae.runs.workers import OnStep, Workers

ALLOWED_DEATHS = 3
"""After so many deaths it is the job that kills its workers."""


@contextmanager
def processes(count: int) -> Generator[Workers]:
    """Give processes that do jobs; at the end those that still run are killed."""
    members = [_Worker() for _ in range(count)]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in members:
        idle.put(worker)
    pool = ThreadPoolExecutor(count)

    def call(function: Callable[..., Any], job: Any) -> Any:
        worker = idle.get()
        try:
            return worker.call(function, job)
        finally:
            idle.put(worker)

    def submit(function: Callable[..., Any], job: Any, on_step: OnStep) -> Future[Any]:
        return pool.submit(call, function, job)

    try:
        yield Workers("processes", count, 2 * count, submit)
    finally:
        for worker in members:
            worker.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        for worker in members:
            worker.end()


class _Worker:
    """One process, begun when it is first needed and again after each death."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._process = 0
        self._is_stopped = False

    def call(self, function: Callable[..., Any], job: Any) -> Any:
        """Return the function's answer; raises `RunError` when the job has killed several workers."""
        for _ in range(ALLOWED_DEATHS):
            try:
                pool = self._begun()
                if self._is_stopped:  # while the process was starting, and `stop` did not know it yet
                    self.stop()
                return pool.submit(function, job).result()
            except BrokenProcessPool:
                self.end()
            if self._is_stopped:
                break
        hint = "Use fewer workers or a smaller --chunk if memory ran out; the same command goes on from here"
        raise RunError(f"{job} lost its worker process {ALLOWED_DEATHS} times", hint)

    def _begun(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            self._process = self._pool.submit(os.getpid).result()
        return self._pool

    def end(self) -> None:
        """Wait until the process, finished or killed, is gone."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def stop(self) -> None:
        """Kill the process, whatever it does; the job in it ends with an error that nobody waits for."""
        self._is_stopped = True
        for child in multiprocessing.active_children():
            if child.pid == self._process:
                child.kill()


def _begin() -> None:
    """Leave interruptions from the keyboard to the parent, and die with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
