"""Maximum a posteriori of single dendrites, MINOS intervals, and a verdict per parameter.

The verdict asks the likelihood alone, as for group summaries (:mod:`synmodel.inference.summaries.verdicts`): which ends
of a parameter's support can it exclude, with all others free? Mice are independent and their formation integrated over,
so no correction of the interval is needed.
"""

from typing import NamedTuple

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize
from scipy.special import gammaincinv

from synmodel.core.randomness import stream_key
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.sampling import Progress
from synmodel.inference.summaries.starts import best_of_starts
from synmodel.inference.summaries.verdicts import LEVEL, Verdict, in_words

__all__ = ["Maximum", "judge_maximum", "maximise"]

Array = NDArray[np.float64]
_SPREAD = 0.4  # of starts, as a share of the prior's spread or of the support
_INSIDE = 1e-6
_ITERATIONS, _ENOUGH, _REMEMBERED = 400, 1e-9, 30
_EVALUATIONS = 100  # for the question whether an end of a support is excluded


class Maximum(NamedTuple):
    """Where the posterior is highest: (n_free,) vector, logarithms there, and how many starts found it."""

    vector: Array
    log_posterior: float
    log_likelihood: float
    found: int
    starts: int


def maximise(problem: DendriteProblem, *, seed: int, starts: int = 4, progress: Progress | None = None) -> Maximum:
    """Highest posterior density from several starts, by L-BFGS-B.

    Raises
    ------
    FitError
        If no start has a finite likelihood.
    """
    margin = _INSIDE * (problem.upper - problem.lower)
    bounds = list(zip(problem.lower + margin, problem.upper - margin, strict=True))

    def climb(start: Array) -> tuple[float, OptimizeResult]:
        result = _climb(problem, np.clip(start, *np.transpose(bounds)), bounds)
        return float(result.fun), result

    best, found = best_of_starts(
        climb,
        problem.parameters.pack(problem.free),
        np.array([_spread(problem, name) for name in problem.free]),
        key=stream_key(seed, "starts of dendrites"),
        starts=starts,
        advice="look at the audit of the data",
        progress=progress,
    )
    return Maximum(
        vector=np.asarray(best.x, float),
        log_posterior=-float(best.fun),
        log_likelihood=problem.log_likelihood(best.x),
        found=found,
        starts=starts,
    )


def _climb(problem: DendriteProblem, first: Array, bounds: list[tuple[float, float]]) -> OptimizeResult:
    """From one start, in coordinates in which the curvature is about 1 in every direction."""
    scale = np.sqrt(problem.information(first) + problem.prior.information())

    def objective(y: Array) -> float:
        return -_log_posterior(problem, y / scale)

    def slopes(y: Array) -> Array:
        x = y / scale
        return -(problem.rough_slopes(x) + problem.prior.slopes(x)) / scale

    limits = [(low * s, high * s) for (low, high), s in zip(bounds, scale.tolist(), strict=True)]
    result = minimize(
        objective, first * scale, jac=slopes, method="L-BFGS-B", bounds=limits,
        options={"maxiter": _ITERATIONS, "ftol": _ENOUGH, "maxcor": _REMEMBERED},
    )  # fmt: skip
    result.x = result.x / scale
    return result


def judge_maximum(problem: DendriteProblem, maximum: Maximum, progress: Progress | None = None) -> list[Verdict]:
    """MINOS intervals of the posterior and verdicts of the likelihood, in the order of the free parameters."""
    minuit = Minuit(
        lambda x: -2.0 * _log_posterior(problem, x),
        maximum.vector,
        grad=lambda x: -2.0 * (problem.slopes(x) + problem.prior.slopes(x)),
        name=problem.free,
    )
    minuit.limits = list(zip(problem.lower, problem.upper, strict=True))
    minuit.errors = 0.05 * (problem.upper - problem.lower)
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.strategy = 0
    minuit.migrad()
    highest = max(problem.log_likelihood(np.array(minuit.values)), maximum.log_likelihood)
    verdicts = []
    for at, name in enumerate(problem.free):
        minuit.minos(name, cl=LEVEL)
        error, centre = minuit.merrors[name], minuit.values[name]
        low = problem.lower[at] if error.at_lower_limit or not error.lower_valid else centre + error.lower
        high = problem.upper[at] if error.at_upper_limit or not error.upper_valid else centre + error.upper
        parameter = problem.parameters[name]
        ends = (parameter.from_coordinate(low), parameter.from_coordinate(high))
        excludes = tuple(_excludes(problem, maximum.vector, at, end, highest) for end in (0, 1))
        estimate = parameter.from_coordinate(maximum.vector[at])
        support = (parameter.lower, parameter.upper)
        word, sentence = in_words(parameter.unit, estimate, ends, support, (excludes[0], excludes[1]))
        verdicts.append(Verdict(name, parameter.long_name, parameter.unit, estimate, *ends, word, sentence))
        if progress is not None:
            progress(at + 1, len(problem.free))
    return verdicts


class _ReachedError(Exception):
    """The likelihood came within the bound, so the end is not excluded."""


def _excludes(problem: DendriteProblem, vector: Array, at: int, end: int, highest: float) -> bool:
    """Whether the likelihood, all other parameters free, excludes one end of a support."""
    bound = highest - float(gammaincinv(0.5, LEVEL))
    margin = _INSIDE * (problem.upper - problem.lower)
    low, high = problem.lower + margin, problem.upper - margin
    others = np.arange(len(vector)) != at
    x = np.clip(vector, low, high)
    x[at] = (low, high)[end][at]
    # In coordinates of equal curvature: the ridges are as narrow as those of the climb.
    scale = np.sqrt(problem.information(x) + problem.prior.information())[others]

    def objective(some: Array) -> float:
        x[others] = some / scale
        value = problem.log_likelihood(x)
        if value > bound:
            raise _ReachedError
        return -value if np.isfinite(value) else 1e10

    def slopes(some: Array) -> Array:
        x[others] = some / scale
        return -problem.slopes(x)[others] / scale

    limits = list(zip(low[others] * scale, high[others] * scale, strict=True))
    try:
        minimize(
            objective, x[others] * scale, jac=slopes, method="L-BFGS-B", bounds=limits, options={"maxfun": _EVALUATIONS}
        )
    except _ReachedError:
        return False
    return True


def _log_posterior(problem: DendriteProblem, vector: Array) -> float:
    value = problem.log_likelihood(vector) + problem.log_prior(vector)
    return value if np.isfinite(value) else -1e10


def _spread(problem: DendriteProblem, name: str) -> float:
    parameter = problem.parameters[name]
    if parameter.prior is not None:
        return _SPREAD * parameter.prior.spread
    return _SPREAD * 0.25 * (parameter.to_coordinate(parameter.upper) - parameter.to_coordinate(parameter.lower))
