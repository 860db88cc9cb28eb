"""The one time grid on which drugs, signals and hazards meet: fine after each dose, coarse later.

Drug and early signalling move in minutes, spines in days to months. After every change of the input the grid
runs in steps that grow geometrically; hazards are constant on a cell. :func:`refined` halves every cell, and a
test shows that this changes no reported moment by more than 0.1 %.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["MINUTE", "refined", "time_grid"]

MINUTE = 1.0 / 1440.0


def time_grid(
    sessions: Iterable[float],
    changes: Iterable[float],
    *,
    first_step: float = MINUTE / 8,
    per_decade: int = 64,
    largest_step: float = 0.25,
) -> NDArray[np.float64]:
    """Rising times [day] from the first to the last session.

    Parameters
    ----------
    sessions : (n_session,) iterable of float
        All of them are on the grid.
    changes : iterable of float
        Times at which an input jumps (dose, end of infusion); each is on the grid if within the sessions, and
        is followed by steps that grow from ``first_step`` with ``per_decade`` points per factor of ten.
    first_step : float
        Length of the first step after a change [day].
    per_decade : int
        Points per decade of time since the change.
    largest_step : float
        Longest step after the first change [day]; drives decay over days, so cells must not outgrow one.

    Returns
    -------
    (n_time,) ndarray
    """
    fixed = np.unique(np.asarray(list(sessions), float))
    start, end = fixed[0], fixed[-1]
    pieces = [fixed]
    span = end - start
    n_steps = max(2, int(np.ceil(per_decade * np.log10(span / first_step))))
    since = np.concatenate([[0.0], np.geomspace(first_step, span, n_steps)])
    jumps = np.unique(np.asarray(list(changes), float))
    for jump, following in zip(jumps, np.append(jumps[1:], np.inf), strict=False):
        # The fine steps end where the next change restarts them, or doses would multiply the grid.
        pieces.append((jump + since)[jump + since < following])
    if len(jumps):
        pieces.append(np.arange(max(start, jumps[0]), end, largest_step))
    times = np.unique(np.concatenate(pieces))
    times = times[(times >= start) & (times <= end)]
    # Points closer than a thousandth of the first step are one point; sessions win.
    keep = np.concatenate([[True], np.diff(times) > first_step * 1e-3]) | np.isin(times, fixed)
    return times[keep]


def refined(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The grid with every cell halved."""
    middles = 0.5 * (times[1:] + times[:-1])
    return np.sort(np.concatenate([times, middles]))
