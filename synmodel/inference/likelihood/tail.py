r"""Compiled law of the last sessions of a run where only densities were recorded: one such session, or two.

Let n spines of the law f be there at the last session that was scored, with s1 of them left at the first open
session and s2 <= s1 at the second. Those born in between are independent Poisson numbers: U born before the first and
there at both, V there at the first alone, W born after it, so

    N1 = s1 + U + V,    N2 = s2 + U + W,    unrecorded gains m = U + V + W,

and the law of (s1, s2) is f with each class replaced by what becomes of one spine of it. With B = s2 + U the law of
(N1, B) follows from that of (s1, s2) by two sums, over U and over V, and W adds to B alone.

The result is a polynomial in the multiplier z of the births, sum_m a_m z^m. It is computed at eight values of z, a
geometric sequence around 1, and told by four numbers m_j and weights that agree with it at all eight (Prony's method,
as Gauss quadrature in x = r^m). It is exact at z = 1, so where births do not differ; the error where they do is in the
tests, which hold it against the filter of :mod:`synmodel.inference.likelihood.hidden`: that needs no such step, and
thousands of times as long.
"""

import math

import numpy as np

from synmodel.compiled import allocating_nothing, compiled

__all__ = ["LOG_STEP", "NORM_T2", "SCALES", "fates_two", "fill_powers", "length_changes", "open_tail"]

NORM_T2 = 2.0 * math.sqrt(2.0)
LOG_STEP = 0.3
SCALES = np.exp(LOG_STEP * np.arange(-4, 4))
"""Multipliers of births at which the end of a run is computed; their logarithms are ``LOG_STEP`` apart."""
_DROPPED = 1e-7


@allocating_nothing
def length_changes(n, before, after, sigma, logs, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (m,) with densities of the change of log length, from n spines at one density to m at another.

    ``logs`` holds the logarithms of m.
    """
    if math.isnan(after):
        out[:] = 1.0
    elif after == 0.0:
        out[:] = 0.0
        out[0] = 1.0
    elif n == 0 or not before > 0.0:
        out[:] = 1.0
        out[0] = 0.0
    else:
        shift = math.log(after) + math.log(n / before)
        scale = 1.0 / (NORM_T2 * sigma)
        for m in range(1, len(out)):
            u = (logs[m] - shift) / sigma
            q = 1.0 + 0.5 * u * u
            out[m] = scale / (q * math.sqrt(q))
        out[0] = 0.0


@allocating_nothing
def fill_powers(gamma, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with gamma^g / g!."""
    out[0] = 1.0
    for g in range(1, len(out)):
        out[g] = out[g - 1] * gamma / g


@allocating_nothing
def most_born(mean, most):  # type: ignore[no-untyped-def]
    """The number above which a Poisson number hardly ever is."""
    term = math.exp(-mean)
    g = 0
    while g < most and (g < mean or term > _DROPPED):
        g += 1
        term *= mean / g
    return g


@allocating_nothing
def one_meets_fate(law, n, both, first, none):  # type: ignore[no-untyped-def]
    """From the law of (s1, s2) of n spines to that of n + 1; zero outside of s2 <= s1 <= n before and after."""
    for s1 in range(n + 1, 0, -1):
        for s2 in range(s1, 0, -1):
            law[s1, s2] = none * law[s1, s2] + first * law[s1 - 1, s2] + both * law[s1 - 1, s2 - 1]
        law[s1, 0] = none * law[s1, 0] + first * law[s1 - 1, 0]
    law[0, 0] *= none


@compiled
def fates_two(f, n, fate, law):  # type: ignore[no-untyped-def]
    """Fill ``law`` (s1, s2): n spines of two classes of the law f end in three ways, with the rows of ``fate``.

    Horner's scheme over the spines of class 0, as many as there may be, then the others of class 1.
    """
    law[: n + 1, : n + 1] = 0.0
    most = 0
    for x in range(n + 1):
        if f[x] > _DROPPED:
            most = x
    of_one, power = np.zeros((most + 2, most + 2)), np.zeros((most + 2, most + 2))
    of_one[0, 0], power[0, 0] = f[most], 1.0
    for k in range(1, most + 1):
        one_meets_fate(of_one, k - 1, fate[0, 0], fate[0, 1], fate[0, 2])
        one_meets_fate(power, k - 1, fate[1, 0], fate[1, 1], fate[1, 2])
        for s1 in range(k + 1):
            for s2 in range(s1 + 1):
                of_one[s1, s2] += f[most - k] * power[s1, s2]
    law[: most + 1, : most + 1] = of_one[: most + 1, : most + 1]
    for k in range(most, n):
        one_meets_fate(law, k, fate[1, 0], fate[1, 1], fate[1, 2])


@allocating_nothing
def spans_of(law, n):  # type: ignore[no-untyped-def]
    """First and last row, and first and last column, of the law that are not negligible."""
    largest = 0.0
    for i in range(n + 1):
        for j in range(i + 1):
            largest = max(largest, law[i, j])
    top, bottom, left, right = n, 0, n, 0
    for i in range(n + 1):
        for j in range(i + 1):
            if law[i, j] > _DROPPED * largest:
                top, bottom = min(top, i), max(bottom, i)
                left, right = min(left, j), max(right, j)
    return (top, bottom), (left, right)


@allocating_nothing
def add_times(weight, of, start, width, out):  # type: ignore[no-untyped-def]
    """Add ``weight`` times a stretch of a vector."""
    of = of[start : start + width]
    for x in range(width):
        out[x] += weight * of[x]


@allocating_nothing
def with_survivors(law, s1, s2, powers, last, joint):  # type: ignore[no-untyped-def]
    """Fill ``joint`` (n1, b less the least s2): U more at both sessions than (s1, s2), whose ranges are (low, high)."""
    joint[s1[0] : s1[1] + last + 1, : s2[1] - s2[0] + last + 1] = 0.0
    for born in range(last + 1):
        for there in range(s1[0], s1[1] + 1):
            kept = min(s2[1], there) + 1 - s2[0]
            add_times(powers[born], law[there], s2[0], kept, joint[there + born, born:])


@allocating_nothing
def trimmed(row, width, least):  # type: ignore[no-untyped-def]
    """First place of a row from which on, and number of places in which, it is not negligible."""
    low, high = 0, width
    while low < high and row[low] <= least:
        low += 1
    while high > low and row[high - 1] <= least:
        high -= 1
    return low, high - low


@allocating_nothing
def open_tail(law, n, means, densities, sigma, two, work, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (8,) the probability of the open sessions at each of the ``SCALES``, but for exp(-z Gamma).

    ``law`` [s1, s2] holds the probability that s1 of n spines are there at the first open session and s2 of them at
    the second; ``means`` those of U, V and W; ``densities`` that of the last scored and of the open sessions; ``two``
    whether there are two of these; ``work`` is (joint, later, vectors, powers).
    """
    joint, later, vectors, powers = work
    change, logs, row, after, products = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    length_changes(n, densities[0], densities[1], sigma, logs, change)
    s1, s2 = spans_of(law, n)
    room, b = powers.shape[1] - 1, s2[0]
    known = s1[0]  # below it, ``later`` holds what follows from each number at the first session
    for q in range(len(SCALES)):
        z = SCALES[q]
        last = (most_born(z * means[0], room), most_born(z * means[1], room), most_born(z * means[2], room))
        for k in range(3):
            fill_powers(z * means[k], powers[k, : last[k] + 1])
        with_survivors(law, s1, s2, powers[0], last[0], joint)
        most, high = s2[1] - b + last[0] + 1, s1[1] + last[0]
        products[:most] = 0.0
        # Each newcomer has its weight, so the most likely row is the one to measure others by.
        largest = 0.0
        for n1 in range(s1[0], high + last[1] + 1):
            row[:most] = 0.0
            for born in range(max(0, n1 - high), min(last[1], n1 - s1[0]) + 1):
                add_times(powers[1, born], joint[n1 - born], 0, most, row)
            for x in range(most):
                largest = max(largest, row[x])
            low, width = trimmed(row, min(most, n1 - b + 1), _DROPPED * largest)
            if width == 0:
                continue
            if two:
                while known <= n1:
                    length_changes(known, densities[1], densities[2], sigma, logs, later[known])
                    known += 1
                after[:width] = 0.0
                for born in range(last[2] + 1):
                    add_times(powers[2, born], later[n1], b + low + born, width, after)
            else:
                after[:width] = 1.0
            here, there = row[low:], products[low:]
            for x in range(width):
                there[x] += change[n1] * here[x] * after[x]
        for x in range(most):
            out[q] += products[x]
