"""Shares of variance and expected reductions against closed forms of a linear Gaussian model; 5 % off is caught."""

import numpy as np
import pytest
from level import Z_BOUND

from synmodel.analysis.measuring import expected_reduction, share_known, sobol_normal

WEIGHTS = np.array([[1.0, 2.0, 0.5], [0.3, -1.0, 1.5]])  # (conclusion, factor)
N = 300_000
PLANTED = 1.05
QUASI_ERROR = 1e-3


def error_of_share(rho2, n):
    """Standard error of a squared correlation of n independent normal pairs, to first order."""
    return 2 * np.sqrt(rho2) * (1 - rho2) / np.sqrt(n)


def test_sobol_indices_of_a_linear_model():
    """S_i = T_i = a_i^2 / sum a^2; a bilinear term adds to the total alone."""
    exact = (WEIGHTS**2 / (WEIGHTS**2).sum(axis=1, keepdims=True)).T
    found, variance = sobol_normal(lambda z: WEIGHTS @ z, 3, points=8192, seed=1, resamples=50)
    assert variance == pytest.approx((WEIGHTS**2).sum(axis=1), rel=0.005)
    # A Sobol sequence has no standard error: its estimates are far closer than those of as many independent points.
    assert np.abs(found[:, 0] - exact).max() < QUASI_ERROR
    assert np.abs(found[:, 0] - PLANTED * exact).min() > QUASI_ERROR
    assert ((found[:, 1] < exact) & (exact < found[:, 2])).all()
    # z_0 + z_1 z_2: half the variance is an interaction
    both = sobol_normal(lambda z: np.array([z[0] + z[1] * z[2]]), 3, points=4096, seed=1, resamples=10)[0][:, 0, :, 0]
    assert both == pytest.approx(np.array([[0.5, 0.0, 0.0], [0.5, 0.5, 0.5]]), abs=0.02)


@pytest.fixture(scope="module")
def sample():
    """Correlated numbers, conclusions and two observables, jointly normal with a known covariance."""
    generator = np.random.default_rng(7)
    z = generator.standard_normal((N, 3))
    mixing = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.5, np.sqrt(0.75)]])
    observing = np.array([[1.0, 0.0, 1.0], [0.0, 2.0, 0.5]])
    numbers = z @ mixing.T
    return numbers, numbers @ WEIGHTS.T, numbers @ observing.T, mixing @ mixing.T, observing


def test_shares_of_correlated_numbers(sample):
    """Var(E[C | x]) / Var(C) is the squared correlation."""
    numbers, conclusions, _, covariance, _ = sample
    between = covariance @ WEIGHTS.T
    exact = between**2 / np.diag(covariance)[:, None] / np.einsum("ij,jk,ik->i", WEIGHTS, covariance, WEIGHTS)
    found, error = share_known(conclusions, numbers), error_of_share(exact, N)
    assert (np.abs(found - exact) < Z_BOUND * error).all()
    assert np.abs(found - PLANTED * exact).max() > Z_BOUND * error.max()


@pytest.mark.parametrize("error_sd", [(0.0, 0.0), (0.5, 1.0), (3.0, 3.0)])
def test_expected_reductions(sample, error_sd):
    """c' (S + R)^-1 c / Var(C)."""
    _, conclusions, observed, covariance, observing = sample
    spread = observing @ covariance @ observing.T + np.diag(np.square(error_sd))
    between = observing @ covariance @ WEIGHTS.T
    variance = np.einsum("ij,jk,ik->i", WEIGHTS, covariance, WEIGHTS)
    exact = (between * np.linalg.solve(spread, between)).sum(axis=0) / variance
    # errors of a measurement are integrated out, so the sample tells more than its own noise would let it
    found, error = expected_reduction(conclusions, observed, np.array(error_sd)), error_of_share(exact, N)
    assert (np.abs(found - exact) < Z_BOUND * error + 1e-9).all()
    assert (np.abs(found - PLANTED * exact) > Z_BOUND * error).any()


def test_the_posterior_variance_is_that_of_bayes(sample):
    """One minus the reduction is the variance that conditioning on any outcome leaves: sampled by a normal update."""
    _, conclusions, observed, *_ = sample
    generator = np.random.default_rng(8)
    seen = observed[:, 0] + 0.7 * generator.standard_normal(N)
    left = conclusions[:, 0] - np.polyval(np.polyfit(seen, conclusions[:, 0], 1), seen)
    found = 1 - expected_reduction(conclusions, observed[:, :1], np.array([0.7]))[0]
    assert found == pytest.approx(left.var() / conclusions[:, 0].var(), rel=0.01)


def test_chance_is_taken_off():
    """What has nothing to do with a conclusion tells nothing of it on average, however few the draws."""
    generator = np.random.default_rng(9)
    shares, reductions = [], []
    for _ in range(2000):
        conclusion, other = generator.standard_normal((40, 1)), generator.standard_normal((40, 2))
        shares.append(share_known(conclusion, other).mean())
        reductions.append(expected_reduction(conclusion, other, np.array([0.5, 0.5]))[0])
    for found in (shares, reductions):
        assert abs(np.mean(found)) < Z_BOUND * np.std(found) / np.sqrt(len(found))


def test_what_does_not_vary_has_no_share():
    conclusions = np.random.default_rng(1).standard_normal((50, 1))
    assert share_known(conclusions, np.zeros((50, 2))).tolist() == [[0.0], [0.0]]
    assert expected_reduction(conclusions, np.zeros((50, 1)), np.array([0.0]))[0] == 0.0
