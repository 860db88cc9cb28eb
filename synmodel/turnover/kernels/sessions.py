"""Compiled loop of the sessions engine: binomial and Poisson draws between sessions.

Every interval has a fixed row of draws: for each class the number lost, then the numbers that go to each class but the
last; then the newborn of each class. Two draws share a Philox block, whose counter is (replicate, dendrite,
interval + 1, block); interval word 0 draws the initial numbers. All blocks of a dendrite are made at once, as vectors.

A draw inverts its uniform. The cumulated probabilities are the same for all replicates, so :func:`fill_binomials` and
:func:`fill_poissons` write them once into rows, and a draw counts how many of them its uniform exceeds. What is in
no row (many spines, far tails, births that differ between replicates) is inverted step by step, by the recursion that
made the rows, so a table changes no bit.
"""

from typing import NamedTuple

import numpy as np

from synmodel.core.compiled import compiled, inlined
from synmodel.core.randomness.philox import uniform_pair
from synmodel.core.randomness.variates import binomial, binomial_row, poisson, poisson_row

__all__ = ["Steps", "draw_initial", "draw_transient", "fill_binomials", "fill_poissons", "run_sessions"]


class Steps(NamedTuple):
    """What happens between sessions, and the tables of it.

    ``conditional`` (interval, K, K) holds P(lost), then P(in class j | neither lost nor in an earlier class);
    ``newborn`` (interval, K) is gamma. ``most`` (K) is the largest number of spines with a row. ``width`` and
    ``start`` (interval, K, K) tell where the rows of a draw lie in ``binomials``, ``poisson_width`` (interval, K) and
    ``poisson_start`` (dendrite, interval, K) the same of ``poissons``. Intervals may share rows; width 0 means that
    there are none.
    """

    conditional: np.ndarray
    newborn: np.ndarray
    most: np.ndarray
    width: np.ndarray
    start: np.ndarray
    binomials: np.ndarray
    poisson_width: np.ndarray
    poisson_start: np.ndarray
    poissons: np.ndarray


@compiled
def draw_initial(begin, end, key, first_replicate, means, out):  # type: ignore[no-untyped-def]
    """Poisson initial numbers: ``means`` and ``out`` are (replicate, dendrite, class)."""
    k0, k1 = key[0], key[1]  # words, not the array: passing arrays costs atomic reference counts
    _, n_dendrite, n_class = means.shape
    for cell in range(begin, end):
        r, d = cell // n_dendrite, cell % n_dendrite
        for c in range(n_class):
            out[r, d, c] = poisson(means[r, d, c], k0, k1, first_replicate + r, d, np.int64(0), c)


@compiled
def draw_transient(begin, end, key, first_replicate, means, scale, out):  # type: ignore[no-untyped-def]
    """Spines that come and go within an interval: ``means`` (interval), ``out`` (replicate, dendrite, interval)."""
    k0, k1 = key[0], key[1]
    _, n_dendrite, n_interval = out.shape
    for cell in range(begin, end):
        r, d = cell // n_dendrite, cell % n_dendrite
        for i in range(n_interval):
            out[r, d, i] = poisson(means[i] * scale[r, d], k0, k1, first_replicate + r, d, np.int64(i), 0)


@compiled
def fill_binomials(conditional, most, width, start, binomials):  # type: ignore[no-untyped-def]
    """Cumulated probabilities of every binomial draw, for 0 to ``most`` spines."""
    n_interval, n_class, _ = conditional.shape
    for i in range(n_interval):
        for c in range(n_class):
            for j in range(n_class):
                p, entries = conditional[i, c, j], width[i, c, j]
                if entries > 0:
                    for n in range(most[c] + 1):
                        first = start[i, c, j] + n * entries
                        binomial_row(n, min(p, 1.0 - p), binomials[first : first + entries])


@compiled
def fill_poissons(newborn, scale, width, start, poissons):  # type: ignore[no-untyped-def]
    """Cumulated probabilities of the newborn of every dendrite; ``scale`` (dendrite)."""
    n_dendrite, n_interval, n_class = start.shape
    for d in range(n_dendrite):
        for i in range(n_interval):
            for c in range(n_class):
                entries, first = width[i, c], start[d, i, c]
                if entries > 0:
                    poisson_row(newborn[i, c] * scale[d], poissons[first : first + entries])


@inlined
def search(table, first, width, u):  # type: ignore[no-untyped-def]
    """How many entries of a row are below u; ``width`` if all of them are."""
    k, below = 0, 8
    while below == 8 and k < width:
        below, at = 0, np.uint64(first + k)
        for entry in range(8):  # as a vector, without branches that cannot be predicted
            below += 1 if u > table[at + np.uint64(entry)] else 0
        k += below
    return k


@inlined
def uniforms_of(k0, k1, c0, c1, interval, block, u):  # type: ignore[no-untyped-def]
    """All uniforms of a dendrite: the first ones of all blocks, then the second ones."""
    n_block = interval.size
    a, b = np.uint64(c0), np.uint64(c1)
    for q in range(n_block):
        u[q], u[n_block + q] = uniform_pair(k0, k1, a, b, interval[q], block[q])


@inlined
def moved(n, i, c, j, steps, u, k0, k1, c0, c1):  # type: ignore[no-untyped-def]
    """Of n spines of class c, those that take outcome j in interval i."""
    width = steps.width[i, c, j]
    p = steps.conditional[i, c, j]
    if width > 0 and n <= steps.most[c]:
        turned = p > 0.5
        k = search(steps.binomials, steps.start[i, c, j] + n * width, width, 1.0 - u if turned else u)
        if k < width:
            return n - k if turned else k
    return binomial(n, p, k0, k1, c0, c1, i + 1, c * steps.most.size + j)


@inlined
def born(i, c, d, scale, steps, u, k0, k1, c0, c1):  # type: ignore[no-untyped-def]
    """Spines of class c at the end of interval i that were born within it."""
    n_class = steps.most.size
    width = steps.poisson_width[i, c]
    if width > 0:
        k = search(steps.poissons, steps.poisson_start[d, i, c], width, u)
        if k < width:
            return k
    return poisson(steps.newborn[i, c] * scale, k0, k1, c0, c1, i + 1, n_class * n_class + c)


@compiled
def run_sessions(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, initial, scale, steps, classes, count, gained, lost
):
    """Fill ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost`` (..., interval).

    ``initial`` (replicate, dendrite, class); ``scale`` (replicate, dendrite) multiplies the newborn.
    """
    k0, k1 = key[0], key[1]
    _, n_dendrite, n_time, _ = count.shape
    n_class = len(classes)
    n_interval, n_draw = n_time - 1, n_class * (n_class + 1)
    per_interval = (n_draw + 1) // 2
    n_block = n_interval * per_interval
    interval, block = np.empty(n_block, np.uint64), np.empty(n_block, np.uint64)
    for q in range(n_block):
        interval[q], block[q] = q // per_interval + 1, q % per_interval
    u = np.empty(2 * n_block)
    for cell in range(begin, end):
        r, d = cell // n_dendrite, cell % n_dendrite
        c0 = first_replicate + r
        uniforms_of(k0, k1, c0, d, interval, block, u)
        for c in range(n_class):
            count[r, d, 0, c] = initial[r, d, c]
        for i in range(n_interval):
            total_lost, total_born = 0, 0
            for c in range(n_class):
                draw = n_class * n_class + c
                at = (draw & 1) * n_block + i * per_interval + (draw >> 1)
                k = born(i, c, d, scale[r, d], steps, u[at], k0, k1, c0, d)
                total_born += k
                count[r, d, i + 1, c] = k
            for c in range(n_class):
                left = int(count[r, d, i, c])
                for j in range(n_class):
                    if steps.conditional[i, c, j] > 0.0:
                        draw = c * n_class + j
                        at = (draw & 1) * n_block + i * per_interval + (draw >> 1)
                        k = moved(left, i, c, j, steps, u[at], k0, k1, c0, d)
                        left -= k
                        if j == 0:
                            total_lost += k
                        else:
                            count[r, d, i + 1, j - 1] += k
                count[r, d, i + 1, n_class - 1] += left
            lost[r, d, i] = total_lost
            gained[r, d, i] = total_born
