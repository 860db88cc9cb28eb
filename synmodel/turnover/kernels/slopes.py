"""Compiled forward sensitivities of P, gamma and d over cells of constant hazards (:mod:`synmodel.turnover.slopes`)."""

import math

import numpy as np

from synmodel.compiled import compiled

__all__ = ["cross_slopes", "relax_slopes"]

_MOST = 0.5  # norm of what the series is summed for
_NEGLIGIBLE = 1e-20


@compiled
def product(a, b, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (K, K) with a b."""
    m = a.shape[0]
    for i in range(m):
        for j in range(m):
            entry = 0.0
            for k in range(m):
                entry += a[i, k] * b[k, j]
            out[i, j] = entry


@compiled
def add_product(a, b, out):  # type: ignore[no-untyped-def]
    """Add a b to ``out`` (K, K)."""
    m = a.shape[0]
    for i in range(m):
        for j in range(m):
            entry = 0.0
            for k in range(m):
                entry += a[i, k] * b[k, j]
            out[i, j] += entry


@compiled
def turn(m, h, matrix, out, length):  # type: ignore[no-untyped-def]
    """Fill ``out`` with ``matrix`` times the change of Q length with hazard h; returns nothing.

    Hazards are the switches, row after row, and then the losses. A switch i to j moves weight from Q_ii to Q_ij, a loss
    takes it from Q_ii, so the product has one or two columns.
    """
    for i in range(m):
        for j in range(m):
            out[i, j] = 0.0
    source, target = h - m * m, -1
    if h < m * m:
        source, target = h // m, h % m
    for i in range(m):
        moved = matrix[i, source] * length
        out[i, source] -= moved
        if target >= 0:
            out[i, target] += moved


@compiled
def one_cell(generator, length, known, e, v, de, dv, work):  # type: ignore[no-untyped-def]
    """Fill ``e`` = exp(Q l) and ``v`` = 1/l int_0^l exp(Q s) ds, (K, K), and their slopes in every hazard.

    ``de`` and ``dv`` are (hazard, K, K), ``known`` (hazard,) says which of them are asked for; ``work`` is
    (hazard + 3, K, K). Both are series in Q l, halved until it is small, and then doubled::

        e(2t) = e(t)^2        v(2t) = (v(t) + e(t) v(t)) / 2

    The slopes are those of every step. With a norm below 1/2 no entry of the series loses more than a digit.
    """
    m, n_hazard = e.shape[0], len(known)
    term, other, scaled = work[n_hazard], work[n_hazard + 1], work[n_hazard + 2]
    norm, halvings = 0.0, 0
    for i in range(m):
        norm = max(norm, -2.0 * generator[i, i] * length)
    while norm > _MOST:
        norm *= 0.5
        halvings += 1
    step = length * 0.5**halvings
    for i in range(m):
        for j in range(m):
            scaled[i, j] = generator[i, j] * step
            term[i, j] = e[i, j] = v[i, j] = 1.0 if i == j else 0.0
    for h in range(n_hazard):
        work[h] = 0.0
        de[h] = 0.0
        dv[h] = 0.0
    bound, k = 1.0, 0
    while bound > _NEGLIGIBLE:
        k += 1
        bound *= norm / k
        for h in range(n_hazard):
            if known[h]:
                turn(m, h, term, other, step)
                add_product(work[h], scaled, other)
                for i in range(m):
                    for j in range(m):
                        work[h, i, j] = other[i, j] / k
                        de[h, i, j] += work[h, i, j]
                        dv[h, i, j] += work[h, i, j] / (k + 1)
        product(term, scaled, other)
        for i in range(m):
            for j in range(m):
                term[i, j] = other[i, j] / k
                e[i, j] += term[i, j]
                v[i, j] += term[i, j] / (k + 1)
    for _ in range(halvings):
        double(e, v, de, dv, known, term, other)


@compiled
def double(e, v, de, dv, known, moved, squared):  # type: ignore[no-untyped-def]
    """Double the time of :func:`one_cell`, in place; ``moved`` and ``squared`` are work space."""
    m = e.shape[0]
    for h in range(len(known)):
        if known[h]:
            product(de[h], v, moved)
            add_product(e, dv[h], moved)
            product(de[h], e, squared)
            add_product(e, de[h], squared)
            for i in range(m):
                for j in range(m):
                    dv[h, i, j] = 0.5 * (dv[h, i, j] + moved[i, j])
                    de[h, i, j] = squared[i, j]
    product(e, v, moved)
    product(e, e, squared)
    for i in range(m):
        for j in range(m):
            v[i, j] = 0.5 * (v[i, j] + moved[i, j])
            e[i, j] = squared[i, j]


@compiled
def rates_of(cell, folds, acts, switches, loss, generator, hazards):  # type: ignore[no-untyped-def]
    """Fill the ``generator`` (K, K) and the ``hazards`` (hazard,) of a cell; returns whether they are not those there.

    ``folds`` (2, cell) are those of maturation and elimination.
    """
    m, changed = len(loss), False
    for i in range(m):
        leaving = loss[i] * (folds[1, cell] if acts[i] else 1.0)
        changed = changed or hazards[m * m + i] != leaving
        hazards[m * m + i] = leaving
        for j in range(m):
            if i != j:
                rate = switches[i, j] * (folds[0, cell] if j > i else 1.0)
                changed = changed or hazards[i * m + j] != rate
                hazards[i * m + j] = rate
                generator[i, j] = rate
                leaving += rate
        generator[i, i] = -leaving
    return changed


@compiled
def direction_of(cell, folds, acts, switches, loss, d_folds, d_switches, d_loss, change):  # type: ignore[no-untyped-def]
    """Fill ``change`` (hazard,) with that of the hazards of a cell in a direction."""
    m = len(loss)
    for i in range(m):
        fold, d_fold = (folds[1, cell], d_folds[1, cell]) if acts[i] else (1.0, 0.0)
        change[m * m + i] = d_loss[i] * fold + loss[i] * d_fold
        for j in range(m):
            fold, d_fold = (folds[0, cell], d_folds[0, cell]) if j > i else (1.0, 0.0)
            change[i * m + j] = 0.0 if i == j else d_switches[i, j] * fold + switches[i, j] * d_fold


@compiled
def advance_slopes(e, de, p, gamma, dp, dgamma, row):  # type: ignore[no-untyped-def]
    """Carry the slopes of P and gamma over a cell, in place; those of its births are added by the caller."""
    m = len(gamma)
    for i in range(m + 1):
        # Rows of P, and then gamma.
        for j in range(m):
            entry = 0.0
            for k in range(m):
                value, slope = (p[i, k], dp[i, k]) if i < m else (gamma[k], dgamma[k])
                entry += slope * e[k, j] + value * de[k, j]
            row[j] = entry
        for j in range(m):
            if i < m:
                dp[i, j] = row[j]
            else:
                dgamma[j] = row[j]


@compiled
def cross_slopes(lengths, formation, folds, acts, births, switches, loss, edges, directions, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with slopes of P (direction, interval, K, K), of gamma and of d (direction, interval, K).

    ``lengths`` and ``formation`` are (cell,), ``folds`` (2, cell) those of maturation and elimination; interval i is
    made of the cells ``edges[i]`` up to, not including, ``edges[i + 1]``. ``directions`` are the changes of births
    (direction, K), switches (direction, K, K), losses (direction, K), of the fold of births (direction, cell) and of
    the other folds (direction, 2, cell).
    """
    d_births, d_switches, d_loss, d_formation, d_folds = directions
    dp, dgamma, dlost = out
    n, m = len(d_births), len(loss)
    n_hazard = m * m + m
    generator, hazards = np.zeros((m, m)), np.full(n_hazard, -1.0)
    e, v, moved, slope_v = np.empty((m, m)), np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    de, dv, work = np.empty((n_hazard, m, m)), np.empty((n_hazard, m, m)), np.empty((n_hazard + 3, m, m))
    known = np.array([h >= m * m or h // m != h % m for h in range(n_hazard)])
    p, gamma, row, change, before = np.empty((m, m)), np.empty(m), np.empty(m), np.empty(n_hazard), -1.0
    lost, d_lost = np.empty(m), np.empty(m)
    for interval in range(len(edges) - 1):
        dp[:, interval], dgamma[:, interval], dlost[:, interval] = 0.0, 0.0, 0.0
        gamma[:] = 0.0
        for i in range(m):
            for j in range(m):
                p[i, j] = 1.0 if i == j else 0.0
        for cell in range(edges[interval], edges[interval + 1]):
            length = lengths[cell]
            # Without a drug all half-days are alike.
            if rates_of(cell, folds, acts, switches, loss, generator, hazards) or length != before:
                one_cell(generator, length, known, e, v, de, dv, work)
                before = length
            for i in range(m):
                lost[i] = 0.0
                for j in range(m):
                    lost[i] += length * v[i, j] * hazards[m * m + j]
            for q in range(n):
                direction_of(cell, folds, acts, switches, loss, d_folds[q], d_switches[q], d_loss[q], change)
                moved[:], slope_v[:] = 0.0, 0.0
                for h in range(n_hazard):
                    if change[h] != 0.0:
                        for i in range(m):
                            for j in range(m):
                                moved[i, j] += change[h] * de[h, i, j]
                                slope_v[i, j] += change[h] * dv[h, i, j]
                for i in range(m):
                    d_lost[i] = 0.0
                    for j in range(m):
                        d_lost[i] += length * (slope_v[i, j] * hazards[m * m + j] + v[i, j] * change[m * m + j])
                for i in range(m):
                    for j in range(m):
                        dlost[q, interval, i] += dp[q, interval, i, j] * lost[j] + p[i, j] * d_lost[j]
                advance_slopes(e, moved, p, gamma, dp[q, interval], dgamma[q, interval], row)
                for i in range(m):
                    born = length * births[i] * formation[cell]
                    d_born = length * (d_births[q, i] * formation[cell] + births[i] * d_formation[q, cell])
                    for j in range(m):
                        dgamma[q, interval, j] += d_born * v[i, j] + born * slope_v[i, j]
            product(p, e, moved)
            for j in range(m):
                row[j] = 0.0
                for i in range(m):
                    row[j] += gamma[i] * e[i, j] + length * births[i] * formation[cell] * v[i, j]
            for i in range(m):
                gamma[i] = row[i]
                for j in range(m):
                    p[i, j] = moved[i, j]


@compiled
def relax_slopes(lengths, targets, rate, d_targets, d_rate, value, slope):  # type: ignore[no-untyped-def]
    """Fill ``value`` (cell + 1,) as :func:`synmodel.turnover.kernels.cells.relax` and its ``slope`` (direction, cell + 1).

    ``d_targets`` (direction, cell) and ``d_rate`` (direction,) are the changes of targets and of the rate.
    """
    value[0] = 0.0
    slope[:, 0] = 0.0
    for cell in range(len(lengths)):
        kept = math.exp(-rate * lengths[cell])
        gap = value[cell] - targets[cell]
        for q in range(len(d_rate)):
            d_target = d_targets[q, cell]
            lag = -lengths[cell] * d_rate[q] * kept * gap
            slope[q, cell + 1] = d_target + (slope[q, cell] - d_target) * kept + lag
        value[cell + 1] = targets[cell] + gap * kept
