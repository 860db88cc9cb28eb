"""Compiled adjoint of the class filter for three classes; the equations are those of :mod:`.adjoint`."""

import math

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.inference.likelihood.kernel import join_three, move_three, times_log
from synmodel.inference.likelihood.rounds import ROUNDS, fill_binomials, probabilities, round_of

__all__ = ["run_three"]


@compiled
def contract_three(g, n, a, b, c):  # type: ignore[no-untyped-def]
    """Apply a S_0 + b S_1 + c S_2 to a dual form of degree n, in place."""
    for x in range(n):
        for y in range(n - x):
            g[x, y] = a * g[x + 1, y] + b * g[x, y + 1] + c * g[x, y]


@compiled
def derive_three(f, n, i, out):  # type: ignore[no-untyped-def]
    """Write the derivative of a form of degree n in s_i to ``out``."""
    for x in range(n):
        for y in range(n - x):
            if i == 0:
                out[x, y] = (x + 1) * f[x + 1, y]
            elif i == 1:
                out[x, y] = (y + 1) * f[x, y + 1]
            else:
                out[x, y] = (n - x - y) * f[x, y]


@compiled
def paired(f, g, n):  # type: ignore[no-untyped-def]
    """<g, f> of forms of degree n."""
    total = 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            total += f[x, y] * g[x, y]
    return total


@compiled
def shifted_products(f, g, n, factor, out):  # type: ignore[no-untyped-def]
    """Add ``factor`` <S_j g, f> to ``out`` (3,), f of degree n and g of degree n + 1."""
    for x in range(n + 1):
        for y in range(n + 1 - x):
            out[0] += factor * f[x, y] * g[x + 1, y]
            out[1] += factor * f[x, y] * g[x, y + 1]
            out[2] += factor * f[x, y] * g[x, y]


@compiled
def lose_three_kept(f, n, lost, d, totals, before):  # type: ignore[no-untyped-def]
    """As :func:`.adjoint.lose_two_kept`."""
    for k in range(lost):
        m = n - k
        if k == lost - 1:
            before[: m + 1, : m + 1] = f[: m + 1, : m + 1]
        total = 0.0
        for x in range(m):
            for y in range(m - x):
                derived = d[0] * (x + 1) * f[x + 1, y] + d[1] * (y + 1) * f[x, y + 1]
                f[x, y] = (derived + d[2] * (m - x - y) * f[x, y]) / (k + 1)
                total += f[x, y]
        if not total > 0.0:
            return False
        for x in range(m):
            for y in range(m - x):
                f[x, y] /= total
        totals[k] = total
    return True


@compiled
def gain_back_three(g, n, lost, d, totals):  # type: ignore[no-untyped-def]
    """As :func:`.adjoint.gain_back_two`."""
    for k in range(lost - 1, -1, -1):
        m = n - k
        scale = 1.0 / ((k + 1) * totals[k])
        for x in range(m, -1, -1):
            for y in range(m - x, -1, -1):
                value = d[2] * (m - x - y) * g[x, y] if x + y < m else 0.0
                if x > 0:
                    value += d[0] * x * g[x - 1, y]
                if y > 0:
                    value += d[1] * y * g[x, y - 1]
                g[x, y] = value * scale


@compiled
def survive_three_kept(f, n, log_s, weight):  # type: ignore[no-untyped-def]
    """As :func:`.adjoint.survive_two_kept`."""
    best = max(log_s[0], log_s[1], log_s[2]) if n > 0 else 0.0
    total = 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            log = times_log(x, log_s[0]) + times_log(y, log_s[1]) + times_log(n - x - y, log_s[2])
            weight[x, y] = math.exp(log - times_log(n, best))
            f[x, y] *= weight[x, y]
            total += f[x, y]
    if not total > 0.0:
        return False
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] /= total
            weight[x, y] /= total
    return True


@compiled
def go_back(g, n, source, target, table, out):  # type: ignore[no-untyped-def]
    """Write the dual form before a round to ``out``, see :func:`synmodel.inference.likelihood.rounds.go`."""
    for x in range(n + 1):
        for y in range(n + 1 - x):
            at = x if source == 0 else (y if source == 1 else n - x - y)
            total = 0.0
            for k in range(at + 1):
                if source == 0:
                    total += table[k, x] * g[x - k, y + k]
                elif source == 1:
                    total += table[k, y] * g[x + k if target == 0 else x, y - k]
                else:
                    total += table[k, at] * g[x, y + k]
            out[x, y] = total


@compiled
def move_back_three(g, n, p, out, table):  # type: ignore[no-untyped-def]
    """Write the dual form before a move to ``out``; ``g`` and ``table`` are work space.

    In rounds where the filter goes in rounds, else x times through the row of class 0, y times through that of class 1
    and the rest through that of class 2.
    """
    q = np.empty((ROUNDS, 2))
    if probabilities(p, q):
        for k in range(ROUNDS - 1, -1, -1):
            if q[k, 0] > 0.0:
                source, target = round_of(k)
                fill_binomials(n, q[k, 0], q[k, 1], table)
                go_back(g, n, source, target, table, out)
                g[: n + 1, : n + 1] = out[: n + 1, : n + 1]
        out[: n + 1, : n + 1] = g[: n + 1, : n + 1]
        return
    for x in range(n + 1):
        table[: n + 1 - x, : n + 1 - x] = g[: n + 1 - x, : n + 1 - x]
        for y in range(n + 1 - x):
            rest = table[: n + 1 - x - y, : n + 1 - x - y].copy()
            for k in range(n - x - y, 0, -1):
                contract_three(rest, k, p[2, 0], p[2, 1], p[2, 2])
            out[x, y] = rest[0, 0]
            contract_three(table, n - x - y, p[1, 0], p[1, 1], p[1, 2])
        contract_three(g, n - x, p[0, 0], p[0, 1], p[0, 2])


@compiled
def back_three(steps, i, f, g, n, gained, lost, slopes, totals, work):  # type: ignore[no-untyped-def]
    """As :func:`.adjoint.back_two`; ``work`` is (6, size, size)."""
    move, log_s, d, fresh = steps
    d_move, d_log_s, d_lost, d_fresh = slopes
    before, weight, moved, derived, inner, power = work[0], work[1], work[2], work[3], work[4], work[5]
    if not lose_three_kept(f, n, lost, d[i], totals, before):
        return False
    m = n - lost
    if not survive_three_kept(f, m, log_s[i], weight):
        return False
    if gained > 0:
        move_three(f, m, move[i], moved, inner, power)
        for k in range(gained - 1):
            join_three(moved, m + k, fresh[i, 0], fresh[i, 1], fresh[i, 2])
        shifted_products(moved, g, m + gained - 1, float(gained), d_fresh[i])
        for k in range(gained, 0, -1):
            contract_three(g, m + k, fresh[i, 0], fresh[i, 1], fresh[i, 2])
    for j in range(3 if m > 0 else 0):
        derive_three(f, m, j, derived)
        move_three(derived, m - 1, move[i], moved, inner, power)
        shifted_products(moved, g, m - 1, 1.0, d_move[i, j])
    move_back_three(g, m, move[i], moved, inner)
    for x in range(m + 1):
        for y in range(m + 1 - x):
            both = f[x, y] * moved[x, y]
            d_log_s[i, 0] += x * both
            d_log_s[i, 1] += y * both
            d_log_s[i, 2] += (m - x - y) * both
            g[x, y] = moved[x, y] * weight[x, y]
    if lost > 0:
        for j in range(3):
            derive_three(before, m + 1, j, derived)
            d_lost[i, j] += paired(derived, g, m) / totals[lost - 1]
        gain_back_three(g, n, lost, d[i], totals)
    return True


@compiled
def run_three(steps, composition, n, gained, lost, first, stop, slopes, d_composition, laws, work):  # type: ignore[no-untyped-def]
    """As :func:`.adjoint.run_two`; ``laws`` is (interval + 1, size, size)."""
    move, log_s, d, fresh = steps
    f, g, start, totals = work[-1], work[-2], n, np.empty(work.shape[1])
    f[0, 0] = 1.0
    for k in range(n):
        join_three(f, k, composition[0], composition[1], composition[2])
    numbers = np.empty(stop - first + 1, np.int64)
    for i in range(first, stop):
        numbers[i - first] = n
        laws[i - first, : n + 1, : n + 1] = f[: n + 1, : n + 1]
        if lost[i] > n or not lose_three_kept(f, n, lost[i], d[i], totals, work[0]):
            return False
        n -= lost[i]
        if not survive_three_kept(f, n, log_s[i], work[1]):
            return False
        move_three(f, n, move[i], work[2], work[4], work[5])
        f[: n + 1, : n + 1] = work[2, : n + 1, : n + 1]
        for _ in range(gained[i]):
            join_three(f, n, fresh[i, 0], fresh[i, 1], fresh[i, 2])
            n += 1
    g[: n + 1, : n + 1] = 1.0
    for i in range(stop - 1, first - 1, -1):
        n = numbers[i - first]
        f[: n + 1, : n + 1] = laws[i - first, : n + 1, : n + 1]
        if not back_three(steps, i, f, g, n, gained[i], lost[i], slopes, totals, work[:-2]):
            return False
    if start > 0:
        f[0, 0] = 1.0
        for k in range(start - 1):
            join_three(f, k, composition[0], composition[1], composition[2])
        shifted_products(f, g, start - 1, float(start), d_composition)
    return True
