"""One level for all statistical tests.

The whole family of comparisons in a run is allowed to fail by chance once in a million runs; ``FAMILY`` is an upper
bound on their number. Seeds are fixed, so a test fails always or never. Every law has a companion test in which a
rate is 5 % off and the same comparison must fail: a test that cannot fail shows nothing.
"""

import numpy as np
from scipy.stats import chi2, norm

ALPHA = 1e-6
FAMILY = 20_000

Z_BOUND = float(norm.isf(ALPHA / FAMILY / 2))
"""Largest |Z| that one comparison may show (6.6)."""


def z_of_mean(samples: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Z of sample means along axis 0 against an exact mean and variance; 0 where nothing varies and all agree."""
    error = np.sqrt(np.asarray(variance) / samples.shape[0])
    difference = samples.mean(axis=0) - mean
    exact = np.abs(difference) <= 1e-9 * (1 + np.abs(mean))
    return np.where(exact, 0.0, difference / np.where(error > 0, error, 1e-300))


def z_of_covariance(first: np.ndarray, second: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Z of sample covariances along axis 0, with the standard error estimated from the samples."""
    product = (first - first.mean(axis=0)) * (second - second.mean(axis=0))
    error = product.std(axis=0) / np.sqrt(len(product))
    difference = product.mean(axis=0) - covariance
    exact = np.abs(difference) <= 1e-9 * (1 + np.abs(covariance))
    return np.where(exact, 0.0, difference / np.where(error > 0, error, 1e-300))


def agrees(z: np.ndarray) -> bool:
    """Whether every Z is within the bound."""
    return bool(np.all(np.abs(z) < Z_BOUND))


def chi2_agrees(observed: np.ndarray, expected: np.ndarray) -> bool:
    """Pearson's test of counts against expectations of at least 5, at the level of one comparison."""
    statistic = ((observed - expected) ** 2 / expected).sum()
    return bool(chi2.sf(statistic, len(expected) - 1) > ALPHA / FAMILY)
