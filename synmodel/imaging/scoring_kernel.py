"""Compiled loop of a microscope: which spines are seen at which session, and what is counted of them."""

import numba
import numpy as np

from synmodel.core.compiled import compiled_parallel, inlined
from synmodel.core.randomness.philox import fill_present

__all__ = ["score"]

_TOGETHER = 64
"""Spines whose draws are made together."""


@inlined
def follow(scored, reference, again, followed):
    """Add a spine that is new at the reference session to those seen at later ones, and to those seen ever since."""
    if reference > 0 and scored[reference] == 1 and scored[reference - 1] == 0:
        ever = 1
        for k in range(reference, scored.size):
            ever *= scored[k]
            again[k] += scored[k]
            followed[k] += ever


@compiled_parallel
def score(key, who, spines, seen, reference, first, tallies, sums):
    """Add the spines of each dendrite to its tallies, in their order.

    ``who`` are (spine,) replicate, dendrite and key, by which draws are named; ``spines`` the (spine, session) classes,
    negative where absent, the head widths of the sessions at which spines are there, one spine after the other, of
    which there may be none, and (spine,) where those of each begin; ``seen`` (class,) the probability of a spine to be
    seen; ``first`` (dendrite + 1,) the first spine of each dendrite. ``tallies`` (5, dendrite, session) are spines
    seen, gained, lost, and of those new at session ``reference`` the ones seen and the ones seen ever since; ``sums``
    (dendrite, session) are of head widths.
    """
    k0, k1 = key[0], key[1]
    replicate, dendrite, word = who
    classes, widths, begins = spines
    n_session = classes.shape[1]
    for row in numba.prange(len(first) - 1):
        # Of the sessions at which spines are there alone, as most are not at most.
        names, u = np.empty((2, _TOGETHER * n_session + 1), np.uint64), np.empty(_TOGETHER * n_session)
        scored = np.zeros(n_session, np.int64)
        count, gained, lost = tallies[0, row], tallies[1, row], tallies[2, row]
        again, followed = tallies[3, row], tallies[4, row]
        for begin in range(first[row], first[row + 1], _TOGETHER):
            end = min(begin + _TOGETHER, first[row + 1])
            counters = (replicate[begin:end], dendrite[begin:end], word[begin:end])
            fill_present(k0, k1, counters, classes[begin:end], names, u)
            at = np.uint64(0)
            for s in range(begin, end):
                before = at
                for k in range(n_session):
                    c = classes[s, k]
                    scored[k] = 0
                    if c >= 0:
                        scored[k] = 1 if u[at] < seen[np.uint64(c)] else 0
                        if scored[k] == 1 and widths.size > 0:
                            sums[row, k] += widths[np.uint64(begins[s]) + at - before]
                        at += np.uint64(1)
                if at == before:
                    continue
                count[0] += scored[0]
                for k in range(1, n_session):
                    count[k] += scored[k]
                    gained[k] += scored[k] * (1 - scored[k - 1])
                    lost[k] += scored[k - 1] * (1 - scored[k])
                follow(scored, reference, again, followed)
