r"""Compiled start of the class filter: in the first intervals of a run spines differ by when they joined alone.

All spines of the first session have one composition c, and so have all that joined in the same interval. Up to the
losses of the third interval there are three such *cohorts* at most. The law of their numbers is a form with an
indeterminate for each, as that of class numbers is (:mod:`synmodel.inference.likelihood.kernel`), but nothing moves
between cohorts, and of those that joined there are no more than did. With p_i the survival of class i, M the moves of
survivors and o the product entry by entry, a spine of a cohort

    is lost with probability c . d,    survives with c . p,    and then has composition c <- (c o p) M / (c . p).

None of this depends on the run, so runs that begin at the same session share it. The form in the classes is that in
the cohorts with s_cohort replaced by sum_i c_i s_i, whenever it is asked for. Nothing is approximated.

f[x, y] is the probability of x spines that joined in the second interval, y in the first, and the rest at the start.
"""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["COHORTS", "fill_cohorts", "follow_cohorts"]

COHORTS = 3
_SECOND, _FIRST, _START = 0, 1, 2


@allocating_nothing
def fill_cohorts(steps, composition, first, n_interval, of_cohorts):  # type: ignore[no-untyped-def]
    """Fill what cohorts do in the intervals from ``first`` on.

    ``of_cohorts`` are, by interval and cohort, the probability of loss and the logarithm of survival (3, 3), and the
    compositions (4, 3, K) at the start of each interval and at the end of the last; who has not joined has any.
    """
    move, log_s, d, fresh = steps
    leave, stay, rows = of_cohorts
    for cohort in range(COHORTS):
        copy(composition, rows[0, cohort])
    for i in range(min(COHORTS, n_interval - first)):
        for cohort in range(COHORTS):
            leave[i, cohort] = dot(rows[i, cohort], d[first + i])
            stay[i, cohort] = settle(rows[i, cohort], log_s[first + i], move[first + i], rows[i + 1, cohort])
        if i < COHORTS - 1:
            copy(fresh[first + i], rows[i + 1, _FIRST - i])


@allocating_nothing
def dot(a, b):  # type: ignore[no-untyped-def]
    """Sum of products."""
    total = 0.0
    for c in range(len(a)):
        total += a[c] * b[c]
    return total


@allocating_nothing
def copy(composition, row):  # type: ignore[no-untyped-def]
    """Copy a composition."""
    for c in range(len(row)):
        row[c] = composition[c]


@allocating_nothing
def settle(composition, log_s, move, moved):  # type: ignore[no-untyped-def]
    """Write the composition of survivors after an interval to ``moved``; returns the logarithm of survival."""
    best = -math.inf
    for c in range(len(composition)):
        if composition[c] > 0.0:
            best = max(best, log_s[c])
    if best == -math.inf:
        copy(composition, moved)  # nobody is left to be moved
        return best
    total = 0.0
    for j in range(len(composition)):
        moved[j] = 0.0
    for c in range(len(composition)):
        if composition[c] > 0.0:
            alive = composition[c] * math.exp(log_s[c] - best)
            total += alive
            for j in range(len(composition)):
                moved[j] += alive * move[c, j]
    for j in range(len(composition)):
        moved[j] /= total
    return best + math.log(total)


@allocating_nothing
def follow_cohorts(of_cohorts, n, gained, lost, span, cohorts, f):  # type: ignore[no-untyped-def]
    """Follow the spines of a run over the intervals of a span, which are no more than ``cohorts`` (2 or 3).

    ``of_cohorts`` is as from :func:`fill_cohorts`; the form ``f`` has room for one x and y more than there are. Those
    that join after interval ``cohorts`` of the span are left to the caller.

    Returns
    -------
    log_p, n, most
        Logarithm of the probability of the losses, spines, and the largest x and y.
    """
    leave, stay, _ = of_cohorts
    f[0, 0], f[0, 1], f[1, 0] = 1.0, 0.0, 0.0
    most, log_p = (0, 0), 0.0
    for i in range(span[0], span[1]):
        if lost[i] > n:
            return -math.inf, n, most
        k = i - span[0]
        log_p = lose(f, n, most, lost[i], leave[k], log_p)
        n -= lost[i]
        if log_p > -math.inf:
            log_p = survive(f, n, most, stay[k], log_p)
        if log_p == -math.inf:
            return log_p, n, most
        if k < cohorts - 1:
            most = join(f, _FIRST - k, most, gained[i])
            n += gained[i]
    return log_p, n, most


@allocating_nothing
def lose(f, n, most, lost, d, log_p):  # type: ignore[no-untyped-def]
    """Take ``lost`` of n spines away, in place; returns log_p plus the logarithm of their probability."""
    for k in range(lost):
        left = n - 1 - k
        total = 0.0
        for x in range(min(most[_SECOND], left) + 1):
            for y in range(min(most[_FIRST], left - x) + 1):
                derived = d[_SECOND] * (x + 1) * f[x + 1, y] + d[_FIRST] * (y + 1) * f[x, y + 1]
                f[x, y] = (derived + d[_START] * (left + 1 - x - y) * f[x, y]) / (k + 1)
                total += f[x, y]
        if not total > 0.0:
            return -math.inf
        divide(f, left, most, total)
        log_p += math.log(total)
    return log_p


@allocating_nothing
def divide(f, n, most, total):  # type: ignore[no-untyped-def]
    """Divide a form of degree n."""
    for x in range(min(most[_SECOND], n) + 1):
        for y in range(min(most[_FIRST], n - x) + 1):
            f[x, y] /= total


@allocating_nothing
def survive(f, n, most, log_s, log_p):  # type: ignore[no-untyped-def]
    """Multiply f by the probability that all n spines survive; returns log_p plus the logarithm of the sum of f.

    The largest probability is taken out first, so that none underflows at the very place where f is largest.
    """
    highest = -math.inf
    for x in range(min(most[_SECOND], n) + 1):
        for y in range(min(most[_FIRST], n - x) + 1):
            if f[x, y] > 0.0:
                highest = max(highest, log_power(x, y, n, log_s))
    if highest == -math.inf:
        return highest
    total = 0.0
    for x in range(min(most[_SECOND], n) + 1):
        for y in range(min(most[_FIRST], n - x) + 1):
            if f[x, y] > 0.0:
                f[x, y] *= math.exp(log_power(x, y, n, log_s) - highest)
                total += f[x, y]
    divide(f, n, most, total)
    return log_p + highest + math.log(total)


@allocating_nothing
def log_power(x, y, n, log_s):  # type: ignore[no-untyped-def]
    """Logarithm of the probability that all survive; no spines of a cohort cannot die."""
    log = x * log_s[_SECOND] if x > 0 else 0.0
    log += y * log_s[_FIRST] if y > 0 else 0.0
    return log + (n - x - y) * log_s[_START] if x + y < n else log


@allocating_nothing
def join(f, cohort, most, n):  # type: ignore[no-untyped-def]
    """Let n spines join as the cohort of the first or the second interval, in place; returns the largest x and y."""
    if cohort == _FIRST:
        there = f[0, 0]
        for y in range(n + 2):
            f[0, y] = f[1, y] = 0.0
        f[0, n] = there
        return 0, n
    for y in range(most[_FIRST] + 2):
        there = f[0, y]
        for x in range(n + 2):
            f[x, y] = 0.0
        f[n, y] = there
    return n, most[_FIRST]
