"""Logarithm and exponential from additions, products, one division and moves of bits.

A call into the C library keeps a loop from being vectorised, and its last bit may differ between libraries. These two
are the same bits in a vector, in a scalar and in the interpreter, and within one unit in the last place of the true
value. Algorithms and coefficients are those of fdlibm (Sun Microsystems 1993, freely distributable).
"""

import numpy as np

from synmodel.core.compiled import inlined

__all__ = ["exp", "log"]

_ROOT_HALF_UP = 1.4142135623730951
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_ONE = np.uint64(0x3FF0000000000000)
_TWO_52 = np.uint64(0x4330000000000000)
_EXPONENT = np.uint64(52)
_EXPONENT_SIGNED = np.int64(52)
_BIAS = 4503599627370496.0 + 1023.0
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_PER_LN2 = 1.44269504088896338700e00
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest whole number in the low bits


@inlined
def log(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a positive normal number."""
    bits = np.float64(x).view(np.uint64)
    m = np.uint64((bits & _MANTISSA) | _ONE).view(np.float64)
    k = np.uint64((bits >> _EXPONENT) | _TWO_52).view(np.float64) - _BIAS
    high = m > _ROOT_HALF_UP
    f = (0.5 * m if high else m) - 1.0
    k = k + (1.0 if high else 0.0)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + (even + odd)) + k * _LN2_LOW)) - f)


@inlined
def exp(x):  # type: ignore[no-untyped-def]
    """Exponential of x, which is held within -700 and 700."""
    x = min(max(x, -700.0), 700.0)
    shifted = x * _PER_LN2 + _ROUND
    k = shifted - _ROUND
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (
        1.66666666666666019037e-01
        + t
        * (
            -2.77777777770155933842e-03
            + t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))
        )
    )
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    scale = np.int64(np.float64(shifted).view(np.int64) << _EXPONENT_SIGNED)
    return np.int64(np.float64(y).view(np.int64) + scale).view(np.float64)
