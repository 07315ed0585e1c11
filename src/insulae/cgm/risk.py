"""Kovatchev's scale of glucose (Diabetes Care 1997, 20:1655), the base of the low and high risk indices.

f = 1.509 (ln(G)^1.084 - 5.381) is zero at 112.5 mg/dL, negative below and positive above. The power takes
long, so f is looked up in a table of 64 values per mg/dL with cubic interpolation between them; its error
is below 1e-12. Readings that the table does not hold are computed by the formula.
"""

from functools import cache

import numpy as np

from insulae.cgm.readings import Floats

FIRST, LAST = 16, 1024  # mg/dL, the readings in the table
STEPS = 64  # values per mg/dL


def symmetric_scale(glucose: Floats) -> Floats:
    """Return f of each reading, NaN where it is missing."""
    if glucose.min(initial=FIRST) >= FIRST and glucose.max(initial=FIRST) < LAST:  # false if any is missing
        return _interpolated(glucose)
    in_table = (glucose >= FIRST) & (glucose < LAST)
    f = _interpolated(np.where(in_table, glucose, FIRST))
    f[~in_table] = scale_by_formula(glucose[~in_table])
    return f


def scale_by_formula(glucose: Floats) -> Floats:
    """Return f of each reading in mg/dL, which counts as 1 mg/dL at the least.

    >>> scale_by_formula(np.array([20.0, 600.0])).round(2).tolist()
    [-3.16, 3.16]
    """
    return 1.509 * (np.log(np.maximum(glucose, 1.0, dtype=float)) ** 1.084 - 5.381)


@cache
def _table() -> tuple[Floats, ...]:
    """f from one step before the first reading, and its 1st, 2nd and 3rd differences over 1, 2 and 6."""
    f = scale_by_formula(np.arange(FIRST * STEPS - 1, LAST * STEPS + 2) / STEPS)
    return f, np.diff(f), np.diff(f, 2) / 2.0, np.diff(f, 3) / 6.0


def _interpolated(glucose: Floats) -> Floats:
    """Newton's cubic f + p (first + (p - 1) (second + (p - 2) third)) through four neighbors in the table.

    p is the place of a reading in steps after the first of the four, between 1 and 2.
    """
    f, first, second, third = _table()
    factor = np.multiply(glucose, STEPS, dtype=float)
    factor -= FIRST * STEPS
    term = np.trunc(factor)
    index = term.astype(np.intp)
    factor -= term
    factor -= 1.0  # p - 2
    result = third.take(index, mode="clip")  # all are in the table; to check them would take long
    for differences in (second, first, f):
        result *= factor
        result += differences.take(index, out=term, mode="clip")
        factor += 1.0
    return result
