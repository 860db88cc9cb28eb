"""Compiled forward sensitivities of P, gamma and d over cells of constant hazards (:mod:`synmodel.turnover.slopes`)."""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.core.exponentials import multiply

__all__ = ["cross_slopes", "relax_slopes"]

_MOST = 0.5  # norm of what the series is summed for
_NEGLIGIBLE = 1e-20


@allocating_nothing
def add_product(a, b, out):  # type: ignore[no-untyped-def]
    """Add a b to ``out`` (K, K)."""
    m = a.shape[0]
    for i in range(m):
        for j in range(m):
            entry = 0.0
            for k in range(m):
                entry += a[i, k] * b[k, j]
            out[i, j] += entry


@allocating_nothing
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


@allocating_nothing
def slopes_of_term(k, step, term, scaled, known, de, dv, work, other):  # type: ignore[no-untyped-def]
    """Add the slopes of term k of both series; ``term`` is the one before, ``work`` its slopes, and then those of k."""
    m = len(term)
    for h in range(len(known)):
        if known[h]:
            turn(m, h, term, other, step)
            add_product(work[h], scaled, other)
            for i in range(m):
                for j in range(m):
                    work[h, i, j] = other[i, j] / k
                    de[h, i, j] += work[h, i, j]
                    dv[h, i, j] += work[h, i, j] / (k + 1)


@allocating_nothing
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
        slopes_of_term(k, step, term, scaled, known, de, dv, work, other)
        multiply(term, scaled, other, 1.0)
        for i in range(m):
            for j in range(m):
                term[i, j] = other[i, j] / k
                e[i, j] += term[i, j]
                v[i, j] += term[i, j] / (k + 1)
    for _ in range(halvings):
        double(e, v, de, dv, known, term, other)


@allocating_nothing
def double(e, v, de, dv, known, moved, squared):  # type: ignore[no-untyped-def]
    """Double the time of :func:`one_cell`, in place; ``moved`` and ``squared`` are work space."""
    m = e.shape[0]
    for h in range(len(known)):
        if known[h]:
            multiply(de[h], v, moved, 1.0)
            add_product(e, dv[h], moved)
            multiply(de[h], e, squared, 1.0)
            add_product(e, de[h], squared)
            for i in range(m):
                for j in range(m):
                    dv[h, i, j] = 0.5 * (dv[h, i, j] + moved[i, j])
                    de[h, i, j] = squared[i, j]
    multiply(e, v, moved, 1.0)
    multiply(e, e, squared, 1.0)
    for i in range(m):
        for j in range(m):
            v[i, j] = 0.5 * (v[i, j] + moved[i, j])
            e[i, j] = squared[i, j]


@allocating_nothing
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


@allocating_nothing
def effects_of(length, births, hazards, known, p, gamma, cell_slopes, of_p, of_gamma, of_lost, row):  # type: ignore[no-untyped-def]
    """Fill what each hazard of a cell does to P, gamma and d at its end: (hazard, K, K), (hazard, K), (hazard, K).

    ``births`` (K,) are those of the cell; ``cell_slopes`` are V and the slopes of E and V in every hazard.
    """
    v, de, dv = cell_slopes
    m = len(gamma)
    for h in range(len(known)):
        if not known[h]:
            continue
        for j in range(m):
            born, lost = 0.0, 0.0
            for k in range(m):
                born += gamma[k] * de[h, k, j] + length * births[k] * dv[h, k, j]
                # Of a spine of class j at the start of the cell.
                lost += dv[h, j, k] * hazards[m * m + k]
            if h >= m * m:
                lost += v[j, h - m * m]
            of_gamma[h, j] = born
            of_lost[h, j] = length * lost
        for i in range(m):
            for j in range(m):
                entry = 0.0
                for k in range(m):
                    entry += p[i, k] * de[h, k, j]
                of_p[h, i, j] = entry
        for i in range(m):
            row[i] = 0.0
            for k in range(m):
                row[i] += p[i, k] * of_lost[h, k]
        for i in range(m):
            of_lost[h, i] = row[i]


@allocating_nothing
def change_of(q, h, cell, folds, acts, switches, loss, d_folds, d_switches, d_loss):  # type: ignore[no-untyped-def]
    """Change of hazard h of a cell in direction q."""
    m = len(loss)
    if h >= m * m:
        i = h - m * m
        if acts[i]:
            return d_loss[q, i] * folds[1, cell] + loss[i] * d_folds[q, 1, cell]
        return d_loss[q, i]
    i, j = h // m, h % m
    if j > i:
        return d_switches[q, i, j] * folds[0, cell] + switches[i, j] * d_folds[q, 0, cell]
    return d_switches[q, i, j]


@allocating_nothing
def advance(length, born, e, v, p, gamma, moved, row):  # type: ignore[no-untyped-def]
    """Carry P and gamma over a cell, in place; ``moved`` and ``row`` are work space."""
    m = len(gamma)
    multiply(p, e, moved, 1.0)
    for j in range(m):
        row[j] = 0.0
        for i in range(m):
            row[j] += gamma[i] * e[i, j] + length * born[i] * v[i, j]
    for i in range(m):
        gamma[i] = row[i]
        for j in range(m):
            p[i, j] = moved[i, j]


@allocating_nothing
def carry(q, interval, cell, length, rates, directions, of_cell, out, row):  # type: ignore[no-untyped-def]
    """Carry the slopes of one direction over a cell, in place, and add those of its births."""
    births, _, _, formation = rates
    d_births, _, _, d_formation, _ = directions
    e, v, lost = of_cell
    dp, dgamma, dlost = out
    m = len(lost)
    for i in range(m):
        for j in range(m):
            entry = 0.0
            for k in range(m):
                entry += dp[q, interval, i, k] * e[k, j]
            row[j] = entry
        for j in range(m):
            dlost[q, interval, i] += dp[q, interval, i, j] * lost[j]
        for j in range(m):
            dp[q, interval, i, j] = row[j]
    for j in range(m):
        entry = 0.0
        for k in range(m):
            entry += dgamma[q, interval, k] * e[k, j]
        row[j] = entry
    for i in range(m):
        more = length * (d_births[q, i] * formation[cell] + births[i] * d_formation[q, cell])
        if more != 0.0:
            for j in range(m):
                row[j] += more * v[i, j]
    for j in range(m):
        dgamma[q, interval, j] = row[j]


@allocating_nothing
def add_changes(q, interval, cell, known, folds, acts, rates, directions, effects, out):  # type: ignore[no-untyped-def]
    """Add what the changes of a cell's hazards in one direction do to P, gamma and d at its end."""
    _, switches, loss, _ = rates
    _, d_switches, d_loss, _, d_folds = directions
    of_p, of_gamma, of_lost = effects
    dp, dgamma, dlost = out
    m = len(loss)
    for h in range(len(known)):
        if known[h]:
            change = change_of(q, h, cell, folds, acts, switches, loss, d_folds, d_switches, d_loss)
            if change != 0.0:
                for i in range(m):
                    dgamma[q, interval, i] += change * of_gamma[h, i]
                    dlost[q, interval, i] += change * of_lost[h, i]
                    for j in range(m):
                        dp[q, interval, i, j] += change * of_p[h, i, j]


@compiled
def cross_slopes(lengths, formation, folds, acts, births, switches, loss, edges, directions, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with slopes of P (direction, interval, K, K), of gamma and of d (direction, interval, K).

    ``lengths`` and ``formation`` are (cell,), ``folds`` (2, cell) those of maturation and elimination; interval i is
    made of the cells ``edges[i]`` up to, not including, ``edges[i + 1]``. ``directions`` are the changes of births
    (direction, K), switches (direction, K, K), losses (direction, K), of the fold of births (direction, cell) and of
    the other folds (direction, 2, cell).
    """
    n, m = len(directions[0]), len(loss)
    n_hazard = m * m + m
    known = np.array([h >= m * m or h // m != h % m for h in range(n_hazard)])
    generator, hazards, before = np.zeros((m, m)), np.full(n_hazard, -1.0), -1.0
    e, v, moved = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    de, dv, work = np.empty((n_hazard, m, m)), np.empty((n_hazard, m, m)), np.empty((n_hazard + 3, m, m))
    of_p, of_gamma, of_lost = np.empty((n_hazard, m, m)), np.empty((n_hazard, m)), np.empty((n_hazard, m))
    p, gamma, row, lost, born = np.empty((m, m)), np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    rates, of_cell, effects = (births, switches, loss, formation), (e, v, lost), (of_p, of_gamma, of_lost)
    out[0][:], out[1][:], out[2][:] = 0.0, 0.0, 0.0
    for interval in range(len(edges) - 1):
        for i in range(m):
            gamma[i] = 0.0
            for j in range(m):
                p[i, j] = 1.0 if i == j else 0.0
        for cell in range(edges[interval], edges[interval + 1]):
            length = lengths[cell]
            # Without a drug all half-days are alike.
            if rates_of(cell, folds, acts, switches, loss, generator, hazards) or length != before:
                one_cell(generator, length, known, e, v, de, dv, work)
                before = length
            for i in range(m):
                born[i] = births[i] * formation[cell]
                lost[i] = 0.0
                for j in range(m):
                    lost[i] += length * v[i, j] * hazards[m * m + j]
            effects_of(length, born, hazards, known, p, gamma, (v, de, dv), of_p, of_gamma, of_lost, row)
            for q in range(n):
                carry(q, interval, cell, length, rates, directions, of_cell, out, row)
                add_changes(q, interval, cell, known, folds, acts, rates, directions, effects, out)
            advance(length, born, e, v, p, gamma, moved, row)


@compiled
def relax_slopes(lengths, targets, rate, d_targets, d_rate, value, slope):  # type: ignore[no-untyped-def]
    """Fill ``value`` (cell + 1,) as :func:`.cells.relax` does, and its ``slope`` (direction, cell + 1).

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
