"""What a fitted model expects of the differences that the conventional analysis tests, at its estimate.

Experiments on the same dendrites are drawn from the model many times (:mod:`synmodel.inference.dendrites.predictive`);
the mean over dendrites and draws of a quantity in the drug arm, minus that in its control, is what either test
estimates.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.randomness import generator_of
from synmodel.inference.conventional import Conventional
from synmodel.inference.conventional.measured import QUANTITIES
from synmodel.inference.dendrites import DendriteProblem
from synmodel.inference.dendrites.arms import ArmData, Dendrites
from synmodel.inference.dendrites.predictive import drawn_changes
from synmodel.inference.likelihood.courses import Courses
from synmodel.turnover import TurnoverModel

__all__ = ["EXPECTED", "beside", "estimate_of", "expected_differences"]

Array = NDArray[np.float64]
_DRAWS = 400

EXPECTED = ("model_difference", "model_dendrites", "model_dendrites_control")
"""Columns that a fit adds to the conventional analysis."""


def beside(analysis: Conventional, observations: Dendrites, tree: xr.DataTree, *, seed: int) -> Conventional:
    """The conventional analysis with what a fit of the same observations expects in ``model_difference``.

    Parameters
    ----------
    analysis : Conventional
        Of :func:`synmodel.inference.conventional.conventional_analysis`.
    observations : Dataset, or several, or DendriteData
        What was fitted.
    tree : DataTree
        One fit, see :func:`synmodel.inference.fit`.
    seed : int
        Of the draws.
    """
    model = str((tree.attrs if "posterior" in tree.children else tree["maximum"].attrs)["model"])
    problem = DendriteProblem(observations, model)
    expected = expected_differences(problem, estimate_of(problem, tree), analysis.table, seed=seed)
    table = analysis.table.assign(**{name: expected[name].to_numpy() for name in EXPECTED})
    return replace(analysis, table=table, model=model)


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
) -> pd.DataFrame:
    """Expected difference of the arms in each row of a table, and the dendrites that it rests on.

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
    DataFrame
        Rows of the table: ``model_difference`` [1], NaN where the fit has no counts of an arm over that interval;
        ``model_dendrites`` and ``model_dendrites_control``, the dendrites with such counts.
    """
    generator = generator_of(seed, "expected differences")
    arms = {
        (arm.study, arm.arm): _means(arm, model, courses, generator, draws)
        for arm, model, courses in problem.courses(vector)
    }
    rows: list[dict[Any, Any]] = table.to_dict("records")
    return pd.DataFrame([_difference(row, arms) for row in rows], columns=list(EXPECTED))


class _Expected(NamedTuple):
    """What is expected of an arm: (session,) days, and by quantity (interval,) means and numbers of dendrites."""

    sessions: Array
    mean: Mapping[str, Array]
    number: Mapping[str, NDArray[np.int64]]


def _difference(row: Mapping[Any, Any], arms: Mapping[tuple[str, str], _Expected]) -> tuple[float, int, int]:
    ends = [_of_arm(row, arms.get((row["study"], row[name]))) for name in ("arm", "control")]
    return ends[0][0] - ends[1][0], ends[0][1], ends[1][1]


def _of_arm(row: Mapping[Any, Any], arm: _Expected | None) -> tuple[float, int]:
    """Mean of an arm over the interval of a row, and its dendrites; NaN and 0 where the fit has none."""
    if arm is None:
        return float("nan"), 0
    at = np.flatnonzero(arm.sessions[1:] == row["end_day"])
    quantity = row["quantity"]
    if len(at) == 0 or (quantity != "density_change" and arm.sessions[at[0]] != row["start_day"]):
        return float("nan"), 0
    return float(arm.mean[quantity][at[0]]), int(arm.number[quantity][at[0]])


def _means(
    arm: ArmData, model: TurnoverModel, courses: Courses, generator: np.random.Generator, draws: int
) -> _Expected:
    """Means over dendrites and experiments; NaN where there is no dendrite."""
    shown = arm.shown
    from_first = shown.inside & (shown.first == shown.first.min())[:, None]
    seen = dict(zip(QUANTITIES, (shown.known, shown.known, from_first), strict=True))
    total = {name: np.zeros(shown.known.shape[1]) for name in QUANTITIES}
    usable = {name: np.zeros(shown.known.shape[1]) for name in QUANTITIES}
    start = np.broadcast_to(shown.n[:, None], shown.known.shape)
    for _ in range(draws):
        before, gained, lost = drawn_changes(arm, shown, model, courses, generator)
        parts = ((gained, before), (lost, before), (before + gained - lost - start, start))
        for name, (part, whole) in zip(QUANTITIES, parts, strict=True):
            known = seen[name] & (whole > 0)
            total[name] += np.where(known, part / np.maximum(whole, 1), 0.0).sum(axis=0)
            usable[name] += known.sum(axis=0)
    mean = {name: np.where(usable[name] > 0, total[name] / np.maximum(usable[name], 1), np.nan) for name in QUANTITIES}
    return _Expected(arm.sessions, mean, {name: known.sum(axis=0) for name, known in seen.items()})
