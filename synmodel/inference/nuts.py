"""The no-U-turn sampler on the posterior of a joint fit, by nutpie, one process for each chain.

Of the samplers that were tried on this posterior it gives the most effective draws per second (docs/fit.md has the
table). Slopes are differences of the exact expectations; the coordinates are whitened by the curvature at the mode
(:mod:`synmodel.inference.density`), so a trajectory takes a handful of steps.

References
----------
Hoffman and Gelman 2014, J Mach Learn Res 15:1593. Seyboldt, Carlson and Carpenter 2026 (nutpie).
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.errors import FitError
from synmodel.inference.density import Density
from synmodel.inference.problem import SummaryProblem
from synmodel.randomness import stream_key

__all__ = ["Chains", "no_u_turn"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]


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

    Raises
    ------
    FitError
        If nutpie is not installed.
    """
    try:
        import nutpie  # noqa: F401 - found here, used in the processes of the chains
    except ImportError:
        message = 'sampling a joint posterior needs nutpie; install it with `pip install "synmodel[posterior]"`'
        raise FitError(message) from None
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
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    problem, mode, seed, draws, tune = task
    density = Density(problem, mode)

    def log_density() -> Callable[..., tuple[float, Array]]:
        return lambda u, **_: density.with_gradient(np.asarray(u))

    def expand(*_: Any) -> Callable[..., dict[str, Array]]:
        return lambda u, **_: {"u": np.asarray(u)}

    model = from_pyfunc(
        density.n_dim,
        log_density,
        expand,
        [np.dtype("float64")],
        [(density.n_dim,)],
        ["u"],
        make_initial_point_fn=lambda seed: 0.5 * np.random.Generator(np.random.Philox(seed)).standard_normal(density.n_dim),
    )
    trace = nutpie.sample(model, draws=draws, tune=tune, chains=1, cores=1, seed=seed, progress_bar=False)
    vectors = np.array([density.vector(u) for u in np.asarray(trace.posterior["u"])[0]])
    log_posterior = np.array([-0.5 * float(np.sum(problem.residuals(vector) ** 2)) for vector in vectors])
    stats = trace.sample_stats
    return vectors, log_posterior, np.asarray(stats["diverging"])[0], np.asarray(stats["n_steps"])[0]
