"""A repartitioned problem has the evidence and the posterior of the problem itself, wherever it was centred."""

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import norm

from synmodel.core.errors import FitError
from synmodel.inference.dendrites.repartition import Repartition, cube_of, repartition
from synmodel.inference.sampling import importance, nested

# Counts with a gamma prior on their mean, one per dimension: evidence negative binomial, posterior gamma.
COUNTS = np.array([0, 1, 7, 40])
SHAPE, RATE = 2.0, 0.5


def log_likelihood_at(u):
    from scipy.stats import gamma

    mean = gamma.ppf(u, SHAPE, scale=1 / RATE)
    return float((COUNTS * np.log(mean) - mean - gammaln(COUNTS + 1)).sum())


EVIDENCE = float(
    (
        gammaln(COUNTS + SHAPE)
        - gammaln(SHAPE)
        - gammaln(COUNTS + 1)
        + SHAPE * np.log(RATE)
        - (COUNTS + SHAPE) * np.log1p(RATE)
    ).sum()
)


@pytest.fixture(scope="module")
def problem():
    return repartition(log_likelihood_at, len(COUNTS), seed=1)


def posterior_means(sample):
    from scipy.stats import gamma

    values = gamma.ppf([cube_of(z) for z in sample.points], SHAPE, scale=1 / RATE)
    return np.exp(sample.log_weight) @ values


@pytest.mark.parametrize(("sampler", "size", "error"), [(importance, 16384, 0.01), (nested, 300, 0.35)])
def test_evidence_and_means_of_gamma_and_poisson(problem, sampler, size, error):
    sample = sampler(problem.log_likelihood, problem.prior_transform, len(COUNTS), seed=5, size=size)
    assert sample.log_evidence == pytest.approx(EVIDENCE, abs=error)
    exact = (COUNTS + SHAPE) / (1 + RATE)
    spread = np.sqrt(COUNTS + SHAPE) / (1 + RATE) / np.sqrt(sample.effective_size)
    assert np.abs(posterior_means(sample) - exact).max() < 5 * spread.max()
    assert np.any(np.abs(1.05 * posterior_means(sample) - exact) > 5 * spread) or sampler is nested


def test_a_five_percent_error_of_the_evidence_would_be_seen(problem):
    sample = importance(problem.log_likelihood, problem.prior_transform, len(COUNTS), seed=5, size=16384)
    assert abs(sample.log_evidence + np.log(1.05) - EVIDENCE) > 0.01


def test_a_bad_centre_costs_weights_and_not_truth(problem):
    """Half a standard deviation of the prior away and as wide as it."""
    away = Repartition(log_likelihood_at, problem.centre + 0.5, np.eye(len(COUNTS)))
    size = 16384
    sample, good = (
        importance(each.log_likelihood, each.prior_transform, len(COUNTS), seed=2, size=size)
        for each in (away, problem)
    )
    assert sample.log_evidence == pytest.approx(EVIDENCE, abs=0.03)
    assert sample.effective_size < 0.5 * good.effective_size


def test_density_and_transform_are_of_one_law(problem):
    """Mean of pi / pi' over points of pi' is 1, for any density pi: a normal one here."""
    points = np.array([problem.prior_transform(u) for u in np.random.default_rng(3).random((40_000, len(COUNTS)))])
    inner = Repartition(lambda _: 0.0, problem.centre, problem.axes)
    target = np.array([norm.logpdf(np.linalg.solve(problem.axes, z - problem.centre)).sum() for z in points])
    target -= np.linalg.slogdet(problem.axes)[1]
    ratio = np.exp(target - np.array([inner.log_density(z) for z in points]))
    assert ratio.mean() == pytest.approx(1.0, abs=5 * ratio.std() / np.sqrt(len(ratio)))
    assert abs(1.05 * ratio.mean() - 1.0) > 5 * ratio.std() / np.sqrt(len(ratio))


def test_the_same_seed_gives_the_same_problem(problem):
    again = repartition(log_likelihood_at, len(COUNTS), seed=1)
    np.testing.assert_array_equal(again.axes, problem.axes)
    np.testing.assert_array_equal(again.centre, problem.centre)


def test_a_likelihood_without_a_finite_value_is_refused():
    with pytest.raises(FitError, match="none of 2 starts"):
        repartition(lambda _: -np.inf, 2, seed=1)
