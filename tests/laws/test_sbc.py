"""Simulation-based calibration of the whole pipeline: events engine, Observations, exact likelihood, sampler.

The short run looks at two parameters of many small experiments; the long one (``-m long``) is that of the page on
calibration. Level: each p-value of uniformity is compared with 0.001 divided by the number of parameters.
"""

from dataclasses import replace

import numpy as np
import pytest

from synmodel.inference import Design, calibrate, coverage, uniformity
from synmodel.inference.dendrites import parameters_for
from synmodel.parameters import ParameterSet, Prior

LEVEL = 0.001
SPREAD = {
    "formation": 0.4,
    "loss_nascent": 0.4,
    "maturation": 0.4,
    "loss_mature": 0.4,
    "formation_fold": 0.5,
    "elimination_fold": 0.4,
    "decay": 0.5,
}


def priors(drugs=("psilocybin",)):
    """Priors narrow enough that an experiment drawn from them is one that a laboratory could see."""
    base, chosen = parameters_for(["lab"], [], drugs), []
    for parameter in base.values():
        key = parameter.name.partition(".")[2]
        if key in SPREAD:
            centre = 2.0 if key == "formation_fold" else parameter.prior.centre
            chosen.append(replace(parameter, prior=Prior(centre, SPREAD[key])))
        elif key.startswith("formation_cv"):
            chosen.append(replace(parameter, upper=0.8))
    return ParameterSet(chosen)


def passes(calibration, bins):
    p = uniformity(calibration, bins=bins)
    return bool((p > LEVEL / p.size).all())


def planted(calibration, name, factor):
    """The calibration of a pipeline whose posterior of one parameter is off by a factor."""
    shifted = calibration.copy(deep=True)
    at = calibration["parameter"].to_numpy().tolist().index(name)
    posterior = shifted["posterior"].to_numpy()
    posterior[:, :, at] *= factor
    shifted["rank"] = ("replicate", "parameter"), (posterior < shifted["truth"].to_numpy()[:, None]).sum(axis=1)
    return shifted


SMALL = Design(arms=("saline",), mice=3, dendrites=12, sessions=(0.0, 2.0, 4.0), length_um=40.0)


@pytest.mark.slow
def test_a_short_calibration():
    """Births decide little experiments: 60 of them would show a posterior of births that is off by a third."""
    calibration = calibrate(SMALL, "none", parameters=priors(drugs=()), replicates=60, size=512, seed=3)
    assert calibration["rank"].shape == (60, 7)
    assert passes(calibration, bins=5)
    assert (coverage(calibration, 0.9) > 0.75).all()
    assert not passes(planted(calibration, "lab.formation", 1.3), bins=5)


def test_a_replicate_does_not_depend_on_the_others():
    both = calibrate(SMALL, "none", parameters=priors(drugs=()), replicates=2, size=64, draws=19, seed=3)
    second = calibrate(SMALL, "none", parameters=priors(drugs=()), replicates=1, first=1, size=64, draws=19, seed=3)
    np.testing.assert_array_equal(both["posterior"].sel(replicate=1), second["posterior"].sel(replicate=1))
    assert (both["truth"].sel(replicate=0) != both["truth"].sel(replicate=1)).all()


@pytest.mark.long
def test_the_whole_pipeline_is_calibrated():
    """500 experiments of two arms, ten parameters: ranks, coverage, and a posterior that is 5 % off is caught."""
    calibration = calibrate(Design(), "births+elimination", parameters=priors(), replicates=500, size=1024, seed=1)
    assert passes(calibration, bins=20)
    held = coverage(calibration, 0.9)
    assert ((held > 0.86) & (held < 0.94)).all()
    assert not passes(planted(calibration, "lab.formation", 1.05), bins=20)
