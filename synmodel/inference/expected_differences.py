"""What a fitted model expects of the differences that the conventional analysis tests, at its estimate.

Experiments on the same dendrites are drawn from the model many times (:mod:`synmodel.inference.predictive`); the mean
over dendrites and draws of a quantity in the drug arm, minus that in its control, is what either test estimates.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.inference.arms import ArmData, Several
from synmodel.inference.conventional import Conventional
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.measured import QUANTITIES
from synmodel.inference.predictive import drawn_changes
from synmodel.randomness import generator_of
from synmodel.turnover import TurnoverModel

__all__ = ["beside", "estimate_of", "expected_differences"]

Array = NDArray[np.float64]
_DRAWS = 400


def beside(analysis: Conventional, observations: Several, tree: xr.DataTree, *, seed: int) -> Conventional:
    """The conventional analysis with what a fit of the same observations expects in ``model_difference``.

    Parameters
    ----------
    analysis : Conventional
        Of :func:`synmodel.inference.conventional.conventional_analysis`.
    observations : Dataset, or several
        What was fitted.
    tree : DataTree
        One fit, see :func:`synmodel.inference.fit`.
    seed : int
        Of the draws.
    """
    model = str((tree.attrs if "posterior" in tree.children else tree["maximum"].attrs)["model"])
    problem = DendriteProblem(observations, model)
    expected = expected_differences(problem, estimate_of(problem, tree), analysis.table, seed=seed)
    return replace(analysis, table=analysis.table.assign(model_difference=expected), model=model)


def estimate_of(problem: DendriteProblem, tree: xr.DataTree) -> Array:
    """(n_free,) vector of a fit: its highest posterior density, or the medians of its posterior."""
    if "posterior" in tree.children:
        posterior = tree["posterior"].to_dataset()
        values = {name: float(posterior[name].median()) for name in problem.free}
    else:
        found = tree["maximum"].to_dataset()
        values = dict(zip(problem.free, found["estimate"].sel(parameter=problem.free).to_numpy().tolist(), strict=True))
    return problem.parameters.replace(values).pack(problem.free)


def expected_differences(
    problem: DendriteProblem, vector: Array, table: pd.DataFrame, *, seed: int, draws: int = _DRAWS
) -> Array:
    """Expected difference of the arms in each row of a table.

    Parameters
    ----------
    problem : DendriteProblem
        Data and model.
    vector : (n_free,) ndarray
        On the scales of the fit.
    table : DataFrame
        Columns ``study``, ``arm``, ``control``, ``quantity``, ``start_day``, ``end_day``
        (:func:`synmodel.inference.conventional.conventional_analysis`).
    seed : int
        Of the draws.
    draws : int
        Experiments that are averaged.

    Returns
    -------
    (row,) ndarray
        [1]; NaN where the fit has no counts of an arm over that interval.
    """
    generator = generator_of(seed, "expected differences")
    means = {
        (arm.study, arm.arm): _means(arm, model, courses, generator, draws)
        for arm, model, courses in problem.courses(vector)
    }
    sessions = {(arm.study, arm.arm): arm.sessions for arm in problem.arms}
    rows: list[dict[Any, Any]] = table.to_dict("records")
    return np.array([_difference(row, means, sessions) for row in rows], np.float64)


_Means = Mapping[tuple[str, str], Mapping[str, Array]]


def _difference(row: Mapping[Any, Any], means: _Means, sessions: Mapping[tuple[str, str], Array]) -> float:
    ends = []
    for name in ("arm", "control"):
        key = (str(row["study"]), str(row[name]))
        if key not in means:
            return float("nan")
        quantity = str(row["quantity"])
        at = np.flatnonzero(sessions[key][1:] == row["end_day"])
        one_interval = quantity != "density_change"
        if len(at) == 0 or (one_interval and sessions[key][at[0]] != row["start_day"]):
            return float("nan")
        ends.append(float(means[key][quantity][at[0]]))
    return ends[0] - ends[1]


def _means(
    arm: ArmData, model: TurnoverModel, courses: Courses, generator: np.random.Generator, draws: int
) -> dict[str, Array]:
    """(interval,) mean over dendrites and experiments of each quantity; NaN where there is no dendrite."""
    runs = arm.runs
    inside, from_first = runs.inside, (runs.first == runs.first.min())[:, None]
    total = {name: np.zeros(inside.shape[1]) for name in QUANTITIES}
    number = {name: np.zeros(inside.shape[1]) for name in QUANTITIES}
    for _ in range(draws):
        gained, lost = drawn_changes(arm, model, courses, generator)
        after = runs.n[:, None] + np.cumsum(gained - lost, axis=1)
        before = after - gained + lost
        start = runs.n[:, None] * np.ones_like(before)
        for name, part, whole, known in (
            ("formation_fraction", gained, before, inside),
            ("elimination_fraction", lost, before, inside),
            ("density_change", after - start, start, inside & from_first),
        ):
            usable = known & (whole > 0)
            total[name] += np.where(usable, part / np.maximum(whole, 1), 0.0).sum(axis=0)
            number[name] += usable.sum(axis=0)
    return {name: np.where(number[name] > 0, total[name] / np.maximum(number[name], 1), np.nan) for name in QUANTITIES}
