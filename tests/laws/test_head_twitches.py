"""Simulated head twitches against the negative-binomial law, each with a companion in which a number is 5 % off."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from level import Z_BOUND, agrees, chi2_agrees, z_of_covariance, z_of_mean
from scipy.stats import nbinom

from synmodel.core.schema import EXPOSURE
from synmodel.imaging.head_twitches import HeadTwitches, count_twitches, expected_twitches

MINUTES = np.arange(0.0, 61.0)
EDGES = np.array([0.0, 10.0, 60.0]) / 1440
ASSAY = HeadTwitches(baseline=300.0, maximum=3000.0, exponent=1.3, fading=30.0, cv_animal=0.4)


def exposure_of_course(agonism):
    """An Exposure in which nothing but the membrane receptor is engaged."""
    asked = [name for name, quantity in EXPOSURE.variables.items() if not quantity.optional]
    nothing = {name: ("time", np.zeros(len(MINUTES))) for name in asked if "concentration" not in name}
    empty = {name: (("time", "compound"), np.zeros((len(MINUTES), 0))) for name in asked if "concentration" in name}
    content = {**empty, **nothing, "agonism_5ht2a": ("time", agonism)}
    return xr.Dataset(content, {"time": MINUTES / 1440, "compound": np.array([], dtype=object)})


EXPOSED = exposure_of_course(0.7 * np.exp(-MINUTES / 40))


@pytest.fixture(scope="module")
def counts():
    """(mouse, bin) numbers of 80,000 mice."""
    seen = count_twitches(EXPOSED, ASSAY, EDGES, animals=4, replicates=20_000, seed=11)["count"]
    return seen.transpose("replicate", "animal", "time").to_numpy().reshape(-1, 2)


def z_of_counts(counts, assay):
    mean = expected_twitches(assay, EXPOSED, EDGES)
    variance = assay.variance(mean)
    square = (counts - mean) ** 2
    between = z_of_covariance(counts[:, 0], counts[:, 1], assay.cv_animal**2 * mean[0] * mean[1])
    of_square = (square.mean(axis=0) - variance) / (square.std(axis=0) / np.sqrt(len(square)))
    return np.concatenate([z_of_mean(counts, mean, variance), of_square, [between]])


def test_numbers_have_the_moments_of_the_law(counts):
    assert agrees(z_of_counts(counts, ASSAY))


@pytest.mark.parametrize(
    "planted",
    [{"baseline": 315.0}, {"maximum": 3150.0}, {"fading": 36.0}, {"cv_animal": 0.43}],
    ids=lambda change: next(iter(change)),
)
def test_an_assay_off_is_caught(counts, planted):
    assert not agrees(z_of_counts(counts, replace(ASSAY, **planted)))


def binned(counts, mean):
    size = ASSAY.cv_animal**-2
    law = nbinom(size, size / (size + mean))
    edges = law.ppf(np.linspace(0, 1, 12)[1:-1])
    cuts = np.unique(edges)
    probability = np.diff(np.concatenate([[0.0], law.cdf(cuts), [1.0]]))
    seen = np.bincount(np.searchsorted(cuts, counts), minlength=len(cuts) + 1)
    return seen, len(counts) * probability


def test_numbers_of_a_bin_are_negative_binomial(counts):
    mean = expected_twitches(ASSAY, EXPOSED, EDGES)
    for bin_ in range(2):
        assert chi2_agrees(*binned(counts[:, bin_], mean[bin_]))
        assert not chi2_agrees(*binned(counts[:, bin_], 1.05 * mean[bin_]))


def test_without_variation_numbers_are_poisson():
    plain = replace(ASSAY, cv_animal=0.0)
    seen = count_twitches(EXPOSED, plain, EDGES, animals=4, replicates=20_000, seed=12)["count"]
    first = seen.isel(time=0).to_numpy().ravel()
    mean = expected_twitches(plain, EXPOSED, EDGES)[0]
    square = (first - mean) ** 2
    assert abs(z_of_mean(first, mean, mean)) < Z_BOUND
    assert abs(square.mean() - mean) < Z_BOUND * square.std() / np.sqrt(len(square))
    assert abs(square.mean() - 1.05 * mean) > Z_BOUND * square.std() / np.sqrt(len(square))
