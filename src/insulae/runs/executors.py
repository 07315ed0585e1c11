"""Who does the jobs of a run: threads of this process, processes of this machine, or a Dask cluster."""

from contextlib import AbstractContextManager

from insulae.core.errors import RunError
from insulae.runs.cluster import cluster
from insulae.runs.processes import processes
from insulae.runs.threads import default_threads, threads
from insulae.runs.workers import Workers


def chosen(workers: int | str | None) -> AbstractContextManager[Workers]:
    """Return the workers for a number of processes or the address of a scheduler.

    Raises `RunError` for anything else.
    """
    if workers is None:
        return threads(default_threads())
    text = str(workers).strip()
    if "://" in text:
        return cluster(text)
    if not text.isdecimal() or int(text) < 1:
        hint = "Give a number of processes from 1, or the address of a Dask scheduler like tcp://host:8786"
        raise RunError(f"'{workers}' names no workers", hint)
    return processes(int(text))
