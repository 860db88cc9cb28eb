r"""Compiled adjoint of the class filter: slopes of the log-probability of the losses in all that the filter is given.

The filter (:mod:`.kernel`) is a chain of linear maps of a form f, each divided by its sum t. Backwards a dual form g
goes the same way by the transposed maps, g <- A' g / t, from g = 1 at the end, so that <g, f> = 1 at every place; g[x]
is what class numbers x say of all that comes after. The slope in a number a of a map is then <g, (dA/da) f> / t, and as
equal factors commute, that of a power is its exponent times that of the last factor:

* join, f (c . s)^G:            c_j:  G <S_j g, f (c . s)^(G-1)>                 g <- (sum_j c_j S_j)^G g
* lose, (d . grad)^L f / L!:    d_j:  <g, grad_j f_(L-1)> / t                    g <- (sum_j d_j grad_j')^L g / L!
* survive, f[x] prod s_i^x_i:   log s_i:  sum_x x_i f[x] g[x]                    g[x] <- g[x] prod s_i^x_i / t
* move, M f = f(P s):           P_ij:  <S_j g, M grad_i f>                       g <- M' g

with the shift (S_j g)[x] = g[x + e_j], and grad_j' its transposed derivation. M' g is g seen through the rows r_i of P,
g[x] <- prod_i (r_i . S)^x_i g: by the transposed Horner scheme, or the transposed rounds in reversed order. As in the
filter nothing is subtracted. Laws are kept at the start of every interval and computed again within it; all slopes
together cost some six filters. Three classes are in :mod:`.adjoint_three`.
"""

import math

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.inference.likelihood.adjoint_three import run_three
from synmodel.inference.likelihood.kernel import join_two, most_spines, move_two, times_log

__all__ = ["log_losses_slopes"]


@compiled
def contract_two(g, n, a, b):  # type: ignore[no-untyped-def]
    """Apply a S_0 + b S_1 to a dual form of degree n, in place."""
    for x in range(n):
        g[x] = a * g[x + 1] + b * g[x]


@compiled
def lose_two_kept(f, n, lost, d, totals, before):  # type: ignore[no-untyped-def]
    """Take ``lost`` of n spines away, in place; keeps the sum of each loss, and the form before the last in ``before``.

    Returns whether such losses can be.
    """
    for k in range(lost):
        if k == lost - 1:
            before[: n - k + 1] = f[: n - k + 1]
        total = 0.0
        for x in range(n - k):
            f[x] = (d[0] * (x + 1) * f[x + 1] + d[1] * (n - k - x) * f[x]) / (k + 1)
            total += f[x]
        if not total > 0.0:
            return False
        for x in range(n - k):
            f[x] /= total
        totals[k] = total
    return True


@compiled
def gain_back_two(g, n, lost, d, totals):  # type: ignore[no-untyped-def]
    """Apply the transposed losses to a dual form, which is of degree n - lost and then of n, in place."""
    for k in range(lost - 1, -1, -1):
        m = n - k  # degree before this loss
        scale = 1.0 / ((k + 1) * totals[k])
        for x in range(m, -1, -1):
            above = d[0] * x * g[x - 1] if x > 0 else 0.0
            g[x] = (above + (d[1] * (m - x) * g[x] if x < m else 0.0)) * scale


@compiled
def survive_two_kept(f, n, log_s, weight):  # type: ignore[no-untyped-def]
    """Multiply by the probabilities that all survive, in place, and keep what f[x] was multiplied with in ``weight``.

    Returns whether the sum is a number above 0.
    """
    best = max(log_s[0], log_s[1]) if n > 0 else 0.0
    total = 0.0
    for x in range(n + 1):
        weight[x] = math.exp(times_log(x, log_s[0]) + times_log(n - x, log_s[1]) - times_log(n, best))
        f[x] *= weight[x]
        total += f[x]
    if not total > 0.0:
        return False
    for x in range(n + 1):
        f[x] /= total
        weight[x] /= total
    return True


@compiled
def move_back_two(g, n, p, out, powers):  # type: ignore[no-untyped-def]
    """Write the dual form before a move to ``out``; ``powers`` (n + 1, n + 3) holds those of the row of class 1."""
    returns = p[1, 0] > 0.0
    if returns:
        powers[0, 0] = 1.0
        for k in range(1, n + 1):
            powers[k, :k] = powers[k - 1, :k]
            join_two(powers[k], k - 1, p[1, 0], p[1, 1])
    for k in range(n, -1, -1):
        if returns:
            total = 0.0
            for x in range(k + 1):
                total += powers[k, x] * g[x]
            out[n - k] = total
        else:
            out[n - k] = g[0]
        contract_two(g, k, p[0, 0], p[0, 1])


@compiled
def slopes_of_move_two(f, g, n, p, d_move, work):  # type: ignore[no-untyped-def]
    """Add the slopes of a move of n spines to ``d_move`` (2, 2); ``work`` is (3, n + 3)."""
    if n == 0:
        return
    derived, out, power = work[0], work[1], work[2]
    for i in range(2):
        for x in range(n):
            derived[x] = (x + 1) * f[x + 1] if i == 0 else (n - x) * f[x]
        move_two(derived, n - 1, p, out, power)
        for x in range(n):
            d_move[i, 0] += out[x] * g[x + 1]
            d_move[i, 1] += out[x] * g[x]


@compiled
def back_two(steps, i, f, g, n, gained, lost, slopes, work):  # type: ignore[no-untyped-def]
    """Go back over interval i: from the dual form at its end to that at its start, in ``g``; ``f`` is the law there.

    Adds slopes to those of the interval; returns whether all went well. ``work`` is (7 + size, size).
    """
    move, log_s, d, fresh = steps
    d_move, d_log_s, d_lost, d_fresh = slopes
    totals, before, weight, moved = work[0], work[1], work[2], work[3]
    if not lose_two_kept(f, n, lost, d[i], totals, before):
        return False
    m = n - lost
    if not survive_two_kept(f, m, log_s[i], weight):
        return False
    if gained > 0:
        move_two(f, m, move[i], moved, work[4])
        for k in range(gained - 1):
            join_two(moved, m + k, fresh[i, 0], fresh[i, 1])
        for x in range(m + gained):
            d_fresh[i, 0] += gained * moved[x] * g[x + 1]
            d_fresh[i, 1] += gained * moved[x] * g[x]
        for k in range(gained, 0, -1):
            contract_two(g, m + k, fresh[i, 0], fresh[i, 1])
    slopes_of_move_two(f, g, m, move[i], d_move[i], work[4:7])
    move_back_two(g, m, move[i], moved, work[7:])
    for x in range(m + 1):
        d_log_s[i, 0] += x * f[x] * moved[x]
        d_log_s[i, 1] += (m - x) * f[x] * moved[x]
        g[x] = moved[x] * weight[x]
    if lost > 0:
        for x in range(m + 1):
            d_lost[i, 0] += (x + 1) * before[x + 1] * g[x] / totals[lost - 1]
            d_lost[i, 1] += (m + 1 - x) * before[x] * g[x] / totals[lost - 1]
        gain_back_two(g, n, lost, d[i], totals)
    return True


@compiled
def run_two(steps, composition, n, gained, lost, first, stop, slopes, d_composition, laws, work):  # type: ignore[no-untyped-def]
    """Slopes of one run; ``laws`` (interval + 1, size) takes the law at the start of every interval."""
    move, log_s, d, fresh = steps
    f, g, start = work[-1], work[-2], n
    f[0] = 1.0
    for k in range(n):
        join_two(f, k, composition[0], composition[1])
    numbers = np.empty(stop - first + 1, np.int64)
    for i in range(first, stop):
        numbers[i - first] = n
        laws[i - first, : n + 1] = f[: n + 1]
        if lost[i] > n or not lose_two_kept(f, n, lost[i], d[i], work[0], work[1]):
            return False
        n -= lost[i]
        if not survive_two_kept(f, n, log_s[i], work[2]):
            return False
        move_two(f, n, move[i], work[3], work[4])
        f[: n + 1] = work[3, : n + 1]
        for _ in range(gained[i]):
            join_two(f, n, fresh[i, 0], fresh[i, 1])
            n += 1
    g[: n + 1] = 1.0
    for i in range(stop - 1, first - 1, -1):
        n = numbers[i - first]
        f[: n + 1] = laws[i - first, : n + 1]
        if not back_two(steps, i, f, g, n, gained[i], lost[i], slopes, work[:-2]):
            return False
    if start > 0:
        f[0] = 1.0
        for k in range(start - 1):
            join_two(f, k, composition[0], composition[1])
        for x in range(start):
            d_composition[0] += start * f[x] * g[x + 1]
            d_composition[1] += start * f[x] * g[x]
    return True


@compiled
def log_losses_slopes(steps, composition, n, gained, lost, first, stop, slopes, d_composition):  # type: ignore[no-untyped-def]
    """Fill the slopes of :func:`synmodel.inference.likelihood.kernel.log_losses_two` of every run, at one node.

    ``steps`` are the switches of survivors (interval, K, K), the logarithm of survival, the loss probability and the
    composition of newcomers (interval, K), ``composition`` (session, K) those at the start of a run; runs are as there.
    ``slopes`` are theirs, (run, interval, K, K) and (run, interval, K), and ``d_composition`` (run, K). All entries are
    taken as free numbers. A run that cannot be, or whose law underflows, has slopes that are not a number.
    """
    d_move, d_log_s, d_lost, d_fresh = slopes
    n_class = composition.shape[1]
    for r in range(len(n)):
        size, span = most_spines(n[r], gained[r], lost[r], first[r], stop[r]) + 3, stop[r] - first[r] + 1
        own, start = (d_move[r], d_log_s[r], d_lost[r], d_fresh[r]), composition[first[r]]
        for each in own[1:]:
            each[:] = 0.0
        own[0][:], d_composition[r] = 0.0, 0.0
        if n_class == 2:
            flat = np.zeros((9 + size, size))
            done = run_two(
                steps, start, n[r], gained[r], lost[r], first[r], stop[r], own, d_composition[r],
                np.empty((span, size)), flat,
            )  # fmt: skip
        else:
            done = run_three(
                steps, start, n[r], gained[r], lost[r], first[r], stop[r], own, d_composition[r],
                np.empty((span, size, size)), np.zeros((8, size, size)),
            )  # fmt: skip
        if not done:
            for each in own[1:]:
                each[:] = np.nan
            own[0][:], d_composition[r] = np.nan, np.nan
