"""Intervals and identifiability: what the data say of each parameter, in a word.

* The 95 % interval is MINOS's profile of the posterior, with the rise that 95 % takes multiplied by the ratio of
  sandwich to naive variance, so that correlated means do not count twice.
* The verdict asks the likelihood alone, without any prior: can it exclude the lower and the upper end of the
  parameter's support (a rise beyond the same bound)? Both ends: *identified*. One: *one-sided*. None: *flat*, and
  the estimate is that of the prior.

References
----------
James and Roos 1975, Comput Phys Commun 10:343 (MINOS). Raue et al. 2009, doi:10.1093/bioinformatics/btp358.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import chi2

from synmodel.inference.problem import SummaryProblem
from synmodel.inference.summary_fit import Fit, fit_problem

__all__ = ["LEVEL", "Profile", "Profiles", "Verdict", "hold", "judge", "profile"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
LEVEL = 0.95
"""Confidence level of all intervals."""

_EVALUATIONS = 40
_TOLERANCE = 1e-4
_STEP = 1e-5


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
    verdicts: dict[str, Verdict] = {}
    for studies, free in fit.problem.blocks():
        here = [name for name in free if name in wanted]
        block = _Block(fit, studies, free) if here else None
        for name in here:
            assert block is not None
            verdicts[name] = block.judge(name)
            if progress is not None:
                progress(len(verdicts), len(wanted))
    return [verdicts[name] for name in wanted]


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
    blocks = _blocks(fit)
    profiles: Profiles = {}
    for name in names:
        block = next(each for each in blocks if name in each.problem.free)
        profiles[name] = block.profile(name, points)
        if progress is not None:
            progress(len(profiles), len(names))
    return profiles


def hold(fit: Fit, name: str, values: Sequence[float], *, seed: int) -> Profile:
    """Profile of the posterior without the prior of a parameter, at given values, by fits that hold it there.

    Parameters
    ----------
    fit : Fit
        In which the parameter is free, so that the bound takes the correlation of the means into account.
    name : str
        The parameter.
    values : sequence of float
        In its unit.
    seed : int
        Of the starts.
    """
    problem, at = fit.problem, fit.problem.free.index(name)
    studies, names = next((block, free) for block, free in problem.blocks() if name in free)
    others = [other for other in names if other != name]
    lowest = []
    for value in values:
        held = problem.altered(fit.parameters.replace({name: value}), others, studies=studies)
        lowest.append(fit_problem(held, seed=seed, starts=1).objective)
    inflation = max(1.0, float(fit.covariance[at, at] / fit.naive_covariance[at, at]))
    return Profile(np.array(values), np.array(lowest) - min(lowest), float(chi2.ppf(LEVEL, 1)) * inflation)


class _Block:
    """A part of a fit that shares no free parameter with the rest.

    Profiling it alone gives the same answer at a fraction of the cost.
    """

    def __init__(self, fit: Fit, studies: list[str], names: list[str]) -> None:
        index = [fit.problem.free.index(name) for name in names]
        self.problem: SummaryProblem = fit.problem.altered(fit.parameters, names, studies=studies)
        self.vector = fit.vector[index]
        self.error = np.sqrt(np.diag(fit.naive_covariance))[index]
        # A rise of -2 log L that 95 % takes, times the sandwich's inflation of the variance.
        inflation = np.maximum(1.0, (np.diag(fit.covariance) / np.diag(fit.naive_covariance))[index])
        self.bound = float(chi2.ppf(LEVEL, 1)) * inflation
        self.minuit = self._minuit()
        self.lowest_likelihood = self.minimum(None)

    def _minuit(self) -> Minuit:
        def objective(vector: Array) -> float:
            return float(np.sum(self.problem.residuals(vector) ** 2))

        def jacobian(vector: Array) -> tuple[Array, Array]:
            at = self.problem.residuals(vector)
            steps = np.eye(len(vector)) * _STEP
            return at, np.array([(self.problem.residuals(vector + step) - at) / _STEP for step in steps])

        def gradient(vector: Array) -> Array:
            at, slopes = jacobian(vector)
            return 2.0 * slopes @ at

        def hessian(vector: Array) -> Array:
            _, slopes = jacobian(vector)
            return 2.0 * slopes @ slopes.T  # Gauss-Newton

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
        self.minuit.errordef = self.bound[at] / float(chi2.ppf(LEVEL, 1))
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
        return Profile(at_places, values - self.minuit.fval, float(self.bound[at]))

    def _excludes(self, at: int, end: float) -> bool:
        """Whether the likelihood alone excludes an end of the support."""
        most = self.lowest_likelihood + self.bound[at]
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

        result = least_squares(
            residuals,
            start[free],
            bounds=(self.problem.lower[free], self.problem.upper[free]),
            x_scale=self.error[free],
            ftol=_TOLERANCE,
            max_nfev=_EVALUATIONS,
        )
        return 2.0 * float(result.cost)


def _blocks(fit: Fit) -> list[_Block]:
    return [_Block(fit, studies, names) for studies, names in fit.problem.blocks()]


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
