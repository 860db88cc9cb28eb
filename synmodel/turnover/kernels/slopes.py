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
def to_the_end(effects, onward, later, at_end):  # type: ignore[no-untyped-def]
    """Carry what each hazard of a cell does to the end of its interval: ``at_end`` (hazard, n), of P, gamma and d.

    ``effects`` are those at the end of the cell (:func:`effects_of`), ``onward`` (K, K) is the product of E over the
    cells that follow, ``later`` (K,) the d of these.
    """
    of_p, of_gamma, of_lost = effects
    m = len(later)
    for h in range(len(of_p)):
        for i in range(m):
            born, gone = 0.0, of_lost[h, i]
            for k in range(m):
                born += of_gamma[h, k] * onward[k, i]
                gone += of_p[h, i, k] * later[k]
            at_end[h, m * m + i] = born
            at_end[h, m * m + m + i] = gone
            for j in range(m):
                entry = 0.0
                for k in range(m):
                    entry += of_p[h, i, k] * onward[k, j]
                at_end[h, i * m + j] = entry


@allocating_nothing
def step_back(e, lost, onward, later, moved):  # type: ignore[no-untyped-def]
    """Take a cell, of which ``lost`` (K,) is the d, to those that follow, in place; ``moved`` is work space."""
    m = len(later)
    for i in range(m):
        moved[0, i] = lost[i]
        for k in range(m):
            moved[0, i] += e[i, k] * later[k]
    for i in range(m):
        later[i] = moved[0, i]
    multiply(e, onward, moved, 1.0)
    for i in range(m):
        for j in range(m):
            onward[i, j] = moved[i, j]


@allocating_nothing
def collect(cell, known, folds, acts, rates, at_end, of_births, by_rate, by_fold):  # type: ignore[no-untyped-def]
    """Add the effects of a cell to those of the rates, and fill those of its three folds.

    ``of_births`` (K, K) is the gamma of a birth of each class at fold 1; ``by_rate`` (hazard + K, n) has the hazards at
    fold 1 and then births, ``by_fold`` (3, n) formation, maturation and elimination.
    """
    births, switches, loss, formation = rates
    m, n_hazard, n = len(loss), len(known), by_rate.shape[1]
    for effect in range(3):
        for j in range(n):
            by_fold[effect, j] = 0.0
    for i in range(m):
        for j in range(m):
            by_rate[n_hazard + i, m * m + j] += formation[cell] * of_births[i, j]
            by_fold[0, m * m + j] += births[i] * of_births[i, j]
    for h in range(n_hazard):
        if not known[h]:
            continue
        i = h // m if h < m * m else h - m * m
        target = h % m
        fold, effect, rate = 1.0, -1, 0.0
        if h >= m * m and acts[i]:
            fold, effect, rate = folds[1, cell], 2, loss[i]
        elif h < m * m and target > i:
            fold, effect, rate = folds[0, cell], 1, switches[i, target]
        for j in range(n):
            by_rate[h, j] += fold * at_end[h, j]
        if effect >= 0:
            for j in range(n):
                by_fold[effect, j] += rate * at_end[h, j]


@allocating_nothing
def rate_change(q, h, births, loss, switches):  # type: ignore[no-untyped-def]
    """Change of hazard h at fold 1 in direction q; births come behind the hazards."""
    m = loss.shape[1]
    if h >= m * m + m:
        return births[q, h - m * m - m]
    if h >= m * m:
        return loss[q, h - m * m]
    return switches[q, h // m, h % m] if h // m != h % m else 0.0


@compiled
def hazards_that_count(switches, loss, directions):  # type: ignore[no-untyped-def]
    """Which hazards are there, or are moved by a direction; (hazard,) bool. Others have slopes that nobody asks for."""
    births, d_loss, d_switches, _, _, _ = directions
    m = len(loss)
    counts = np.zeros(m * m + m, np.bool_)
    for h in range(m * m + m):
        rate = loss[h - m * m] if h >= m * m else (switches[h // m, h % m] if h // m != h % m else 0.0)
        counts[h] = rate != 0.0
        for q in range(len(d_loss)):
            counts[h] = counts[h] or rate_change(q, h, births, d_loss, d_switches) != 0.0
    return counts


@allocating_nothing
def along(q, first, end, by_rate, by_fold, directions, total):  # type: ignore[no-untyped-def]
    """Fill ``total`` (n,) with slopes of an interval in one direction: changes of rates and folds times effects."""
    births, loss, switches, formation, maturation, elimination = directions
    for j in range(len(total)):
        total[j] = 0.0
    for h in range(len(by_rate)):
        change = rate_change(q, h, births, loss, switches)
        if change != 0.0:
            for j in range(len(total)):
                total[j] += change * by_rate[h, j]
    for cell in range(first, end):
        born, matures, goes = formation[q, cell], maturation[q, cell], elimination[q, cell]
        if born != 0.0 or matures != 0.0 or goes != 0.0:
            of = by_fold[cell - first]
            for j in range(len(total)):
                total[j] += born * of[0, j] + matures * of[1, j] + goes * of[2, j]


@allocating_nothing
def put(q, interval, total, out):  # type: ignore[no-untyped-def]
    """Put the slopes of P, gamma and d of an interval where they belong."""
    dp, dgamma, dlost = out
    m = dgamma.shape[2]
    for i in range(m):
        dgamma[q, interval, i] = total[m * m + i]
        dlost[q, interval, i] = total[m * m + m + i]
        for j in range(m):
            dp[q, interval, i, j] = total[i * m + j]


@compiled
def cross_slopes(lengths, formation, folds, acts, births, switches, loss, edges, directions, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with slopes of P (direction, interval, K, K), of gamma and of d (direction, interval, K).

    ``lengths`` and ``formation`` are (cell,), ``folds`` (2, cell) those of maturation and elimination; interval i is
    made of the cells ``edges[i]`` up to, not including, ``edges[i + 1]``. ``directions`` are the changes of births
    (direction, K), losses (direction, K), switches (direction, K, K), and of the folds of births, maturation and
    elimination, each (direction, cell).

    What a hazard of a cell does at the end of its interval does not depend on the direction, and slopes are linear in
    the changes: so it is found once, forwards through the cells and back, and each direction is a sum of products.
    """
    n, m = len(directions[0]), len(loss)
    n_hazard, size = m * m + m, m * m + 2 * m
    known = hazards_that_count(switches, loss, directions)
    generator, hazards, before = np.zeros((m, m)), np.full(n_hazard, -1.0), -1.0
    longest = 0
    for interval in range(len(edges) - 1):
        longest = max(longest, edges[interval + 1] - edges[interval])
    e, v, lost = np.empty((longest, m, m)), np.empty((longest, m, m)), np.empty((longest, m))
    of_p, of_gamma = np.zeros((longest, n_hazard, m, m)), np.zeros((longest, n_hazard, m))
    of_lost, by_fold = np.zeros((longest, n_hazard, m)), np.empty((longest, 3, size))
    de, dv, work = np.empty((n_hazard, m, m)), np.empty((n_hazard, m, m)), np.empty((n_hazard + 3, m, m))
    here, mean, moved = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    p, gamma, row, born = np.empty((m, m)), np.empty(m), np.empty(m), np.empty(m)
    onward, later, of_births = np.empty((m, m)), np.empty(m), np.empty((m, m))
    at_end, by_rate, total = np.empty((n_hazard, size)), np.empty((n_hazard + m, size)), np.empty(size)
    rates = births, switches, loss, formation
    for interval in range(len(edges) - 1):
        first, end = edges[interval], edges[interval + 1]
        by_rate[:] = 0.0
        for i in range(m):
            gamma[i] = later[i] = 0.0
            for j in range(m):
                p[i, j] = onward[i, j] = 1.0 if i == j else 0.0
        for cell in range(first, end):
            length, at = lengths[cell], cell - first
            # Without a drug all half-days are alike.
            if rates_of(cell, folds, acts, switches, loss, generator, hazards) or length != before:
                one_cell(generator, length, known, here, mean, de, dv, work)
                before = length
            for i in range(m):
                born[i] = births[i] * formation[cell]
                lost[at, i] = 0.0
                for j in range(m):
                    e[at, i, j], v[at, i, j] = here[i, j], mean[i, j]
                    lost[at, i] += length * mean[i, j] * hazards[m * m + j]
            effects_of(
                length, born, hazards, known, p, gamma, (mean, de, dv), of_p[at], of_gamma[at], of_lost[at], row
            )  # fmt: skip
            advance(length, born, here, mean, p, gamma, moved, row)
        for cell in range(end - 1, first - 1, -1):
            at = cell - first
            effects = of_p[at], of_gamma[at], of_lost[at]
            to_the_end(effects, onward, later, at_end)
            multiply(v[at], onward, of_births, lengths[cell])
            step_back(e[at], lost[at], onward, later, moved)
            collect(cell, known, folds, acts, rates, at_end, of_births, by_rate, by_fold[at])
        for q in range(n):
            along(q, first, end, by_rate, by_fold, directions, total)
            put(q, interval, total, out)


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
