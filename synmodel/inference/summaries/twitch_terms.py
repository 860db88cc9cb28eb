r"""Terms of the likelihood of head twitches: squares that add up to -2 log L up to a constant.

A number k of negative-binomial law with mean mu and size r, the sum of n of them being one with n mu and n r::

    -2 log P(k) = dev(k; mu, r) + norm(k; r) + constant
    dev  = 2 [k ln(k / mu) - (k + r) ln((k + r) / (mu + r))]                  0 at mu = k
    norm = 2 [ln G(r) - ln G(k + r) + (k + r) ln(k + r) - r ln r - k]         above 0, of the dispersion alone

with r = 1 / cv^2 and the constant that of a Poisson law with mean k, which no negative-binomial law surpasses. A
sample variance s^2 of n mice is taken as if numbers were normal: (n - 1) [q - 1 - ln q] with q = s^2 / v and the
variance v = mu + cv^2 mu^2.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

__all__ = ["count_deviance", "dispersion_norm", "signed_root", "variance_deviance"]

Array = NDArray[np.float64]


def count_deviance(count: Array, mean: Array, size: Array) -> Array:
    """Deviance of negative-binomial counts, which may be sums or not whole; of any common shape."""
    ratio = (count + size) / (mean + size)
    deviance: Array = 2.0 * (xlogy(count, count / mean) - (count + size) * np.log(ratio))
    return np.maximum(deviance, 0.0)


def dispersion_norm(count: Array, size: Array) -> Array:
    """What the best mean still lacks against a Poisson law, above 0; of any common shape."""
    both = count + size
    # Differences of large numbers: a nearly Poisson law has size 1e4 and more.
    lacking = gammaln(size) - gammaln(both) + both * np.log(both) - size * np.log(size) - count
    return np.maximum(2.0 * lacking, 0.0)


def variance_deviance(variance: Array, expected: Array, mice: Array) -> Array:
    """Deviance of sample variances of so many mice, as if numbers were normal; of any common shape."""
    ratio = variance / expected
    deviance: Array = (mice - 1.0) * (ratio - 1.0 - np.log(ratio))
    return np.maximum(deviance, 0.0)


def signed_root(deviance: Array, difference: Array) -> Array:
    """Square roots of deviances with the sign of seen minus expected."""
    return np.copysign(np.sqrt(deviance), difference)
