"""Compiled loops of head widths: keyed uniforms of the sessions at which a spine is there, and its path from them."""

import numba
import numpy as np

from synmodel.core.compiled import compiled_parallel
from synmodel.core.randomness.philox import uniform

__all__ = ["draw_present", "follow_present"]


@compiled_parallel
def draw_present(key, replicate, dendrite, word, classes, first, u):  # type: ignore[no-untyped-def]
    """Fill ``u`` with the uniforms of all spines at the sessions at which they are there.

    ``classes`` (spine, session) are negative where a spine is not; those of spine s begin at ``first`` (spine,).
    """
    k0, k1 = key[0], key[1]
    n_session = classes.shape[1]
    for s in numba.prange(classes.shape[0]):
        all_sessions, at = np.empty(n_session), first[s]
        for k in range(n_session):  # all of them, as vectors
            all_sessions[k] = uniform(k0, k1, replicate[s], dendrite[s], word[s], k)
        for k in range(n_session):
            if classes[s, k] >= 0:
                u[at] = all_sessions[k]
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
