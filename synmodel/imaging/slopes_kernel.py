"""Compiled slopes of expected statistics in the means, the propagation and the scoring (:mod:`.expectation_slopes`)."""

import math

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.imaging.kernel import ratio_factor_of

__all__ = ["contribution_slopes", "follow_new_slopes", "fraction_partials"]

_ASYMPTOTIC_FROM = 60.0
_TERMS = 10
_SMALL = 1e-3


@compiled
def ratio_factor_slope(x, c):
    """Slope of c(x) = x S / (e^x - 1) at x, c being c(x): x S' = e^x - 1, so c' = 1 + c / x - c - c / (e^x - 1)."""
    if x >= _ASYMPTOTIC_FROM:
        total, term = 0.0, 1.0
        for k in range(1, _TERMS + 1):
            term *= k / x
            total -= k * term / x
        return total
    if x < 1e-9:
        return 0.0  # as the factor is held there
    if x < _SMALL:
        # 1 / x - 1 / (e^x - 1), whose difference would lose digits.
        return 1.0 - c + c * (0.5 - x / 12.0)
    return 1.0 - c + c * (1.0 / x - 1.0 / math.expm1(x))


@compiled
def fraction_partials(old, new, length_um, false, density, formation, share, partial):
    """Fill ``partial`` (3, n, 12) with the slopes of :func:`synmodel.imaging.kernel.mean_fractions`.

    Of formation (row 0), elimination (1) and change of density (2) of each interval, in: ``old`` rows 0 to 2 at the
    start of the interval, ``new`` rows 0 to 2 there; ``old`` and ``new`` row 0 at the first session; ``old`` row 0,
    ``new`` row 0 and ``old`` row 3 at the end of the interval; and the false spines.
    """
    n = old.shape[1] - 1
    partial[:] = 0.0
    total, value = np.zeros(n), np.zeros((3, n))
    d_total = np.zeros((n, 3))  # of the weights, in old, new and false at the start of the interval
    for kind in range(len(share)):
        y, z = density[kind], formation[kind]
        first = y * old[0, 0] + z * new[0, 0] + false
        c0 = ratio_factor_of(length_um * first)
        d_c0 = length_um * ratio_factor_slope(length_um * first, c0)
        w0 = -math.expm1(-length_um * first) * share[kind]
        d_w0 = length_um * math.exp(-length_um * first) * share[kind]
        for i in range(n):
            before = y * old[0, i] + z * new[0, i] + false
            number = length_um * before
            w = -math.expm1(-number) * share[kind]
            d_w = length_um * math.exp(-number) * share[kind]
            c = ratio_factor_of(number)
            d_c = length_um * ratio_factor_slope(number, c)
            gained = y * old[1, i] + z * new[1, i] + false
            lost = y * old[2, i] + z * new[2, i] + false
            of_gained, of_lost = w * c / before, w / before
            value[0, i] += of_gained * gained
            value[1, i] += of_lost * lost
            by_gained = gained * (d_w * c + w * d_c - w * c / before) / before
            by_lost = lost * (d_w - w / before) / before
            partial[0, i, 0] += y * by_gained
            partial[0, i, 3] += z * by_gained
            partial[0, i, 11] += by_gained + of_gained
            partial[0, i, 1] += y * of_gained
            partial[0, i, 4] += z * of_gained
            partial[1, i, 0] += y * by_lost
            partial[1, i, 3] += z * by_lost
            partial[1, i, 11] += by_lost + of_lost
            partial[1, i, 2] += y * of_lost
            partial[1, i, 5] += z * of_lost
            total[i] += w
            d_total[i, 0] += y * d_w
            d_total[i, 1] += z * d_w
            d_total[i, 2] += d_w
            later = y * old[0, i + 1] + z * new[0, i + 1] + false
            kept = y * old[3, i + 1]
            gap = later - kept
            of_change = w0 * (kept + gap * c0) / first
            value[2, i] += of_change
            by_first = (d_w0 * (kept + gap * c0) + w0 * gap * d_c0 - of_change) / first
            by_later = w0 * c0 / first
            partial[2, i, 6] += y * by_first
            partial[2, i, 7] += z * by_first
            partial[2, i, 8] += y * by_later
            partial[2, i, 9] += z * by_later
            partial[2, i, 10] += y * (w0 / first - by_later)
            partial[2, i, 11] += by_first + by_later
    for i in range(n):
        for row in range(3):
            at = 0 if row == 2 else i
            for j in range(12):
                partial[row, i, j] /= total[at]
            mean = value[row, i] / total[at] / total[at]
            start = 6 if row == 2 else 0
            beside = 7 if row == 2 else 3
            partial[row, i, start] -= mean * d_total[at, 0]
            partial[row, i, beside] -= mean * d_total[at, 1]
            partial[row, i, 11] -= mean * d_total[at, 2]


@compiled
def contribution_slopes(values, slopes, partial, d_false, d_total, result):
    """Fill ``result`` (direction, 3, n) with slopes of the fractions, ``d_total`` (direction, n + 1, K) of numbers.

    ``values`` are the initial means (K,), P (n, K, K), gamma (n, K) and 1 - miss (K,), ``slopes`` theirs with a
    direction first; ``partial`` is that of :func:`fraction_partials`.
    """
    initial, survival, newborn, hit = values
    d_initial, d_survival, d_newborn, d_hit = slopes
    n, k = newborn.shape
    d_old, d_new = np.empty((4, n + 1)), np.empty((4, n + 1))
    for q in range(len(d_false)):
        d_old[:], d_new[:] = 0.0, 0.0
        of_old, of_new, reach = initial.copy(), np.zeros(k), initial * hit
        s_old, s_new = d_initial[q].copy(), np.zeros(k)
        s_reach = d_initial[q] * hit + initial * d_hit[q]
        for i in range(n + 1):
            for c in range(k):
                d_old[0, i] += s_old[c] * hit[c] + of_old[c] * d_hit[q, c]
                d_new[0, i] += s_new[c] * hit[c] + of_new[c] * d_hit[q, c]
                d_total[q, i, c] = s_old[c] + s_new[c]
            if i == n:
                break
            next_old, next_new, next_reach = np.zeros(k), newborn[i].copy(), np.zeros(k)
            t_old, t_new, t_reach = np.zeros(k), d_newborn[q, i].copy(), np.zeros(k)
            for c in range(k):
                later, s_later = 0.0, 0.0
                for d in range(k):
                    p, s = survival[i, c, d], d_survival[q, i, c, d]
                    later += p * hit[d]
                    s_later += s * hit[d] + p * d_hit[q, d]
                    next_old[d] += of_old[c] * p
                    next_new[d] += of_new[c] * p
                    next_reach[d] += reach[c] * p
                    t_old[d] += s_old[c] * p + of_old[c] * s
                    t_new[d] += s_new[c] * p + of_new[c] * s
                    t_reach[d] += s_reach[c] * p + reach[c] * s
                miss, s_miss = 1.0 - hit[c], -d_hit[q, c]
                gain, s_gain = miss * later, s_miss * later + miss * s_later
                lost, s_lost = hit[c] * (1.0 - later), d_hit[q, c] * (1.0 - later) - hit[c] * s_later
                d_old[1, i] += s_old[c] * gain + of_old[c] * s_gain
                d_new[1, i] += s_new[c] * gain + of_new[c] * s_gain
                d_new[1, i] += d_newborn[q, i, c] * hit[c] + newborn[i, c] * d_hit[q, c]
                d_old[2, i] += s_old[c] * lost + of_old[c] * s_lost
                d_new[2, i] += s_new[c] * lost + of_new[c] * s_lost
            of_old, of_new, reach = next_old, next_new, next_reach
            s_old, s_new, s_reach = t_old, t_new, t_reach
            for c in range(k):
                d_old[3, i + 1] += s_reach[c] * hit[c] + reach[c] * d_hit[q, c]
        for row in range(3):
            for i in range(n):
                w = partial[row, i]
                change = w[0] * d_old[0, i] + w[1] * d_old[1, i] + w[2] * d_old[2, i]
                change += w[3] * d_new[0, i] + w[4] * d_new[1, i] + w[5] * d_new[2, i]
                change += w[6] * d_old[0, 0] + w[7] * d_new[0, 0]
                change += w[8] * d_old[0, i + 1] + w[9] * d_new[0, i + 1] + w[10] * d_old[3, i + 1]
                result[q, row, i] = change + w[11] * d_false[q]


@compiled
def follow_new_slopes(values, slopes, false, d_false, seen, followed):
    """Fill ``seen`` and ``followed`` (direction, n - 1) with slopes of :func:`synmodel.imaging.kernel.follow_new`.

    ``values`` are the means before (K,), P (n, K, K), gamma (n, K) and 1 - miss (K,), ``slopes`` theirs.
    """
    before, survival, newborn, hit = values
    d_before, d_survival, d_newborn, d_hit = slopes
    n, k = newborn.shape
    for q in range(len(d_false)):
        there, s_there = np.empty(k), np.empty(k)
        total, s_total = false, d_false[q]
        for d in range(k):
            young, s_young = newborn[0, d], d_newborn[q, 0, d]
            for c in range(k):
                missed, s_missed = before[c] * (1.0 - hit[c]), d_before[q, c] * (1.0 - hit[c]) - before[c] * d_hit[q, c]
                young += missed * survival[0, c, d]
                s_young += s_missed * survival[0, c, d] + missed * d_survival[q, 0, c, d]
            there[d] = young * hit[d]
            s_there[d] = s_young * hit[d] + young * d_hit[q, d]
            total += there[d]
            s_total += s_there[d]
        always, s_always = there.copy(), s_there.copy()
        for i in range(1, n):
            next_there, next_always, t_there, t_always = np.zeros(k), np.zeros(k), np.zeros(k), np.zeros(k)
            for c in range(k):
                for d in range(k):
                    p, s = survival[i, c, d], d_survival[q, i, c, d]
                    next_there[d] += there[c] * p
                    t_there[d] += s_there[c] * p + there[c] * s
                    next_always[d] += always[c] * p * hit[d]
                    t_always[d] += (s_always[c] * p + always[c] * s) * hit[d] + always[c] * p * d_hit[q, d]
            there, always, s_there, s_always = next_there, next_always, t_there, t_always
            of_there, of_always, s_seen, s_followed = 0.0, 0.0, 0.0, 0.0
            for c in range(k):
                of_there += there[c] * hit[c]
                s_seen += s_there[c] * hit[c] + there[c] * d_hit[q, c]
                of_always += always[c]
                s_followed += s_always[c]
            seen[q, i - 1] = (s_seen - of_there / total * s_total) / total
            followed[q, i - 1] = (s_followed - of_always / total * s_total) / total
