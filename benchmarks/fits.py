"""What does a fit by simulation cost beside the exact likelihood of the same counts? One of them, in its own process.

``python benchmarks/fits.py PROGRAM TABLE`` prints, as JSON, the widths of the posterior and the processor time at
several numbers of simulations; ``inference.py`` calls it for all of them. The table of tracked counts is simulated with
known rates: 36 dendrites, four sessions, with one class of spines or two. pyABC and sbi compare the same statistics
(those of :mod:`synmodel.inference.dendrites.by_simulation`), simulated by the same engine.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from importlib.metadata import version

import numpy as np

from synmodel.inference import counts_log_likelihood
from synmodel.inference.dendrites import by_simulation
from synmodel.inference.dendrites.by_simulation import Course, fit_by_simulation
from synmodel.inference.dendrites.priors import Priors
from synmodel.inference.dendrites.repartition import cube_of, repartition
from synmodel.inference.sampling import importance
from synmodel.library.parameters import Parameter, ParameterSet, Prior
from synmodel.turnover import Interaction, TurnoverModel

Array = np.ndarray
TIMES = np.array([0.0, 2.0, 4.0, 6.0])
N0 = np.repeat([8, 12, 16, 20, 24, 28], 6)
_SEED = 4
RATES = {
    "one": {"formation": 1.3, "elimination": 0.06},
    "two": {"formation": 1.3, "elimination_nascent": 0.4, "maturation": 0.15, "elimination_mature": 0.03},
}
"""True rates [1/day], formation per dendrite."""
_COMPOSITION = {"one": [1.0], "two": [0.15, 0.85]}
_PRIOR = 0.7  # standard deviation of the logarithm of a rate
_CENTRE = 0.8  # of the prior over the truth, so that a posterior that stays at its prior is seen
_SECONDS = 40.0
"""No further number of simulations is tried once a program has used as much."""
_NETWORKS = (500, 4000)
_ROUNDS = (1, 3, 5)


class Table:
    """Simulated counts, and rates to be found, by names or as coordinates z, standard normal under the prior."""

    def __init__(self, which: str) -> None:
        self.which = which
        self.parameters = ParameterSet([_parameter(name, _CENTRE * rate) for name, rate in RATES[which].items()])
        self.free = list(self.parameters)
        self.prior = Priors(self.parameters, self.free)
        truth = self.course(RATES[which])
        gained, lost = by_simulation._repeated(truth, N0, TIMES, np.ones(len(N0)), _SEED)
        self.counts = {"n0": N0, "gained": gained, "lost": lost, "times": TIMES}

    def course(self, values: Mapping[str, float]) -> Course:
        """Rates as a model without interaction."""
        if self.which == "one":
            model = TurnoverModel(("spine",), values["formation"], [[0.0]], [values["elimination"]])
        else:
            losses = [values["elimination_nascent"], values["elimination_mature"]]
            model = TurnoverModel(
                ("nascent", "mature"), values["formation"], [[0.0, values["maturation"]], [0.0, 0.0]], losses
            )
        return Course(model, Interaction(), _COMPOSITION[self.which])

    def values(self, z: Array) -> dict[str, float]:
        """Rates by name."""
        return self.parameters.unpack(self.prior.transform(cube_of(z)), self.free)

    def logarithms(self, z: Array) -> Array:
        """(draw, rate) logarithms of rates at (draw, rate) coordinates."""
        return np.array([self.prior.transform(cube_of(each)) for each in z])

    def log_likelihood(self, z: Array) -> float:
        """The exact one."""
        course = self.course(self.values(z))
        return float(
            counts_log_likelihood(course.model, **self.counts, composition=course.composition).sum()
        )  # fmt: skip

    def statistics(self, z: Array, seed: int) -> Array:
        """Of one simulated experiment."""
        seen = by_simulation._repeated(self.course(self.values(z)), N0, TIMES, np.ones(len(N0)), seed)
        return by_simulation._statistics(N0, *seen)


def _parameter(name: str, value: float) -> Parameter:
    return Parameter(
        name=name, value=value, unit="1/day", lower=value / 50, upper=value * 50, scale="log", long_name=name,
        status="assumed", source="benchmark", why="simulated", prior=Prior(value, _PRIOR),
    )  # fmt: skip


Row = dict[str, object]


def _row(calls: int, seconds: float, logarithms: Array, weight: Array | None = None) -> Row:
    mean = np.average(logarithms, axis=0, weights=weight)
    sd = np.sqrt(np.average((logarithms - mean) ** 2, axis=0, weights=weight))
    return {"calls": calls, "seconds": seconds, "mean": mean.tolist(), "sd": sd.tolist()}


def exact(table: Table) -> Iterator[Row]:
    """Importance sampling of the exact likelihood; the last and largest is what all are compared with."""
    for size in (1024, 8192):
        before, calls = time.process_time(), 0

        def counted(cube: Array) -> float:
            nonlocal calls
            calls += 1
            return table.log_likelihood(by_simulation.ndtri(cube))

        around = repartition(counted, len(table.free), seed=_SEED, points=256)
        sample = importance(around.log_likelihood, around.prior_transform, len(table.free), seed=_SEED, size=size)
        seconds = time.process_time() - before
        yield _row(calls, seconds, table.logarithms(sample.points), np.exp(sample.log_weight))


def emcee_(table: Table) -> Iterator[Row]:
    """An ensemble on the exact likelihood."""
    import emcee

    walkers, calls = 20, 0

    def log_posterior(z: Array) -> float:
        nonlocal calls
        calls += 1
        return table.log_likelihood(z) - 0.5 * float(z @ z)

    before = time.process_time()
    engine = emcee.EnsembleSampler(walkers, len(table.free), log_posterior, moves=emcee.moves.DEMove())
    engine.random_state = np.random.RandomState(_SEED).get_state()
    first = 0.1 * np.random.default_rng(_SEED).standard_normal((walkers, len(table.free)))
    engine.run_mcmc(first, 400)
    draws = table.logarithms(engine.get_chain(discard=100, flat=True))
    yield _row(calls, time.process_time() - before, draws)


def pyabc_(table: Table) -> Iterator[Row]:
    """Rounds of narrowing, with the regression of the kept draws (``fit_by_simulation``)."""
    counts = table.counts
    for rounds in _ROUNDS:
        before = time.process_time()
        tree = fit_by_simulation(
            table.course, table.parameters, **counts, particles=500, rounds=rounds, least_accepted=0.005, seed=_SEED
        )
        seconds = time.process_time() - before
        draws = np.log(np.array([tree["posterior"][name].to_numpy().ravel() for name in table.free]).T)
        yield _row(tree["sample_stats"].attrs["n_simulations"], seconds, draws)
        if seconds > _SECONDS:
            return


def sbi_(table: Table) -> Iterator[Row]:
    """Neural posterior estimation: a network is trained on simulations of the prior."""
    import torch
    from sbi.inference import NPE

    torch.set_num_threads(1)
    zeros = torch.zeros(len(table.free))
    prior = torch.distributions.MultivariateNormal(zeros, torch.eye(len(table.free)))
    observed = by_simulation._statistics(N0, table.counts["gained"], table.counts["lost"])
    for number in _NETWORKS:
        torch.manual_seed(_SEED)
        before = time.process_time()
        theta = prior.sample((number,))
        x = np.array([table.statistics(z, seed) for seed, z in enumerate(theta.numpy().astype(float))])
        inference = NPE(prior=prior, show_progress_bars=False)
        inference.append_simulations(theta, torch.tensor(x, dtype=torch.float32)).train()
        posterior = inference.build_posterior()
        z = posterior.sample((2000,), x=torch.tensor(observed, dtype=torch.float32), show_progress_bars=False)
        seconds = time.process_time() - before
        yield _row(number, seconds, table.logarithms(z.numpy().astype(float)))
        if seconds > _SECONDS:
            return


PROGRAMS: dict[str, tuple[str, Callable[[Table], Iterator[Row]]]] = {
    "exact": ("synmodel", exact),
    "emcee": ("emcee", emcee_),
    "pyabc": ("pyabc", pyabc_),
    "sbi": ("sbi", sbi_),
}


def main(name: str, which: str) -> None:
    warnings.simplefilter("ignore")
    table = Table(which)
    package, program = PROGRAMS[name]
    table.log_likelihood(np.zeros(len(table.free)))
    before = time.process_time()
    for seed in range(100):  # the first compiles
        table.statistics(np.zeros(len(table.free)), seed)
        before = time.process_time() if seed == 0 else before
    one = (time.process_time() - before) / 99
    with redirect_stdout(sys.stderr):  # sbi says how its training ended
        rows = list(program(table))
    print(json.dumps({"version": f"{package} {version(package)}", "simulation": one, "rows": rows, "free": table.free}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
