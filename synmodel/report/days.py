"""An axis of days that is compressed before a far session, so that the days around a dose keep their room."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["BREAK_DAY", "FAR_DAY", "compress", "stretch"]

Array = NDArray[np.float64]
FAR_DAY = 20.0
"""A session after it is far."""
BREAK_DAY = 8.0
"""From here the axis is compressed."""
_SLOWER = 8.0


def compress(day: Array) -> Array:
    """Place of a day on an axis that is compressed eightfold after day 8."""
    return np.where(np.asarray(day) > BREAK_DAY, BREAK_DAY + (day - BREAK_DAY) / _SLOWER, day)


def stretch(place: Array) -> Array:
    """Day at a place, the inverse of :func:`compress`."""
    return np.where(np.asarray(place) > BREAK_DAY, BREAK_DAY + (place - BREAK_DAY) * _SLOWER, place)
