"""What a Drive is at the time of an assay: linear between the middles of cells, of which a Drive holds the means."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.schema import DRIVE, conform

__all__ = ["fold_at"]

Array = NDArray[np.float64]


def fold_at(drive: xr.Dataset, effect: str, days: Array) -> Array:
    """Fold of an effect at some times.

    Parameters
    ----------
    drive : Dataset
        A Drive.
    effect : str
        Variable of the Drive, such as ``evoked``.
    days : (n,) ndarray
        Times within the Drive [day].

    Raises
    ------
    SimulationError
        If the Drive lacks the effect, or a time lies outside it.
    """
    conform(drive, DRIVE)
    if effect not in drive:
        message = f"the drive has no {effect!r}, only {', '.join(map(str, drive.data_vars))}; use a mechanistic drive"
        raise SimulationError(message)
    times, days = drive["time"].to_numpy(), np.atleast_1d(np.asarray(days, float))
    if days.size == 0 or not np.all((days >= times[0]) & (days <= times[-1])):
        message = f"the drive runs from day {times[0]:g} to {times[-1]:g}; give times within, not {days.tolist()}"
        raise SimulationError(message)
    middles = np.append(0.5 * (times[1:] + times[:-1]), times[-1])
    return np.interp(days, middles, drive[effect].to_numpy())
