"""Intervals and identifiability: what the data say of each parameter, in a word.

* From draws (:func:`verdicts_of`): the 95 % interval of the posterior, and how much of the prior it leaves out.
* By profiles (:func:`judge`, slow): MINOS's profile of the posterior.
* The verdict asks the likelihood alone, without any prior: can it exclude the lower and the upper end of the
  parameter's support (a rise beyond the same bound)? Both ends: *identified*. One: *one-sided*. None: *flat*, and
  the estimate is that of the prior.

References
----------
James and Roos 1975, Comput Phys Commun 10:343 (MINOS). Raue et al. 2009, doi:10.1093/bioinformatics/btp358.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import gammaincinv, ndtr

from synmodel.core.progress import Progress
from synmodel.inference.summaries.estimate import LEVEL, Estimate
from synmodel.inference.summaries.problem import SummaryProblem
from synmodel.inference.summaries.summary_fit import Fit, fit_problem
from synmodel.library.parameters import Parameter

__all__ = ["LEVEL", "Profile", "Profiles", "Verdict", "hold", "judge", "profile", "verdicts_of"]

Array = NDArray[np.float64]
BOUND = 2.0 * float(gammaincinv(0.5, LEVEL))  # quantile of chi-square with one degree of freedom
"""Rise of -2 log posterior at the ends of an interval."""

_EVALUATIONS = 40
_EXCLUDED = 0.25
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Verdict:
    """What a fit says of one parameter, in its own unit.

    Attributes
    ----------
    low, high : float
        Ends of the 95 % interval; an end of the support where the profile does not rise enough.
    verdict : {"identified", "one-sided", "flat"}
    sentence : str
        The same in words.
    """

    name: str
    long_name: str
    unit: str
    estimate: float
    low: float
    high: float
    verdict: Literal["identified", "one-sided", "flat"]
    sentence: str


class Profile(NamedTuple):
    """Values of one parameter (n,), in its unit, the rise of -2 log posterior there, and the rise that 95 % takes."""

    values: Array
    rise: Array
    bound: float


Profiles = dict[str, Profile]


class _BelowError(Exception):
    """The objective fell below the bound, so the search may stop."""


def judge(fit: Fit, progress: Progress | None = None, *, names: Sequence[str] | None = None) -> list[Verdict]:
    """Intervals and verdicts for free parameters, in their order.

    Parameters
    ----------
    fit : Fit
        A fitted problem.
    names : sequence of str, optional
        Which; default: all of them.
    progress : callable, optional
        Called with (parameters done, parameters).
    """
    wanted = [name for name in fit.problem.free if names is None or name in names]
    if not wanted:
        return []
    profiler = _Profiler(fit)
    verdicts = []
    for name in wanted:
        verdicts.append(profiler.judge(name))
        if progress is not None:
            progress(len(verdicts), len(wanted))
    return verdicts


def verdicts_of(estimate: Estimate, names: Sequence[str], *, draws: int = 1000, seed: int = 1) -> list[Verdict]:
    """Intervals and verdicts of parameters from draws: what the data add to what was believed before.

    An end is excluded where the posterior's 95 % interval leaves out a quarter or more of the prior's probability on
    that side (of the support, without a prior). Both ends: *identified*. One: *one-sided*. None: *flat*.

    Parameters
    ----------
    estimate : Estimate
        A posterior, or a fit that draws from its Gaussian approximation.
    names : sequence of str
        Free parameters.
    draws, seed : int
        Of the draws.
    """
    problem = estimate.problem
    vectors = estimate.draws(draws, seed)
    verdicts = []
    for name in names:
        at, parameter = problem.free.index(name), problem.parameters[name]
        low, middle, high = np.quantile(vectors[:, at], [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]).tolist()
        below, above = _prior_below(parameter, low), 1.0 - _prior_below(parameter, high)
        ends = (parameter.from_coordinate(low), parameter.from_coordinate(high))
        word, sentence = in_words(
            parameter.unit, parameter.from_coordinate(middle), ends, (parameter.lower, parameter.upper),
            (below >= _EXCLUDED, above >= _EXCLUDED),
        )  # fmt: skip
        verdicts.append(
            Verdict(name, parameter.long_name, parameter.unit, parameter.from_coordinate(middle), *ends, word, sentence)
        )
    return verdicts


def _prior_below(parameter: Parameter, coordinate: float) -> float:
    """Probability of the prior below a place on the scale of the fit."""
    low, high = parameter.to_coordinate(parameter.lower), parameter.to_coordinate(parameter.upper)
    if parameter.prior is None:
        return (coordinate - low) / (high - low)
    centre, spread = parameter.to_coordinate(parameter.prior.centre), parameter.prior.spread
    first, last, here = (float(ndtr((x - centre) / spread)) for x in (low, high, coordinate))
    return (here - first) / (last - first)


def profile(fit: Fit, names: Sequence[str], *, points: int = 11, progress: Progress | None = None) -> Profiles:
    """Profiles of the posterior by MINOS.

    Parameters
    ----------
    fit : Fit
        A fitted problem.
    names : sequence of str
        Free parameters.
    points : int
        Number of values, spread over three standard errors to both sides and cut at the support.
    progress : callable, optional
        Called with (parameters done, parameters).

    Returns
    -------
    dict of str to Profile
    """
    profiler = _Profiler(fit)
    profiles: Profiles = {}
    for name in names:
        profiles[name] = profiler.profile(name, points)
        if progress is not None:
            progress(len(profiles), len(names))
    return profiles


def hold(fit: Fit, name: str, values: Sequence[float], *, seed: int) -> Profile:
    """Profile of the posterior without the prior of a parameter, at given values, by fits that hold it there.

    Parameters
    ----------
    fit : Fit
        In which the parameter is free.
    name : str
        The parameter.
    values : sequence of float
        In its unit.
    seed : int
        Of the starts.
    """
    others = [other for other in fit.problem.free if other != name]
    lowest = []
    for value in values:
        held = fit.problem.altered(fit.parameters.replace({name: value}), others)
        lowest.append(fit_problem(held, seed=seed, starts=1).objective)
    return Profile(np.array(values), np.array(lowest) - min(lowest), BOUND)


class _Profiler:
    """Profiles of the parameters of a fit."""

    def __init__(self, fit: Fit) -> None:
        self.problem: SummaryProblem = fit.problem
        self.vector = fit.vector
        self.error = np.sqrt(np.diag(fit.covariance))
        self.minuit = self._minuit()
        self.lowest_likelihood = self.minimum(None)

    def _minuit(self) -> Minuit:
        def objective(vector: Array) -> float:
            return float(np.sum(self.problem.residuals(vector) ** 2))

        def gradient(vector: Array) -> Array:
            return 2.0 * self.problem.residuals(vector) @ self.problem.jacobian(vector)

        def hessian(vector: Array) -> Array:
            slopes = self.problem.jacobian(vector)
            return 2.0 * slopes.T @ slopes  # Gauss-Newton

        minuit = Minuit(
            objective,
            self.vector,
            name=self.problem.free,
            grad=gradient,
            hessian=hessian,
        )
        minuit.limits = list(zip(self.problem.lower, self.problem.upper, strict=True))
        minuit.errors = self.error
        minuit.errordef = Minuit.LEAST_SQUARES
        minuit.strategy = 0
        minuit.tol = 1.0
        minuit.migrad()
        return minuit

    def judge(self, name: str) -> Verdict:
        at = self.problem.free.index(name)
        lower, upper = self.problem.lower[at], self.problem.upper[at]
        self.minuit.errordef = Minuit.LEAST_SQUARES
        self.minuit.minos(name, cl=LEVEL)
        error, centre = self.minuit.merrors[name], self.minuit.values[name]
        low = lower if error.at_lower_limit or not error.lower_valid else centre + error.lower
        high = upper if error.at_upper_limit or not error.upper_valid else centre + error.upper
        parameter = self.problem.parameters[name]
        ends = (parameter.from_coordinate(low), parameter.from_coordinate(high))
        estimate = parameter.from_coordinate(self.vector[at])
        excludes = (self._excludes(at, lower), self._excludes(at, upper))
        verdict, sentence = in_words(parameter.unit, estimate, ends, (parameter.lower, parameter.upper), excludes)
        return Verdict(name, parameter.long_name, parameter.unit, estimate, *ends, verdict, sentence)

    def profile(self, name: str, points: int) -> Profile:
        at = self.problem.free.index(name)
        reach = 3.0 * self.error[at]
        low = max(self.problem.lower[at], self.vector[at] - reach)
        high = min(self.problem.upper[at], self.vector[at] + reach)
        self.minuit.errordef = Minuit.LEAST_SQUARES
        places, values, _ = self.minuit.mnprofile(name, size=points, bound=(low, high))
        parameter = self.problem.parameters[name]
        at_places = np.array([parameter.from_coordinate(x) for x in places])
        return Profile(at_places, values - self.minuit.fval, BOUND)

    def _excludes(self, at: int, end: float) -> bool:
        """Whether the likelihood alone excludes an end of the support."""
        most = self.lowest_likelihood + BOUND
        try:
            return bool(self.minimum((at, end), stop_below=most) > most)
        except _BelowError:
            return False

    def minimum(self, fixed: tuple[int, float] | None, *, stop_below: float = -np.inf) -> float:
        """Smallest -2 log likelihood, without priors, with one coordinate fixed (or none).

        Raises
        ------
        _BelowError
            As soon as the sum falls below ``stop_below``.
        """
        n = len(self.vector)
        free = np.array([i for i in range(n) if fixed is None or i != fixed[0]])
        inner = 1e-6 * (self.problem.upper - self.problem.lower)
        start = np.clip(self.vector, self.problem.lower + inner, self.problem.upper - inner)

        def residuals(some: Array) -> Array:
            vector = np.empty(n)
            vector[free] = some
            if fixed is not None:
                vector[fixed[0]] = fixed[1]
            values = self.problem.residuals(vector, with_prior=False)
            if np.sum(values**2) < stop_below:
                raise _BelowError
            return values

        def slopes(some: Array) -> Array:
            vector = np.empty(n)
            vector[free] = some
            if fixed is not None:
                vector[fixed[0]] = fixed[1]
            return self.problem.jacobian(vector, with_prior=False)[:, free]

        result = least_squares(
            residuals,
            start[free],
            jac=slopes,
            bounds=(self.problem.lower[free], self.problem.upper[free]),
            x_scale=self.error[free],
            ftol=_TOLERANCE,
            max_nfev=_EVALUATIONS,
        )
        return 2.0 * float(result.cost)


def in_words(
    unit: str,
    estimate: float,
    ends: tuple[float, float],
    support: tuple[float, float],
    excludes: tuple[bool, bool],
) -> tuple[Literal["identified", "one-sided", "flat"], str]:
    shown = "" if unit == "1" else f" {unit}"
    if all(excludes):
        return "identified", f"{estimate:.3g}{shown} (95 % interval {ends[0]:.3g} to {ends[1]:.3g})"
    if excludes[0]:
        return "one-sided", f"at least {ends[0]:.3g}{shown}; the data allow any value up to {support[1]:.3g}"
    if excludes[1]:
        return "one-sided", f"at most {ends[1]:.3g}{shown}; the data allow any value down to {support[0]:.3g}"
    return (
        "flat",
        f"the data allow all of {support[0]:.3g} to {support[1]:.3g}{shown}; {estimate:.3g} is the prior's choice",
    )
