"""Compiled loop for spines as sessions see them: one row per spine, by the transition matrices of the sessions engine.

A spine that is in class c at a session is in class j at the next with probability P_cj, and else lost. Those that were
born since and are there are Poisson with mean gamma_j; spines born and lost between two sessions are never drawn. The
counter of a step is (replicate, dendrite, word of the spine, session), that of newborns (replicate, dendrite, interval,
class). A word is the turn of a first spine, or 2^16 times the number of (interval, class) from 1 on, plus the turn.
"""

import math

from synmodel.core.compiled import compiled
from synmodel.core.randomness.philox import uniform
from synmodel.core.randomness.variates import poisson

__all__ = ["TURNS", "fill_sessions"]

TURNS = 1 << 16
"""Spines that one class of a dendrite may gain in an interval, or begin with, and intervals times classes."""


@compiled
def follow(k0, k1, c0, c1, name, session, c, cumulated, path):  # type: ignore[no-untyped-def]
    """Class at every session of a spine first seen at one of them, -1 when absent."""
    path[:] = -1
    path[session] = c
    for s in range(session, path.size - 1):
        u = uniform(k0, k1, c0, c1, name, s)
        j = 0
        while j < cumulated.shape[2] and u >= cumulated[s, c, j]:
            j += 1
        if j == cumulated.shape[2]:
            return
        c = j
        path[s + 1] = c


@compiled
def fill_sessions(  # type: ignore[no-untyped-def]
    begin, end, step_key, newborn_key, first_replicate, first_dendrite, initial, scale, cumulated, newborn,
    offset, n_spine, words, births, deaths, paths,
):  # fmt: skip
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: word and path, NaN for birth and death.

    ``cumulated`` (interval, K, K) are sums of P over classes, ``newborn`` (interval, K) is gamma. The number of spines
    of each dendrite goes into ``n_spine`` (replicate, dendrite); without rows, nothing else is done.
    """
    k0, k1, b0, b1 = step_key[0], step_key[1], newborn_key[0], newborn_key[1]
    _, n_dendrite, n_class = initial.shape
    filling = words.size > 0
    for dendrite in range(begin, end):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0, c1, row, turn = first_replicate + r, first_dendrite + d, offset[r, d], 0
        for c in range(n_class):
            for _ in range(initial[r, d, c]):
                if filling:
                    words[row], births[row], deaths[row] = turn, math.nan, math.nan
                    follow(k0, k1, c0, c1, turn, 0, c, cumulated, paths[row])
                row += 1
                turn += 1
        for i in range(newborn.shape[0]):
            for c in range(n_class):
                name = (1 + i * n_class + c) * TURNS
                for _ in range(poisson(newborn[i, c] * scale[r, d], b0, b1, c0, c1, i, c)):
                    if filling:
                        words[row], births[row], deaths[row] = name, math.nan, math.nan
                        follow(k0, k1, c0, c1, name, i + 1, c, cumulated, paths[row])
                    row += 1
                    name += 1
        n_spine[r, d] = row - offset[r, d]
