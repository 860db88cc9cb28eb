r"""Slopes of what head twitches are expected to be: rates, numbers, and landmarks of their time course.

With the bound fraction o = M A / (1 + A + B), its integral C and the rate o^n e^(-k C)::

    o' / o = (1 + B) / (1 + A + B) (ln A)' - B / (1 + A + B) (ln B)'
    rate' = rate (n o' / o + n' ln o - k C' - k' C)

in EC50 and K_B, on which ln A and ln B depend with slope -1 / EC50 and -1 / K_B, in n and in k. Numbers are integrals
of rates. A time at which a share of them has passed, the vertex of the highest point, and the dose of half the number,
by cubic interpolation p of its logarithm with nodes x_j, follow by the slopes of interpolation:
dp(0) = -p'(x_j) l_j(0) dx_j.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.imaging.head_twitches import cumulated, relative_rate

__all__ = ["RateSlopes", "half_fold_slopes", "peak_slopes", "rates", "time_slopes"]

Array = NDArray[np.float64]


class RateSlopes(NamedTuple):
    """Relative rate and its integral, (..., n_time), and their slopes, (direction, ..., n_time).

    Directions are ln A, ln B, the exponent n and the fading k.
    """

    rate: Array
    total: Array
    d_rate: Array
    d_total: Array


def rates(times: Array, agonist: Array, antagonist: Array, most: float, exponent: float, fading: float) -> RateSlopes:
    """Rates of concentrations (..., n_time) over EC50 and over K_B, largest bound fraction ``most``.

    Parameters
    ----------
    times : (n_time,) ndarray
        From the start of the recording [day].
    agonist, antagonist : (..., n_time) ndarray
        A and B.
    most, exponent, fading : float
        M, n and k [1/day].
    """
    all_ = 1.0 + agonist + antagonist
    bound = most * agonist / all_
    passed, rate = cumulated(times, bound), relative_rate(times, bound, exponent, fading)
    relative = np.stack([(1.0 + antagonist) / all_, np.broadcast_to(-antagonist / all_, bound.shape)])
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(bound > 0, np.log(bound), 0.0)
    by_binding = rate * (exponent * relative - fading * cumulated(times, bound * relative))
    d_rate = np.concatenate([by_binding, (rate * log)[None], (-rate * passed)[None]])
    return RateSlopes(rate, cumulated(times, rate), d_rate, cumulated(times, d_rate))


def time_slopes(times: Array, total: Array, d_total: Array, share: float, window: float) -> Array:
    """(direction,) slopes of the time [day] at which a share of the numbers up to ``window`` has passed."""
    at = np.array([np.interp(window, times, each) for each in d_total])
    wanted = share * np.interp(window, times, total)
    j = min(max(int(np.searchsorted(total, wanted, side="right")) - 1, 0), len(times) - 2)
    rise = total[j + 1] - total[j]
    part = (wanted - total[j]) / rise
    moved = d_total[:, j] + part * (d_total[:, j + 1] - d_total[:, j])
    return np.asarray((times[j + 1] - times[j]) / rise * (share * at - moved))


def peak_slopes(times: Array, rate: Array, d_rate: Array) -> Array:
    """(direction,) slopes of the vertex of the parabola through the highest point and its neighbours [day]."""
    top = min(max(int(np.argmax(rate)), 1), len(rate) - 2)
    before, after = times[top - 1] - times[top], times[top + 1] - times[top]

    def of(values: Array) -> tuple[Array, Array]:
        fall = (values[..., top - 1] - values[..., top]) / before
        climb = (values[..., top + 1] - values[..., top]) / after
        curvature = (climb - fall) / (after - before)
        return curvature, climb - curvature * after

    (curvature, slope), (d_curvature, d_slope) = of(rate), of(d_rate)
    if curvature >= 0 or not before < -slope / (2.0 * curvature) < after:
        return np.zeros(len(d_rate))
    return np.asarray(-(d_slope - slope * d_curvature / curvature) / (2.0 * curvature))


def half_fold_slopes(ladder: Array, number: Array, d_number: Array, exponent: float, of_exponent: int) -> Array:
    """(direction,) slopes of the logarithm of the dose that gives half of the twitches.

    Parameters
    ----------
    ladder : (n,) ndarray
        Doses over that of all twitches.
    number, d_number : (n,), (direction, n) ndarray
        Logarithms of the numbers at these doses.
    exponent : float
        Power with which numbers rise below the ladder.
    of_exponent : int
        Its direction.
    """
    half = number[-1] - np.log(2.0)
    above = int(np.argmax(number > half))
    if above == 0:
        slopes = (d_number[:, -1] - d_number[:, 0]) / exponent
        slopes[of_exponent] -= (half - number[0]) / exponent**2
        return np.asarray(slopes)
    first = min(max(above - 2, 0), len(ladder) - 4)
    nodes = slice(first, first + 4)
    x, y = number[nodes] - half, np.log(ladder[nodes])
    polynomial = np.linalg.solve(np.vander(x, 4, increasing=True), y)
    slope = np.vander(x, 3, increasing=True) @ (polynomial[1:] * np.arange(1, 4))
    basis = np.linalg.solve(np.vander(x, 4, increasing=True).T, np.eye(4)[0])  # l_j(0)
    return np.asarray(-(d_number[:, nodes] - d_number[:, -1:]) @ (slope * basis))
