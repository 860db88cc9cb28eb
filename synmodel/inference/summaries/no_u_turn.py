"""Markov chains on the posterior of a joint fit by the no-U-turn sampler, which follows the slope of the density.

The density is that of :mod:`synmodel.inference.summaries.density`, in whitened coordinates, with its exact gradient;
nutpie (an extra, ``pip install 'synmodel[nuts]'``) walks on it. A trajectory that meets the end of a support stops
there, and counts as diverging: the draws are those of the posterior all the same, but where many do, walks are shorter.
What it costs beside Crank-Nicolson steps stands in docs/fit.md.

References
----------
Hoffman and Gelman 2014, J Mach Learn Res 15:1593.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.core.errors import FitError
from synmodel.inference.summaries.density import Density
from synmodel.inference.summaries.problem import SummaryProblem

__all__ = ["Walk", "walk"]

Array = NDArray[np.float64]
_FIRST = 0.1  # spread of the first points around the mode


class Walk(NamedTuple):
    """One chain.

    Attributes
    ----------
    vectors : (draw, n_free) ndarray
        On the scales of the fit.
    log_posterior : (draw,) ndarray
        -1/2 of the sum of squared residuals.
    accepted : (1,) ndarray
        Mean probability of acceptance along the trajectories.
    """

    vectors: Array
    log_posterior: Array
    accepted: Array


def walk(problem: SummaryProblem, mode: Array, seed: int, draws: int, tune: int) -> Walk:
    """One chain of the posterior of a problem.

    Parameters
    ----------
    problem : SummaryProblem
        With all that is to be sampled free.
    mode : (n_free,) ndarray
        Around which it begins, on the scales of the fit.
    seed : int
        The same seed gives the same draws with the same version of nutpie.
    draws, tune : int
        Draws that are kept, and that tune the length of steps before.

    Raises
    ------
    FitError
        If nutpie is not installed.
    """
    density = Density(problem, mode)
    points, accepted = _draws_of(density, seed, draws, tune)
    vectors = np.array([density.vector(u) for u in points])
    logs = np.array([-0.5 * float(np.sum(problem.residuals(vector) ** 2)) for vector in vectors])
    return Walk(vectors, logs, np.array([accepted]))


def _draws_of(density: Density, seed: int, draws: int, tune: int) -> tuple[Array, float]:
    """(draw, n_free) draws in the coordinates of a density, and the mean probability of acceptance."""
    try:
        from nutpie import sample
        from nutpie.compiled_pyfunc import from_pyfunc
    except ImportError as fault:
        message = (
            f"sampler is 'no-u-turn', which needs nutpie ({fault}); install it with pip install 'synmodel[nuts]', or "
            "choose 'crank-nicolson'"
        )
        raise FitError(message) from fault
    n = density.n_dim

    def log_density() -> Any:
        return lambda u: density.with_gradient(np.asarray(u, float))

    def coordinates(*_: Any) -> Any:
        return lambda u: {"u": np.asarray(u, float)}

    def first(number: int) -> Array:
        return _FIRST * np.random.Generator(np.random.Philox([seed, number])).standard_normal(n)

    model = from_pyfunc(
        n, log_density, coordinates, [np.dtype(float)], [(n,)], ["u"], make_initial_point_fn=first
    )  # fmt: skip
    found = sample(model, draws=draws, tune=tune, chains=1, cores=1, seed=seed, progress_bar=False)
    points = np.asarray(found.posterior["u"], float)[0]
    return points, float(np.mean(found.sample_stats["mean_tree_accept"]))
