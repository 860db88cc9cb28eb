r"""Compiled end of the class filter for three classes: of the last interval the number of the lost is enough.

A spine of class i at the end of the interval before is lost in the last one with probability b_i = sum_j M_ij d_j
and survives with a_i = sum_j M_ij p_j (M: moves of survivors, p survival). So the probability of L losses among n
spines whose class numbers have the law f is

    [t^L] f(a + b t) (a' + b' t)^G,

with a' and b' of the G newcomers in between: polynomials in t up to t^L in place of a move and L derivations. With
theta = L / n and the largest a and b, a / max(a) (1 - theta) and b / max(b) theta take their places, and powers of what
was divided out are put back as logarithms: no number exceeds 1, and that of L losses does not underflow where class
numbers that are likely can lead to it.
"""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["last_losses"]

_LEAST = 1e-200  # of a sum; below it a term may have underflowed


@allocating_nothing
def fill_fates(steps, i, n, lost, fates):  # type: ignore[no-untyped-def]
    """Fill ``fates`` (2, K + 1), a and b of the classes at the start of interval i + 1 and of the newcomers, see above.

    Returns the logarithm of what was divided out.
    """
    move, log_s, d, fresh = steps
    n_class = d.shape[1]
    best = -math.inf
    for j in range(n_class):
        best = max(best, log_s[i + 1, j])
    highest_a, highest_b = 0.0, 0.0
    for c in range(n_class + 1):
        row = move[i, c] if c < n_class else fresh[i]
        fates[0, c], fates[1, c] = 0.0, 0.0
        for j in range(n_class):
            if row[j] > 0.0:
                fates[0, c] += row[j] * math.exp(log_s[i + 1, j] - best)
                fates[1, c] += row[j] * d[i + 1, j]
        highest_a, highest_b = max(highest_a, fates[0, c]), max(highest_b, fates[1, c])
    if (lost < n and not highest_a > 0.0) or (lost > 0 and not highest_b > 0.0):
        return -math.inf
    log = 0.0
    theta = lost / n if n > 0 else 0.0
    factor_a, factor_b = 0.0, 0.0
    if lost < n:
        factor_a = (1.0 - theta) / highest_a
        log += (n - lost) * (best - math.log(factor_a))
    if lost > 0:
        factor_b = theta / highest_b
        log -= lost * math.log(factor_b)
    for c in range(n_class + 1):
        fates[0, c] *= factor_a
        fates[1, c] *= factor_b
    return log


@allocating_nothing
def multiply(p, most, a, b):  # type: ignore[no-untyped-def]
    """Multiply a polynomial by a + b t, in place, up to t^most."""
    before = 0.0
    for k in range(most + 1):
        here = p[k]
        p[k] = a * here + b * before
        before = here


@allocating_nothing
def last_losses(steps, i, f, n, gained, lost, work):  # type: ignore[no-untyped-def]
    """Logarithm of the probability of the losses of interval i + 1, given the law f of three classes after those of i.

    Not a number where it is too small to be told. ``work`` is (size, size), (2, size) and (2, 4).
    """
    powers, rows, fates = work
    inner, total = rows[0], rows[1]
    log = fill_fates(steps, i, n + gained, lost, fates)
    if log == -math.inf:
        return log
    a, b = fates[0], fates[1]
    for k in range(lost + 1):
        powers[0, k], total[k] = 0.0, 0.0
    powers[0, 0] = 1.0
    for m in range(n):
        before = 0.0
        for k in range(lost + 1):
            powers[m + 1, k] = a[2] * powers[m, k] + b[2] * before
            before = powers[m, k]
    for x in range(n, -1, -1):
        for k in range(lost + 1):
            inner[k] = 0.0
        for y in range(n - x, -1, -1):
            before = 0.0
            for k in range(lost + 1):
                here = inner[k]
                inner[k] = a[1] * here + b[1] * before + f[x, y] * powers[n - x - y, k]
                before = here
        before = 0.0
        for k in range(lost + 1):
            here = total[k]
            total[k] = a[0] * here + b[0] * before + inner[k]
            before = here
    for _ in range(gained):
        multiply(total, lost, a[3], b[3])
    return log + math.log(total[lost]) if total[lost] > _LEAST else math.nan
