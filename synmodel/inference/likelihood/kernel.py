r"""Compiled loop of the class filter: the probability of the losses of a dendrite, its hidden classes summed out.

Given n spines, the law of the hidden class numbers x is kept as a homogeneous polynomial of degree n with one
indeterminate per class,

    f(s) = sum_x P(x) prod_i s_i^x_i,

and everything that can happen to independent spines is algebra with numbers that are never negative:

* n spines of composition c:   f = (c . s)^n, n products with a linear form;
* L of them are lost:          f <- (d . grad)^L f / L!, one derivation per loss (d_i: loss probability of class i);
* the others move:             s_i <- sum_j P_ij s_j, by Horner's scheme or in rounds (:mod:`.rounds`);
* G of composition c join:     f <- f (c . s)^G.

The coefficients then sum to the probability of the losses, so they are brought back to sum 1 after every loss
and the logarithm of the sum is kept: nothing underflows, however unlikely the data. There is no subtraction, so
relative errors stay near n times the rounding unit. Two classes need a vector (f[x], x spines in class 0),
three a square array (f[x, y]); one class is two of which the second is empty.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.inference.likelihood.cohorts import COHORTS, fill_cohorts, follow_cohorts
from synmodel.inference.likelihood.endings import last_losses
from synmodel.inference.likelihood.in_logs import survive_three_in_logs, survive_two_in_logs, times_log
from synmodel.inference.likelihood.rounds import ROUNDS, move_in_rounds, probabilities

__all__ = ["log_losses_three", "log_losses_two", "times_log"]

_HAS_NO_INVERSE = 1e-300  # a smaller number has none
MOST_POWER = 500.0  # exp(-500) times a probability of 1e-90 is still a number


@allocating_nothing
def join_two(f, n, a, b):  # type: ignore[no-untyped-def]
    """Multiply a form of degree n by a s_0 + b s_1, in place."""
    f[n + 1] = a * f[n]
    for x in range(n, 0, -1):
        f[x] = a * f[x - 1] + b * f[x]
    f[0] = b * f[0]


@allocating_nothing
def lose_two(f, n, lost, d, log_p):  # type: ignore[no-untyped-def]
    """Take ``lost`` of n spines away, in place; returns log_p plus the logarithm of the sum of f."""
    scale = 1.0
    for k in range(lost):
        first, second, total = d[0] * scale / (k + 1), d[1] * scale / (k + 1), 0.0
        for x in range(n - k):
            f[x] = first * (x + 1) * f[x + 1] + second * (n - k - x) * f[x]
            total += f[x]
        if not total > 0.0:
            return -math.inf
        log_p += math.log(total)
        scale = 1.0 / total  # is multiplied with the next derivation
        if total < _HAS_NO_INVERSE:
            scale = 1.0
            for x in range(n - k):
                f[x] /= total
    for x in range(n - lost + 1):
        f[x] *= scale
    return log_p


@allocating_nothing
def survive_two(f, n, log_s, log_p):  # type: ignore[no-untyped-def]
    """Multiply f[x] by the probability that all n spines survive; returns log_p plus the logarithm of the sum."""
    gap = log_s[0] - log_s[1]
    if not n * abs(gap) < MOST_POWER:
        return survive_two_in_logs(f, n, log_s, log_p)
    ratio, power, total = math.exp(-abs(gap)), 1.0, 0.0
    for k in range(n + 1):
        x = n - k if gap >= 0.0 else k  # from all spines in the class that survives better
        f[x] *= power
        total += f[x]
        power *= ratio
    if not total > 0.0:
        return -math.inf
    for x in range(n + 1):
        f[x] /= total
    return log_p + n * max(log_s[0], log_s[1]) + math.log(total)


@allocating_nothing
def move_two(f, n, p, out, power):  # type: ignore[no-untyped-def]
    """Write f(p s) to ``out``: classes switch with the rows of p, each of sum 1.

    Horner's scheme from the spines of class 0 outwards; ``power`` runs through the powers of the form of class 1,
    which is s_1 itself where nothing returns to class 0.
    """
    returns = p[1, 0] > 0.0
    out[0] = f[n]
    power[0] = 1.0
    for k in range(1, n + 1):
        join_two(out, k - 1, p[0, 0], p[0, 1])
        if returns:
            join_two(power, k - 1, p[1, 0], p[1, 1])
            for x in range(k + 1):
                out[x] += f[n - k] * power[x]
        else:
            out[0] += f[n - k]


@allocating_nothing
def filter_two(steps, composition, n, gained, lost, first, stop, work):  # type: ignore[no-untyped-def]
    """Logarithm of the probability of the losses of one dendrite; ``work`` is (3, size).

    The law of class numbers at the end is in ``work[(stop - first) % 2]``.
    """
    work[0, 0] = 1.0
    join_two_times(work[0], 0, n, composition)
    return go_on_two(steps, n, gained, lost, (first, stop), (work[0], work[1], work[2]), 0.0)


@allocating_nothing
def go_on_two(steps, n, gained, lost, span, work, log_p):  # type: ignore[no-untyped-def]
    """As :func:`filter_two` from a law, the first of the three vectors in ``work``."""
    move, log_s, d, fresh = steps
    f, out, power = work
    for i in range(span[0], span[1]):
        log_p = lose_and_survive_two(f, n, lost[i], d[i], log_s[i], log_p)
        if log_p == -math.inf:
            return log_p
        n -= lost[i]
        move_two(f, n, move[i], out, power)
        f, out = out, f
        n = join_two_times(f, n, gained[i], fresh[i])
    return log_p


@allocating_nothing
def expand_two(cohorts, n, most, rows, f, power):  # type: ignore[no-untyped-def]
    """Write the form in two cohorts as one in their classes, the cohort of the start raised to what is missing."""
    degree = min(n, most[1])
    move_two(cohorts[0], degree, rows[1:3], f, power)
    join_two_times(f, degree, n - degree, rows[2])


@allocating_nothing
def join_two_times(f, n, gained, fresh):  # type: ignore[no-untyped-def]
    """Let newcomers join; returns the number of spines."""
    for k in range(gained):
        join_two(f, n + k, fresh[0], fresh[1])
    return n + gained


@allocating_nothing
def lose_and_survive_two(f, n, lost, d, log_s, log_p):  # type: ignore[no-untyped-def]
    """Take ``lost`` of n spines away and let the others survive, in place; returns log_p plus the logarithm of both."""
    if lost > n:
        return -math.inf
    log_p = lose_two(f, n, lost, d, log_p)
    return log_p if log_p == -math.inf else survive_two(f, n - lost, log_s, log_p)


@allocating_nothing
def losses_two(steps, start, n, gained, lost, span, work):  # type: ignore[no-untyped-def]
    """As :func:`filter_two`, from what cohorts do, and without a law at the end; ``work`` is (5, size)."""
    first, last = span[0], span[1] - 1
    begun = min(first + 2, span[1])
    log_p, n, most = follow_cohorts(start, n, gained, lost, (first, begun), 2, work[3:])
    if log_p == -math.inf or begun == span[1]:
        return log_p
    expand_two(work[3:], n, most, start[2][2], work[0], work[2])
    n = join_two_times(work[0], n, gained[begun - 1], steps[3][begun - 1])
    log_p = go_on_two(steps, n, gained, lost, (begun, last), (work[0], work[1], work[2]), log_p)
    for i in range(begun, last):
        n += gained[i] - lost[i]
    if log_p == -math.inf:
        return log_p
    return lose_and_survive_two(work[(last - begun) % 2], n, lost[last], steps[2][last], steps[1][last], log_p)


@allocating_nothing
def join_three(f, n, a, b, c):  # type: ignore[no-untyped-def]
    """Multiply a form of degree n by a s_0 + b s_1 + c s_2, in place."""
    for x in range(n + 2):
        f[x, n + 1 - x] = 0.0
    for x in range(n + 1, 0, -1):
        for y in range(n + 1 - x, 0, -1):
            f[x, y] = a * f[x - 1, y] + b * f[x, y - 1] + c * f[x, y]
        f[x, 0] = a * f[x - 1, 0] + c * f[x, 0]
    for y in range(n + 1, 0, -1):
        f[0, y] = b * f[0, y - 1] + c * f[0, y]
    f[0, 0] = c * f[0, 0]


@compiled
def lose_three(f, n, lost, d, log_p):  # type: ignore[no-untyped-def]
    """As :func:`lose_two`; what the sum was is divided out with the next derivation."""
    if lost == 0:
        return log_p
    sums, scale = np.empty(n), 1.0
    for k in range(lost):
        m = n - k
        factor = scale / (k + 1)
        sums[:m] = 0.0  # by y, so that the compiler may add many at once
        for x in range(m):
            first = d[0] * (x + 1) * factor
            for y in range(m - x):
                derived = d[1] * (y + 1) * f[x, y + 1] + d[2] * (m - x - y) * f[x, y]
                f[x, y] = first * f[x + 1, y] + factor * derived
                sums[y] += f[x, y]
        total = 0.0
        for y in range(m):
            total += sums[y]
        if not total > 0.0:
            return -math.inf
        log_p += math.log(total)
        scale = 1.0 / total
    for x in range(n - lost + 1):
        for y in range(n - lost + 1 - x):
            f[x, y] *= scale
    return log_p


@allocating_nothing
def survive_three(f, n, log_s, log_p, work):  # type: ignore[no-untyped-def]
    """As :func:`survive_two`; ``work`` is (3, n + 1) for the powers of survival, relative to the best class."""
    best = max(log_s[0], log_s[1], log_s[2])
    if not n * (best - min(log_s[0], log_s[1], log_s[2])) < MOST_POWER:
        return survive_three_in_logs(f, n, log_s, log_p)
    for i in range(3):
        ratio, work[i, 0] = math.exp(log_s[i] - best), 1.0
        for k in range(n):
            work[i, k + 1] = work[i, k] * ratio
    total = 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] *= work[0, x] * work[1, y] * work[2, n - x - y]
            total += f[x, y]
    if not total > 0.0:
        return -math.inf
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] /= total
    return log_p + n * best + math.log(total)


@compiled
def move_three(f, n, p, out, inner, power):  # type: ignore[no-untyped-def]
    """As :func:`move_two`: in rounds where classes follow one another, else by Horner's scheme for all at once.

    That for classes 1 and 2 is within that for class 0, at a cost of n^4. Where nothing returns to class 0, what the
    inner scheme makes is a form in classes 1 and 2 alone, and the cost falls to n^3.
    """
    q = np.empty((ROUNDS, 2))
    if probabilities(p, q):
        move_in_rounds(f, n, q, out, inner, power)
        return
    if p[1, 0] == 0.0 and p[2, 0] == 0.0:
        move_three_ahead(f, n, p, out, inner[0], power[0])
        return
    out[0, 0] = f[n, 0]
    for k in range(1, n + 1):
        inner[0, 0] = f[n - k, k]
        power[0, 0] = 1.0
        for j in range(1, k + 1):
            join_three(inner, j - 1, p[1, 0], p[1, 1], p[1, 2])
            join_three(power, j - 1, p[2, 0], p[2, 1], p[2, 2])
            add_three(inner, j, f[n - k, k - j], power)
        join_three(out, k - 1, p[0, 0], p[0, 1], p[0, 2])
        add_three(out, k, 1.0, inner)


@allocating_nothing
def move_three_ahead(f, n, p, out, inner, power):  # type: ignore[no-untyped-def]
    """Write f(p s) to ``out`` if no spine returns to class 0; ``inner`` and ``power`` are vectors."""
    out[0, 0] = f[n, 0]
    for k in range(1, n + 1):
        move_two(f[n - k], k, p[1:, 1:], inner, power)
        join_three(out, k - 1, p[0, 0], p[0, 1], p[0, 2])
        for y in range(k + 1):
            out[0, y] += inner[y]


@allocating_nothing
def add_three(f, n, weight, other):  # type: ignore[no-untyped-def]
    """Add ``weight`` times another form of the same degree n, in place."""
    for x in range(n + 1):
        for y in range(n + 1 - x):
            f[x, y] += weight * other[x, y]


@compiled
def filter_three(steps, composition, n, gained, lost, first, stop, work):  # type: ignore[no-untyped-def]
    """As :func:`filter_two`; ``work`` is (4, size, size), size at least 3."""
    work[0, 0, 0] = 1.0
    join_three_times(work[0], 0, n, composition)
    return go_on_three(steps, n, gained, lost, (first, stop), (work[0], work[1], work[2], work[3]), 0.0)


@compiled
def go_on_three(steps, n, gained, lost, span, work, log_p):  # type: ignore[no-untyped-def]
    """As :func:`go_on_two`."""
    move, log_s, d, fresh = steps
    f, out, inner, power = work
    for i in range(span[0], span[1]):
        log_p = lose_and_survive_three(f, n, lost[i], d[i], log_s[i], log_p, inner)
        if log_p == -math.inf:
            return log_p
        n -= lost[i]
        move_three(f, n, move[i], out, inner, power)
        f, out = out, f
        n = join_three_times(f, n, gained[i], fresh[i])
    return log_p


@allocating_nothing
def expand_three(cohorts, n, most, rows, f, inner, power):  # type: ignore[no-untyped-def]
    """As :func:`expand_two`, by Horner's scheme in one cohort within that in the other."""
    degree = min(n, most[0] + most[1])
    highest = min(most[0], degree)
    for x in range(highest, -1, -1):
        top = min(most[1], degree - x)
        left = degree - x - top
        power[0, 0] = 1.0
        join_three_times(power, 0, left, rows[2])
        for u in range(left + 1):
            for v in range(left + 1 - u):
                inner[u, v] = cohorts[x, top] * power[u, v]
        for y in range(top - 1, -1, -1):
            join_three_times(inner, degree - x - y - 1, 1, rows[1])
            join_three_times(power, degree - x - y - 1, 1, rows[2])
            add_three(inner, degree - x - y, cohorts[x, y], power)
        if x < highest:
            join_three_times(f, degree - x - 1, 1, rows[0])
            add_three(f, degree - x, 1.0, inner)
        else:
            for u in range(degree - x + 1):
                for v in range(degree - x + 1 - u):
                    f[u, v] = inner[u, v]
    join_three_times(f, degree, n - degree, rows[2])


@allocating_nothing
def join_three_times(f, n, gained, fresh):  # type: ignore[no-untyped-def]
    """As :func:`join_two_times`."""
    for k in range(gained):
        join_three(f, n + k, fresh[0], fresh[1], fresh[2])
    return n + gained


@compiled
def lose_and_survive_three(f, n, lost, d, log_s, log_p, work):  # type: ignore[no-untyped-def]
    """As :func:`lose_and_survive_two`; ``work`` is (3, n + 1)."""
    if lost > n:
        return -math.inf
    log_p = lose_three(f, n, lost, d, log_p)
    return log_p if log_p == -math.inf else survive_three(f, n - lost, log_s, log_p, work)


@compiled
def losses_three(steps, start, n, gained, lost, span, work):  # type: ignore[no-untyped-def]
    """As :func:`losses_two`; ``work`` is (5, size, size)."""
    first, last, before = span[0], span[1] - 1, span[1] - 2
    begun = min(first + 3, span[1])
    log_p, n, most = follow_cohorts(start, n, gained, lost, (first, begun), 3, work[4])
    if log_p == -math.inf or begun == span[1]:
        return log_p
    inner, power = work[2], work[3]
    expand_three(work[4], n, most, start[2][3], work[0], inner, power)
    if begun == last:
        n = join_three_times(work[0], n, gained[before], steps[3][before])
        return lose_and_survive_three(work[0], n, lost[last], steps[2][last], steps[1][last], log_p, inner)
    n = join_three_times(work[0], n, gained[begun - 1], steps[3][begun - 1])
    log_p = go_on_three(steps, n, gained, lost, (begun, before), (work[0], work[1], inner, power), log_p)
    for i in range(begun, before):
        n += gained[i] - lost[i]
    f, out = work[(before - begun) % 2], work[1 - (before - begun) % 2]
    if log_p > -math.inf:
        log_p = lose_and_survive_three(f, n, lost[before], steps[2][before], steps[1][before], log_p, inner)
    n -= lost[before]
    if log_p == -math.inf or lost[last] > n + gained[before]:
        return -math.inf
    log_last = last_losses(steps, before, f, n, gained[before], lost[last], (inner, power, np.empty((2, 4))))
    if not math.isnan(log_last):
        return log_p + log_last
    move_three(f, n, steps[0][before], out, inner, power)
    n = join_three_times(out, n, gained[before], steps[3][before])
    return lose_and_survive_three(out, n, lost[last], steps[2][last], steps[1][last], log_p, inner)


@allocating_nothing
def most_spines(n, gained, lost, first, stop):  # type: ignore[no-untyped-def]
    """Largest number of spines at any session of a run."""
    most = n
    for i in range(first, stop):
        n += gained[i] - lost[i]
        most = max(most, n)
    return most


@compiled
def starts_of(steps, composition, begins):  # type: ignore[no-untyped-def]
    """What cohorts do from the sessions on at which a run begins: ``leave``, ``stay`` and ``rows`` (node, session)."""
    move, log_s, d, fresh = steps
    n_node, n_interval, n_class = d.shape
    leave, stay = np.empty((2, n_node, n_interval + 1, COHORTS, COHORTS))
    rows = np.empty((n_node, n_interval + 1, COHORTS + 1, COHORTS, n_class))
    asked = np.zeros(n_interval + 1, np.bool_)
    for first in begins:
        asked[first] = True
    for j in range(n_node):
        for i in range(n_interval + 1):
            if asked[i]:
                own, start = (move[j], log_s[j], d[j], fresh[j]), (leave[j, i], stay[j, i], rows[j, i])
                fill_cohorts(own, composition[j, i], i, n_interval, start)
    return leave, stay, rows


@compiled
def log_losses_two(begin, end, steps, composition, runs, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run, node) with the logarithm of the probability of the losses given starts and gains.

    ``steps`` are move, log_s, d and fresh: ``move`` (node, interval, class, class) holds the switches of spines that
    survive, rows of sum 1; ``log_s`` and ``d`` (node, interval, class) the logarithm of survival and the loss
    probability; ``fresh`` (node, interval, class) the composition of newcomers. ``composition`` (node, session, class)
    is that at the start of a run. ``runs`` are ``n`` (run,), ``gained`` and ``lost`` (run, interval), ``first`` and
    ``stop`` (run,): a run covers intervals ``first`` to, not including, ``stop``.
    """
    move, log_s, d, fresh = steps
    n, gained, lost, first, stop = runs
    leave, stay, rows = starts_of(steps, composition, first[begin:end])
    for r in range(begin, end):
        span = (first[r], stop[r])
        work = np.empty((5, most_spines(n[r], gained[r], lost[r], first[r], stop[r]) + 3))
        for j in range(len(d)):
            own, start = (move[j], log_s[j], d[j], fresh[j]), (leave[j, first[r]], stay[j, first[r]], rows[j, first[r]])
            out[r, j] = losses_two(own, start, n[r], gained[r], lost[r], span, work)


@compiled
def log_losses_three(begin, end, steps, composition, runs, out):  # type: ignore[no-untyped-def]
    """As :func:`log_losses_two`."""
    move, log_s, d, fresh = steps
    n, gained, lost, first, stop = runs
    leave, stay, rows = starts_of(steps, composition, first[begin:end])
    for r in range(begin, end):
        size, span = most_spines(n[r], gained[r], lost[r], first[r], stop[r]) + 3, (first[r], stop[r])
        work = np.empty((5, size, size))
        for j in range(len(d)):
            own, start = (move[j], log_s[j], d[j], fresh[j]), (leave[j, first[r]], stay[j, first[r]], rows[j, first[r]])
            out[r, j] = losses_three(own, start, n[r], gained[r], lost[r], span, work)
