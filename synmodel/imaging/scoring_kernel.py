"""Compiled loop of a microscope: which spines are seen at which session, and what is counted of them."""

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.core.randomness.philox import fill_present

__all__ = ["score"]

_TOGETHER = 128
"""Spines whose draws are made together."""
_SESSION = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
_NONE = ~np.uint64(0)


@allocating_nothing
def hit_or_miss(n, u, classes, seen, hits):
    """1 for each of n (spine, session) that is scored, else 0; u are the uniforms of those that are there."""
    alike = True
    for c in range(1, seen.size):
        alike = alike and seen[c] == seen[0]
    if alike:
        for q in range(n):
            hits[q] = 1 if u[q] < seen[0] else 0
        return
    at = np.uint64(0)
    for i in range(classes.shape[0]):
        for k in range(classes.shape[1]):
            c = classes[i, k]
            # Written in any case and kept if the spine is there: a branch could not be predicted.
            hits[at] = 1 if u[at] < seen[np.uint64(max(c, 0))] else 0
            at += np.uint64(1) if c >= 0 else np.uint64(0)


@allocating_nothing
def follow(q, n, names, hits, again, followed):
    """Add a spine that is new with the q-th score to those seen at later ones, and to those seen ever since."""
    ever, following, word = 1, names[q], names[q] >> _WORD
    while q < n and names[q] >> _WORD == word:
        k = names[q] & _SESSION
        ever *= hits[q] if names[q] == following else 0
        again[k] += hits[q]
        followed[k] += ever
        following += np.uint64(1)
        q += 1


@allocating_nothing
def count(n, names, hits, reference, room, again, followed):
    """Add n scores to what ``room`` (3, session + 1) counts: spines seen, gained and lost.

    A spine whose run of sessions ends is lost after its last one, if it was seen there. What is gained at the first
    session and lost after the last one is nobody's.
    """
    seen, gained, lost = room[0], room[1], room[2]
    before, following = 0, _NONE
    after = np.uint64(0)
    for q in range(n):
        name, hit = names[q], hits[q]
        k = name & _SESSION
        same = 1 if name == following else 0
        new = hit * (1 - before * same)
        seen[k] += hit
        gained[k] += new
        lost[after] += before * (1 - hit * same)
        if new * reference > 0 and k == np.uint64(reference):
            follow(q, n, names, hits, again, followed)
        before, following = hit, name + np.uint64(1)
        after = k + np.uint64(1)
    lost[after] += before


@allocating_nothing
def add_widths(n, names, hits, widths, sums):
    """Add the head widths of n (spine, session) that are scored to their sums."""
    for q in range(n):
        sums[names[q] & _SESSION] += widths[q] if hits[q] == 1 else 0.0


@compiled
def score(begin, end, who, spines, seen, reference, places, out):
    """Add the spines of each dendrite to its tallies, in their order.

    ``who`` are the key of the draws, and (spine,) replicate, dendrite and key, by which they are named, and no two
    spines of a dendrite have one key; ``spines`` the (spine, session) classes, negative where absent, and the head
    widths of the sessions at which spines are there, one spine after the other, of which there may be none; ``seen``
    (class,) the probability of a spine to be seen; ``places`` (dendrite + 1,) the first spine of each dendrite, and
    (dendrite,) where its head widths begin. ``out`` are (5, dendrite, session) spines seen, gained, lost, and of those
    new at session ``reference`` the ones seen and the ones seen ever since; and sums (dendrite, session) of head
    widths.
    """
    key, replicate, dendrite, word = who
    k0, k1 = key[0], key[1]
    (classes, widths), (first, place), (tallies, sums) = spines, places, out
    n_session = classes.shape[1]
    names, u = np.empty(_TOGETHER * n_session + 1, np.uint64), np.empty(_TOGETHER * n_session + 1)
    hits, room = np.empty(_TOGETHER * n_session + 1, np.int64), np.empty((3, n_session + 1), np.int64)
    for d in range(begin, end):
        for k in range(n_session + 1):
            room[0, k] = room[1, k] = room[2, k] = 0
        at = place[d]
        for spine in range(first[d], first[d + 1], _TOGETHER):
            next_spine = min(spine + _TOGETHER, first[d + 1])
            c0, c1 = replicate[spine], dendrite[spine]
            n = fill_present(k0, k1, c0, c1, word[spine:next_spine], classes[spine:next_spine], names, u)
            hit_or_miss(n, u, classes[spine:next_spine], seen, hits)
            count(n, names, hits, reference, room, tallies[3, d], tallies[4, d])
            if widths.size > 0:
                add_widths(n, names, hits, widths[at : at + n], sums[d])
            at += n
        tallies[0, d, 0] = room[0, 0]
        for k in range(1, n_session):
            tallies[0, d, k], tallies[1, d, k], tallies[2, d, k] = room[0, k], room[1, k], room[2, k]
