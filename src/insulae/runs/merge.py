"""Many tables become one, a row group at a time: memory and bytes do not depend on how the rows arrive."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Answer = TypeVar("Answer")

READ_AHEAD = 4
"""Files fetched at once: a distant store answers late, a local disk at once."""


def row_groups(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of all tables in their order, `rows` at a time; the last one is smaller.

    >>> import numpy as np
    >>> [group.num_rows for group in row_groups([pa.table({"a": np.zeros(n)}) for n in (5, 0, 9)], 6)]
    [6, 6, 2]
    """
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += table.num_rows
        if count >= rows:
            together = pa.concat_tables(waiting)
            whole = count - count % rows
            for first in range(0, whole, rows):
                yield together.slice(first, rows)
            waiting, count = [together.slice(whole).combine_chunks()], count - whole
    if count:
        yield pa.concat_tables(waiting)


def ahead(function: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """Yield the function's answers in the order of the items while the next few are being computed."""
    rest = iter(items)
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        waiting: deque[Future[Answer]] = deque(
            pool.submit(function, item) for item in islice(rest, READ_AHEAD)
        )
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(rest, 1))
