r"""Exact moments of counts, gains and losses, with no simulation.

With P_0k from the first session to session k, gamma_0k the mean number formed since and there at k, n the
initial numbers and d_k = 1 - P_k 1 the elimination probabilities of interval k:

* newborn spines are independent Poisson, so their counts have variance = mean;
* a fixed initial spine is in class j with probability p, variance p (1 - p); Poisson initial numbers make all
  counts Poisson;
* gains G_k ~ Poisson(gamma_k 1);
* gamma-distributed rates of formation with coefficient of variation c add c^2 times the product of the newborn means.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.turnover.hazards import checked_times
from synmodel.turnover.initial import Initial, read_initial
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import Propagation, propagate

__all__ = ["covariance", "moments", "newborn_means", "survival"]

Array = NDArray[np.float64]


def newborn_means(steps: Propagation) -> Array:
    """(..., n_time, K) mean numbers formed since the first session and there at each session."""
    *several, n, k = steps.newborn.shape
    means = np.zeros((*several, n + 1, 1, k))
    for i in range(n):
        means[..., i + 1, :, :] = means[..., i, :, :] @ steps.survival[..., i, :, :] + steps.newborn[..., i, None, :]
    return means[..., 0, :]


def moments(model: TurnoverModel, *, initial: object, times: ArrayLike, drive: xr.Dataset | None = None) -> xr.Dataset:
    """Mean and variance of class counts, gains and losses of one dendrite.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    initial : mapping, sequence or str
        As in :func:`synmodel.turnover.simulate`.
    times : (n_time,) array_like
        Sessions [day].
    drive : Dataset, optional
        A Drive.

    Returns
    -------
    Dataset
        ``count_mean``, ``count_variance`` on (time, spine_class); ``gained_mean``, ``gained_variance``,
        ``lost_mean``, ``lost_variance`` on (interval,).

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    >>> m = moments(one, initial={"spine": 0}, times=[0, 50])
    >>> round(float(m["count_mean"][-1, 0]), 4)  # (1 - exp(-5)) / 0.1
    9.9326
    """
    sessions = checked_times(times)
    start = read_initial(model, initial)
    steps = propagate(model, sessions, drive)
    reach = steps.cumulative()
    formed = newborn_means(steps)
    n = start.array
    old = n @ reach
    old_variance = old if start.poisson else np.einsum("c,tcj->tj", n, reach * (1 - reach))
    lost = steps.lost
    old_lost = np.einsum("tci,ti->tc", reach[:-1], lost)  # P(lost in interval t | class c at the start)
    old_lost_mean = old_lost @ n
    old_lost_variance = old_lost_mean if start.poisson else (old_lost * (1 - old_lost)) @ n
    new_lost = np.einsum("ti,ti->t", formed[:-1], lost)
    gained = steps.newborn.sum(axis=1)
    spread = model.formation_cv**2
    content = {
        "count_mean": (("time", "spine_class"), old + formed, "mean number of spines"),
        "count_variance": (
            ("time", "spine_class"),
            old_variance + formed + spread * formed**2,
            "variance of the number",
        ),
        "gained_mean": (("interval",), gained, "mean number gained"),
        "gained_variance": (("interval",), gained + spread * gained**2, "variance of the number gained"),
        "lost_mean": (("interval",), old_lost_mean + new_lost, "mean number lost"),
        "lost_variance": (
            ("interval",),
            old_lost_variance + new_lost + spread * new_lost**2,
            "variance of the number lost",
        ),
    }
    return xr.Dataset(
        {name: (dims, values, {"units": "1", "long_name": text}) for name, (dims, values, text) in content.items()},
        coords=_coordinates(model, sessions),
    )


def covariance(
    model: TurnoverModel, *, initial: object, times: ArrayLike, drive: xr.Dataset | None = None
) -> xr.DataArray:
    """Covariance of class counts between sessions.

    Equation and evidence: :doc:`/model/turnover`.

    Returns
    -------
    DataArray
        (time, spine_class, other_time, other_class).
    """
    sessions = checked_times(times)
    start = read_initial(model, initial)
    steps = propagate(model, sessions, drive)
    reach = steps.cumulative()
    formed = newborn_means(steps)
    n_time, k = formed.shape
    matrix = np.zeros((n_time, k, n_time, k))
    for s in range(n_time):
        onward = np.eye(k)
        for t in range(s, n_time):
            if t > s:
                onward = onward @ steps.survival[t - 1]
            block = _between(start, reach[s], reach[t], onward)
            block = block + formed[s][:, None] * onward
            block = block + model.formation_cv**2 * np.outer(formed[s], formed[t])
            matrix[s, :, t, :] = block
            matrix[t, :, s, :] = block.T
    names = list(model.classes)
    return xr.DataArray(
        matrix,
        dims=("time", "spine_class", "other_time", "other_class"),
        coords={"time": sessions, "spine_class": names, "other_time": sessions, "other_class": names},
        attrs={"units": "1", "long_name": "covariance of class counts between sessions"},
    )


def _between(start: Initial, earlier: Array, later: Array, onward: Array) -> Array:
    """Covariance of the initial spines in class i at one session and class j at a later one."""
    together: Array = (start.array @ earlier)[:, None] * onward
    if start.poisson:
        return together
    return together - np.einsum("c,ci,cj->ij", start.array, earlier, later)


def survival(model: TurnoverModel, *, times: ArrayLike, drive: xr.Dataset | None = None) -> xr.DataArray:
    """Probability that a spine of each class at the first session is still there.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    times : (n_time,) array_like
        Sessions [day].
    drive : Dataset, optional
        A Drive.

    Returns
    -------
    DataArray
        (time, spine_class); the class is that at the first session.

    Examples
    --------
    >>> from synmodel.turnover import TurnoverModel, survival
    >>> model = TurnoverModel(("nascent", "mature"), 2.0, [[0, 0.1], [0.02, 0]], [0.5, 0.01])
    >>> survival(model, times=[0, 7]).sel(time=7).round(2).values.tolist()
    [0.16, 0.85]
    """
    sessions = checked_times(times)
    alive = propagate(model, sessions, drive).cumulative().sum(axis=2)
    return xr.DataArray(
        alive,
        dims=("time", "spine_class"),
        coords={"time": sessions, "spine_class": list(model.classes)},
        attrs={"units": "1", "long_name": "survival since the first session"},
    )


def _coordinates(model: TurnoverModel, sessions: Array) -> dict[str, Any]:
    return {
        "time": ("time", sessions, {"units": "day", "long_name": "session"}),
        "spine_class": list(model.classes),
        "start_day": ("interval", sessions[:-1], {"units": "day", "long_name": "start of the interval"}),
        "end_day": ("interval", sessions[1:], {"units": "day", "long_name": "end of the interval"}),
    }
