"""Maximum a posteriori by multi-start least squares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares
from scipy.special import ndtri

from synmodel.core.progress import Progress
from synmodel.core.randomness import generator_of, stream_key
from synmodel.inference.sampling import sobol_points
from synmodel.inference.summaries.estimate import Estimate
from synmodel.inference.summaries.folders import FittedStudy, GivenStudy
from synmodel.inference.summaries.problem import STUDIES, SummaryProblem
from synmodel.inference.summaries.readings import DEFAULT, Reading, joint_problem
from synmodel.inference.summaries.starts import best_of_starts
from synmodel.inference.summaries.targets import Unit
from synmodel.library.parameters import ParameterSet, default_parameters

__all__ = ["Fit", "fit_problem", "fit_summaries", "release", "settled_parameters"]

Array = NDArray[np.float64]
_RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Fit(Estimate):
    """A problem fitted by its highest posterior density.

    Attributes
    ----------
    covariance : (n_free, n_free) ndarray
        Inverse of the Gauss-Newton Hessian of -log posterior on the scales of the fit.
    objective : float
        -2 log posterior at the estimate, up to a constant.
    found : int
        Number of starts that ended in this minimum.
    starts : int
        Number of starts.
    """

    covariance: Array
    objective: float
    found: int
    starts: int

    def draws(self, n: int, seed: int) -> Array:
        """(n, n_free) draws from the Gaussian approximation of the uncertainty, folded into the supports.

        Points of a scrambled Sobol sequence: quantiles of what follows from 512 of them are as steady as from some 2000
        independent draws. A draw beyond a support is reflected at its end, so that a parameter that the data leave open
        stays open up to the end of its support.
        """
        values, vectors = np.linalg.eigh(self.covariance)
        # The symmetric root: a column of the other one, and each draw with it, may change its sign with the last bit.
        root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        generator = generator_of(seed, "parameter draws")
        points = sobol_points(len(self.vector), max(n - 1, 0).bit_length(), generator)[:n]
        raw = self.vector + ndtri(points) @ root
        low, high = self.problem.lower, self.problem.upper
        width = high - low
        beyond = np.mod(raw - low, 2 * width)
        return low + np.where(beyond > width, 2 * width - beyond, beyond)


def fit_problem(
    problem: SummaryProblem,
    *,
    seed: int,
    starts: int = 6,
    progress: Progress | None = None,
    first: Array | None = None,
) -> Fit:
    """Minimise from several starts and keep the best.

    Parameters
    ----------
    problem : SummaryProblem
        What to fit.
    seed : int
        Of the starts; the first one is the problem's own values (or ``first``).
    starts : int
        Number of starts.
    progress : callable, optional
        Called with (starts done, starts).

    Raises
    ------
    FitError
        If no start ends in a minimum.
    """
    inner = 1e-9 * (problem.upper - problem.lower)
    low, high = problem.lower + inner, problem.upper - inner
    spread = np.array([_spread(problem, name) for name in problem.free])

    def climb(start: Array) -> tuple[float, OptimizeResult]:
        result = least_squares(
            problem.residuals,
            np.clip(start, low, high),
            jac=problem.jacobian,
            bounds=(low, high),
            x_scale=spread,
            max_nfev=200,
        )
        return 2.0 * float(result.cost), result

    best, found = best_of_starts(
        climb,
        np.clip(problem.start() if first is None else first, low, high),
        spread,
        key=stream_key(seed, "starts"),
        starts=starts,
        advice="check the parameter values",
        progress=progress,
    )
    return Fit(
        problem=problem,
        vector=best.x,
        covariance=_covariance(best.jac),
        objective=2.0 * float(best.cost),
        found=found,
        starts=starts,
    )


def _covariance(jacobian: Array) -> Array:
    """Inverse of J'J; a direction that nothing determines gets a large variance, not an infinite one."""
    information = jacobian.T @ jacobian
    scale = np.trace(information) / len(information)
    inverse: Array = np.linalg.inv(information + _RIDGE * scale * np.eye(len(information)))
    return inverse


def fit_summaries(
    *,
    studies: Sequence[FittedStudy] = STUDIES,
    parameters: ParameterSet | None = None,
    unit: Unit = "mouse",
    reading: Reading = DEFAULT,
    seed: int = 1,
    starts: int = 6,
    progress: Progress | None = None,
) -> Fit:
    """Fit the mechanism jointly to the group summaries of studies.

    Parameters
    ----------
    studies : sequence of str or GivenStudy
        Names in the library, and studies of folders (:func:`synmodel.inference.summaries.folders.given_study`).
    parameters : ParameterSet, optional
        Starting and fixed values; default: those of the library.
    unit : {"mouse", "dendrite"}
        Unit of replication.
    reading : synmodel.inference.Reading
        Which mechanism, or which pulse.
    seed : int
        Of the starts.
    starts : int
        Number of points from which the maximum is searched.
    progress : callable, optional
        Called with (starts done, starts).

    Returns
    -------
    Fit
        Estimates, their covariance, and the fit to every published mean.

    Examples
    --------
    >>> import synmodel
    >>> fit = synmodel.fit_summaries(studies=["phoumthipphavong2016"], starts=1, seed=1)
    >>> chi2, points = fit.chi2("phoumthipphavong2016", unit="mouse")  # with SEM over mice
    >>> points, bool(chi2 < points)
    (36, True)
    """
    problem = joint_problem(studies, parameters=parameters, unit=unit, reading=reading)
    return fit_problem(problem, seed=seed, starts=starts, progress=progress)


def settled_parameters(
    studies: Sequence[FittedStudy], *, unit: Unit = "mouse", seed: int = 1, starts: int = 2,
    progress: Progress | None = None,
) -> ParameterSet | None:  # fmt: skip
    """Parameters of the library, with those of the studies of folders at the estimates of a first fit.

    The correlation of means is held at the values with which a problem is made. Those of an embedded study are its
    estimates; a study of a folder has only those of a study like it until it was fitted once.

    Parameters
    ----------
    studies, unit, seed, starts, progress
        As in :func:`fit_summaries`.

    Returns
    -------
    ParameterSet or None
        None, for the parameters of the library, where no study is of a folder.
    """
    given = [each for each in studies if isinstance(each, GivenStudy)]
    if not given:
        return None
    first = fit_summaries(studies=studies, unit=unit, seed=seed, starts=starts, progress=progress).parameters
    groups = {each.study.name for each in given}
    own = [parameter for name, parameter in first.items() if name.partition(".")[0] in groups]
    return default_parameters().joined(ParameterSet(own))


def release(fit: Fit, freed: Mapping[str, float | None], *, seed: int) -> Fit:
    """Fit again, from the estimate, with further parameters free.

    Parameters
    ----------
    fit : Fit
        A fitted problem.
    freed : mapping
        Name -> value at which the search begins, None for its present one.
    seed : int
        Of the starts.
    """
    begun = fit.parameters.replace({name: value for name, value in freed.items() if value is not None})
    return fit_problem(fit.problem.altered(begun, [*fit.problem.free, *freed]), seed=seed, starts=1)


def _spread(problem: SummaryProblem, name: str) -> float:
    prior = problem.parameters[name].prior
    return 0.5 * prior.spread if prior is not None else 0.5
