"""Standard normal numbers from random bits, in single precision, the same on every processor.

The quantile is the square root of 2 times the inverse error function (Giles 2011, Approximating the erfinv
function, single precision); its logarithm follows Cephes (Moshier, log1p.c and logf.c). Every multiply-add is
rounded once, by way of double precision. The numbers are so those of `jax.random.normal` on a processor with
such an instruction. Not covered: numbers beyond 5.5 standard deviations, which 23 bits cannot name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def _singles(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


_ROOT_2, _ROOT_HALF = _singles(2**0.5, 0.5**0.5)
_LOWEST = np.nextafter(np.float32(-1), np.float32(0))
_CENTRAL = _singles(
    2.8102264e-08, 3.4327394e-07, -3.5233877e-06, -4.3915065e-06, 0.00021858087, -0.001253725, -0.0041776816,
    0.24664073, 1.5014094,
)  # fmt: skip
_TAIL = _singles(
    -0.00020021426, 0.00010095056, 0.0013493432, -0.0036734284, 0.0057395077, -0.0076224613, 0.0094388705,
    1.001674, 2.8329768,
)  # fmt: skip
_SMALL = np.float32(2**0.5 - 1)
_ABOVE = _singles(4.527e-05, 0.49854103, 6.5787325, 29.911919, 60.94967, 57.112965, 20.039553)
_BELOW = _singles(1, 15.062909, 83.04757, 221.7624, 309.09872, 216.42789, 60.11866)
_LOGARITHM = (
    _singles(0.070376836, -0.1151461, 0.116769984),
    _singles(-0.12420141, 0.14249323, -0.16668057),
    _singles(0.20000714, -0.24999994, 0.3333333),
)
_LN_2 = _singles(0.6933594, -0.00021219444)
"""The logarithm of 2 in two parts, of which the first has few digits."""


def _fused(a: Any, b: Any, c: Any) -> Floats:
    """Return a * b + c rounded once."""
    return (np.multiply(a, b, dtype=np.float64) + c).astype(np.float32)


def _polynomial(coefficients: Any, x: Floats) -> Floats:
    """Return a polynomial, its highest power first."""
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = _fused(value, x, coefficient)
    return value


def _logarithm(x: Floats) -> Floats:
    """Return the natural logarithm of normal numbers above 0."""
    mantissa, exponent = np.frexp(x)
    is_low = mantissa < _ROOT_HALF
    t = (mantissa - np.float32(1)) + np.where(is_low, mantissa, np.float32(0))
    power = (exponent - is_low).astype(np.float32)
    square = t * t
    cube = square * t
    high, middle, low = (_polynomial(part, t) for part in _LOGARITHM)
    rest = _fused(_fused(_fused(high, cube, middle), cube, low), cube, power * _LN_2[1])
    return _fused(power, _LN_2[0], (t - square / 2) + rest)


def _log1p(x: Floats) -> Floats:
    """Return log(1 + x)."""
    square = x * x
    small = x + _fused(square, -0.5, x * square * (_polynomial(_ABOVE, x) / _polynomial(_BELOW, x)))
    return np.where(np.abs(x) < _SMALL, small, _logarithm(x + np.float32(1)))


def standard_normal(bits: NDArray[np.uint32]) -> Floats:
    """Return a standard normal number for each word of 32 random bits."""
    mantissa = bits >> np.uint32(9) | np.uint32(0x3F800000)
    x = np.maximum(_LOWEST, _fused(mantissa.view(np.float32) - np.float32(1), 2, _LOWEST))
    w = -_log1p(-(x * x))
    is_central = w < 5
    s = np.where(is_central, w - np.float32(2.5), np.sqrt(w) - np.float32(3))
    coefficients = [np.where(is_central, *pair) for pair in zip(_CENTRAL, _TAIL, strict=True)]
    return _polynomial(coefficients, s) * x * _ROOT_2
