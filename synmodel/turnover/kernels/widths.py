"""Compiled loops of head widths, one after the other for the sessions at which each spine is there."""

import numpy as np

from synmodel.core.compiled import compiled, inlined
from synmodel.core.randomness.normal import fill_normal
from synmodel.core.randomness.philox import fill_present

__all__ = ["draw_deviations"]

_TOGETHER = 128
"""Spines whose draws are made together."""
_SESSION = np.uint64(0xFFFFFFFF)


@inlined
def follow_present(n, names, noise, kept, spread, log_sd, shift, out):  # type: ignore[no-untyped-def]
    """What is added to the logarithm of the median width, from standard normal ``noise`` of n (spine, session).

    A spine that was not there at the session before starts from the stationary law, so nothing is remembered.
    """
    before, following = 0.0, ~np.uint64(0)
    for q in range(n):
        k = names[q] & _SESSION
        before = kept[k] * before + spread[k] * noise[q] if names[q] == following else log_sd * noise[q]
        out[q] = shift[k] + before
        following = names[q] + np.uint64(1)


@compiled
def draw_deviations(  # type: ignore[no-untyped-def]
    begin, end, key, replicate, dendrite, word, classes, first, place, kept, spread, log_sd, shift, deviation
):
    """Fill ``deviation`` with what is added to the logarithm of the median width, by spine and then session.

    ``classes`` (spine, session) are negative where a spine is not there, and has no width; ``first`` (n + 1,) are the
    first spines of each dendrite, ``place`` (n,) where its deviations begin. ``kept`` (session,) is what is left of a
    deviation since the session before, ``spread`` (session,) the standard deviation of what comes new, ``shift``
    (session,) the shift of the mean.
    """
    k0, k1 = key[0], key[1]
    n_session = classes.shape[1]
    # Not rows of one array: the compiler would not know that their numbers lie side by side.
    names, places = np.empty(_TOGETHER * n_session + 1, np.uint64), np.empty(_TOGETHER * n_session, np.uint64)
    u, noise, room = np.empty(_TOGETHER * n_session), np.empty(_TOGETHER * n_session), np.empty(_TOGETHER * n_session)
    for d in range(begin, end):
        at, c0, c1 = place[d], replicate[first[d]], dendrite[first[d]]
        for spine in range(first[d], first[d + 1], _TOGETHER):
            next_spine = min(spine + _TOGETHER, first[d + 1])
            n = fill_present(k0, k1, c0, c1, word[spine:next_spine], classes[spine:next_spine], names, u)
            fill_normal(n, u, room, places, noise)
            follow_present(n, names, noise, kept, spread, log_sd, shift, deviation[at : at + n])
            at += n
