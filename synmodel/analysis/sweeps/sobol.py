"""Sobol indices of any output of a sweep: the share of its variance over the ranges that each factor explains.

First order: alone; total: with all its interactions. The estimators are those of :func:`scipy.stats.sobol_indices`;
they need a sweep whose sample is ``saltelli``. Intervals are percentiles over bootstrap resamples of the points of the
sample (scipy's own bootstrap takes no seed). As all cells share their draws, noise between replicates hardly passes
for an interaction; what remains of it widens the intervals. Exact expectations have no noise: their intervals are of
the sample of points alone. With a posterior as an axis the indices are those of the mean over its draws; take one draw
(``result.isel(draw=k)``) for its own.

References
----------
Saltelli et al. 2010, Comput Phys Commun 181:259, doi:10.1016/j.cpc.2009.09.018.
"""

from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.analysis.sweeps.run import open_sweep
from synmodel.core.errors import SweepError, did_you_mean
from synmodel.core.randomness import generator_of
from synmodel.turnover.arguments import whole_number

__all__ = ["indices_with_intervals", "sobol_indices"]


def sobol_indices(
    result: xr.Dataset | str | Path,
    output: str = "contrast_mean",
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 1,
) -> xr.Dataset:
    """Sobol indices of one output of a sweep, with bootstrap intervals.

    Parameters
    ----------
    result : Dataset or path
        Of a sweep with a sample of the method ``saltelli``, or its folder.
    output : str
        Variable on cells and ``point``: ``mean``, ``variance``, ``contrast_mean``, ``control_mean``, ...
    level : float
        Of the intervals.
    resamples : int
        Number of bootstrap resamples of the sample's points.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Dataset
        ``first_order`` and ``total_order`` on (scenario, factor, point) with ``_low`` and ``_high``; NaN where
        the output does not vary or a cell lacks it.

    Raises
    ------
    SweepError
        If the sweep has another design or no such output.

    Examples
    --------
    >>> import synmodel
    >>> ranges = {"shao2021.maturation": {"low": 0.12, "high": 0.48}, "shao2021.miss": {"low": 0.01, "high": 0.05}}
    >>> sample = {"method": "saltelli", "points": 32, "ranges": ranges}
    >>> swept = synmodel.sweep("psilocybin-mouse", sample=sample, observe="expected", seed=1)
    >>> indices = synmodel.sobol_indices(swept, resamples=50).isel(scenario=0, point=-1)
    >>> str(indices["total_order"].idxmax("factor").item())
    'maturation'
    """
    dataset = result if isinstance(result, xr.Dataset) else open_sweep(result)
    if dataset.attrs.get("design") != "saltelli":
        message = (
            f"sweep: Sobol indices need a sample of the method saltelli, this design is "
            f"{dataset.attrs.get('design', 'unknown')}; run the sweep with it"
        )
        raise SweepError(message)
    known = [str(name) for name, variable in dataset.data_vars.items() if variable.dims[-1] == "point"]
    if "draw" in dataset.dims:
        dataset = dataset.mean("draw", skipna=False, keep_attrs=True)
    if output not in known or dataset[output].ndim != 4:
        message = f"sweep: output {output!r} is not in the result; {did_you_mean(output, known)}"
        raise SweepError(message)
    if not 0 < level < 1:
        message = f"sweep: level is {level}; give one between 0 and 1"
        raise SweepError(message)
    resamples = whole_number("resamples", resamples)
    values = dataset[output].transpose("scenario", "matrix", "point", "sample").to_numpy()
    n_scenario, n_matrix, n_point, _ = values.shape
    found = np.full((2, 3, n_scenario, n_matrix - 2, n_point), np.nan)
    for s in range(n_scenario):
        usable = np.isfinite(values[s]).all(axis=(0, 2)) & (values[s, :2].std(axis=(0, 2)) > 0)
        if usable.any():
            found[:, :, s][..., usable] = indices_with_intervals(values[s][:, usable], level, resamples, seed)
    content = {}
    for k, order in enumerate(("first_order", "total_order")):
        for j, (suffix, meaning) in enumerate((("", ""), ("_low", ", lower end"), ("_high", ", upper end"))):
            words = f"Sobol index, {order.replace('_', ' ')}{meaning}"
            content[order + suffix] = (
                ("scenario", "factor", "point"),
                found[k, j],
                {"units": "1", "long_name": words},
            )
    kept = dataset[["scenario", "quantity", "start_day", "end_day"]].load()
    factors = dataset["matrix"].to_numpy()[2:].astype(str)
    attributes = {
        **dataset.attrs,
        "output": output,
        "level": level,
        "resamples": resamples,
        "bootstrap_seed": str(seed),
    }
    return xr.Dataset(content, {**kept.coords, "factor": factors}, attributes)


def indices_with_intervals(values: NDArray[np.float64], level: float, resamples: int, seed: int) -> NDArray[np.float64]:
    """Indices of outputs of the matrices A, B and AB_i, with bootstrap intervals.

    Parameters
    ----------
    values : (n_factor + 2, n_point, n_sample) ndarray
        Outputs that vary.
    level : float
        Of the intervals.
    resamples : int
        Of the sample.
    seed : int
        Of the bootstrap.

    Returns
    -------
    (2, 3, n_factor, n_point) ndarray
        First and total order; estimate, lower and upper end.
    """
    n_matrix, n_point, n = values.shape
    generator = generator_of(seed, "sobol bootstrap")
    drawn = np.empty((resamples, 2, n_matrix - 2, n_point))
    for k in range(resamples):
        drawn[k] = _estimate(values[:, :, generator.integers(n, size=n)])
    tails = (1 - level) / 2, (1 + level) / 2
    return np.stack([_estimate(values), *np.quantile(drawn, tails, axis=0)], axis=1)


def _estimate(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(order, factor, point) indices."""
    from scipy.stats import sobol_indices as estimate

    func = {"f_A": values[0], "f_B": values[1], "f_AB": values[2:]}
    with np.errstate(divide="ignore", invalid="ignore"):  # a resample of few points may not vary
        indices = estimate(func=func, n=values.shape[-1])
    shape = values.shape[1], values.shape[0] - 2  # scipy drops the first if it is 1
    return np.stack([np.reshape(part, shape).T for part in (indices.first_order, indices.total_order)])
