"""Compiled loop of the sessions engine: binomial and Poisson draws between sessions.

The counter of a draw is (replicate, dendrite, interval + 1, slot); interval word 0 draws the initial numbers.
"""

import numba
import numpy as np

from synmodel.compiled import compiled, compiled_parallel
from synmodel.randomness.variates import binomial, poisson

__all__ = ["draw_initial", "run_sessions"]


@compiled_parallel
def draw_initial(key, first_replicate, means, out):  # type: ignore[no-untyped-def]
    """Poisson initial numbers: ``means`` and ``out`` are (replicate, dendrite, class)."""
    n_replicate, n_dendrite, n_class = means.shape
    for cell in numba.prange(n_replicate * n_dendrite):
        r, d = cell // n_dendrite, cell % n_dendrite
        for c in range(n_class):
            out[r, d, c] = poisson(means[r, d, c], key, first_replicate + r, d, 0, c)


@compiled
def step(key, c0, c1, word, present, conditional, next_present):  # type: ignore[no-untyped-def]
    """Move the spines of each class over one interval; returns the number lost."""
    n_class = present.size
    lost = 0
    for c in range(n_class):
        left = present[c]
        slot = c * (n_class + 1)
        gone = binomial(left, conditional[c, 0], key, c0, c1, word, slot)
        lost += gone
        left -= gone
        for j in range(n_class - 1):
            moved = binomial(left, conditional[c, j + 1], key, c0, c1, word, slot + j + 1)
            next_present[j] += moved
            left -= moved
        next_present[n_class - 1] += left
    return lost


@compiled_parallel
def run_sessions(key, first_replicate, initial, scale, conditional, newborn, count, gained, lost):  # type: ignore[no-untyped-def]
    """Fill ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost`` (replicate, dendrite, interval).

    ``conditional`` (interval, class, class) holds P(lost), then P(in class j | neither lost nor in an earlier
    class); ``newborn`` (interval, class) is gamma, multiplied by ``scale`` (replicate, dendrite).
    """
    n_replicate, n_dendrite, n_time, n_class = count.shape
    for cell in numba.prange(n_replicate * n_dendrite):
        r, d = cell // n_dendrite, cell % n_dendrite
        c0 = first_replicate + r
        present = np.empty(n_class, np.int64)
        following = np.empty(n_class, np.int64)
        for c in range(n_class):
            present[c] = initial[r, d, c]
            count[r, d, 0, c] = present[c]
        for i in range(n_time - 1):
            for c in range(n_class):
                following[c] = 0
            lost[r, d, i] = step(key, c0, d, i + 1, present, conditional[i], following)
            total_born = 0
            for c in range(n_class):
                born = poisson(newborn[i, c] * scale[r, d], key, c0, d, i + 1, n_class * (n_class + 1) + c)
                total_born += born
                present[c] = following[c] + born
                count[r, d, i + 1, c] = present[c]
            gained[r, d, i] = total_born
