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
from scipy.special import gammaln, psi, xlogy

__all__ = [
    "count_deviance",
    "count_root_slopes",
    "dispersion_norm",
    "dispersion_norm_slopes",
    "root_slopes",
    "signed_root",
    "variance_deviance",
    "variance_root_slopes",
]

Array = NDArray[np.float64]
_NEAR = 1e-4


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


def count_root_slopes(count: Array, mean: Array, size: Array) -> tuple[Array, Array]:
    """Slopes of signed roots of :func:`count_deviance` in mean and size."""
    root = signed_root(count_deviance(count, mean, size), count - mean)
    in_mean = root_slopes(
        root,
        mean - count,
        mean * (mean + size) / size,
        count * (count + size) / size,
        (2.0 * count + size) / size,
        count,
    )
    x = (count - mean) / (mean + size)
    lacking = np.where(np.abs(x) < _NEAR, x**2 * (0.5 - x / 3.0 + x**2 / 4.0), x - np.log1p(x))
    with np.errstate(divide="ignore", invalid="ignore"):
        in_size = np.where(root != 0.0, lacking / root, 0.0)
    return in_mean, in_size


def dispersion_norm_slopes(count: Array, size: Array) -> Array:
    """Slopes of :func:`dispersion_norm` in size."""
    return np.asarray(2.0 * (psi(size) - psi(count + size) + np.log((count + size) / size)))


def variance_root_slopes(variance: Array, expected: Array, mice: Array) -> Array:
    """Slopes of signed roots of :func:`variance_deviance` in the expected variance."""
    root = signed_root(variance_deviance(variance, expected, mice), variance - expected)
    scale = 2.0 / (mice - 1.0)
    return root_slopes(
        root, expected - variance, scale * expected**2, scale * variance**2, 2.0 * scale * variance, 1.0 / scale
    )


def root_slopes(root: Array, distance: Array, width: Array, at_zero: Array, rise: Array, count: Array) -> Array:
    """Slopes of signed roots r of deviances D in x, where D' = 2 d / w, d = x - x_0 and r has the sign of -d.

    Near d = 0, where r and d are both rounding, r' = -(1 - 2 w_0' d / 3 w_0) / sqrt(w_0).

    Parameters
    ----------
    root, distance, width : ndarray
        r, d and w, of any shape.
    at_zero, rise : ndarray
        w and its slope at x_0.
    count : ndarray
        Of how many events the deviance is: the series is for r^2 below 1e-8 of it.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = distance / (width * root)
        series = -(1.0 - 2.0 * rise * distance / (3.0 * at_zero)) / np.sqrt(at_zero)
        near = distance**2 < _NEAR**2 * count * at_zero
    return np.where(near, series, exact)
