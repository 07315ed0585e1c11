"""Map a function over jobs in threads of this process; the compiled simulator lets several run at once."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Job = TypeVar("Job")
Answer = TypeVar("Answer")

MOST_USEFUL_WORKERS = 2


class Stopped(Exception):
    """Raised inside a job after another job failed or the user interrupted the run."""


def default_workers() -> int:
    """Return how many jobs run at once unless told otherwise: compiled code uses more cores by itself."""
    return min(os.cpu_count() or 1, MOST_USEFUL_WORKERS)


class Signal:
    """Tells running jobs to stop; a job asks at every step."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def stop(self) -> None:
        """Ask all jobs to stop."""
        self._event.set()

    def check(self) -> None:
        """Raise `Stopped` when a stop was asked for."""
        if self._event.is_set():
            raise Stopped


def map_jobs(function: Callable[[Job, Signal], Answer], jobs: Sequence[Job], workers: int) -> list[Answer]:
    """Return the function's answer for each job, in the order of the jobs.

    The first error stops the other jobs and is raised; so is an interruption from the keyboard.
    """
    signal = Signal()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        futures = [pool.submit(function, job, signal) for job in jobs]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            errors = [error for f in done if (error := f.exception()) is not None]
            if errors:
                raise next((e for e in errors if not isinstance(e, Stopped)), errors[0])
        except BaseException:
            signal.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        return [future.result() for future in futures]
