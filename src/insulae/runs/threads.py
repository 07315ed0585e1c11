"""Workers that are threads of this process; compiled code lets several run at once."""

import os
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from insulae.runs.workers import OnStep, Workers

MOST_USEFUL_THREADS = 2


class Stopped(Exception):
    """Raised inside a job after another job failed or the user interrupted the run."""


def default_threads() -> int:
    """Return how many jobs run at once unless told otherwise: compiled code uses more cores by itself."""
    return min(os.cpu_count() or 1, MOST_USEFUL_THREADS)


@contextmanager
def threads(count: int) -> Generator[Workers]:
    """Give threads that do jobs; at the end those that still run are stopped at their next step."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(count)

    def submit(function: Callable[..., Any], job: Any, on_step: OnStep) -> Future[Any]:
        def step(steps: int) -> None:
            if stop.is_set():
                raise Stopped
            on_step(steps)

        return pool.submit(function, job, step)

    try:
        yield Workers("threads", count, 2 * count, submit)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
