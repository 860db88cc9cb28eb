"""Compiled loops of head widths, one after the other for the sessions at which each spine is there.

``classes`` (spine, session) are negative where a spine is not there; the values of spine s begin at ``first`` (spine,).
"""

import numba
import numpy as np

from synmodel.core.compiled import compiled, compiled_parallel
from synmodel.core.randomness.philox import fill_present

__all__ = ["count_present", "draw_present", "follow_present", "lay_out"]

_TOGETHER = 256
"""Spines whose draws are made together."""


@compiled_parallel
def draw_present(key, replicate, dendrite, word, classes, first, u):  # type: ignore[no-untyped-def]
    """Fill ``u`` with the uniforms of all spines at the sessions at which they are there."""
    k0, k1 = key[0], key[1]
    n_spine, n_session = classes.shape
    for block in numba.prange((n_spine + _TOGETHER - 1) // _TOGETHER):
        begin = block * _TOGETHER
        end = min(begin + _TOGETHER, n_spine)
        names = np.empty((2, _TOGETHER * n_session + 1), np.uint64)
        counters = (replicate[begin:end], dendrite[begin:end], word[begin:end])
        fill_present(k0, k1, counters, classes[begin:end], names, u[first[begin] :])


@compiled
def count_present(classes, n):  # type: ignore[no-untyped-def]
    """Fill ``n`` (spine,) with the numbers of sessions at which spines are there."""
    for s in range(classes.shape[0]):
        there = 0
        for k in range(classes.shape[1]):
            there += 1 if classes[s, k] >= 0 else 0
        n[s] = there


@compiled_parallel
def follow_present(noise, classes, first, kept, log_sd, shift):  # type: ignore[no-untyped-def]
    """Make of standard normal ``noise`` what is added to the logarithm of the median width.

    ``kept`` (session,) is what is left of a deviation since the session before, ``shift`` (session,) the shift of the
    mean. A spine that was not there before starts from the stationary law, so nothing is remembered.
    """
    spread = np.sqrt(1.0 - kept * kept) * log_sd
    for s in numba.prange(classes.shape[0]):
        at, before, was = first[s], 0.0, False
        for k in range(classes.shape[1]):
            there = classes[s, k] >= 0
            if there:
                before = kept[k] * before + spread[k] * noise[at] if was else log_sd * noise[at]
                noise[at] = shift[k] + before
                at += 1
            was = there


@compiled_parallel
def lay_out(values, classes, first, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (spine, session) with the values, NaN where a spine is not there."""
    for s in numba.prange(classes.shape[0]):
        at = first[s]
        for k in range(classes.shape[1]):
            out[s, k] = np.nan
            if classes[s, k] >= 0:
                out[s, k] = values[at]
                at += 1
