"""Compiled slopes of the cascade's recursions (:mod:`synmodel.signalling.slopes`)."""

import math

from synmodel.core.compiled import compiled

__all__ = ["follow_slopes", "pool_slopes"]


@compiled
def follow_slopes(times, target, tau, d_target, d_tau, slope):
    """Fill ``slope`` (direction, n) with those of :func:`synmodel.signalling.kernel.follow` at one ``tau``.

    ``d_target`` (direction, n) and ``d_tau`` (direction,) are the changes of the input and of the time constant.
    """
    state = 0.0
    slope[:, 0] = 0.0
    for i in range(len(times) - 1):
        step = times[i + 1] - times[i]
        passed = -math.expm1(-step / tau)
        lagged = 1.0 - passed * tau / step
        d_passed = -(step / tau) * math.exp(-step / tau) / tau
        d_lagged = -(d_passed * tau + passed) / step
        rise = target[i + 1] - target[i]
        for q in range(len(d_tau)):
            own = slope[q, i] * (1.0 - passed) + passed * d_target[q, i]
            own += lagged * (d_target[q, i + 1] - d_target[q, i])
            slope[q, i + 1] = own + d_tau[q] * (d_passed * (target[i] - state) + d_lagged * rise)
        state = state * (1.0 - passed) + passed * target[i] + lagged * rise


@compiled
def pool_slopes(times, drive, gain, most, tau, d_drive, d_gain, d_most, d_tau, slope):
    """Fill ``slope`` (direction, n) with those of the means of :func:`synmodel.signalling.kernel.pool` at one ``tau``.

    ``d_drive`` (direction, n), ``d_gain``, ``d_most`` and ``d_tau`` (direction,) are the changes.
    """
    n = len(times)
    for q in range(len(d_gain)):
        moves = d_gain[q] != 0.0 or d_most[q] != 0.0 or d_tau[q] != 0.0
        for i in range(n):
            moves = moves or d_drive[q, i] != 0.0
            slope[q, i] = 0.0
        if not moves:
            continue
        state, s_state = 0.0, 0.0
        for i in range(n - 1):
            step = times[i + 1] - times[i]
            mean_drive = 0.5 * (drive[i] + drive[i + 1])
            there = mean_drive >= 0.0  # at 0 the slope from above
            inflow = gain * max(mean_drive, 0.0)
            s_inflow = d_gain[q] * max(mean_drive, 0.0)
            if there:
                s_inflow += gain * 0.5 * (d_drive[q, i] + d_drive[q, i + 1])
            rate = inflow / most + 1.0 / tau
            s_rate = s_inflow / most - inflow * d_most[q] / (most * most) - d_tau[q] / (tau * tau)
            limit = inflow / rate
            s_limit = (s_inflow - limit * s_rate) / rate
            passed = -math.expm1(-rate * step)
            s_passed = step * math.exp(-rate * step) * s_rate
            share = passed / (rate * step)
            s_share = s_passed / (rate * step) - share * s_rate / rate
            slope[q, i] = s_limit + (s_state - s_limit) * share + (state - limit) * s_share
            s_state += (s_limit - s_state) * passed + (limit - state) * s_passed
            state += (limit - state) * passed
        slope[q, n - 1] = s_state
