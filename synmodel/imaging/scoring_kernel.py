"""Compiled loop of a microscope: which spines are seen at which session, and what is counted of them."""

import numba
import numpy as np

from synmodel.core.compiled import compiled_parallel
from synmodel.core.randomness.philox import fill_uniforms

__all__ = ["score"]

_TOGETHER = 64
"""Spines whose draws are made together."""


@compiled_parallel
def score(key, who, spines, seen, reference, first, tallies, sums):
    """Add the spines of each dendrite to its tallies, in their order.

    ``who`` are (spine,) replicate, dendrite and key, by which draws are named; ``spines`` the (spine, session) classes,
    negative where absent, and head widths, of which there may be none; ``seen`` (class,) the probability of a spine to
    be seen; ``first`` (dendrite + 1,) the first spine of each dendrite. ``tallies`` (5, dendrite, session) are spines
    seen, gained, lost, and of those new at session ``reference`` the ones seen and the ones seen ever since;
    ``sums`` (dendrite, session) are of head widths.
    """
    k0, k1 = key[0], key[1]
    replicate, dendrite, word = who
    classes, widths = spines
    n_session = classes.shape[1]
    for row in numba.prange(len(first) - 1):
        u, scored = np.empty((n_session, _TOGETHER)), np.zeros(n_session, np.int64)
        count, gained, lost = tallies[0, row], tallies[1, row], tallies[2, row]
        again, followed = tallies[3, row], tallies[4, row]
        for begin in range(first[row], first[row + 1], _TOGETHER):
            n = min(_TOGETHER, first[row + 1] - begin)
            fill_uniforms(k0, k1, replicate[begin : begin + n], dendrite[begin : begin + n], word[begin : begin + n], u)
            for i in range(n):
                s = begin + i
                for k in range(n_session):
                    c = classes[s, k]
                    scored[k] = 1 if c >= 0 and u[k, i] < seen[max(c, 0)] else 0
                    count[k] += scored[k]
                    if scored[k] == 1 and widths.size > 0:
                        sums[row, k] += widths[s, k]
                for k in range(1, n_session):
                    gained[k] += scored[k] * (1 - scored[k - 1])
                    lost[k] += scored[k - 1] * (1 - scored[k])
                if reference > 0 and scored[reference] == 1 and scored[reference - 1] == 0:
                    ever = 1
                    for k in range(reference, n_session):
                        ever *= scored[k]
                        again[k] += scored[k]
                        followed[k] += ever
