"""Who does the jobs of a run: threads of this process, processes of this machine, or a Dask cluster."""

import os
from contextlib import AbstractContextManager

from insulae.core.errors import RunError
from insulae.runs.cluster import cluster
from insulae.runs.processes import processes
from insulae.runs.threads import default_threads, threads
from insulae.runs.workers import Workers

LARGE = 1_000_000
"""Patients times steps from which processes are worth their start of some seconds: threads get in each
other's way outside of compiled code."""


def chosen(workers: int | str | None, work: int = 0) -> AbstractContextManager[Workers]:
    """Return the workers for a number of processes or the address of a scheduler.

    Without either, small work (patients times steps) is done by threads of this process and large work by a
    process for each core. Raises `RunError` for anything else.
    """
    if workers is None:
        return threads(default_threads()) if work < LARGE else processes(os.cpu_count() or 1)
    text = str(workers).strip()
    if "://" in text:
        return cluster(text)
    if not text.isdecimal() or int(text) < 1:
        hint = "Give a number of processes from 1, or the address of a Dask scheduler like tcp://host:8786"
        raise RunError(f"'{workers}' names no workers", hint)
    return processes(int(text))
