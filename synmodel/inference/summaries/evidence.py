"""How well readings of the data explain them: -2 log likelihood, AIC and evidence, by one fit each.

The evidence is the Laplace approximation at the highest posterior density,

::

    ln Z = ln L + ln prior + d/2 ln 2 pi - 1/2 ln |H|

with the Gauss-Newton Hessian H, proper priors cut off at the supports, and spreads between arms and studies held at the
library's values. Its error is that of taking the posterior for normal; docs/fit.md says how large it is for the reading
whose posterior is sampled. Differences between readings of the same data are what counts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from synmodel.core.errors import FitError
from synmodel.core.plain import Json
from synmodel.core.progress import Progress
from synmodel.inference.summaries.folders import FittedStudy
from synmodel.inference.summaries.problem import STUDIES
from synmodel.inference.summaries.readings import READINGS, Reading, joint_problem
from synmodel.inference.summaries.summary_fit import Fit, fit_problem
from synmodel.inference.summaries.targets import Unit
from synmodel.library.parameters import ParameterSet

__all__ = ["ReadingFit", "compare_readings", "laplace_evidence"]


@dataclass(frozen=True, eq=False)
class ReadingFit:
    """A reading and its fit."""

    reading: Reading
    fit: Fit
    log_evidence: float

    def document(self, note: str = "") -> Json:
        """The reading as plain data."""
        problem, vector = self.fit.problem, self.fit.vector
        deviance = float(np.sum(problem.residuals(vector, with_prior=False) ** 2))
        return {
            "name": self.reading.name,
            "drive": problem.drive,
            "n_parameters": len(problem.free),
            "minus_2_log_likelihood": deviance,
            "aic": deviance + 2 * len(problem.free),
            "log_evidence": self.log_evidence,
            "note": note,
        }


def laplace_evidence(fit: Fit) -> float:
    """Logarithm of the evidence of a fit, up to a constant of the data."""
    problem = fit.problem
    total = -0.5 * fit.objective + 0.5 * float(np.linalg.slogdet(fit.covariance)[1])
    for at, name in enumerate(problem.free):
        parameter = problem.parameters[name]
        low, high = problem.lower[at], problem.upper[at]
        if parameter.prior is None:
            total += 0.5 * math.log(2 * math.pi) - math.log(high - low)
            continue
        centre, spread = parameter.to_coordinate(parameter.prior.centre), parameter.prior.spread
        mass = float(ndtr((high - centre) / spread) - ndtr((low - centre) / spread))
        total -= math.log(spread) + math.log(mass)
    return total


def compare_readings(
    readings: Iterable[Reading] = tuple(READINGS.values()),
    *,
    studies: tuple[FittedStudy, ...] = STUDIES,
    parameters: ParameterSet | None = None,
    unit: Unit = "mouse",
    seed: int = 1,
    starts: int = 1,
    progress: Progress | None = None,
) -> list[ReadingFit]:
    """Fit every reading to the same data.

    Parameters
    ----------
    readings : iterable of Reading
        Default: all of them.
    studies, parameters, unit
        As in :func:`synmodel.inference.summaries.readings.joint_problem`.
    seed, starts
        Of the search for the maximum.

    Raises
    ------
    FitError
        If no reading is given.
    """
    chosen = list(readings)
    if not chosen:
        message = f"readings is empty; give at least one of {', '.join(READINGS)}"
        raise FitError(message)
    done = []
    for number, reading in enumerate(chosen):
        problem = joint_problem(studies, parameters=parameters, reading=reading, unit=unit)
        fit = fit_problem(problem, seed=seed, starts=starts)
        done.append(ReadingFit(reading, fit, laplace_evidence(fit)))
        if progress is not None:
            progress(number + 1, len(chosen))
    return done
