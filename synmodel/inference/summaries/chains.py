r"""Markov chains on the posterior of a joint fit: Crank-Nicolson proposals, block by block, one process for each chain.

In the whitened coordinates u of :mod:`synmodel.inference.summaries.density` the posterior is nearly standard normal. A
proposal that keeps the standard normal as it is,

::

    u' = sqrt(1 - b^2) u + b xi,   xi normal        accepted with probability min(1, e^(r(u') - r(u)))

asks only for the ratio r of the posterior to that normal, and no slope. Blocks are the shared parameters (mechanism and
spreads) and those of each study. Given the shared ones studies are independent and the coordinates are triangular, so
a step in one study asks for the expectations of its own arms alone. The widths b are tuned to accept about a third,
and then held. It needs nothing beside this package; :mod:`synmodel.inference.summaries.no_u_turn` is the other sampler
behind the same function, which gives more effective draws per second (docs/fit.md).

References
----------
Cotter, Roberts, Stuart and White 2013, Stat Sci 28:424, doi:10.1214/13-STS421.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.core.compiled import one_blas_thread
from synmodel.core.progress import Progress
from synmodel.core.randomness import stream_key
from synmodel.core.settings import by_fields
from synmodel.inference.summaries import no_u_turn
from synmodel.inference.summaries.density import Density
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.walks import Walks
from synmodel.library import Own

__all__ = ["STEPS", "Chains", "sample_chains", "step"]

Array = NDArray[np.float64]
_FIRST_WIDTH, _WANTED = 0.2, 0.3
_WIDEST = 0.95
STEPS = 3
"""Steps of each block in a sweep."""


class Chains(NamedTuple):
    """Draws of several chains.

    Attributes
    ----------
    vectors : (chain, draw, n_free) ndarray
        On the scales of the fit.
    log_posterior : (chain, draw) ndarray
        -1/2 of the sum of squared residuals.
    accepted : (chain, block) ndarray
        Share of the steps of each block that were accepted after tuning.
    """

    vectors: Array
    log_posterior: Array
    accepted: Array


@by_fields(walks=Walks)
def sample_chains(
    problem: SummaryProblem,
    mode: Array,
    *,
    seed: int,
    walks: Walks,
    progress: Progress | None = None,
) -> Chains:
    """Draw from the posterior of a problem.

    Parameters
    ----------
    problem : SummaryProblem
        What is fitted, with all that is to be sampled free.
    mode : (n_free,) ndarray
        Where chains begin, on the scales of the fit.
    seed : int
        Of the chains; the same seed gives the same draws on any number of processes.
    walks : Walks
        How many, and how; its fields may be given by keywords of their own.

    Raises
    ------
    FitError
        If the sampler is not installed.
    """
    own, chains = library.in_use(), walks.chains
    tasks = [(own, problem, mode, int(stream_key(seed, f"chain {at}")[0] % 2**31), walks) for at in range(chains)]
    done = []
    if min(walks.processes, chains) == 1:
        for task in tasks:
            done.append(_chain(task))
            if progress is not None:
                progress(len(done), chains)
    else:
        # Not by fork: threads of BLAS and numba do not survive it.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=min(walks.processes, chains), mp_context=context) as pool:
            for each in pool.map(_chain, tasks):
                done.append(each)
                if progress is not None:
                    progress(len(done), chains)
    return Chains(*(np.stack(each) for each in zip(*done, strict=True)))


_Task = tuple[Own, SummaryProblem, Array, int, Walks]


def _chain(task: _Task) -> tuple[Array, Array, Array]:
    """One chain, in a process of its own, with the library that is in use in this one."""
    own, problem, mode, seed, walks = task
    with one_blas_thread(), library.using(own=own):
        if walks.sampler == "no-u-turn":
            return no_u_turn.walk(problem, mode, seed, walks.draws, walks.tune)
        return _walk(problem, mode, seed, walks)


def _walk(problem: SummaryProblem, mode: Array, seed: int, walks: Walks) -> tuple[Array, Array, Array]:
    density, draws, thin, tune = Density(problem, mode), walks.draws, walks.thin, walks.tune
    generator = np.random.Generator(np.random.Philox(seed))
    blocks = density.blocks
    widths, taken, tried = np.full(len(blocks), _FIRST_WIDTH), np.zeros(len(blocks)), np.zeros(len(blocks))
    u = np.zeros(density.n_dim)
    log = density.log_density(u)
    vectors, logs = np.empty((draws, density.n_dim)), np.empty(draws)
    for sweep in range(tune + draws * thin):
        for at, block in enumerate(blocks):
            for _ in range(STEPS):
                u, log, accept = step(density, u, log, block, widths[at], generator)
                if sweep < tune:
                    gain = (sweep + 1) ** -0.6
                    widths[at] = min(_WIDEST, widths[at] * np.exp(gain * (accept - _WANTED)))
                else:
                    taken[at] += accept
                    tried[at] += 1
        if sweep >= tune and (sweep - tune) % thin == thin - 1:
            place = (sweep - tune) // thin
            vectors[place] = density.vector(u)
            logs[place] = -0.5 * float(np.sum(problem.residuals(vectors[place]) ** 2))
    return vectors, logs, taken / np.maximum(tried, 1)


def step(
    density: Density, u: Array, log: float, block: NDArray[np.int64], width: float, generator: np.random.Generator
) -> tuple[Array, float, bool]:
    """One step of one block: where the chain is then, its log density, and whether it moved. It is reversible."""
    other = u.copy()
    other[block] *= np.sqrt(1.0 - width**2)
    other[block] += width * generator.standard_normal(len(block))
    kept = density.problem.remembered()
    value = density.log_density(other)
    rise = value - log + 0.5 * float(other[block] @ other[block] - u[block] @ u[block])
    if np.log(generator.random()) < rise:
        return other, value, True
    density.problem.remember(kept)
    return u, log, False
