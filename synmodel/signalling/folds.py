"""Means of a Drive over windows of time."""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.schema import DRIVE, conform

__all__ = ["mean_folds"]


def mean_folds(drive: xr.Dataset, effect: str, windows: ArrayLike) -> NDArray[np.float64]:
    """Mean of one effect of a Drive over windows of time, exact for folds that are constant on the grid's cells.

    Parameters
    ----------
    drive : Dataset
        A Drive.
    effect : str
        One of its variables, such as ``formation``.
    windows : (n, 2) array_like
        Start and end of each window [day], within the grid.

    Returns
    -------
    (n,) ndarray
        Fold over baseline.
    """
    conform(drive, DRIVE)
    ends = np.asarray(windows, float)
    time, fold = drive["time"].to_numpy(), drive[effect].to_numpy()
    area = np.append(0.0, np.cumsum(fold[:-1] * np.diff(time)))
    covered: NDArray[np.float64] = np.diff(np.interp(ends, time, area), axis=1)[:, 0]
    return covered / np.diff(ends, axis=1)[:, 0]
