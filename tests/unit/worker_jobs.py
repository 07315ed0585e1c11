"""Functions that workers run in tests of threads, processes and clusters."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from insulae.core.errors import RunError


def _nothing(steps: int) -> None:
    """Hear of steps where nobody watches."""


def square(number: int, on_step: Callable[[int], None] = _nothing) -> int:
    on_step(1)
    return number**2


def complain(number: int, on_step: Callable[[int], None] = _nothing) -> int:
    """Fail at once with the number 0; otherwise take a minute unless stopped."""
    if number == 0:
        raise RunError("broken", "mend it")
    for _ in range(6000):
        on_step(1)
        time.sleep(0.01)
    return number


def die(job: str) -> None:
    """Kill the worker, after it had the time to be known to a scheduler."""
    time.sleep(1)
    os._exit(1)


def die_once(marker: str) -> int:
    """Kill the first worker that tries, and return the process of the second one."""
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(1)
    return os.getpid()


def process(job: str) -> int:
    return os.getpid()


def sleep(job: str) -> None:
    Path(job).write_text(str(os.getpid()))
    time.sleep(60)


def differ(expected: dict[str, str]) -> None:
    """Work for a run of another insulae."""
    from insulae.runs import manifest

    manifest.require(manifest.identity() | expected)
