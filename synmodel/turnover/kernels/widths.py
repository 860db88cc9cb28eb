"""Compiled loops of head widths: keyed uniforms of the sessions at which a spine is there, and its path from them."""

import numba
import numpy as np

from synmodel.core.compiled import compiled_parallel
from synmodel.core.randomness.philox import fill_uniforms

__all__ = ["draw_present", "follow_present"]

_TOGETHER = 256
"""Spines whose draws are made together."""


@compiled_parallel
def draw_present(key, replicate, dendrite, word, classes, first, u):  # type: ignore[no-untyped-def]
    """Fill ``u`` with the uniforms of all spines at the sessions at which they are there.

    ``classes`` (spine, session) are negative where a spine is not; those of spine s begin at ``first`` (spine,).
    """
    k0, k1 = key[0], key[1]
    n_session = classes.shape[1]
    n_spine = classes.shape[0]
    for block in numba.prange((n_spine + _TOGETHER - 1) // _TOGETHER):
        begin = block * _TOGETHER
        n = min(_TOGETHER, n_spine - begin)
        each = np.empty((n_session, _TOGETHER))
        fill_uniforms(k0, k1, replicate[begin : begin + n], dendrite[begin : begin + n], word[begin : begin + n], each)
        at = first[begin]
        for i in range(n):
            for k in range(n_session):
                if classes[begin + i, k] >= 0:
                    u[at] = each[k, i]
                    at += 1


@compiled_parallel
def follow_present(noise, classes, first, kept, log_sd, deviation):  # type: ignore[no-untyped-def]
    """Fill ``deviation`` (spine, session) from standard normal ``noise``, in the order of :func:`draw_present`.

    ``kept`` (session,) is what is left of a deviation since the session before. A spine that was not there then starts
    from the stationary law, so nothing is remembered. NaN where a spine is not there.
    """
    n_session = classes.shape[1]
    for s in numba.prange(classes.shape[0]):
        at, before, was = first[s], 0.0, False
        for k in range(n_session):
            there = classes[s, k] >= 0
            if there:
                share = kept[k] if was else 0.0
                before = share * before + np.sqrt(1.0 - share * share) * log_sd * noise[at]
                at += 1
            deviation[s, k] = before if there else np.nan
            was = there
