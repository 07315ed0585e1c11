"""Kovatchev's scale of glucose (Diabetes Care 1997, 20:1655), the base of the low and high risk indices.

f = 1.509 (ln(G)^1.084 - 5.381) is zero at 112.5 mg/dL, negative below and positive above. The power takes
long in double precision; single precision, in which simulated readings come, leaves an error below 3e-6.
"""

import numpy as np

from insulae.cgm.readings import Floats


def symmetric_scale(glucose: Floats) -> Floats:
    """Return f of each reading in mg/dL in its precision, NaN where it is missing.

    A reading counts as 1 mg/dL at the least.

    >>> symmetric_scale(np.array([20.0, 600.0])).round(2).tolist()
    [-3.16, 3.16]
    """
    f = np.maximum(glucose, 1.0)
    np.log(f, out=f)
    f **= 1.084
    f -= 5.381
    f *= 1.509
    return f
