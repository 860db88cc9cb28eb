"""Compiled loop that draws the words of the spines of dendrites, and sums what is counted of them.

A word is the inverse of its cumulated law at one uniform. The search begins where a guide says (Chen and Asau 1974,
doi:10.1080/05695557408974949): a step or less, whatever the number of words.
"""

import numpy as np

from synmodel.core.compiled import compiled, inlined
from synmodel.core.randomness.philox import uniform_pair
from synmodel.core.randomness.variates import poisson

__all__ = ["tally_words"]

_TOGETHER = 64
"""Pairs of spines whose draws are made together."""


@inlined
def word_at(u, cumulated, guide, source):
    """The first word of a source whose cumulated probability is above u."""
    # A number without a sign: a place that might be negative takes longer to find.
    w = np.uint64(guide[source, np.uint64(np.int64(u * guide.shape[1]))])
    while u >= cumulated[source, w]:
        w += np.uint64(1)
    return w


@compiled
def tally_words(begin, end, keys, first, means, laws, counted, tallies):
    """Fill ``tallies`` (replicate, dendrite, number) by the words of the spines of each dendrite.

    ``keys`` name the draws of the words and of the numbers of those that are formed, ``first`` the numbers of the first
    replicate and dendrite. Of ``means``, initial (replicate, dendrite, class) are first spines; times scale (replicate,
    dendrite), formed (interval,) are mean numbers of those formed by the session that first scores them. ``laws``
    are the cumulated probabilities (source, word) and their guide (source, entry), sources being the classes of the
    first spines, and then these intervals; ``counted`` (word, number) is what is counted of a spine.
    """
    k0, k1, b0, b1 = keys[0][0], keys[0][1], keys[1][0], keys[1][1]
    (initial, scale, formed), (cumulated, guide) = means, laws
    _, n_dendrite, n_class = initial.shape
    n_number = counted.shape[1]
    u, sums = np.empty((2, _TOGETHER)), np.empty(n_number, counted.dtype)
    for dendrite in range(begin, end):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0, c1 = first[0] + r, first[1] + d
        sums[:] = 0
        for source in range(n_class + formed.size):
            if source < n_class:
                n = initial[r, d, source]
            else:
                i = source - n_class
                n = poisson(formed[i] * scale[r, d], b0, b1, c0, c1, i, 0)
            for pair in range(0, (n + 1) // 2, _TOGETHER):
                pairs = min(_TOGETHER, (n + 1) // 2 - pair)
                for q in range(pairs):
                    u[0, q], u[1, q] = uniform_pair(k0, k1, c0, c1, pair + q, source)
                for half in range(2):
                    for q in range(min(pairs, (n + 1 - half) // 2 - pair)):
                        w = word_at(u[half, q], cumulated, guide, source)
                        for k in range(n_number):
                            sums[k] += counted[w, k]
        for k in range(n_number):
            tallies[r, d, k] = sums[k]
