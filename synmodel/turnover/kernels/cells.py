"""Compiled loops over cells of constant hazards: steps joined to those of intervals.

P = P_1 P_2, gamma = gamma_1 P_2 + gamma_2, and what is lost: d = d_1 + P_1 d_2.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.core.exponentials import exponential

__all__ = ["cross", "join", "relax"]


@compiled
def cross(lengths, formation, maturation, elimination, acts, births, switches, loss, edges, p, gamma, d):  # type: ignore[no-untyped-def]
    """Fill ``p`` (interval, K, K), ``gamma`` and ``d`` (interval, K) from cells of constant hazards.

    ``lengths``, ``formation``, ``maturation`` and ``elimination`` are (cell,): folds of ``births`` (K,), of
    ``switches`` (K, K) above the diagonal, and of ``loss`` (K,) where ``acts`` (K,). P, gamma and d of a cell are
    blocks of one exponential, whose rows are those of the classes, of birth and of death. Interval i is made of the
    cells ``edges[i]`` up to, not including, ``edges[i + 1]``.
    """
    k = len(loss)
    generator, moved = np.zeros((k + 2, k + 2)), np.empty((k + 2, k + 2))
    first, second, third, row = np.empty_like(moved), np.empty_like(moved), np.empty_like(moved), np.empty(k)
    known = -1  # cell whose exponential is there; without a drug many cells in a row have the same
    for interval in range(len(edges) - 1):
        survival, newborn, lost = p[interval], gamma[interval], d[interval]
        for i in range(k):
            newborn[i] = lost[i] = 0.0
            for j in range(k):
                survival[i, j] = 1.0 if i == j else 0.0
        for cell in range(edges[interval], edges[interval + 1]):
            if (
                known < 0
                or lengths[cell] != lengths[known]
                or maturation[cell] != maturation[known]
                or elimination[cell] != elimination[known]
            ):
                known = cell
                fill(generator, lengths[cell], maturation[cell], elimination[cell], acts, births, switches, loss)
                exponential(generator, moved, first, second, third, k)
            follow(survival, newborn, lost, moved, formation[cell], row)


@allocating_nothing
def fill(generator, length, maturation, elimination, acts, births, switches, loss):  # type: ignore[no-untyped-def]
    """Fill the generator of a cell, times its length, see :func:`cross`."""
    k = len(loss)
    for i in range(k):
        leaving = loss[i] * (elimination if acts[i] else 1.0)
        generator[i, k + 1] = leaving * length
        generator[k, i] = births[i] * length
        for j in range(k):
            if i != j:
                rate = switches[i, j] * (maturation if j > i else 1.0)
                generator[i, j] = rate * length
                leaving += rate
        generator[i, i] = -leaving * length


@allocating_nothing
def follow(p, gamma, d, moved, formation, row):  # type: ignore[no-untyped-def]
    """Join one cell to what came before it; ``moved`` is its exponential, ``row`` (K,) work space."""
    k = len(gamma)
    for i in range(k):
        for j in range(k):
            d[i] += p[i, j] * moved[j, k + 1]
    for i in range(k):
        advance(p[i], moved, row)
    advance(gamma, moved, row)
    for i in range(k):
        # Births only scale what is born, so their fold stays out of the exponential.
        gamma[i] += moved[k, i] * formation


@compiled
def join(survival, newborn, lost, edges, p, gamma, d):  # type: ignore[no-untyped-def]
    """Fill ``p`` (interval, K, K), ``gamma`` (interval, K) and ``d`` (interval, K).

    Interval i is made of the cells ``edges[i]`` up to, not including, ``edges[i + 1]`` of ``survival`` (cell, K, K),
    ``newborn`` (cell, K) and ``lost`` (cell, K).
    """
    n_class = newborn.shape[1]
    row = np.empty(n_class)
    for i in range(len(edges) - 1):
        p[i] = survival[edges[i]]
        gamma[i] = newborn[edges[i]]
        d[i] = lost[edges[i]]
        for cell in range(edges[i] + 1, edges[i + 1]):
            for a in range(n_class):
                for b in range(n_class):
                    d[i, a] += p[i, a, b] * lost[cell, b]
                advance(p[i, a], survival[cell], row)
            advance(gamma[i], survival[cell], row)
            for b in range(n_class):
                gamma[i, b] += newborn[cell, b]


@allocating_nothing
def advance(vector, matrix, row):  # type: ignore[no-untyped-def]
    """Multiply a row vector by a matrix, or by the first part of a larger one, in place; ``row`` is work space."""
    for b in range(len(vector)):
        row[b] = 0.0
        for a in range(len(vector)):
            row[b] += vector[a] * matrix[a, b]
    for b in range(len(vector)):
        vector[b] = row[b]


@compiled
def relax(lengths, targets, rate, value):  # type: ignore[no-untyped-def]
    """Fill ``value`` (cell + 1,) with what goes from 0 towards the target of each cell at a rate."""
    value[0] = 0.0
    for cell in range(len(lengths)):
        value[cell + 1] = targets[cell] + (value[cell] - targets[cell]) * math.exp(-rate * lengths[cell])
