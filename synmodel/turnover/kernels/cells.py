"""Compiled loop that joins the steps of cells to those of intervals: P = P_1 P_2, gamma = gamma_1 P_2 + gamma_2."""

import numpy as np

from synmodel.compiled import compiled

__all__ = ["join"]


@compiled
def join(survival, newborn, edges, p, gamma):  # type: ignore[no-untyped-def]
    """Fill ``p`` (interval, K, K) and ``gamma`` (interval, K).

    Interval i is made of the cells ``edges[i]`` up to, not including, ``edges[i + 1]`` of ``survival`` (cell, K, K)
    and ``newborn`` (cell, K).
    """
    n_class = newborn.shape[1]
    row = np.empty(n_class)
    for i in range(len(edges) - 1):
        p[i] = survival[edges[i]]
        gamma[i] = newborn[edges[i]]
        for cell in range(edges[i] + 1, edges[i + 1]):
            for a in range(n_class):
                advance(p[i, a], survival[cell], row)
            advance(gamma[i], survival[cell], row)
            for b in range(n_class):
                gamma[i, b] += newborn[cell, b]


@compiled
def advance(vector, matrix, row):  # type: ignore[no-untyped-def]
    """Multiply a row vector by a matrix, in place; ``row`` is work space."""
    for b in range(len(vector)):
        row[b] = 0.0
        for a in range(len(vector)):
            row[b] += vector[a] * matrix[a, b]
    for b in range(len(vector)):
        vector[b] = row[b]
