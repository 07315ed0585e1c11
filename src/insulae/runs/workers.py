"""What threads, processes and clusters have in common: jobs go in, answers come out as they are finished."""

import dataclasses
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any

OnStep = Callable[[int], None]


def _plain(future: Future[Any], job: Any) -> Any:
    return future.result()


@dataclasses.dataclass(frozen=True)
class Workers:
    """Who does the jobs: of which kind, how many, and how many jobs wait with them at most.

    `submit` begins `function(job)`; threads give the function `on_step` too, which stops it by an error.
    `answer` returns what a finished job returned, or raises its error in words that name the job.
    """

    kind: str
    count: int
    window: int
    submit: Callable[[Callable[..., Any], Any, OnStep], Future[Any]]
    answer: Callable[[Future[Any], Any], Any] = _plain


def finished(
    workers: Workers, function: Callable[..., Any], jobs: Iterable[Any], on_step: OnStep
) -> Generator[Any]:
    """Yield the function's answers in the order in which they are ready; the first error is raised.

    A job is drawn only when it can soon be done, so there may be any number of them.
    """
    rest = iter(jobs)
    running: dict[Future[Any], Any] = {}
    while True:
        for job in islice(rest, workers.window - len(running)):
            running[workers.submit(function, job, on_step)] = job
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield workers.answer(future, running.pop(future))
