"""Folds of a Drive: as a labelled Dataset, and their means over windows of time."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.schema import DRIVE, conform, stamped

__all__ = ["drive_of_folds", "mean_folds"]


def drive_of_folds(times: NDArray[np.float64], folds: Mapping[str, NDArray[np.float64]]) -> xr.Dataset:
    """A Drive of folds by effect, each (n_time,); they are copied, as whoever made them may keep them."""
    content = {effect: ("time", fold.copy()) for effect, fold in folds.items()}
    return stamped(xr.Dataset(content, {"time": times}), DRIVE)


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
