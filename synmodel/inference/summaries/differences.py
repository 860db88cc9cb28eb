"""Slopes on the scale of a fit, and by central differences for the few parameters whose exact slope is not worth it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synmodel.library.parameters import ParameterSet

__all__ = ["scale_slopes", "slope_by_differences"]

Array = NDArray[np.float64]
_STEP = 1e-3


def slope_by_differences(
    function: Callable[[Mapping[str, float]], Array], values: Mapping[str, float], name: str
) -> Array:
    """Slope of an array in the value of one parameter, with one extrapolation: exact for polynomials of degree 4.

    Parameters
    ----------
    function : callable
        From parameter values by name.
    values : mapping
        Where.
    name : str
        The parameter.
    """
    step = _STEP * (abs(values[name]) or 1.0)
    if values[name] == 0.0:  # the end of a support: from above
        here, there, beyond = (function({**values, name: k * step}) for k in (0, 1, 2))
        return np.asarray((4.0 * there - 3.0 * here - beyond) / (2.0 * step))
    ends = [function({**values, name: values[name] + k * step}) for k in (-2, -1, 1, 2)]
    slope: Array = (ends[0] - 8.0 * ends[1] + 8.0 * ends[2] - ends[3]) / (12.0 * step)
    return slope


def scale_slopes(parameters: ParameterSet, names: Sequence[str], vector: Array) -> Array:
    """(n,) slopes of values on the scales of the fit."""
    log = np.array([parameters[name].scale == "log" for name in names], bool)
    return np.where(log, np.exp(np.where(log, vector, 0.0)), 1.0)
