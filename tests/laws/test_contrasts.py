"""Simulated contrasts of scenarios, through the whole chain of imaging, against the exact ones.

Dendrites are alike here (one density, one rate of formation), so that the exact means hold without approximation; the
simulated scenarios share their draws, and the error is that of the paired differences.
"""

import numpy as np
import pytest
from level import agrees

from synmodel.analysis.contrasts import compare
from synmodel.analysis.intervals import QUANTITIES
from synmodel.analysis.sweeps.factors import changed, without_doses
from synmodel.scenario import load

ALIKE = {f"shao2021.{name}": 0.0 for name in ("density_log_sd", "formation_cv_dendrite", "formation_cv_animal")}
REPLICATES = 400


def pair(**parameters):
    """A drug and its vehicle in one tissue, whose parameters may differ from those of the library by factors."""
    drug = load("psilocybin-mouse")
    base = default_values()
    settings = ALIKE | {f"shao2021.{name}": factor * base[f"shao2021.{name}"] for name, factor in parameters.items()}
    return changed(drug, settings), changed(without_doses(drug).updated(name="control"), ALIKE)


def default_values():
    from synmodel.library.parameters import default_parameters

    return default_parameters().as_floats()


@pytest.fixture(scope="module")
def simulated():
    drug, control = pair()
    made = compare([drug], control=control, draws=0, replicates=REPLICATES, seed=7)
    return {key_of(each): each for each in made.contrasts if each.quantity in QUANTITIES}


def key_of(contrast):
    return contrast.quantity, contrast.start_day, contrast.end_day


def z_against(simulated, exact):
    """Z of every simulated contrast that varies; the others, before the dose, are 0 in both."""
    z = []
    for key, each in simulated.items():
        difference = each.simulated - exact[key]
        assert each.error > 0 or difference == 0
        z.append(difference / each.error if each.error > 0 else 0.0)
    return np.array(z)


def test_simulated_contrasts_are_the_exact_ones(simulated):
    assert agrees(z_against(simulated, {key: each.estimate for key, each in simulated.items()}))
    assert sum(each.error > 0 for each in simulated.values()) == 15


@pytest.mark.parametrize("rate", ["formation", "loss_mature"])
def test_formation_or_elimination_five_per_cent_off_is_seen(simulated, rate):
    drug, control = pair(**{rate: 1.05})
    other = compare([drug], control=control, draws=0)
    exact = {key_of(each): each.estimate for each in other.contrasts}
    z = [
        (each.simulated - exact[key]) / each.error for key, each in simulated.items() if each.error > 0
    ]  # fmt: skip
    assert not agrees(np.array(z))
