r"""Moves of spines among three classes in an interval, as rounds in which spines of one class may go to a neighbour.

Classes that follow one another (transient, nascent, mature) exchange spines with their neighbours alone. The matrix of
what becomes of a spine over any time is then totally non-negative (Karlin and McGregor 1959), and so a product of
matrices that each move the spines of one class to a neighbouring one with some probability (Gasca and Micchelli 1996)::

    P = M_21 M_10 M_21 M_01 M_12 M_01,    M_ij: a spine of class i goes to class j with probability q

On the law of class numbers a round is a binomial draw for each number. All six cost n^3 for n spines, where the
substitution of all classes at once costs n^4. The elimination that finds the probabilities is stable entry by entry,
as no part of it is negative; what a matrix that is no such product would make negative is refused, and the caller goes
the long way.

References
----------
Karlin and McGregor 1959, Pacific J Math 9:1109, doi:10.2140/pjm.1959.9.1109.
Gasca and Micchelli 1996, Total positivity and its applications, doi:10.1007/978-94-015-8674-0.
"""

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled

__all__ = ["ROUNDS", "move_in_rounds", "probabilities"]

ROUNDS = 6
_ROUNDING = 1e-11  # of an entry; nearly all are off by less than 1e-14, rare steps between rows nearly alike by more
_SMALLEST = 1e-290
_NOISE = 1e-15  # what is left of a number when nothing is


@allocating_nothing
def take_out(p, row, other, part, whole, q):  # type: ignore[no-untyped-def]
    """Make ``row`` what is left of it when it is, with probability part / whole, the row ``other``.

    Writes that probability and the other one to ``q`` (2,), both with all their digits. What rounding has left of rows
    that are nearly alike may ask for more than 1; whether the rounds are those of p is tested in the end.
    """
    if part <= 0.0:
        q[0], q[1] = 0.0, 1.0
        return
    q[0] = min(part / whole, 1.0) if whole > 0.0 else 1.0
    total = 0.0
    for j in range(3):
        rest = p[row, j] - q[0] * p[other, j]
        p[row, j] = rest if rest > _NOISE * p[row, j] else 0.0
        total += p[row, j]
    if total > 0.0:
        for j in range(3):
            p[row, j] /= total
        q[1] = total
        return
    q[0], q[1] = 1.0, 0.0
    # Both rows are alike, so nobody stays and any row will do: for class 1 one that the next rounds can make.
    ahead = p[other, 1] + p[other, 2] if row == 1 else 0.0
    if ahead > 0.0:
        p[1, 1], p[1, 2] = p[other, 1] / ahead, p[other, 2] / ahead
    else:
        p[row, row] = 1.0


@compiled
def probabilities(p, q):  # type: ignore[no-untyped-def]
    """Fill ``q`` (6, 2) with the rounds that make up ``p`` (3, 3), whose rows sum to 1.

    Each round has the probability to go and that to stay. Returns whether ``p`` is such a product.
    """
    left = p.copy()
    take_out(left, 2, 1, left[2, 0], left[1, 0], q[0])
    take_out(left, 1, 0, left[1, 0], left[0, 0], q[1])
    take_out(left, 2, 1, left[2, 1], left[1, 1], q[2])
    take_out(left, 0, 1, left[0, 2], left[1, 2], q[3])
    q[4, 0], q[4, 1] = left[1, 2], left[1, 1]
    q[5, 0], q[5, 1] = left[0, 1], left[0, 0]
    return is_product(p, q)


@compiled
def is_product(p, q):  # type: ignore[no-untyped-def]
    """Whether the rounds make up ``p``, entry by entry."""
    row = np.empty(3)
    for i in range(3):
        row[:] = 0.0
        row[i] = 1.0
        for k in range(ROUNDS):
            source, target = round_of(k)
            row[target] += q[k, 0] * row[source]
            row[source] *= q[k, 1]
        for j in range(3):
            if not abs(row[j] - p[i, j]) <= _ROUNDING * p[i, j] + _SMALLEST:
                return False
    return True


@allocating_nothing
def round_of(k):  # type: ignore[no-untyped-def]
    """Class that is left and class that is entered in round k."""
    if k in (0, 2):
        return 2, 1
    if k == 1:
        return 1, 0
    return (1, 2) if k == 4 else (0, 1)


@allocating_nothing
def fill_binomials(n, goes, stays, table):  # type: ignore[no-untyped-def]
    """Fill ``table`` [k, x] with the probability that k of x spines go, for x up to n."""
    table[0, 0] = 1.0
    for x in range(1, n + 1):
        table[0, x] = stays * table[0, x - 1]
        for k in range(1, x):
            table[k, x] = stays * table[k, x - 1] + goes * table[k - 1, x - 1]
        table[x, x] = goes * table[x - 1, x - 1]


@allocating_nothing
def multiply(old, new, degree, goes, stays):  # type: ignore[no-untyped-def]
    """Multiply eight forms of some degree in two classes by stays s_source + goes s_target.

    Numbers of the eight forms lie side by side, for 0, 1, ... spines in the source from the second eight on; zeros
    surround them. One loop over all, a multiple of 16 long, becomes vector instructions.
    """
    for i in range(16 * (degree // 2 + 1)):
        new[8 + i] = stays * old[i] + goes * old[8 + i]


@allocating_nothing
def go(law, places, n, q, eight, to):  # type: ignore[no-untyped-def]
    """Write the law after a round to ``to`` (n + 1, n + 1): for s spines in the source and u in the class that rests.

    With u at rest it is a form in two classes, f(s_source, s_target), whose substitution is Horner's scheme from the
    highest power of the source on. Eight u go side by side; the smaller form of a higher u begins later, so that all
    end together. ``places`` says where ``law`` holds a number: start + along target + across rest. ``eight`` is work
    space.
    """
    start, along, across = places
    for first in range(0, n + 1, 8):
        old, new = eight[0], eight[1]
        for i in range(8 * (n + 4 - first)):
            old[i] = new[i] = 0.0
        for k in range(n + 1 - first):
            multiply(old, new, k, q[0], q[1])
            for u in range(min(k, 7) + 1):
                new[8 + u] += law[start + along * (k - u) + across * (first + u)]
            old, new = new, old
        for s in range(n + 1 - first):
            for u in range(min(n - first - s, 7) + 1):
                to[s * (n + 1) + first + u] = old[8 + 8 * s + u]


@compiled
def move_in_rounds(f, n, q, out, one, other):  # type: ignore[no-untyped-def]
    """Write the law of class numbers after all rounds to ``out``; ``f`` stays, ``one`` and ``other`` are work space.

    All are (n + 1, n + 1) or more.
    """
    law, to, spare = f.ravel(), one.ravel(), other.ravel()
    steps = (f.shape[1], 1, 0)  # how far numbers of one spine more in each class are apart
    eight = np.empty((2, 8 * (n + 4)))
    for k in range(ROUNDS):
        if q[k, 0] > 0.0:
            source, target = round_of(k)
            rest = 3 - source - target
            places = steps[source] * n, steps[target] - steps[source], steps[rest] - steps[source]
            go(law, places, n, q[k], eight, to)
            law, to, spare = to, spare, to
            steps = step(0, source, rest, n + 1), step(1, source, rest, n + 1), step(2, source, rest, n + 1)
    for x in range(n + 1):
        for y in range(n + 1 - x):
            out[x, y] = law[steps[0] * x + steps[1] * y + steps[2] * (n - x - y)]


@allocating_nothing
def step(c, source, rest, width):  # type: ignore[no-untyped-def]
    """How far numbers of one spine more in class c are apart after a round."""
    return width if c == source else (1 if c == rest else 0)
