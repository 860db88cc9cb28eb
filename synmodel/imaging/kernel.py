"""Compiled loops of expected statistics: sums over dendrites that differ (:mod:`synmodel.imaging.expectation`)."""

import math

import numpy as np

from synmodel.core.compiled import compiled

__all__ = ["contributions", "follow_new", "mean_fractions", "ratio_factors"]

_ASYMPTOTIC_FROM = 60.0
_TERMS = 10


@compiled
def ratio_factor_of(x):
    """c(x) = x E[1/N | N > 0] for N ~ Poisson(x), by its series of positive terms; asymptotic for large x."""
    if x >= _ASYMPTOTIC_FROM:
        total, term = 1.0, 1.0
        for k in range(1, _TERMS + 1):
            term *= k / x
            total += term
        return total
    x = max(x, 1e-9)
    # x sum_n x^n / (n n!) / (e^x - 1); the largest term is near n = x.
    term, total, n = x, x, 1
    while n < x or term > 1e-17 * total:
        n += 1
        term *= x / n
        total += term / n
    return x * total / math.expm1(x)


@compiled
def ratio_factors(x, result):
    """Fill ``result`` (n,) with c of ``x`` (n,)."""
    for i in range(len(x)):
        result[i] = ratio_factor_of(x[i])


@compiled
def mean_fractions(old, new, length_um, false, density, formation, share, result):
    """Fill ``result`` (3, n) with mean formation, elimination and change of density over kinds of dendrites.

    ``old`` and ``new`` (4, n + 1) are what first spines and new ones contribute, per um: scored at each session (row
    0), gained (1), lost (2) within each interval, and in row 3 of ``old`` the first spines that are scored at the first
    and at a later session. ``density``, ``formation`` and ``share`` (n_node,) are factors and weights of the kinds.
    """
    n = old.shape[1] - 1
    result[:] = 0.0
    weights = np.zeros(n)
    first_factor = np.empty(len(share))
    for kind in range(len(share)):
        y, z = density[kind], formation[kind]
        first = y * old[0, 0] + z * new[0, 0] + false
        first_factor[kind] = ratio_factor_of(length_um * first)
        first_weight = -math.expm1(-length_um * first) * share[kind]
        for i in range(n):
            before = y * old[0, i] + z * new[0, i] + false
            number = length_um * before
            # Only a dendrite with spines has a fraction.
            weight = -math.expm1(-number) * share[kind]
            weights[i] += weight
            c = ratio_factor_of(number)
            result[0, i] += weight * (y * old[1, i] + z * new[1, i] + false) / before * c
            result[1, i] += weight * (y * old[2, i] + z * new[2, i] + false) / before
            later = y * old[0, i + 1] + z * new[0, i + 1] + false
            kept = y * old[3, i + 1]
            result[2, i] += first_weight * (kept + (later - kept) * first_factor[kind]) / first
    for i in range(n):
        result[0, i] /= weights[i]
        result[1, i] /= weights[i]
        result[2, i] = result[2, i] / weights[0] - 1.0


@compiled
def contributions(initial, survival, newborn, hit, old, new):
    """Fill ``old`` and ``new`` (4, n + 1), see :func:`mean_fractions`, and return mean numbers by class (n + 1, K)."""
    n, k = newborn.shape
    of_old, of_new, reach = initial.copy(), np.zeros(k), initial * hit
    total = np.empty((n + 1, k))
    old[:], new[:] = 0.0, 0.0
    for i in range(n + 1):
        for c in range(k):
            old[0, i] += of_old[c] * hit[c]
            new[0, i] += of_new[c] * hit[c]
            total[i, c] = of_old[c] + of_new[c]
        if i == n:
            break
        next_old, next_new, next_reach = np.zeros(k), newborn[i].copy(), np.zeros(k)
        for c in range(k):
            later = 0.0
            for d in range(k):
                later += survival[i, c, d] * hit[d]
                next_old[d] += of_old[c] * survival[i, c, d]
                next_new[d] += of_new[c] * survival[i, c, d]
                next_reach[d] += reach[c] * survival[i, c, d]
            old[1, i] += of_old[c] * (1.0 - hit[c]) * later
            new[1, i] += of_new[c] * (1.0 - hit[c]) * later + newborn[i, c] * hit[c]
            old[2, i] += of_old[c] * hit[c] * (1.0 - later)
            new[2, i] += of_new[c] * hit[c] * (1.0 - later)
        of_old, of_new, reach = next_old, next_new, next_reach
        for c in range(k):
            old[3, i + 1] += reach[c] * hit[c]
    return total


@compiled
def follow_new(before, survival, newborn, hit, false, seen, followed):
    """Fill ``seen`` and ``followed`` (n - 1,): of the spines new in the first of n intervals, those scored later.

    ``before`` (K,) are the means at its start; ``seen`` counts a spine that is scored at a later session, ``followed``
    one that is scored at every session up to it.
    """
    n, k = newborn.shape
    there, always = np.empty(k), np.empty(k)
    total = false
    for d in range(k):
        there[d] = newborn[0, d]
        for c in range(k):
            there[d] += before[c] * (1.0 - hit[c]) * survival[0, c, d]
        there[d] *= hit[d]
        always[d] = there[d]
        total += there[d]
    for i in range(1, n):
        next_there, next_always = np.zeros(k), np.zeros(k)
        for c in range(k):
            for d in range(k):
                next_there[d] += there[c] * survival[i, c, d]
                next_always[d] += always[c] * survival[i, c, d] * hit[d]
        there, always = next_there, next_always
        seen[i - 1] = (there * hit).sum() / total
        followed[i - 1] = always.sum() / total
