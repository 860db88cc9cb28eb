r"""What a set of imaging days would tell of a drug's effects: widths of intervals, before anything is measured.

::

    F = sum over arms J' Sigma^-1 J + P            sd of an effect = sqrt((F^-1)_ii)

Sigma is the covariance of the mean fractions of an arm (:mod:`synmodel.analysis.planning.moments`) over its mice, J the
slopes of their exact expectations (central differences), P the inverse covariance of the prior. Unknown besides the
effects are the turnover and scoring of the tissue, with the priors of the library, and how far the treated mice differ
in formation and elimination before any drug. The criterion is the mean of ln sd over the effects: the geometric mean
width of their intervals. Information is local: at the estimate, not averaged over what the effects may be.

===================== =====================================================================================
effects are           unknown
===================== =====================================================================================
stated                ln of the distance of each fold from 1, and ln of its decay where there is one
those of the model    gain and duration of formation and of stabilisation (``cascade``), with the joint posterior,
                      widened by what laboratories differ, as prior
===================== =====================================================================================
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from synmodel.analysis.planning.arms import ArmCourse, Arms
from synmodel.core.errors import DesignError
from synmodel.imaging.expectation import expected_statistics
from synmodel.inference.summaries.estimate import Estimate
from synmodel.library.parameters import ParameterSet, default_parameters
from synmodel.scenario import Scenario
from synmodel.simulation import parameters_of
from synmodel.turnover.heterogeneity import dendrite_nodes

__all__ = ["Information", "Unknown", "information_of"]

Array = NDArray[np.float64]
_STEP = 1e-3
_STATED_SD = 1.0  # of the logarithm of a stated gain or decay: a factor of 2.7 either way, assumed
_RATES = {"formation": ("formation",), "elimination": ("loss_nascent", "loss_mature")}
_TISSUE = ("formation", "loss_nascent", "maturation", "loss_mature", "miss")
_OF_MODEL = {
    "cascade.formation_gain": ("gain of formation", "spread.formation"),
    "cascade.tau_formation": ("how long formation is up", "spread.formation_duration"),
    "cascade.stabilisation_gain": ("gain of protection from elimination", "spread.elimination"),
    "cascade.tau_stabilisation": ("how long protection lasts", ""),
}
_DRAWS = 500
Change = Callable[[Arms, float], Arms]


@dataclass(frozen=True, eq=False)
class Unknown:
    """One unknown: what a step of it does to the arms, and whether it is an effect of the drug."""

    name: str
    change: Change
    is_effect: bool


class Information:
    """Expected widths of the intervals of a drug's effects for any days.

    Parameters
    ----------
    arms : Arms
        At the values at which slopes are taken.
    unknowns : sequence of Unknown
    precision : (n, n) ndarray
        Inverse covariance of their prior.
    days : sequence of float
        All candidate days.
    mice, dendrites : int
        Cohort of each arm.
    """

    def __init__(
        self,
        arms: Arms,
        unknowns: Sequence[Unknown],
        precision: Array,
        days: Sequence[float],
        mice: int,
        dendrites: int,
    ) -> None:
        self._arms, self._courses = arms, arms.courses(days)
        self._steps = [
            [unknown.change(arms, sign * _STEP).courses(days) for sign in (1.0, -1.0)] for unknown in unknowns
        ]
        self._precision, self._mice, self._dendrites = precision, mice, dendrites
        self.effects = [unknown.name for unknown in unknowns if unknown.is_effect]
        self._places = [at for at, unknown in enumerate(unknowns) if unknown.is_effect]

    @cached_property
    def prior_sd(self) -> Array:
        """(n_effect,) standard deviations before the study."""
        return np.sqrt(np.diag(np.linalg.inv(self._precision)))[self._places]

    def fisher(self, sessions: Sequence[float], mice: int | None = None, dendrites: int | None = None) -> Array:
        """(n, n) information of the two arms at some of the days, without the prior; by default of the cohort given."""
        mice, dendrites = mice or self._mice, dendrites or self._dendrites
        total = np.zeros_like(self._precision)
        for arm, course in enumerate(self._courses):
            slopes = np.column_stack([
                (_means(up[arm], sessions) - _means(down[arm], sessions)) / (2 * _STEP) for up, down in self._steps
            ])  # fmt: skip
            covariance = course.moments(sessions).of_mouse(dendrites) / mice
            total += slopes.T @ np.linalg.solve(covariance, slopes)
        return total

    def sd(self, sessions: Sequence[float]) -> Array:
        """(n_effect,) standard deviations of the effects after the study, on their scales."""
        return np.sqrt(np.diag(np.linalg.inv(self.fisher(sessions) + self._precision)))[self._places]

    def strengths(self, sessions: Sequence[float], mice: int, dendrites: int) -> Array:
        """(n_effect,) ln of each stated fold over its standard error, without a prior of the effects.

        The unknown g is ln of the distance of the fold from 1: ln fold has the error of g times abs(fold - 1) / fold.
        """
        precision = self._precision.copy()
        precision[self._places, self._places] = 0.0
        variance = np.linalg.inv(self.fisher(sessions, mice, dendrites) + precision)
        folds = np.array([each.fold for each in self._arms.effects])
        return np.abs(np.log(folds) * folds / (folds - 1.0)) / np.sqrt(np.diag(variance))[self._places]

    def criterion(self, sessions: Sequence[float]) -> float:
        """Mean of ln sd over the effects."""
        return float(np.mean(np.log(self.sd(sessions))))


def _means(course: ArmCourse, sessions: Sequence[float]) -> Array:
    """(2 n,) expected fractions of formation and elimination."""
    tissue, model = course.tissue, course.tissue.model
    steps = course.steps.joined(np.searchsorted(course.days, sessions))
    expected = expected_statistics(
        tissue.initial_means(course.density), steps.survival, steps.newborn, tissue.scoring, course.length_um, None,
        dendrite_nodes(tissue.density_log_sd, model.formation_cv_animal, model.formation_cv_dendrite),
    )  # fmt: skip
    return np.concatenate([expected.formation, expected.elimination])


def information_of(
    arms: Arms, posterior: Estimate | None, days: Sequence[float], *, mice: int, dendrites: int, seed: int
) -> Information:
    """Information about the effects of an arm, stated or of the model.

    Parameters
    ----------
    arms : Arms
    posterior : Estimate, optional
        Of the model's effects; not needed for stated ones.
    days : sequence of float
        Candidates.
    mice, dendrites : int
        Cohort of each arm.
    seed : int
        Of the draws of the posterior.

    Raises
    ------
    DesignError
        If the arm has neither stated effects nor doses that act through the cascade.
    """
    study = arms.treated.baseline
    current = _current(arms, arms.treated)
    tissue = [f"{study}.{key}" for key in _TISSUE]
    unknowns = [Unknown(name, _step([name]), is_effect=False) for name in tissue]
    variance = [_prior_sd(current, name) ** 2 for name in tissue]
    unknowns += [
        Unknown(f"{what} of treated mice", _step(_named(study, keys), control=False), is_effect=False)
        for what, keys in _RATES.items()
    ]
    variance += [current.value("spread.arms") ** 2] * len(_RATES)
    if arms.effects:
        effects, prior = _stated(arms)
    elif posterior is not None and arms.treated.drive == "mechanistic" and arms.treated.regimen.doses:
        effects, prior = _of_posterior(posterior, current, seed)
    else:
        message = (
            f"{arms.treated.name} has no effect of which days could tell; give --effect, or a mechanistic drug arm"
        )
        raise DesignError(message)
    covariance = block_diag(np.diag(variance), prior)
    return Information(arms, [*unknowns, *effects], np.asarray(np.linalg.inv(covariance), float), days, mice, dendrites)


def _current(arms: Arms, plan: Scenario) -> ParameterSet:
    return parameters_of(plan, default_parameters() if arms.parameters is None else arms.parameters)


def _prior_sd(parameters: ParameterSet, name: str) -> float:
    prior = parameters[name].prior
    return 1.0 if prior is None else prior.spread


def _named(study: str, keys: Sequence[str]) -> list[str]:
    return [f"{study}.{key}" for key in keys]


def _step(names: Sequence[str], *, control: bool = True) -> Change:
    """Step of the logarithm of parameters, in both arms or in the treated one alone."""

    def change(arms: Arms, step: float) -> Arms:
        def moved(plan: Scenario) -> Scenario:
            current = _current(arms, plan)
            values = {name: current.value(name) * math.exp(step) for name in names}
            return plan.updated(parameters={**plan.parameters, **values})

        own = moved(arms.control) if control else arms.control
        return replace(arms, treated=moved(arms.treated), control=own, _courses={})

    return change


def _stated(arms: Arms) -> tuple[list[Unknown], Array]:
    """Gains, and decays where there are any, of stated effects."""
    found = []
    for at, effect in enumerate(arms.effects):
        found.append(Unknown(f"{effect.quantity}: gain", _of_effect(at, "fold"), is_effect=True))
        if math.isfinite(effect.decay):
            found.append(Unknown(f"{effect.quantity}: decay", _of_effect(at, "decay"), is_effect=True))
    return found, np.eye(len(found)) * _STATED_SD**2


def _of_effect(at: int, key: str) -> Change:
    def change(arms: Arms, step: float) -> Arms:
        old = arms.effects[at]
        factor = math.exp(step)
        new = (
            replace(old, decay=old.decay * factor) if key == "decay" else replace(old, fold=1 + (old.fold - 1) * factor)
        )
        return replace(arms, effects=(*arms.effects[:at], new, *arms.effects[at + 1 :]), _courses={})

    return change


def _of_posterior(posterior: Estimate, current: ParameterSet, seed: int) -> tuple[list[Unknown], Array]:
    """Gains and durations of the cascade, with their covariance in the posterior and between laboratories."""
    free = posterior.problem.free
    names = [name for name in _OF_MODEL if name in free]
    draws = posterior.draws(_DRAWS, seed)[:, [free.index(name) for name in names]]
    covariance = np.atleast_2d(np.cov(draws.T))
    spreads = [current.value(_OF_MODEL[name][1]) if _OF_MODEL[name][1] else 0.0 for name in names]
    unknowns = [Unknown(_OF_MODEL[name][0], _step([name]), is_effect=True) for name in names]
    return unknowns, covariance + np.diag(np.square(spreads))
