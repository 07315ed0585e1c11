"""Elementary functions in vector code, single precision, a few units in the last place (Moshier's Cephes).

They need no mathematical library, so compiled code stands alone and gives the same bits on every machine
with fused multiply-add.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

FLOAT, INT, BIT = ir.FloatType(), ir.IntType(32), ir.IntType(1)
CONTRACT = ("contract", "nsz")
ROUNDING = 1.5 * 2.0**23
"""Added to a number of moderate size, it rounds it to a whole number, ties to even ones."""
BIAS, MANTISSA_BITS, MANTISSA_MASK, HALF_BITS = 127, 23, 0x007FFFFF, 0x3F000000
ROOT_BITS, ROOT_SERIES = 0x5F310000, (0.35814281, 0.30363993, 0.37535494, 0.49999562)
"""From these bits less half of those of x comes a guess of 1/sqrt(x), right to 6 %; a guess g that lacks the
share e = 1 - x g^2 becomes g (1 + e s(e)) with this polynomial s, right to 2e-8 (own minimax fit)."""


class VectorMath:
    """Writes elementary functions of one vector width at the builder's place."""

    def __init__(self, builder: ir.IRBuilder, width: int) -> None:
        """Write at the place of a builder."""
        self.b: Any = builder  # the stubs of llvmlite do not know the flags of arithmetic
        self.width = width
        self.is_inside_loop = False
        self.floats, self.ints = ir.VectorType(FLOAT, width), ir.VectorType(INT, width)
        self.truths = ir.VectorType(BIT, width)
        self._constants: dict[tuple[str, Any], ir.Constant] = {}

    def number(self, value: float) -> ir.Constant:
        """Return a single-precision number in every lane."""
        exact = np.float32(value)
        return self._constant(self.floats, FLOAT, float(exact), exact.tobytes())

    def integer(self, value: int) -> ir.Constant:
        """Return an integer in every lane."""
        return self._constant(self.ints, INT, value, value)

    def truth(self, value: bool) -> ir.Constant:
        """Return a truth value in every lane."""
        return self._constant(self.truths, BIT, int(value), value)

    def _constant(self, kind: Any, element: Any, value: float, key: Any) -> ir.Constant:
        """Return the one constant of a kind and value."""
        if (str(kind), key) not in self._constants:
            made = ir.Constant(kind, [ir.Constant(element, value)] * self.width)
            self._constants[str(kind), key] = made
        return self._constants[str(kind), key]

    def intrinsic(self, name: str, *arguments: Any) -> Any:
        """Call an operation that the target has an instruction for."""
        module = self.b.module
        kind = ir.FunctionType(self.floats, [self.floats] * len(arguments))
        full = f"llvm.{name}.v{self.width}f32"
        function = module.globals.get(full) or ir.Function(module, kind, full)
        return self.b.call(function, arguments, fastmath=CONTRACT)

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b."""
        return self.b.fadd(a, b, flags=CONTRACT)

    def sub(self, a: Any, b: Any) -> Any:
        """Return a - b."""
        return self.b.fsub(a, b, flags=CONTRACT)

    def mul(self, a: Any, b: Any) -> Any:
        """Return a b."""
        return self.b.fmul(a, b, flags=CONTRACT)

    def div(self, a: Any, b: Any) -> Any:
        """Return a / b; inside a loop the compiler may divide once and multiply by the reciprocal."""
        return self.b.fdiv(a, b, flags=(*CONTRACT, "arcp") if self.is_inside_loop else CONTRACT)

    def rsqrt(self, x: Any) -> Any:
        """Return 1 / sqrt(x) for x > 0; inside a loop without the slow unit for roots and divisions."""
        b = self.b
        if not self.is_inside_loop:
            return b.fdiv(self.number(1), self.intrinsic("sqrt", x))
        half = b.lshr(b.bitcast(x, self.ints), self.integer(1))
        guess = b.bitcast(b.sub(self.integer(ROOT_BITS), half), self.floats)
        lacking = self.sub(self.number(1), self.mul(self.mul(x, guess), guess))
        more = self.mul(self.mul(guess, lacking), self.polynomial(lacking, ROOT_SERIES))
        return self.add(guess, more)

    def polynomial(self, x: Any, coefficients: Sequence[Any]) -> Any:
        """Return a polynomial by Horner's rule, highest power first; coefficients are numbers or vectors."""
        total, *others = (self.number(c) if isinstance(c, float | int) else c for c in coefficients)
        for coefficient in others:
            total = self.add(self.mul(total, x), coefficient)
        return total

    def minimum(self, a: Any, b: Any) -> Any:
        """Return the smaller; an undefined a stays undefined."""
        return self.b.select(self.b.fcmp_ordered(">", a, b), b, a)

    def maximum(self, a: Any, b: Any) -> Any:
        """Return the larger; an undefined a stays undefined."""
        return self.b.select(self.b.fcmp_ordered("<", a, b), b, a)

    def exp(self, x: Any) -> Any:
        """Return the exponential; 0 below -87.3, infinite above 88.7."""
        b = self.b
        bounded = self.minimum(self.maximum(x, self.number(-87.3)), self.number(88.7))
        # What is added leaves the nearest whole number in the last bits.
        shifted = b.fadd(b.fmul(bounded, self.number(1.44269504088896341)), self.number(ROUNDING))
        n = b.fsub(shifted, self.number(ROUNDING))
        r = self.sub(bounded, self.mul(n, self.number(0.693359375)))
        r = self.add(r, self.mul(n, self.number(2.12194440e-4)))
        series = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
        # Pairs of terms do not wait for one another (Estrin's scheme).
        pairs = [self.polynomial(r, series[i : i + 2]) for i in range(0, len(series), 2)]
        one_more = self.add(r, self.number(1))
        value = self.polynomial(self.mul(r, r), [*pairs, one_more])
        # Within the bounds the power of two is a normal number, so it may be added to the exponent.
        power = b.shl(b.bitcast(shifted, self.ints), self.integer(MANTISSA_BITS))
        value = b.bitcast(b.add(b.bitcast(value, self.ints), power), self.floats)
        value = b.select(b.fcmp_ordered("<", x, self.number(-87.3)), self.number(0), value)
        return b.select(b.fcmp_ordered(">", x, self.number(88.7)), self.number(float("inf")), value)

    def log(self, x: Any) -> Any:
        """Return the natural logarithm; -infinite at 0, undefined below."""
        b = self.b
        bits = b.bitcast(x, self.ints)
        exponent = b.sub(b.lshr(bits, self.integer(MANTISSA_BITS)), self.integer(BIAS - 1))
        kept = b.or_(b.and_(bits, self.integer(MANTISSA_MASK)), self.integer(HALF_BITS))
        mantissa, power = b.bitcast(kept, self.floats), b.sitofp(exponent, self.floats)
        is_small = b.fcmp_ordered("<", mantissa, self.number(0.707106781186547524))
        power = self.sub(power, b.select(is_small, self.number(1), self.number(0)))
        doubled = b.select(is_small, self.add(mantissa, mantissa), mantissa)
        value = self._log_near_one(self.sub(doubled, self.number(1)), power)
        value = b.select(b.fcmp_ordered("==", x, self.number(0)), self.number(float("-inf")), value)
        value = b.select(b.fcmp_ordered("==", x, self.number(float("inf"))), x, value)
        return b.select(b.fcmp_unordered("<", x, self.number(0)), self.number(float("nan")), value)

    def _log_near_one(self, r: Any, power: Any) -> Any:
        """Return log(1 + r) plus a power of two's logarithm."""
        series = (
            7.0376836292e-2,
            -1.1514610310e-1,
            1.1676998740e-1,
            -1.2420140846e-1,
            1.4249322787e-1,
            -1.6668057665e-1,
            2.0000714765e-1,
            -2.4999993993e-1,
            3.3333331174e-1,
        )
        square = self.mul(r, r)
        y = self.mul(self.mul(r, square), self.polynomial(r, series))
        y = self.add(y, self.mul(power, self.number(-2.12194440e-4)))
        y = self.sub(y, self.mul(square, self.number(0.5)))
        return self.add(self.add(r, y), self.mul(power, self.number(0.693359375)))

    def log1p(self, x: Any) -> Any:
        """Return log(1 + x), exact to rounding for small x."""
        b = self.b
        u = b.fadd(x, self.number(1))
        shifted = b.fsub(u, self.number(1))
        is_tiny = b.fcmp_ordered("==", shifted, self.number(0))
        safe = b.select(is_tiny, self.number(1), shifted)
        return b.select(is_tiny, x, b.fmul(self.log(u), b.fdiv(x, safe)))

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the power y for x >= 0."""
        return self.exp(self.mul(y, self.log(x)))

    def cos(self, x: Any) -> Any:
        """Return the cosine for moderate arguments (radian, below a thousand)."""
        b = self.b
        n = self.intrinsic("rint", self.mul(x, self.number(0.636619772367581343)))
        r = x
        for part in (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8):
            r = self.sub(r, self.mul(n, self.number(part)))
        square = self.mul(r, r)
        sine = self.polynomial(square, (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1))
        sine = self.add(r, self.mul(self.mul(r, square), sine))
        cosine = self.polynomial(
            square, (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2, -0.5, 1)
        )
        quarter = b.fptosi(n, self.ints)
        is_odd = b.icmp_signed("!=", b.and_(quarter, self.integer(1)), self.integer(0))
        value = b.select(is_odd, sine, cosine)
        turned = b.and_(b.add(quarter, self.integer(1)), self.integer(2))
        return b.select(b.icmp_signed("!=", turned, self.integer(0)), b.fneg(value), value)

    def acos(self, x: Any) -> Any:
        """Return the angle (radian) of a cosine between -1 and 1."""
        b = self.b
        size = self.intrinsic("fabs", x)
        is_large = b.fcmp_ordered(">", size, self.number(0.5))
        small_square = self.mul(size, size)
        large_square = self.mul(self.sub(self.number(1), size), self.number(0.5))
        z = b.select(is_large, large_square, small_square)
        root = b.select(is_large, self.intrinsic("sqrt", large_square), size)
        series = (4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1)
        asin = self.add(root, self.mul(self.mul(root, z), self.polynomial(z, series)))
        half_pi, is_negative = self.number(np.pi / 2), b.fcmp_ordered("<", x, self.number(0))
        near = b.select(is_negative, self.add(half_pi, asin), self.sub(half_pi, asin))
        double = self.add(asin, asin)
        far = b.select(is_negative, self.sub(self.number(np.pi), double), double)
        return b.select(is_large, far, near)
