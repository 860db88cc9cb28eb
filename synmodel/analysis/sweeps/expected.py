"""What the model expects in every cell of a sweep, with the uncertainty of its parameters."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from synmodel.analysis.intervals import expected_statistics, with_ends
from synmodel.analysis.sweeps.draws import draws_digest
from synmodel.analysis.sweeps.plan import Plan
from synmodel.analysis.sweeps.store import frame
from synmodel.core.errors import SynmodelError
from synmodel.library.parameters import ParameterSet

__all__ = ["expected_cells"]

_ENDS = ("", "_low", "_high")


def expected_cells(
    plan: Plan, draws: Sequence[ParameterSet], progress: Callable[[int, int], None] | None = None
) -> xr.Dataset:
    """Exact means of all cells at the estimate, with the interval of draws of a posterior.

    What a cell sets, it sets in all draws: a parameter that is varied has its level and no uncertainty.

    Parameters
    ----------
    plan : Plan
        Of the sweep.
    draws : sequence of ParameterSet
        See :func:`synmodel.analysis.intervals.scenario_draws`.
    progress : callable, optional
        Called with (cells done, all).

    Returns
    -------
    Dataset
        On the dims of the cells and ``point``: ``expected``, ``expected_low`` and ``expected_high`` (95 %), and with a
        control the same of ``contrast``; NaN where a cell failed or has no exact mean of a statistic. The coordinates
        are those of the sweep's result.
    """
    place = {tuple(point): column for column, point in enumerate(plan.points)}
    names = ["expected"] if plan.control == "none" else ["expected", "contrast"]
    values = np.full((len(names), 3, plan.n_cell, len(plan.points)), np.nan)
    for number in range(plan.n_cell):
        cell = plan.cell(number)
        try:
            exact = expected_statistics(cell.scenario, control=cell.control, draws=draws)
        except SynmodelError:
            continue  # among the failed cells of the result
        keys = zip(*(exact[name].values.tolist() for name in ("quantity", "start_day", "end_day")), strict=True)
        columns = np.array([place.get(key, -1) for key in keys])
        for which, name in enumerate(names):
            values[which, :, number, columns[columns >= 0]] = with_ends(exact[name].to_numpy())[:, columns >= 0].T
        if progress is not None:
            progress(number + 1, plan.n_cell)
    dims = (*plan.dims, "point")
    dataset = frame(plan).drop_vars("quantile").assign({
        name + end: (dims, values[which, row].reshape(*plan.shape, len(plan.points)))
        for which, name in enumerate(names) for row, end in enumerate(_ENDS)
    })  # fmt: skip
    dataset.attrs.update(draws=len(draws), draws_digest=draws_digest(draws))
    for key, each in dataset.items():
        name, _, end = str(key).partition("_")
        what = "less that of the control" if name == "contrast" else "exact mean"
        each.attrs.update(units="1", long_name=what + (f", {end} end of 95 % of the posterior" if end else ""))
    return dataset
