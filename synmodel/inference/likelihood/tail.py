r"""Compiled law of the last sessions of a run where only densities were recorded: one such session, or two.

Let n spines of the law f be there at the last session that was scored, with s1 of them left at the first open
session and s2 <= s1 at the second. Those born in between are independent Poisson numbers: U born before the first and
there at both, V there at the first alone, W born after it, so

    N1 = s1 + U + V,    N2 = s2 + U + W,    unrecorded gains m = U + V + W,

and the law of (s1, s2) is f with each class replaced by what becomes of one spine of it. Of m newcomers each is of the
kind U, V or W with probabilities that are the same for all, so the law of (N1, N2) given m follows from that given
m - 1 by one sum of three terms, and what was recorded has given m the mean probability a_m m! / Gamma^m. The result is
a polynomial in the multiplier z of the births, sum_m a_m z^m.

All a_m that matter where births are up to 1.7 times their mean are computed. Beyond them the mean probability falls,
by the law of the changes of length, about as a power of the number of spines; its logarithm is continued by a parabola
in the logarithm of that number. Where births differ between dendrites by 0.3 of their mean, that is off by less than
1e-6 of a logarithm at a density that implies the newcomers expected, by up to 3e-5 at twice and 0.01 at three times as
many. The tests hold it against sums over all newcomers, and against the filter of
:mod:`synmodel.inference.likelihood.hidden`, which takes thousands of times as long.

The law of (N1, N2) is kept in one line, (N1, N2) at place N1 * stride + N2 with the stride a little more than the
numbers N2 that matter at a time. So a place belongs to (N1, N2) and to (N1 + 1, N2 - stride), of which one matters at
most; a newcomer is a step by 1, by the stride or by both; and the law of one spine more is one loop without rows, which
the compiler turns into vector instructions.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled, summing

__all__ = ["NORM_T2", "fates_two", "length_changes", "open_tail", "tail_work"]

NORM_T2 = 2.0 * math.sqrt(2.0)
_DROPPED = 1e-8  # of the edges of a law of two numbers
_FASTER, _NEGLIGIBLE = 1.7, 1e-3  # births, and what is continued of the sum there; at the mean it is far less
_LIKELIER = 1e3  # at most, with more newcomers than those of the last term
_LAST = 4  # terms at least
_BACK = 3  # between those that tell how the sum goes on
_BIRTHS = 4  # between looks at the edges
_SLACK = 16  # numbers more than a row needs, so that weights are filled many at once
_LANES = 4  # places that one vector instruction takes; lines and rows begin at multiples of it
_MARGIN = 2  # rows before that of 0, so that there is a place before the first


@allocating_nothing
def student(logs, shift, scale, narrow, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with scale (1 + u^2 / 2)^(-3/2), u = (logs - shift) narrow; two at a time share a division."""
    half = len(out) // 2
    one, other, log_one, log_other = out[:half], out[half : 2 * half], logs[:half], logs[half : 2 * half]
    for m in range(half):
        u, v = (log_one[m] - shift) * narrow, (log_other[m] - shift) * narrow
        p, q = 1.0 + 0.5 * u * u, 1.0 + 0.5 * v * v
        p, q = p * math.sqrt(p), q * math.sqrt(q)
        both = scale / (p * q)
        one[m], other[m] = both * q, both * p
    if 2 * half < len(out):
        u = (logs[2 * half] - shift) * narrow
        p = 1.0 + 0.5 * u * u
        out[2 * half] = scale / (p * math.sqrt(p))


@allocating_nothing
def length_changes(n, before, after, sigma, logs, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with densities of the change of log length, from n spines at one density to 0, 1, ... at the next.

    ``logs`` holds the logarithms of all numbers from 0 on.
    """
    if math.isnan(after) or (after > 0.0 and (n == 0 or not before > 0.0)):
        out[:] = 1.0
    elif after == 0.0:
        out[:] = 0.0
    else:
        student(logs, logs[n] + math.log(after / before), 1.0 / (NORM_T2 * sigma), 1.0 / sigma, out)
    if len(out) > 0 and not math.isnan(after):
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
    for s1 in range(most + 1):
        for s2 in range(most + 1):
            law[s1, s2] = of_one[s1, s2]
    for k in range(most, n):
        one_meets_fate(law, k, fate[1, 0], fate[1, 1], fate[1, 2])


@allocating_nothing
def narrowed(of, low, high):  # type: ignore[no-untyped-def]
    """The numbers from low to high - 1 without those at either end that hardly ever are; one is left."""
    while low < high - 1 and of[low] < _DROPPED:
        low += 1
    while low < high - 1 and of[high - 1] < _DROPPED:
        high -= 1
    return low, high


@allocating_nothing
def after_births(of, low, high, p, room):  # type: ignore[no-untyped-def]
    """Bring the law of one number, low to high - 1, through a few births, each of which adds 1 with probability p."""
    q, n, width = 1.0 - p, high - low + _BIRTHS, high - low
    none, one, two, three, four = q**4, 4.0 * p * q**3, 6.0 * p**2 * q**2, 4.0 * p**3 * q, p**4
    room[:_BIRTHS] = 0.0
    for k in range(width):
        room[_BIRTHS + k] = of[low + k]
    room[_BIRTHS + width : width + 2 * _BIRTHS] = 0.0
    out = of[low : low + n]
    for k in range(n):
        out[k] = none * room[k + 4] + one * room[k + 3] + two * room[k + 2] + three * room[k + 1] + four * room[k]


@allocating_nothing
def in_lanes(n):  # type: ignore[no-untyped-def]
    """The next multiple of the places that one vector instruction takes."""
    return (n + _LANES - 1) // _LANES * _LANES


@allocating_nothing
def later_changes(densities, sigma, two):  # type: ignore[no-untyped-def]
    """What is the same for all second changes of length.

    Whether there is a density, whether it is 0, and shift, scale and 1 / sigma of Student's distribution, with a shift
    of NaN where no change can be told.
    """
    before, after = densities[1], densities[2] if two else math.nan
    ratio = math.log(after / before) if before > 0.0 and after > 0.0 else math.nan
    return not math.isnan(after), after == 0.0, ratio, 1.0 / (NORM_T2 * sigma), 1.0 / sigma


@allocating_nothing
def fill_weights(box, change, second, logs, filled, stride, weight):  # type: ignore[no-untyped-def]
    """Fill ``weight`` with the density of both changes of length, where the box needs it and it is not there.

    ``change`` holds that of the first and ``second`` what :func:`later_changes` gives. It lies as the law does. Boxes
    never move left, so each row is filled up to ``filled``, at first and at each later time for all numbers that its
    places can still mean.
    """
    top, bottom, left, right = box
    asked, none, ratio, scale, narrow = second
    end = left + stride
    for i in range(top, bottom):
        if filled[i] >= right:
            continue
        if filled[i] == 0.0:
            weight[i * stride + end : (i + 1) * stride + end] = 0.0  # numbers, until the next row is filled
        begin, n = max(left, int(filled[i])), i - _MARGIN
        of = weight[i * stride + begin : i * stride + end]
        if n > 0 and not math.isnan(ratio):
            student(logs[begin:end], logs[n] + ratio, change[n] * scale, narrow, of)
        else:
            of[:] = 0.0 if none else change[n]
        if asked and begin == 0:
            of[0] = change[n] if none else 0.0
        filled[i] = end


@summing
def one_is_born(law, weight, box, stride, share, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with the law of one spine more, which takes a row more; returns its sum with weights.

    The newcomer is there at both sessions, at the first or at the second alone, with the probabilities ``share``. The
    loop begins and ends where vector instructions do.
    """
    both, first, second = share
    top, bottom, left, _ = box
    start, row = top * stride + left, bottom * stride + left
    begin = start - start % _LANES
    n = in_lanes(row + stride - begin)
    law[begin - stride - 1 : start] = 0.0  # what was there before the box came down
    law[row : begin + n] = 0.0
    weight[begin:start] = 0.0
    at_first, at_second = law[begin - stride : begin - stride + n], law[begin - 1 : begin - 1 + n]
    at_both, more = law[begin - stride - 1 : begin - stride - 1 + n], out[begin : begin + n]
    of = weight[begin : begin + n]
    likely = 0.0
    for k in range(n):
        here = first * at_first[k] + both * at_both[k] + second * at_second[k]
        more[k] = here
        likely += here * of[k]
    return likely


@allocating_nothing
def widen(values, i, left, right, stride, wider):  # type: ignore[no-untyped-def]
    """Lay row i out at a wider stride, in place and with 0 to its right; rows below it must have made room."""
    if i * (wider - stride) < right - left:  # the places overlap
        for x in range(right - 1, left - 1, -1):
            values[i * wider + x] = values[i * stride + x]
    else:
        before, after = values[i * stride + left : i * stride + right], values[i * wider + left : i * wider + right]
        for x in range(right - left):
            after[x] = before[x]
    values[i * wider + right : (i + 1) * wider + left] = 0.0


@allocating_nothing
def make_room(law, weight, box, filled, stride, wider):  # type: ignore[no-untyped-def]
    """Lay law and weights of a box out at a wider stride."""
    top, bottom, left, right = box
    for i in range(bottom - 1, top - 1, -1):
        widen(law, i, left, right, stride, wider)
        widen(weight, i, left, min(int(filled[i]), left + stride), stride, wider)


@allocating_nothing
def continue_series(series, born, n, logs):  # type: ignore[no-untyped-def]
    """Fill a series beyond ``born`` newcomers, its logarithm by a parabola in that of n + 1 spines and newcomers.

    The parabola goes through three of the last values, and what it fills never rises.
    """
    series[born + 1 :] = 0.0
    last, before, first = born, born - min(_BACK, born // 2), born - 2 * min(_BACK, born // 2)
    if first == last or not (series[last] > 0.0 and series[before] > 0.0 and series[first] > 0.0):
        return
    to_last, to_before = logs[n + 1 + last] - logs[n + 1 + before], logs[n + 1 + before] - logs[n + 1 + first]
    slope, earlier = (
        math.log(series[last] / series[before]) / to_last,
        math.log(series[before] / series[first]) / to_before,
    )
    bend, lowest = (slope - earlier) / (to_last + to_before), 0.0
    for m in range(born + 1, len(series)):
        beyond = logs[n + 1 + m] - logs[n + 1 + born]
        lowest = min(lowest, (slope + bend * (beyond + to_last)) * beyond)
        series[m] = series[born] * math.exp(lowest)


@allocating_nothing
def after(reach, share, vectors):  # type: ignore[no-untyped-def]
    """The box after a few births, from that which it may have reached, without what hardly ever is."""
    top, bottom, left, right = reach
    of_first, of_second = vectors[3], vectors[4]
    after_births(of_first, top - _MARGIN, bottom - _MARGIN - _BIRTHS, share[0] + share[1], vectors[5])
    after_births(of_second, left, right - _BIRTHS, share[0] + share[2], vectors[5])
    top, bottom = narrowed(of_first, top - _MARGIN, bottom - _MARGIN)
    left, right = narrowed(of_second, left, right)
    return top + _MARGIN, bottom + _MARGIN, left, right


@allocating_nothing
def begin_tail(law, n, two, widest, vectors, out):  # type: ignore[no-untyped-def]
    """Lay the law of n spines out in a line, and fill the laws of both numbers; returns its box and stride."""
    of_first, of_second = vectors[3], vectors[4]
    of_first[: n + 1] = 0.0
    of_second[: n + 1] = 0.0
    for s1 in range(n + 1):
        for s2 in range(s1 + 1):
            of_first[s1] += law[s1, s2]
            of_second[s2] += law[s1, s2]
    top, bottom = narrowed(of_first, 0, n + 1)
    left, right = narrowed(of_second, 0, n + 1)
    stride = min(in_lanes(right - left + (_SLACK if two else _BIRTHS)), widest)
    for s1 in range(top, bottom):
        row = (s1 + _MARGIN) * stride
        for s2 in range(left, right):
            out[row + s2] = law[s1, s2]
        out[row + right : row + left + stride] = 0.0
    return (top + _MARGIN, bottom + _MARGIN, left, right), stride


@allocating_nothing
def is_enough(sums, likely, born, fast, highest):  # type: ignore[no-untyped-def]
    """Whether no more newcomers than ``born`` matter, and the sums brought on to them.

    ``sums`` are the chance of so many where births are ``fast`` on the mean, but for a factor, the sum there, and the
    probability with one newcomer less; no probability is above ``highest``.
    """
    chance, total, before = sums
    total += chance * likely
    chance *= fast / (born + 1)
    shrinks = fast / (born + 2)  # from each chance to the next, from here on
    is_past = born >= _LAST and 0.0 < likely <= before  # the numbers that were recorded
    ahead = chance * (min(highest, _LIKELIER * likely) if is_past else highest)
    enough = (is_past or not likely > 0.0) and shrinks < 1.0 and ahead <= _NEGLIGIBLE * (1.0 - shrinks) * total
    return (chance, total, likely), enough


@compiled
def tail_work(most_n, room, logs):  # type: ignore[no-untyped-def]
    """Arrays for the open sessions after up to ``most_n`` spines, with up to ``room`` newcomers."""
    size = in_lanes(most_n + room + 3)
    lines = np.empty((3, (size + 3) * size))
    return np.empty((most_n + 2, most_n + 2)), (lines, np.empty((6, 2 * size)), logs, most_n + room)


@allocating_nothing
def open_tail(law, n, means, densities, sigma, two, work, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (m,) the mean probability of the open sessions with 0, 1, ... newcomers.

    ``law`` [s1, s2] holds the probability that s1 of n spines are there at the first open session and s2 of them at
    the second; ``means`` those of U, V and W; ``densities`` that of the last scored and of the open sessions; ``two``
    whether there are two of these; ``work`` is (laws and weight, vectors, logarithms, most spines), with room for all
    newcomers.
    """
    lines, vectors, logs, most = work
    change, series, filled, widest = vectors[0], vectors[1], vectors[2], in_lanes(most + 1)
    length_changes(n, densities[0], densities[1], sigma, logs, change[: most + 1])
    second = later_changes(densities, sigma, two)
    filled[:] = 0.0
    mean = means[0] + means[1] + means[2]
    share = (means[0] / mean, means[1] / mean, means[2] / mean) if mean > 0.0 else (0.0, 0.0, 0.0)
    room = len(out) - 1  # for newcomers
    now, then, weight = lines[0], lines[1], lines[2]
    box, stride = begin_tail(law, n, two, widest, vectors, now)
    fill_weights(box, change, second, logs, filled, stride, weight)
    begin, end = box[0] * stride + box[2], box[1] * stride + box[2]
    highest = (1.0 / (NORM_T2 * sigma)) ** (2 if two else 1)
    series[0] = np.dot(now[begin:end], weight[begin:end])
    sums, enough = is_enough((1.0, 0.0, math.inf), series[0], 0, _FASTER * mean, highest)
    born = 0
    while not enough and born < room:
        later = min(_BIRTHS, room - born)
        reach = (box[0], box[1] + later, box[2], box[3] + later)
        if reach[3] - reach[2] > stride:
            wider = min(in_lanes(stride + _SLACK), widest)
            make_room(now, weight, box, filled, stride, wider)
            stride = wider
        fill_weights(reach, change, second, logs, filled, stride, weight)
        first = born
        while not enough and born < first + later:
            rows = (box[0], box[1] + born - first, box[2], box[3])
            born += 1
            series[born] = one_is_born(now, weight, rows, stride, share, then)
            sums, enough = is_enough(sums, series[born], born, _FASTER * mean, highest)
            now, then = then, now
        if not enough and born < room:
            box = after(reach, share, vectors)
            # Numbers that the last row had no place for.
            now[box[1] * stride + reach[2] : box[1] * stride + box[2]] = 0.0
            filled[box[1] : reach[1]] = 0.0  # a row that comes back is filled anew, as its places may have moved
    continue_series(series[: room + 1], born, n, logs)
    for m in range(room + 1):
        out[m] += series[m]
