"""The joint fit of group summaries: its chains against another sampler, and against the law that made the data.

*Calibration.* A truth is drawn from the prior, data from the truth (means of an arm jointly normal, persistence
binomial), and the truth is put at a random place of a chain that walks from it forwards, and backwards by the same
reversible steps in reverse order. If likelihood, prior and steps agree, its rank among the chain is uniform,
however slowly the chain mixes (Gandy and Scott 2020, arXiv:2001.06465). Priors are those of a laboratory much like
the embedded ones, so that simulated studies are possible; head twitches, whose sample variances are taken as if
numbers were normal, are left out. Level: 0.001 for all parameters of a run together. It sees posteriors that are
far too narrow (SEM taken for 0.4 of what they are), not those that are too wide: SEM taken for twice what they are
went unnoticed in chains of this length.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest, truncnorm

from synmodel.core.errors import SimulationError
from synmodel.inference.sampling import nested
from synmodel.inference.summaries.chains import STEPS, sample_chains, step
from synmodel.inference.summaries.density import Density
from synmodel.inference.summaries.problem import STUDIES, SummaryProblem
from synmodel.inference.summaries.readings import joint_problem
from synmodel.inference.summaries.summary_fit import fit_problem
from synmodel.library.parameters import ParameterSet, Prior

LEVEL = 0.001
KO = STUDIES[3]
SHARED = ("formation_gain", "tau_formation", "stabilisation_gain", "tau_stabilisation")
FEW = [
    *(f"{KO}.{key}" for key in ("formation", "loss_nascent", "maturation", "loss_mature", "miss")),
    *(f"cascade.{key}" for key in SHARED),
]


def narrowed(problem, free, spread):
    """The problem without head twitches, with normal priors around the values on the scales of the fit."""
    known = problem.parameters
    priors = {
        name: replace(known[name], prior=Prior(known[name].value, spread)) for name in free if not _in_spreads(name)
    }
    parameters = ParameterSet([priors.get(name, known[name]) for name in known])
    return SummaryProblem(parameters, free, problem.studies, targets=problem.arms)


def _in_spreads(name):
    """Whether a parameter is a spread, or counted in spreads: those keep their priors."""
    return name.startswith("spread.") or "_of." in name or ".effect_on." in name


def drawn(problem, generator):
    """A point of the prior within the supports."""
    places, centres, spreads = problem._with_prior
    assert len(places) == len(problem.free)
    while True:
        vector = centres + spreads * generator.standard_normal(len(places))
        if np.all(vector >= problem.lower) and np.all(vector <= problem.upper):
            return vector


def simulated(problem, vector, generator):
    """The same problem with data that the parameters would give; None where no such dendrite is possible."""
    try:
        predictions = problem.predict(problem.values(vector))
    except SimulationError:
        return None
    targets = []
    for place, target in enumerate(problem.arms):
        prediction = predictions[target.study.name, target.arm.name]
        root = np.linalg.cholesky(problem.correlation(place))
        noise = root @ generator.standard_normal(len(root))
        means = []
        for each in target.means:
            z, noise = noise[: len(each.at)], noise[len(each.at) :]
            means.append(replace(each, mean=prediction.of(each.quantity)[each.at] + each.sem("mouse") * z))
        persistence = target.persistence
        if persistence is not None:
            p = problem.expected_persistence(target, persistence, prediction.expected)
            persistence = replace(persistence, present=generator.binomial(persistence.new.astype(int), p).astype(float))
        head = means.pop() if target.head_width is not None else None
        targets.append(replace(target, turnover=tuple(means), head_width=head, persistence=persistence))
    return SummaryProblem(problem.parameters, problem.free, problem.studies, targets=targets)


def with_wrong_errors(problem, factor):
    """The problem of someone who takes all SEM for so many times what they are."""
    targets = [
        replace(
            target,
            turnover=tuple(replace(each, sem_mouse=factor * each.sem_mouse) for each in target.turnover),
            head_width=target.head_width and replace(target.head_width, sem_mouse=factor * target.head_width.sem_mouse),
        )
        for target in problem.arms
    ]
    return SummaryProblem(problem.parameters, problem.free, problem.studies, targets=targets)


def walk(density, u, n, thin, generator, *, width, backwards):
    """n states of the chain after a point, thin sweeps apart."""
    log = density.log_density(u)
    blocks = density.blocks[::-1] if backwards else density.blocks
    states = []
    for sweep in range(n * thin):
        for block in blocks:
            for _ in range(STEPS):
                u, log, _ = step(density, u, log, block, width, generator)
        if sweep % thin == thin - 1:
            states.append(density.vector(u))
    return states


def ranks(problem, replicates, *, length=12, thin=5, width=0.5, seed=1, error=1.0):
    """(replicate, n_free) places of the truth among the states of chains, between 0 and 1."""
    found = []
    replicate = 0
    while len(found) < replicates:
        generator = np.random.Generator(np.random.Philox(key=[seed, replicate]))
        replicate += 1
        truth = drawn(problem, generator)
        data = simulated(problem, truth, generator)
        if data is None:
            continue
        data = data if error == 1.0 else with_wrong_errors(data, error)
        # Where coordinates are centred depends on the data alone, and so does the law of the steps.
        density = Density(data, fit_problem(data, seed=1, starts=1).vector)
        u = np.linalg.solve(density.root, density.coordinates.from_vector(truth) - density.centre)
        before = int(generator.integers(length))
        states = walk(density, u, before, thin, generator, width=width, backwards=True)
        states += walk(density, u, length - 1 - before, thin, generator, width=width, backwards=False)
        others = np.array(states)
        below, ties = (others < truth - 1e-12).sum(axis=0), (np.abs(others - truth) <= 1e-12).sum(axis=0)
        found.append((below + generator.integers(ties + 1) + generator.random(len(truth))) / length)
    return np.array(found)


def p_values(found):
    """Of uniform ranks, and of how far they lie from the middle, which sees posteriors that are too narrow or wide."""
    return np.array([[kstest(column, "uniform").pvalue, kstest(np.abs(2 * column - 1), "uniform").pvalue]
                     for column in found.T])  # fmt: skip


def calibrated(found):
    return bool(p_values(found).min() > LEVEL / (2 * found.shape[1]))


@pytest.mark.slow
def test_a_study_is_calibrated():
    """Nine parameters of one study, 100 replicates; SEM taken for 0.4 of what they are are noticed."""
    problem = narrowed(joint_problem([KO]), FEW, 0.3)
    assert calibrated(ranks(problem, 100))
    assert not calibrated(ranks(problem, 100, error=0.4))


@pytest.mark.long
def test_the_joint_fit_is_calibrated():
    """All four studies with spreads, arms and studies of their own, 86 parameters: 100 replicates, half an hour."""
    whole = joint_problem(with_spreads=True)
    free = [name for name in whole.free if not name.startswith("head_twitch.")]
    assert calibrated(ranks(narrowed(whole, free, 0.3), 100, width=0.3))


# -- another sampler -------------------------------------------------------------------------------------------


def cube_to_vector(problem):
    """Prior transform: normal laws cut at the supports."""
    places, centres, spreads = problem._with_prior
    assert len(places) == len(problem.free)
    low, high = (problem.lower - centres) / spreads, (problem.upper - centres) / spreads
    return lambda cube: truncnorm.ppf(cube, low, high, centres, spreads)


def log_likelihood(problem):
    def log(vector):
        residuals = problem.residuals(vector, with_prior=False)
        return -0.5 * float(residuals @ residuals)

    return log


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["crank-nicolson", "no-u-turn"])
def test_chains_have_the_posterior_of_nested_sampling(sampler):
    """Means and standard deviations of chains and of dynesty agree; a prior that is half as wide is seen."""
    if sampler == "no-u-turn":
        pytest.importorskip("nutpie", reason="nutpie is an extra")
    problem = narrowed(joint_problem([KO]), FEW, 0.5)
    chains = sample_chains(
        problem, fit_problem(problem, seed=1, starts=1).vector, seed=1, chains=2, draws=500, thin=8, tune=400,
        sampler=sampler,
    )  # fmt: skip
    walked = chains.vectors.reshape(-1, len(FEW))

    def distances(other):
        sample = nested(log_likelihood(other), cube_to_vector(other), len(FEW), seed=1, size=250)
        drawn = sample.draws(4000, 1)
        sd = drawn.std(axis=0)
        # Some 200 effective draws in the chains: a mean is known within 0.07 sd, an sd within 5 %.
        return np.abs(walked.mean(axis=0) - drawn.mean(axis=0)) / sd, np.abs(np.log(walked.std(axis=0) / sd))

    of_means, of_spreads = distances(problem)
    assert of_means.max() < 0.3
    assert of_spreads.max() < 0.2
    _, of_spreads = distances(narrowed(joint_problem([KO]), FEW, 0.25))
    assert of_spreads.max() > 0.2
