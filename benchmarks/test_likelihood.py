"""What does the exact likelihood of a data set cost, beside one simulation of the same data?

60 dendrites of about 16 spines, 6 intervals, two classes. A simulation-based fit needs thousands of simulations for
each likelihood that it approximates, so it can only pay where the exact one does not exist.
"""

import numpy as np
import pytest

from synmodel.inference import LossFrailty, animals_log_likelihood, counts_log_likelihood, counts_log_likelihood_of
from synmodel.turnover import TurnoverModel, propagate, simulate

TWO = TurnoverModel(("nascent", "mature"), 0.8, [[0, 0.1], [0.02, 0]], [0.4, 0.01])
THREE = TurnoverModel(("a", "b", "c"), 0.8, [[0, 0.1, 0], [0.02, 0, 0.1], [0, 0.01, 0]], [0.4, 0.1, 0.01])
TIMES = [-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 34.0]


def one_simulation():
    return simulate(TWO, initial=[2, 14], times=TIMES, replicates=60, seed=1, threads=1)


@pytest.fixture(scope="module")
def data():
    out = one_simulation()
    gained, lost = (out[name].to_numpy()[:, 0].astype(np.int64) for name in ("gained", "lost"))
    return {"n0": np.full(60, 16), "gained": gained, "lost": lost}


def test_one_simulation(benchmark):
    benchmark.pedantic(one_simulation, rounds=200, warmup_rounds=5)


def test_steps(benchmark):
    """P and gamma alone."""
    benchmark.pedantic(lambda: propagate(TWO, np.array(TIMES)), rounds=200, warmup_rounds=5)


@pytest.mark.parametrize("model", [TWO, THREE], ids=["two", "three"])
def test_counts(benchmark, data, model):
    """With P and gamma."""
    result = benchmark.pedantic(
        lambda: counts_log_likelihood(model, **data, times=TIMES), rounds=200 if model is TWO else 30, warmup_rounds=2
    )
    assert np.isfinite(result).all()


def test_counts_of_steps(benchmark, data):
    """The array layer: the class filter without P and gamma."""
    steps, numbers = propagate(TWO, np.array(TIMES)), TWO.stationary()
    composition = numbers / numbers.sum()
    benchmark.pedantic(
        lambda: counts_log_likelihood_of(steps, composition, data["n0"], data["gained"], data["lost"]),
        rounds=200,
        warmup_rounds=5,
    )


def test_loss_frailty(benchmark, data):
    """Nine nodes."""
    frailty = LossFrailty(0.5)
    benchmark.pedantic(
        lambda: counts_log_likelihood(TWO, **data, times=TIMES, frailty=frailty), rounds=50, warmup_rounds=2
    )


def test_animals(benchmark, data):
    """Ten animals of six dendrites, formation different at both levels."""
    model = TurnoverModel(
        TWO.classes, TWO.formation, TWO.transition, TWO.elimination, formation_cv_animal=0.4, formation_cv_dendrite=0.3
    )
    animal = np.arange(60) // 6
    benchmark.pedantic(
        lambda: animals_log_likelihood(model, **data, times=TIMES, animal=animal), rounds=50, warmup_rounds=2
    )
