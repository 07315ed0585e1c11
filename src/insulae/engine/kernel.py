"""One contract, two compilers: a function of one patient becomes a kernel over records of many patients.

    kernel = compiled(function, [example of each record], n_integers)
    results = kernel([record of many patients, ...], [integers])

The function takes records of one patient, then integers that are the same for all, and returns a tuple of
records; a record whose leaves are series over a loop is written as the loop goes. `native` computes with the
vector unit of the processor; `xla` lets JAX compile the same function, for a GPU. INSULAE_ENGINE chooses one
of them; without it a GPU is used where JAX finds one.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from insulae.core.machine import engine
from insulae.engine.records import Layout, Packed


class Kernel(Protocol):
    """A compiled function of records of patients, single precision."""

    inputs: list[Layout[Any]]
    outputs: list[Layout[Any]]

    def __call__(
        self, records: Sequence[Packed[Any]], integers: Sequence[int] = (), unused: int | None = None
    ) -> list[Packed[Any]]:
        """Return the results for the patients of the records.

        The result with the number `unused` is not asked for; what it holds is undefined.
        """
        ...


_compiled: list[str] = []


def compilations() -> tuple[str, ...]:
    """Return the names of the functions compiled by this process so far."""
    return tuple(_compiled)


def compiled(
    function: Callable[..., Any], examples: Sequence[Any], n_integers: int = 0, by: str | None = None
) -> Kernel:
    """Return a function compiled for many patients by the engine in use, or by a given one."""
    _compiled.append(function.__name__)
    if (by or engine()) == "native":
        from insulae.engine.native import NativeKernel

        return NativeKernel(function, examples, n_integers)
    from insulae.engine.xla import XlaKernel

    return XlaKernel(function, examples, n_integers)
