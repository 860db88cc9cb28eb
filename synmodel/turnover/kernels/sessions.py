"""Compiled loop of the sessions engine: binomial and Poisson draws between sessions.

The counter of a draw is (replicate, dendrite, interval + 1, slot); interval word 0 draws the initial numbers.
"""

import numba

from synmodel.compiled import compiled, compiled_parallel
from synmodel.randomness.variates import binomial, poisson

__all__ = ["draw_initial", "run_sessions"]


@compiled_parallel
def draw_initial(key, first_replicate, means, out):  # type: ignore[no-untyped-def]
    """Poisson initial numbers: ``means`` and ``out`` are (replicate, dendrite, class)."""
    k0, k1 = key[0], key[1]  # words, not the array: passing arrays costs atomic reference counts
    n_replicate, n_dendrite, n_class = means.shape
    for cell in numba.prange(n_replicate * n_dendrite):
        r, d = cell // n_dendrite, cell % n_dendrite
        for c in range(n_class):
            out[r, d, c] = poisson(means[r, d, c], k0, k1, first_replicate + r, d, 0, c)


@compiled
def step(k0, k1, c0, r, d, i, conditional, count):  # type: ignore[no-untyped-def]
    """Move the spines of a dendrite over interval i, within ``count``; returns the number lost."""
    n_class = count.shape[3]
    lost = 0
    for c in range(n_class):
        left = count[r, d, i, c]
        slot = c * (n_class + 1)
        gone = binomial(left, conditional[i, c, 0], k0, k1, c0, d, i + 1, slot)
        lost += gone
        left -= gone
        for j in range(n_class - 1):
            moved = binomial(left, conditional[i, c, j + 1], k0, k1, c0, d, i + 1, slot + j + 1)
            count[r, d, i + 1, j] += moved
            left -= moved
        count[r, d, i + 1, n_class - 1] += left
    return lost


@compiled_parallel
def run_sessions(key, first_replicate, initial, scale, conditional, newborn, count, gained, lost):  # type: ignore[no-untyped-def]
    """Fill zeroed ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost`` (..., interval).

    ``conditional`` (interval, class, class) holds P(lost), then P(in class j | neither lost nor in an earlier
    class); ``newborn`` (interval, class) is gamma, multiplied by ``scale`` (replicate, dendrite).
    """
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_time, n_class = count.shape
    for cell in numba.prange(n_replicate * n_dendrite):
        r, d = cell // n_dendrite, cell % n_dendrite
        c0 = first_replicate + r
        for c in range(n_class):
            count[r, d, 0, c] = initial[r, d, c]
        for i in range(n_time - 1):
            lost[r, d, i] = step(k0, k1, c0, r, d, i, conditional, count)
            for c in range(n_class):
                born = poisson(newborn[i, c] * scale[r, d], k0, k1, c0, d, i + 1, n_class * (n_class + 1) + c)
                gained[r, d, i] += born
                count[r, d, i + 1, c] += born
