"""The search for a minimum from several starts, of which the best is kept."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult
from scipy.special import ndtri

from synmodel.core.errors import FitError
from synmodel.core.progress import Progress
from synmodel.core.randomness import uniform_array

__all__ = ["best_of_starts"]

Array = NDArray[np.float64]
_SAME = 0.1
"""Two ends of a search that differ by less, in logarithms, are one."""


def best_of_starts(
    climb: Callable[[Array], tuple[float, OptimizeResult]],
    origin: Array,
    spread: Array,
    *,
    key: NDArray[np.uint64],
    starts: int,
    advice: str,
    progress: Progress | None = None,
) -> tuple[OptimizeResult, int]:
    """The best end of a search, and how many starts found it.

    Parameters
    ----------
    climb : callable
        From a start to what is least where the search ends, and the end.
    origin, spread : (n,) ndarray
        The first start, and the standard deviations of others around it.
    key : ndarray
        Of the draws of starts.
    starts : int
        Number of starts.
    advice : str
        What to look at if there is no such end.
    progress : callable, optional
        Called with (starts done, starts).

    Raises
    ------
    FitError
        If no start ends at a finite value.
    """
    ends = []
    for number in range(starts):
        shift = ndtri(uniform_array(key, number, np.arange(len(origin)))) * spread if number else 0.0
        value, end = climb(origin + shift)
        if np.isfinite(value):
            ends.append((value, end))
        if progress is not None:
            progress(number + 1, starts)
    if not ends:
        message = f"none of {starts} starts gave a finite likelihood; {advice}"
        raise FitError(message)
    least, best = min(ends, key=lambda each: each[0])
    return best, sum(value - least < _SAME for value, _ in ends)
