"""What does one dendrite of seven sessions cost, by engine, against NumPy and a compiled Gillespie program?"""

import numpy as np
import pytest
from scipy.linalg import expm

from synmodel.turnover import TurnoverModel, moments, simulate

MODEL = TurnoverModel(("F", "T", "M"), 2.0, [[0, 0.5, 0], [0, 0, 0.1], [0, 0.02, 0]], [1.5, 0.15, 0.005])
START = {"F": 2, "T": 10, "M": 35}
TIMES = [-3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 34.0]
REPLICATES = 10_000


def by_numpy(rng):
    """Multinomial survivors and Poisson newcomers between sessions, vectorised over replicates."""
    counts = np.tile([2, 10, 35], (REPLICATES, 1))
    for step in np.diff(TIMES):
        block = np.zeros((4, 4))
        block[:3, :3], block[3, :3] = MODEL.generator() * step, MODEL.formation_rates * step
        p = expm(block)
        new = rng.poisson(p[3, :3], (REPLICATES, 3))
        for c in range(3):
            new += rng.multinomial(counts[:, c], [*p[c, :3], 1 - p[c, :3].sum()])[:, :3]
        counts = new
    return counts


def agrees(counts):
    exact = moments(MODEL, initial=START, times=TIMES)
    mean, variance = exact["count_mean"].to_numpy()[-1], exact["count_variance"].to_numpy()[-1]
    assert np.abs((counts.mean(axis=0) - mean) / np.sqrt(variance / len(counts))).max() < 5


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("engine", ["sessions", "events"])
def test_synmodel(benchmark, engine, threads):
    def run():
        return simulate(
            MODEL, initial=START, times=TIMES, replicates=REPLICATES, engine=engine, threads=threads, seed=1
        )

    out = benchmark.pedantic(run, rounds=7, warmup_rounds=1)
    agrees(out["count"].to_numpy()[:, 0, -1])


def test_numpy(benchmark):
    rng = np.random.default_rng(1)
    agrees(benchmark.pedantic(lambda: by_numpy(rng), rounds=7, warmup_rounds=1))


def test_rebop(benchmark):
    """Its public call returns one run; 200 runs are timed, to be multiplied by 50."""
    rebop = pytest.importorskip("rebop")
    program = rebop.Gillespie()
    for rate, before, after in (
        (2.0, [], ["F"]), (1.5, ["F"], []), (0.5, ["F"], ["T"]), (0.15, ["T"], []),
        (0.1, ["T"], ["M"]), (0.02, ["M"], ["T"]), (0.005, ["M"], []),
    ):  # fmt: skip
        program.add_reaction(rate, before, after)

    def run():
        last = [program.run(START, tmax=37.0, nb_steps=37, rng=seed) for seed in range(200)]
        return np.array([[run[name].to_numpy()[-1] for name in "FTM"] for run in last])

    agrees(benchmark.pedantic(run, rounds=3))
