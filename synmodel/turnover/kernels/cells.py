"""Compiled loop that joins the steps of cells to those of intervals.

P = P_1 P_2, gamma = gamma_1 P_2 + gamma_2, and what is lost: d = d_1 + P_1 d_2.
"""

import numpy as np

from synmodel.compiled import compiled

__all__ = ["join"]


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
    """Multiply a row vector by a matrix, in place; ``row`` is work space."""
    for b in range(len(vector)):
        row[b] = 0.0
        for a in range(len(vector)):
            row[b] += vector[a] * matrix[a, b]
    for b in range(len(vector)):
        vector[b] = row[b]
