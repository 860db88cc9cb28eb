r"""The exact likelihood of counts as the analysis of a planned study: a likelihood ratio for one stated effect.

::

    2 (max ln L(formation, elimination, fold) - max ln L(formation, elimination, fold = 1)) > critical value

over both arms, with factors of formation and of elimination of both arms free, and all other rates, how far mice and
dendrites differ, and the shape of the effect in time at the values of the plan. Formation differs between mice and is
integrated out (:func:`synmodel.inference.likelihood.animals_log_likelihood`): the mouse is the unit. That likelihood
knows no spines that were overlooked, which the simulated studies have: they enter as formation and elimination. Mice
do not differ in how many are overlooked, so their formation is taken to differ by the same number of spines however
many are found to form: the coefficients of variation are divided by the factor of formation. The ratio is then not
quite chi-squared, and the critical value is the larger of 3.84 and the 95 % quantile over simulated studies without an
effect; a laboratory gets it in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from synmodel.analysis.planning.arms import ArmCourse, Arms
from synmodel.analysis.planning.effects import stated_drive
from synmodel.core.progress import Progress
from synmodel.inference.likelihood import animals_log_likelihood
from synmodel.turnover import TurnoverModel

__all__ = ["likelihood_ratios"]

Array = NDArray[np.float64]
_REACH = 3.0  # of the logarithm of each factor
_LEAST_FOLD = 1e-3


def likelihood_ratios(
    arms: Arms, seen: Sequence[xr.Dataset], quantity: str, *, progress: Progress | None = None
) -> Array:
    """Twice the logarithm of the likelihood ratio of an effect on a quantity, (study,).

    Parameters
    ----------
    arms : Arms
        With stated effects; what they do to other quantities is taken as known.
    seen : two Dataset
        Observations of both arms, with replicates.
    quantity : {"formation", "elimination"}
        Whose fold is tested.
    """
    at = next(i for i, effect in enumerate(arms.effects) if effect.quantity == quantity)
    sessions = seen[0]["session"].to_numpy()
    courses = arms.courses(sessions.tolist())
    of_control = arms.drives(sessions.tolist())[1]

    def drive(log_fold: float) -> xr.Dataset:
        fold = max(float(np.exp(log_fold)), _LEAST_FOLD)
        own = replace(arms.effects[at], fold=fold if fold != 1.0 else 1.0 + 1e-12)
        return stated_drive(of_control, (*arms.effects[:at], own, *arms.effects[at + 1 :]), float(sessions[-1]))

    ratios = np.zeros(seen[0].sizes["replicate"])
    for study in range(len(ratios)):
        data = [_counts(arm.isel(replicate=study)) for arm in seen]
        ratios[study] = _ratio(courses, data, drive, of_control)
        if progress is not None:
            progress(study + 1, len(ratios))
    return ratios


def _counts(arm: xr.Dataset) -> dict[str, Any]:
    """Counts of one arm of one study, dendrite by dendrite."""
    animals, dendrites = arm.sizes["animal"], arm.sizes["dendrite"]
    return {
        "n0": arm["spine_count"].to_numpy()[..., 0].reshape(-1).astype(int),
        "gained": arm["gained"].to_numpy().reshape(animals * dendrites, -1).astype(int),
        "lost": arm["lost"].to_numpy().reshape(animals * dendrites, -1).astype(int),
        "times": arm["session"].to_numpy(),
        "animal": np.repeat(np.arange(animals), dendrites),
    }


def _ratio(
    courses: Sequence[ArmCourse], data: Sequence[dict[str, Any]], drive: Callable[[float], xr.Dataset],
    of_control: xr.Dataset,
) -> float:  # fmt: skip
    """Twice the gain in ln L from a free fold."""

    def minus(vector: Array) -> float:
        formation, elimination = float(vector[0]), float(vector[1])
        log_fold = float(vector[2]) if len(vector) > 2 else 0.0
        total = 0.0
        for course, counts, own in zip(courses, data, (drive(log_fold), of_control), strict=True):
            means = course.tissue.initial_means(course.density)
            total += animals_log_likelihood(
                _scaled(course.tissue.model, formation, elimination), **counts,
                composition=means / means.sum(), drive=own, length_um=course.length_um, birth_effect="response",
            ).sum()  # fmt: skip
        return -float(total)

    bounds = [(-_REACH, _REACH)] * 3
    null = minimize(minus, np.zeros(2), method="L-BFGS-B", bounds=bounds[:2])
    free = minimize(minus, np.append(null.x, 0.0), method="L-BFGS-B", bounds=bounds)
    return 2.0 * float(null.fun - free.fun)


def _scaled(model: TurnoverModel, formation: float, elimination: float) -> TurnoverModel:
    return replace(
        model,
        formation=tuple(float(rate * np.exp(formation)) for rate in model.formation_rates),
        elimination=tuple(float(hazard * np.exp(elimination)) for hazard in model.elimination),
        formation_cv_animal=float(model.formation_cv_animal * np.exp(-formation)),
        formation_cv_dendrite=float(model.formation_cv_dendrite * np.exp(-formation)),
    )
