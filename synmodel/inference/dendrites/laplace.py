"""Laplace's approximation of the posterior of single dendrites: a normal density at its highest point.

For tens of parameters and thousands of intervals, where sampling takes hours and the posterior is close to normal in
the coordinates of the fit. It is an approximation: intervals are symmetric on the scale of the parameter, and where a
parameter is only limited from one side (its verdict says so) they are too sure of themselves.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synmodel.core.errors import FitError
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.dendrites.maximum import Maximum
from synmodel.inference.sampling import Progress
from synmodel.inference.summaries.verdicts import LEVEL, Verdict, in_words

__all__ = ["Laplace", "judge_laplace", "laplace"]

Array = NDArray[np.float64]
_STEP = 2e-3
_TELLS = 0.5  # a posterior narrower than this share of the prior is the data's
_FLATTEST = 1e-3


class Laplace(NamedTuple):
    """Normal approximation: (n, n) covariance of the free parameters, and the logarithm of the evidence."""

    covariance: Array
    log_evidence: float


def laplace(problem: DendriteProblem, maximum: Maximum, progress: Progress | None = None) -> Laplace:
    """Curvature at the maximum, by central differences of slopes.

    Directions in which the density does not fall off, at the edge of a support, get the curvature of a broad prior.

    Raises
    ------
    FitError
        If the density is not finite around its maximum.
    """
    n = len(problem.free)
    hessian = np.zeros((n, n))
    for at, name in enumerate(problem.free):
        slopes, ends = [], []
        # Slopes of other arms do not change, and cancel.
        arms = [arm for arm in problem.arms if problem.concerns(name, arm)]
        for step in (_STEP, -_STEP):
            moved = maximum.vector.copy()
            moved[at] = np.clip(moved[at] + step, problem.lower[at], problem.upper[at])
            slopes.append(problem.slopes(moved, arms) + problem.prior.slopes(moved))
            ends.append(moved[at])
        hessian[at] = -(slopes[0] - slopes[1]) / (ends[0] - ends[1])
        if progress is not None:
            progress(at + 1, n)
    if not np.all(np.isfinite(hessian)):
        message = "the posterior is not finite around its maximum; use engine map, importance or nested"
        raise FitError(message)
    value, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
    value = np.maximum(value, _FLATTEST)
    log_evidence = (
        maximum.log_posterior
        - problem.prior.log_volume()
        + 0.5 * n * np.log(2.0 * np.pi)
        - 0.5 * float(np.log(value).sum())
    )
    return Laplace((vectors / value) @ vectors.T, float(log_evidence))


def judge_laplace(problem: DendriteProblem, maximum: Maximum, found: Laplace) -> list[Verdict]:
    """Intervals, and whether the data tell a parameter: by its spread beside that of its prior."""
    half = float(ndtri(0.5 + LEVEL / 2)) * np.sqrt(np.diag(found.covariance))
    verdicts = []
    for at, name in enumerate(problem.free):
        parameter, centre = problem.parameters[name], maximum.vector[at]
        low, high = max(centre - half[at], problem.lower[at]), min(centre + half[at], problem.upper[at])
        ends = (parameter.from_coordinate(low), parameter.from_coordinate(high))
        prior = parameter.prior.spread if parameter.prior is not None else (problem.upper - problem.lower)[at] / 3.5
        tells = bool(np.sqrt(found.covariance[at, at]) < _TELLS * prior)
        excludes = (tells and low > problem.lower[at], tells and high < problem.upper[at])
        estimate = parameter.from_coordinate(centre)
        word, sentence = in_words(parameter.unit, estimate, ends, (parameter.lower, parameter.upper), excludes)
        verdicts.append(Verdict(name, parameter.long_name, parameter.unit, estimate, *ends, word, sentence))
    return verdicts
