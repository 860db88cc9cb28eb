"""Simulation-based calibration of the whole pipeline: events engine, Observations, exact likelihood, sampler.

The short run looks at two parameters of many small experiments; the long one (``-m long``) is that of the page on
calibration. Level: 0.001 for all parameters together, of uniform ranks and of their mean.
"""

import numpy as np
import pytest

from synmodel.inference import Design, calibrate, centring, coverage, uniformity
from synmodel.inference.dendrites.calibration import laboratory_priors, shifted

LEVEL = 0.001


def passes(calibration, bins):
    p = np.minimum(uniformity(calibration, bins=bins), centring(calibration))
    return bool((p > LEVEL / (2 * p.size)).all())


SMALL = Design(arms=("saline",), mice=3, dendrites=12, sessions=(0.0, 2.0, 4.0), length_um=40.0)


@pytest.mark.slow
def test_a_short_calibration():
    """Formation decides little experiments: 60 of them would show a posterior of formation that is off by a third."""
    calibration = calibrate(SMALL, "none", parameters=laboratory_priors(drugs=()), replicates=60, size=512, seed=3)
    assert calibration["rank"].shape == (60, 7)
    assert passes(calibration, bins=5)
    assert (coverage(calibration, 0.9) > 0.75).all()
    assert not passes(shifted(calibration, "lab.formation", 1.3), bins=5)


def test_a_replicate_does_not_depend_on_the_others():
    both = calibrate(SMALL, "none", parameters=laboratory_priors(drugs=()), replicates=2, size=64, draws=19, seed=3)
    second = calibrate(
        SMALL, "none", parameters=laboratory_priors(drugs=()), replicates=1, first=1, size=64, draws=19, seed=3
    )
    np.testing.assert_array_equal(both["posterior"].sel(replicate=1), second["posterior"].sel(replicate=1))
    assert (both["truth"].sel(replicate=0) != both["truth"].sel(replicate=1)).all()


FRACTIONS = Design(arms=("saline",), mice=2, dendrites=5, sessions=(0.0, 2.0, 4.0, 6.0), fractions=True)


@pytest.mark.slow
def test_a_short_calibration_of_fractions():
    """Densities and fractions alone, of dendrites whose numbers of spines they leave open."""
    calibration = calibrate(FRACTIONS, "none", parameters=laboratory_priors(drugs=()), replicates=30, size=512, seed=5)
    assert calibration["rank"].shape == (30, 10)
    assert passes(calibration, bins=5)
    assert (coverage(calibration, 0.9) > 0.7).all()
    assert not passes(shifted(calibration, "lab.length_median", 1.3), bins=5)
    assert not passes(shifted(calibration, "lab.formation", 1.5), bins=5)


@pytest.mark.long
def test_fractions_are_calibrated():
    """200 experiments; a posterior of formation that is 10 % off, or of the length that is 5 % off, is caught."""
    calibration = calibrate(FRACTIONS, "none", parameters=laboratory_priors(drugs=()), replicates=200, size=512, seed=5)
    assert passes(calibration, bins=10)
    assert not passes(shifted(calibration, "lab.formation", 1.1), bins=10)
    assert not passes(shifted(calibration, "lab.length_median", 1.05), bins=10)


@pytest.mark.long
def test_the_whole_pipeline_is_calibrated():
    """500 experiments of two arms, ten parameters: ranks, coverage, and a posterior that is 5 % off is caught."""
    calibration = calibrate(
        Design(), "formation+elimination", parameters=laboratory_priors(), replicates=500, size=1024, seed=1
    )
    assert passes(calibration, bins=20)
    held = coverage(calibration, 0.9)
    assert ((held > 0.86) & (held < 0.94)).all()
    assert not passes(shifted(calibration, "lab.formation", 1.05), bins=20)
