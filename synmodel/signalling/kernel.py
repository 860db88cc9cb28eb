"""Compiled recursions of the cascade: one pass over the grid for each state, see :mod:`synmodel.signalling.cascade`."""

import math

from synmodel.core.compiled import compiled

__all__ = ["follow", "follow_rows", "pool", "pool_rows"]


@compiled
def follow(times, target, tau, state):
    """Fill ``state`` (n,) with the solution of tau y' = target - y from y = 0.

    Exact for a ``target`` (n,) that is linear between ``times`` (n,), and a ``tau`` that is
    constant there, (n - 1,), or (1,) for one that is constant throughout.
    """
    state[0] = 0.0
    last = len(tau) - 1
    for i in range(len(times) - 1):
        step, slow = times[i + 1] - times[i], tau[min(i, last)]
        passed = -math.expm1(-step / slow)  # share of a constant target reached within the step
        lagged = 1.0 - passed * slow / step  # the same for a ramp
        state[i + 1] = state[i] * (1.0 - passed) + passed * target[i] + lagged * (target[i + 1] - target[i])


@compiled
def pool(times, drive, gain, most, tau, state, mean):
    """Fill ``state`` (n,) and its ``mean`` (n,) over the cell that begins there; X' = gain m (1 - X / most) - X / tau.

    Exact for an m that is constant within a cell: the mean of ``drive`` (n,) at its ends. ``tau`` is as in
    :func:`follow`. After the last time nothing is known; the last mean is the last state.
    """
    state[0] = 0.0
    n, last = len(times), len(tau) - 1
    for i in range(n - 1):
        step = times[i + 1] - times[i]
        inflow = gain * max(0.5 * (drive[i] + drive[i + 1]), 0.0)
        rate = inflow / most + 1.0 / tau[min(i, last)]
        limit = inflow / rate
        passed = -math.expm1(-rate * step)
        state[i + 1] = state[i] + (limit - state[i]) * passed
        mean[i] = limit + (state[i] - limit) * passed / (rate * step)
    mean[n - 1] = state[n - 1]


@compiled
def follow_rows(times, target, tau, state):
    """:func:`follow` for the rows of ``target`` and ``state`` (row, n); ``tau`` has a row for each, or one for all."""
    last = tau.shape[0] - 1
    for row in range(target.shape[0]):
        follow(times, target[row], tau[min(row, last)], state[row])


@compiled
def pool_rows(times, drive, gain, most, tau, state, mean):
    """:func:`pool` for every row of ``drive`` (row, n), ``gain`` and ``most`` (row,), ``tau`` (row, n or 1)."""
    for row in range(drive.shape[0]):
        pool(times, drive[row], gain[row], most[row], tau[row], state[row], mean[row])
