"""Compiled loops over cells of constant hazards: steps joined to those of intervals.

P = P_1 P_2, gamma = gamma_1 P_2 + gamma_2, and what is lost: d = d_1 + P_1 d_2.
"""

import math

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.core.exponentials import exponentials

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
    generator, result = np.zeros((1, k + 2, k + 2)), np.empty((1, k + 2, k + 2))
    row, moved = np.empty(k), result[0]
    for interval in range(len(edges) - 1):
        gamma[interval] = 0.0
        d[interval] = 0.0
        for i in range(k):
            for j in range(k):
                p[interval, i, j] = 1.0 if i == j else 0.0
        for cell in range(edges[interval], edges[interval + 1]):
            for i in range(k):
                leaving = loss[i] * (elimination[cell] if acts[i] else 1.0)
                generator[0, i, k + 1] = leaving * lengths[cell]
                generator[0, k, i] = births[i] * lengths[cell]
                for j in range(k):
                    if i != j:
                        rate = switches[i, j] * (maturation[cell] if j > i else 1.0)
                        generator[0, i, j] = rate * lengths[cell]
                        leaving += rate
                generator[0, i, i] = -leaving * lengths[cell]
            exponentials(generator, result, k)
            for i in range(k):
                for j in range(k):
                    d[interval, i] += p[interval, i, j] * moved[j, k + 1]
            for i in range(k):
                advance(p[interval, i], moved, row)
            advance(gamma[interval], moved, row)
            for i in range(k):
                # Births only scale what is born, so their fold stays out of the exponential.
                gamma[interval, i] += moved[k, i] * formation[cell]


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


@compiled
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
