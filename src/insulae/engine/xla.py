"""Let JAX compile the function over all patients at once: for a GPU, and to check the native engine."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from insulae.core.pytree import leaves
from insulae.engine.records import Layout, Packed, single

VECTOR_BITS = {"xla_cpu_prefer_vector_width": 512}
"""Lets XLA use the whole vector unit of a processor that has a wide one."""


class XlaKernel:
    """A compiled function of records of patients; see `insulae.engine.kernel`."""

    def __init__(self, function: Callable[..., Any], examples: Sequence[Any], n_integers: int) -> None:
        """Take the layouts from the function; JAX compiles once for each number of columns."""
        shapes = [single(example) for example in examples]
        one = jax.ShapeDtypeStruct((), np.int32)
        results = jax.eval_shape(function, *shapes, *[one] * n_integers)
        self.inputs = [Layout(example) for example in shapes]
        self.outputs = [Layout(result) for result in results]

        def on_matrices(matrices: list[Any], *integers: Any) -> list[Any]:
            columns = matrices[0].shape[1]
            pairs = zip(self.inputs, matrices, strict=True)
            given = [layout.unpack(matrix, columns) for layout, matrix in pairs]
            made = function(*given, *integers)
            return [
                _joined(layout, result, columns) for layout, result in zip(self.outputs, made, strict=True)
            ]

        options = VECTOR_BITS if jax.default_backend() == "cpu" else None
        self._call = jax.jit(on_matrices, compiler_options=options)

    def __call__(
        self, records: Sequence[Packed[Any]], integers: Sequence[int] = (), unused: int | None = None
    ) -> list[Packed[Any]]:
        """Return the results as records of the same patients."""
        n = records[0].patients
        made = self._call([r.matrix for r in records], *(np.int32(i) for i in integers))
        return [Packed(layout, np.array(m), n) for layout, m in zip(self.outputs, made, strict=True)]


def _joined(layout: Layout[Any], record: Any, columns: int) -> Any:
    pairs = zip(leaves(record), layout.shapes, strict=True)
    rows = [jnp.broadcast_to(leaf, (*shape, columns)).reshape(-1, columns) for leaf, shape in pairs]
    return jnp.concatenate(rows).astype(jnp.float32)
