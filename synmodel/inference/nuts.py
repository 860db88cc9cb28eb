"""The no-U-turn sampler on the posterior of a joint fit, by Mici, one process for each chain.

Of the samplers that were tried on this posterior it gives the most effective draws per second (docs/fit.md has the
table). Slopes are differences of the exact expectations; the coordinates are whitened by the curvature at the mode
(:mod:`synmodel.inference.density`), so the metric is the identity and a trajectory takes a handful of steps.

References
----------
Hoffman and Gelman 2014, J Mach Learn Res 15:1593. Betancourt 2017, arXiv:1701.02434 (dynamic multinomial sampling).
Graham 2020, doi:10.5281/zenodo.3517301 (Mici).
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.inference.density import Density
from synmodel.inference.problem import SummaryProblem
from synmodel.randomness import stream_key

__all__ = ["Chains", "no_u_turn"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
_FIRST_STEP, _ACCEPT, _DEEPEST = 0.3, 0.8, 6
_START = 0.3  # standard deviations around the mode


class Chains(NamedTuple):
    """Draws of several chains.

    Attributes
    ----------
    vectors : (chain, draw, n_free) ndarray
        On the scales of the fit.
    log_posterior : (chain, draw) ndarray
        -1/2 of the sum of squared residuals.
    diverging : (chain, draw) ndarray of bool
    steps : (chain, draw) ndarray of int
        Gradients that each draw took.
    """

    vectors: Array
    log_posterior: Array
    diverging: NDArray[np.bool_]
    steps: NDArray[np.int64]


def no_u_turn(
    problem: SummaryProblem,
    mode: Array,
    *,
    seed: int,
    chains: int = 2,
    draws: int = 500,
    tune: int = 200,
    progress: Progress | None = None,
) -> Chains:
    """Draw from the posterior of a problem.

    Parameters
    ----------
    problem : SummaryProblem
        What is fitted, with all that is to be sampled free.
    mode : (n_free,) ndarray
        Where chains begin, near the mode.
    seed : int
        Of the chains; the same seed and version give the same draws, on any number of processes.
    chains, draws, tune : int
        Number of chains, and of draws of each that are kept and that tune the step.

    """
    keys = [int(stream_key(seed, f"chain {number}")[0] % 2**31) for number in range(chains)]
    # Not by fork: threads of BLAS and numba do not survive it.
    context = multiprocessing.get_context("spawn")
    done: list[tuple[Array, Array, Array, Array]] = []
    with ProcessPoolExecutor(max_workers=min(chains, 2), mp_context=context) as pool:
        for each in pool.map(_chain, [(problem, mode, key, draws, tune) for key in keys]):
            done.append(each)
            if progress is not None:
                progress(len(done), chains)
    vectors, log_posterior, diverging, steps = (np.stack(each) for each in zip(*done, strict=True))
    return Chains(vectors, log_posterior, diverging.astype(bool), steps.astype(np.int64))


def _chain(task: tuple[SummaryProblem, Array, int, int, int]) -> tuple[Array, Array, Array, Array]:
    """One chain, in a process of its own."""
    import mici

    problem, mode, seed, draws, tune = task
    density = Density(problem, mode)
    generator = np.random.Generator(np.random.Philox(seed))

    def slope(u: Array) -> tuple[Array, float]:
        value, gradient = density.with_gradient(u)
        return -gradient, -value

    system = mici.systems.EuclideanMetricSystem(
        neg_log_dens=lambda u: -density.log_density(u), grad_neg_log_dens=slope
    )
    sampler = mici.samplers.DynamicMultinomialHMC(
        system, mici.integrators.LeapfrogIntegrator(system, _FIRST_STEP), generator, max_tree_depth=_DEEPEST
    )
    _, traces, statistics = sampler.sample_chains(
        n_warm_up_iter=tune,
        n_main_iter=draws,
        init_states=[_START * generator.standard_normal(density.n_dim)],
        adapters=[mici.adapters.DualAveragingStepSizeAdapter(_ACCEPT)],
        display_progress=False,
    )
    vectors = np.array([density.vector(u) for u in traces["pos"][0]])
    log_posterior = np.array([-0.5 * float(np.sum(problem.residuals(vector) ** 2)) for vector in vectors])
    return vectors, log_posterior, np.asarray(statistics["diverging"][0]), np.asarray(statistics["n_step"][0])
