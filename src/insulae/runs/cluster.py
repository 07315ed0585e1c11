"""Workers of a Dask cluster, reached through the address of its scheduler; dask is an optional package.

The scheduler gives the job of a lost worker to another one; a job that has lost several is given up. It
sees jobs as bytes, so it needs no insulae, and a worker that lacks it says so instead of breaking down.
"""

import functools
import logging
import operator
import pickle
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

from insulae.core.errors import RunError
from insulae.runs.workers import OnStep, Workers

PATIENCE = 5
"""Seconds until a scheduler that does not answer is given up."""
WINDOW = 10_000
"""Jobs known to the scheduler at once: more than any cluster has cores, few enough for its memory."""

log = logging.getLogger(__name__)


@contextmanager
def cluster(address: str) -> Generator[Workers]:
    """Give the workers of a cluster; jobs that have not begun at the end are canceled.

    Raises `RunError` when dask is not installed or no scheduler answers.
    """
    with _client(address) as client:
        from toolz import pipe  # comes with dask

        count = sum(client.nthreads().values())
        if not count:
            log.warning("The scheduler at %s has no workers yet; waiting for the first one.", address)
        pool = client.get_executor(pure=False)

        def submit(function: Callable[..., Any], job: Any, on_step: OnStep) -> Future[Any]:
            payload = pickle.dumps(functools.partial(function, job))
            return pool.submit(pipe, payload, pickle.loads, operator.call)

        try:
            yield Workers("dask", count, WINDOW, submit, _answer)
        finally:
            pool.shutdown(wait=False)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise RunError("a cluster needs the package distributed", "pip install insulae[cluster]") from error
    try:
        return Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        hint = "Start one with `dask scheduler`, or check the address"
        raise RunError(f"no Dask scheduler answers at {address}: {error}", hint) from error


def _answer(future: Future[Any], job: Any) -> Any:
    from distributed.scheduler import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        hint = "Give the workers more memory or choose a smaller --chunk; the same command goes on from here"
        last = getattr(error.last_worker, "address", error.last_worker)
        raise RunError(f"{job} lost its worker several times, the last one at {last}", hint) from error
    except CancelledError as error:
        hint = "Start the cluster again; the same command goes on from here"
        raise RunError(f"the cluster was lost before {job} was done", hint) from error
    except ImportError as error:
        hint = "Install the same version of insulae for all workers"
        raise RunError(f"a worker cannot run {job}: {error}", hint) from error
