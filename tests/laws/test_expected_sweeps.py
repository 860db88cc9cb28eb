"""The exact cells of a sweep are the means of its simulated ones; 5 % off they are not."""

import numpy as np
import pytest
from level import Z_BOUND

from synmodel.analysis.sweeps import sweep
from synmodel.scenario import load

AMOUNT, LOSS = "scenario.regimen.doses[0].amount", "shao2021.loss_nascent"
# Published means over dendrites have an exact expectation; the pooled persistence of new spines is a ratio of sums.
QUANTITIES = ["formation_fraction", "elimination_fraction", "density_change"]
REPLICATES = 1000


@pytest.fixture(scope="module")
def both():
    """Simulated and exact cells of one sweep."""
    mouse = load("psilocybin-mouse").updated(schedule={"sessions": [-1, 1, 3, 7]})
    how = {"grid": {AMOUNT: [0.1, 2.0], LOSS: [0.7]}, "quantities": QUANTITIES, "seed": 21}
    return sweep(mouse, replicates=REPLICATES, **how), sweep(mouse, observe="expected", **how)


def largest_z(simulated, exact, arm):
    """Over all cells and statistics but the contrast before the dose, which is 0 in every replicate."""
    error = np.sqrt(simulated[f"{arm}variance"] / simulated[f"{arm}known"])
    return float(np.abs((simulated[f"{arm}mean"] - exact[f"{arm}mean"]) / error).max())


@pytest.mark.parametrize("arm", ["", "control_", "contrast_"])
def test_exact_cells_are_means_of_simulated_ones(both, arm):
    simulated, exact = both
    assert largest_z(simulated, exact, arm) < Z_BOUND


@pytest.mark.parametrize("arm", ["", "control_", "contrast_"])
def test_a_planted_error_of_five_percent_is_caught(both, arm):
    simulated, exact = both
    assert largest_z(simulated, 1.05 * exact, arm) > Z_BOUND
