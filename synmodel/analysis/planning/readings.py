r"""Which arms tell two readings of the mechanism apart: expected evidence before anything is measured.

Both readings are fitted to the published studies (:mod:`synmodel.inference.summaries.readings`). For an arm and its
vehicle, of n mice each, d is the difference of their fractions of formation and elimination over the sessions. Under a
reading R

::

    d ~ N(m_R, V_R + S_R)       m, V: mean and covariance over draws of the reading's uncertainty; S: mice of both arms

with S from :mod:`synmodel.analysis.planning.moments`. The expected logarithm of the Bayes factor for the reading that
is true is the Kullback-Leibler divergence of the two laws,

::

    KL(A | B) = (tr(C_B^-1 C_A) + (m_B - m_A)' C_B^-1 (m_B - m_A) - k + ln |C_B| / |C_A|) / 2

and arms are ranked by the mean over both readings. Laws are taken for normal (an approximation), and draws of both
readings share the differences between laboratories. Above 3 the study is expected to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synmodel import library
from synmodel.analysis.planning.arms import Arms
from synmodel.analysis.planning.assumptions import spread_parameters
from synmodel.core.errors import DesignError, ScenarioError, SimulationError
from synmodel.core.progress import Steps
from synmodel.core.randomness import checked_seed
from synmodel.inference.summaries.readings import Reading, reading_named
from synmodel.inference.summaries.summary_fit import Fit, fit_summaries
from synmodel.pharmacology import acting_doses
from synmodel.scenario import Scenario, load

__all__ = ["DOSES", "Separation", "arms_to_try", "divergence", "separate"]

Array = NDArray[np.float64]
DOSES = (0.3, 1.0, 3.0)
"""Factors on all doses of an arm's drugs that are tried; antagonists keep theirs."""
_DRAWS = 40
_FEWEST = 20


@dataclass(frozen=True)
class Separation:
    """How well one arm, beside its vehicle, tells two readings apart.

    Attributes
    ----------
    arm : str
        The scenario and its dose.
    scenario : Scenario
    if_first, if_second : float
        Expected logarithm of the Bayes factor for each reading where it is the true one.
    note : str
        Why there is none, or empty.
    """

    arm: str
    scenario: Scenario
    if_first: float
    if_second: float
    note: str = ""

    @property
    def mean(self) -> float:
        """Mean over both readings."""
        return 0.5 * (self.if_first + self.if_second)


def arms_to_try(names: Sequence[str] = (), doses: Sequence[float] = DOSES) -> list[tuple[str, Scenario]]:
    """Scenarios with a drug in mice, each at several doses; default: all of the library.

    Parameters
    ----------
    names : sequence of str
        Of scenarios, or TOML files.
    doses : sequence of float
        Factors on the amounts of drugs.
    """
    plans = [load(name) for name in names or library.names("scenarios")]
    if not names:
        plans = [plan for plan in plans if plan.subject.species == "mouse" and acting_doses(plan.regimen.doses)]
    if not all(factor > 0 for factor in doses):
        message = f"--doses is {list(doses)}; give factors above 0 on the doses of each arm"
        raise DesignError(message)
    if without := [plan.name for plan in plans if not acting_doses(plan.regimen.doses)]:
        message = f"{without[0]} gives no drug, so it cannot tell readings apart; give arms with a drug"
        raise DesignError(message)
    return [_at_dose(plan, factor) for plan in plans for factor in doses]


def _at_dose(plan: Scenario, factor: float) -> tuple[str, Scenario]:
    drugs = acting_doses(plan.regimen.doses)
    doses = [
        dose.model_dump() | ({"amount": dose.amount * factor} if dose in drugs else {}) for dose in plan.regimen.doses
    ]
    text = " + ".join(f"{dose.amount * factor:g} {dose.unit}" for dose in drugs)
    return f"{plan.name}, {text}", plan.updated(regimen=plan.regimen.model_dump() | {"doses": doses})


def separate(
    between: tuple[str, str],
    arms: Sequence[tuple[str, Scenario]],
    *,
    mice: int = 6,
    dendrites: int = 13,
    seed: int = 1,
    progress: Steps | None = None,
) -> list[Separation]:
    """Arms ranked by how well they tell two readings apart.

    Parameters
    ----------
    between : (str, str)
        Names of readings (:data:`synmodel.inference.summaries.readings.READINGS`), of mechanisms with one cascade, or
        pulses.
    arms : sequence of (str, Scenario)
        See :func:`arms_to_try`.
    mice, dendrites : int
        Per arm, and per mouse.
    seed : int
        Of the draws.
    progress : callable, optional
        Called with (what, done, of).

    Returns
    -------
    list of Separation
        The best first; arms that a reading cannot describe, with the reason, last.

    Raises
    ------
    DesignError
        If the readings are the same, or are not ones that scenarios can follow.
    """
    checked_seed(seed)
    readings = [_followed(name) for name in between]
    if readings[0] == readings[1]:
        message = f"--between names {between[0]!r} twice; give two readings"
        raise DesignError(message)
    fits = []
    for number, reading in enumerate(readings):
        fits.append(fit_summaries(reading=reading, seed=seed, starts=1))
        if progress is not None:
            progress("readings fitted", number + 1, len(readings))
    found = []
    for number, (name, plan) in enumerate(arms):
        found.append(_separation(name, plan, readings, fits, mice, dendrites, seed))
        if progress is not None:
            progress("arms", number + 1, len(arms))
    return sorted(found, key=lambda each: (bool(each.note), -each.mean if not each.note else 0.0))


def _followed(name: str) -> Reading:
    reading = reading_named(name)
    if reading.per_drug or reading.protected != "all":
        message = (
            f"--between names {name!r}; scenarios follow readings with one cascade that protects all spines, and pulses"
        )
        raise DesignError(message)
    return reading


def _separation(
    name: str, plan: Scenario, readings: Sequence[Reading], fits: Sequence[Fit], mice: int, dendrites: int, seed: int
) -> Separation:
    laws = []
    for reading, fit in zip(readings, fits, strict=True):
        try:
            laws.append(_law(plan, reading, fit, mice, dendrites, seed))
        except (DesignError, ScenarioError) as fault:
            return Separation(name, plan, 0.0, 0.0, f"not under {reading.name}: {fault}")
    return Separation(name, plan, divergence(*laws[0], *laws[1]), divergence(*laws[1], *laws[0]))


def _law(plan: Scenario, reading: Reading, fit: Fit, mice: int, dendrites: int, seed: int) -> tuple[Array, Array]:
    """Mean and covariance of what a study would find, over draws of a reading and over mice."""
    drive = "mechanistic" if reading.drive == "mechanism" else "phenomenological"
    treated = plan.updated(drive=drive, parameters={**spread_parameters(plan.baseline), **plan.parameters})
    both = Arms(treated, treated.updated(regimen=plan.regimen.model_dump() | {"doses": []}))
    days = plan.schedule.sessions
    means, of_mice = [], []
    for parameters in fit.scenarios(_DRAWS, seed):
        try:
            moments = [course.moments(days) for course in both.at(parameters).courses(days)]
        except SimulationError:
            continue  # more nascent spines than spines: not a possible dendrite
        means.append(moments[0].mean - moments[1].mean)
        of_mice.append((moments[0].of_mouse(dendrites) + moments[1].of_mouse(dendrites)) / mice)
    if len(means) < _FEWEST:
        message = f"only {len(means)} of {_DRAWS} draws are possible"
        raise DesignError(message)
    return np.mean(means, axis=0), np.cov(np.transpose(means)) + np.mean(of_mice, axis=0)


def divergence(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """Kullback-Leibler divergence of a normal law from another, in units of ln.

    Parameters
    ----------
    mean, other_mean : (k,) ndarray
    covariance, other_covariance : (k, k) ndarray
    """
    away = other_mean - mean
    solved = np.linalg.solve(other_covariance, np.column_stack([covariance, away]))
    sizes = [float(np.linalg.slogdet(each)[1]) for each in (other_covariance, covariance)]
    return 0.5 * (float(np.trace(solved[:, :-1])) + float(away @ solved[:, -1]) - len(mean) + sizes[0] - sizes[1])
