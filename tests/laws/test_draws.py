"""Compiled draws against scipy's laws."""

import numpy as np
import pytest
from level import chi2_agrees
from scipy import stats

from synmodel.core.randomness import stream_key, uniform_array
from synmodel.core.randomness.variates import binomial, poisson

DRAWS = 40_000


def binned(samples, law):
    """Counts and expectations in bins of neighbouring values that expect at least 5."""
    last = int(law.ppf(1 - 1e-12)) + 1
    probability = np.append(law.pmf(np.arange(last)), law.sf(last - 1))
    counts = np.bincount(np.minimum(samples, last), minlength=last + 1)
    observed, expected = [0.0], [0.0]
    for count, mean in zip(counts, probability * len(samples), strict=True):
        if expected[-1] >= 5:
            observed.append(0.0)
            expected.append(0.0)
        observed[-1] += count
        expected[-1] += mean
    if expected[-1] < 5:
        observed[-2:] = [sum(observed[-2:])]
        expected[-2:] = [sum(expected[-2:])]
    return np.array(observed), np.array(expected)


@pytest.mark.parametrize("mean", [0.003, 0.7, 5.0, 40.0, 64.5, 300.0])
def test_poisson(mean):
    key = stream_key(7, "test")
    samples = np.array([poisson(mean, *key, i, 2, 3, 1) for i in range(DRAWS)])
    assert chi2_agrees(*binned(samples, stats.poisson(mean)))
    if mean > 0.1:
        assert not chi2_agrees(*binned(samples, stats.poisson(1.05 * mean)))


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (12, 0.02), (35, 0.5), (60, 0.97), (500, 0.4), (5000, 0.9)])
def test_binomial(n, p):
    key = stream_key(8, "test")
    samples = np.array([binomial(n, p, *key, i, 0, 5, 2) for i in range(DRAWS)])
    assert chi2_agrees(*binned(samples, stats.binom(n, p)))
    if n > 12:
        assert not chi2_agrees(*binned(samples, stats.binom(n, 0.95 * p)))


def test_binomial_at_the_ends():
    key = stream_key(8, "test")
    assert binomial(0, 0.5, *key, 0, 0, 0, 0) == 0
    assert binomial(9, 0.0, *key, 0, 0, 0, 0) == 0
    assert binomial(9, 1.0, *key, 0, 0, 0, 0) == 9
    assert poisson(0.0, *key, 0, 0, 0, 0) == 0


def test_draws_are_monotone_in_their_parameter():
    """Shared uniforms keep scenarios close: more formation in one can never mean fewer draws."""
    key = stream_key(9, "test")
    for i in range(200):
        poissons = [poisson(mean, *key, i, 0, 0, 0) for mean in (0.5, 1.0, 5.0, 20.0, 60.0)]
        binomials = [binomial(40, p, *key, i, 0, 0, 0) for p in (0.05, 0.3, 0.49, 0.51, 0.8)]
        assert poissons == sorted(poissons)
        assert binomials == sorted(binomials)


def test_uniforms_are_uniform_and_uncorrelated():
    key = stream_key(1, "test")
    u = uniform_array(key, np.arange(200_000), 0)
    counted = np.bincount((u * 100).astype(int), minlength=100)
    assert chi2_agrees(counted, np.full(100, 2000.0))
    assert u.min() > 0
    assert u.max() < 1
    for shift in (1, 2, 7):
        assert abs(np.corrcoef(u[:-shift], u[shift:])[0, 1]) < 6 / np.sqrt(len(u))
    other = uniform_array(key, np.arange(200_000), 1)
    assert abs(np.corrcoef(u, other)[0, 1]) < 6 / np.sqrt(len(u))
