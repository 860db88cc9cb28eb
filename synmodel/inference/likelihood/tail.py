r"""Compiled law of the last sessions of a run where only densities were recorded: one such session, or two.

Let n spines of the law f be there at the last session that was scored, with s1 of them left at the first open
session and s2 <= s1 at the second. Those born in between are independent Poisson numbers: U born before the first and
there at both, V there at the first alone, W born after it, so

    N1 = s1 + U + V,    N2 = s2 + U + W,    unrecorded gains m = U + V + W,

and the law of (s1, s2) is f with each class replaced by what becomes of one spine of it. Of m newcomers each is of the
kind U, V or W with probabilities that are the same for all, so the law of (N1, N2) given m follows from that given
m - 1 by one sum of three terms, and what was recorded has given m the mean probability a_m m! / Gamma^m. The result is
a polynomial in the multiplier z of the births, sum_m a_m z^m, and all its coefficients are known.

A record with many terms would be slow to integrate over z, so the polynomial is told by four numbers m_j and weights
that agree with it at eight values of z, a geometric sequence around 1 (Prony's method, as Gauss quadrature in x = r^m).
It is exact at z = 1, so where births do not differ; the error where they do is in the tests, which hold it against the
filter of :mod:`synmodel.inference.likelihood.hidden`: that needs no such step, and thousands of times as long.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled

__all__ = ["LOG_STEP", "NORM_T2", "SCALES", "fates_two", "length_changes", "open_tail"]

NORM_T2 = 2.0 * math.sqrt(2.0)
LOG_STEP = 0.3
SCALES = np.exp(LOG_STEP * np.arange(-4, 4))
"""Multipliers of births at which the end of a run is computed; their logarithms are ``LOG_STEP`` apart."""
_DROPPED = 1e-8  # of the edges of a law of two numbers
_NEGLIGIBLE = 1e-5  # of the sum at the largest multiplier, which hardly ever is; at 1 the rest is far smaller
_AT_ONCE = 16


@allocating_nothing
def length_changes(n, before, after, sigma, logs, low, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with densities of the change of log length, from n spines at one density to others at the next.

    These are low, low + 1, and so on; ``logs`` holds the logarithms of all numbers from 0 on.
    """
    if math.isnan(after):
        out[:] = 1.0
    elif after == 0.0:
        out[:] = 0.0
    elif n == 0 or not before > 0.0:
        out[:] = 1.0
    else:
        shift = math.log(after) + math.log(n / before)
        scale, narrow = 1.0 / (NORM_T2 * sigma), 1.0 / sigma
        logs = logs[low : low + len(out)]
        for m in range(len(out)):
            u = (logs[m] - shift) * narrow
            q = 1.0 + 0.5 * u * u
            out[m] = scale / (q * math.sqrt(q))
    if low == 0 and len(out) > 0 and not math.isnan(after):
        out[0] = 1.0 if after == 0.0 else 0.0


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
def is_negligible(law, rows, columns):  # type: ignore[no-untyped-def]
    """Whether a stretch of a law of two numbers hardly ever is."""
    total = 0.0
    for i in range(rows[0], rows[1]):
        for x in range(columns[0], columns[1]):
            total += law[i, x]
    return total < _DROPPED


@allocating_nothing
def trimmed(law, box):  # type: ignore[no-untyped-def]
    """The box (top, bottom, left, right) without edges that are negligible."""
    top, bottom, left, right = box
    while top < bottom and is_negligible(law, (top, top + 1), (left, right)):
        top += 1
    while top < bottom and is_negligible(law, (bottom - 1, bottom), (left, right)):
        bottom -= 1
    while left < right and is_negligible(law, (top, bottom), (left, left + 1)):
        left += 1
    while left < right and is_negligible(law, (top, bottom), (right - 1, right)):
        right -= 1
    return top, bottom, left, right


@allocating_nothing
def one_is_born(law, box, share, weight, products, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the law of one spine more, and return its mean weight (n1, n2); the box grows by one.

    The newcomer is there at both sessions, at the first or at the second alone, with the probabilities ``share``.
    ``products`` is a vector to work in.
    """
    both, first, second = share
    top, bottom, left, right = box
    law[top - 1, left - 1 : right + 1] = 0.0
    law[bottom, left - 1 : right + 1] = 0.0
    for i in range(top, bottom):
        law[i, left - 1] = 0.0
        law[i, right] = 0.0
    width = right + 1 - left
    products[:width] = 0.0
    for i in range(top, bottom + 1):
        same, less = law[i, left - 1 : right], law[i - 1, left - 1 : right + 1]
        more, of = out[i, left : right + 1], weight[i, left : right + 1]
        for x in range(width):
            there = first * less[x + 1] + both * less[x] + second * same[x]
            more[x] = there
            products[x] += there * of[x]
    total = 0.0
    for x in range(width):
        total += products[x]
    return total


@allocating_nothing
def fill_weights(box, change, densities, sigma, two, logs, filled, weight):  # type: ignore[no-untyped-def]
    """Fill ``weight`` (n1, n2) with the density of both changes of length, where the box needs it and it is not there.

    Rows and columns of laws and weights are one more than the numbers: the first is a margin. Boxes never move left or
    up, so each row is filled from the left edge of the first box that has it up to ``filled``.
    """
    top, bottom, left, right = box
    for i in range(top, bottom):
        begin = max(left, int(filled[i]))
        if begin >= right:
            continue
        end = min(max(right, begin + _AT_ONCE), weight.shape[1])
        of = weight[i, begin:end]
        if two:
            length_changes(i - 1, densities[1], densities[2], sigma, logs, begin - 1, of)
            for x in range(end - begin):
                of[x] *= change[i - 1]
        else:
            of[:] = change[i - 1]
        filled[i] = end


@allocating_nothing
def open_tail(law, n, means, densities, sigma, two, work, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (8,) the probability of the open sessions at each of the ``SCALES``, but for exp(-z Gamma).

    ``law`` [s1, s2] holds the probability that s1 of n spines are there at the first open session and s2 of them at
    the second; ``means`` those of U, V and W; ``densities`` that of the last scored and of the open sessions; ``two``
    whether there are two of these; ``work`` is (laws, weight, vectors), with room for all newcomers.
    """
    laws, weight, vectors = work
    change, logs, products, terms, filled = vectors[0], vectors[1], vectors[2], vectors[3], vectors[4]
    length_changes(n, densities[0], densities[1], sigma, logs, 0, change)
    filled[:] = 0.0
    now, then = laws[0], laws[1]
    for i in range(n + 1):
        for x in range(n + 1):
            now[i + 1, x + 1] = law[i, x]
    box = trimmed(now, (1, n + 2, 1, n + 2))
    fill_weights(box, change, densities, sigma, two, logs, filled, weight)
    likely = 0.0
    for i in range(box[0], box[1]):
        for x in range(box[2], box[3]):
            likely += now[i, x] * weight[i, x]
    mean = means[0] + means[1] + means[2]
    share = (means[0] / mean, means[1] / mean, means[2] / mean) if mean > 0.0 else (0.0, 0.0, 0.0)
    highest = (1.0 / (NORM_T2 * sigma)) ** (2 if two else 1)
    terms[: len(SCALES)] = 1.0
    last = len(SCALES) - 1
    for born in range(1, weight.shape[0] - n - 1):  # what there is room for
        for q in range(len(SCALES)):
            out[q] += terms[q] * likely
            terms[q] *= SCALES[q] * mean / born
        shrinks = SCALES[last] * mean / (born + 1)  # from each term to the next, from here on
        if shrinks < 1.0 and terms[last] * highest <= _NEGLIGIBLE * (1.0 - shrinks) * out[last]:
            break
        larger = (box[0], box[1] + 1, box[2], box[3] + 1)
        fill_weights(larger, change, densities, sigma, two, logs, filled, weight)
        likely = one_is_born(now, box, share, weight, products, then)
        box = trimmed(then, larger)
        now, then = then, now
