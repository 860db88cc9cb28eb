"""Compiled loops of the events engine: every birth, switch and loss by exact integration of its hazard.

Spines of one dendrite after the other are taken together: draws and logarithms of all their next decisions are made as
vectors (:mod:`.moves`), then each spine takes its own, and those that go on come closer together and make room for the
next. :mod:`.histories` takes the same decisions for whole histories; both meet the same bits.
"""

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.turnover.kernels.births import born_alike, born_word, class_at_birth, draw_points, is_born
from synmodel.turnover.kernels.moves import (
    BATCH,
    BORN,
    CLASS,
    DEVIATION,
    FIRST_DECISION,
    KNOWN,
    LOSS,
    NAME,
    NEW,
    NUMBERS,
    ROW,
    SEEN,
    STEP,
    TIME,
    UNIT,
    UNTIL,
    WORDS,
    at_decision,
    fill_places,
    hazards_at,
    low,
    mark_sessions,
    move,
    unit_of,
)  # fmt: skip
from synmodel.turnover.kernels.vectors import aligned, at

__all__ = ["tally"]

_DENDRITES, _TALLIES = 64, 4096
"""Dendrites whose spines share places, and at most so many sessions of theirs."""


@allocating_nothing
def advance(k0, k1, n, old, real, whole, hazards, sizes, pool, tallies):  # type: ignore[no-untyped-def]
    """The next decision of n spines, of which the first ``old`` have made one before; returns how many go on.

    ``tallies`` are ``tally_of``, the same numbers as one row, and ``born``. The first has a row for each session of
    each dendrite and one more; columns are by how much the count of each class changes from one session to the next,
    and how many are gained (by first session present) and lost (by first absent); a spine that no session meets is
    neither. It has two halves, for every second spine, whose sums count: a number that was just written would have to
    be waited for. ``born`` (row, or empty) counts all by the first session after their birth.
    """
    number, word = pool
    tally_of, flat, born = tallies
    mark_sessions(old, n, TIME, SEEN, real, whole, hazards.session, number, word)
    for i in range(old, n):
        word[BORN + i] = word[SEEN + i]
    if born.size > 0:
        for i in range(old, n):
            born[word[ROW + i] + word[BORN + i]] += 1
    move(k0, k1, n, real, whole, hazards, sizes, number, word)
    columns, never, gain = np.uint64(tally_of.shape[1]), hazards.session.size, np.uint64(hazards.n_class)
    half = np.uint64(tally_of.shape[0] // 2)
    going = np.uint64(0)
    for k in range(n):
        spine = np.uint64(k)
        own = np.uint64(word[at(ROW, spine)]) + (spine & np.uint64(1)) * half
        c, new = np.uint64(word[at(CLASS, spine)]), word[at(NEW, spine)]
        first, until = word[at(BORN, spine)], word[at(UNTIL, spine)]
        ends = (new < 0) | (until == never)
        counts = 1 if ends & (until > first) else 0
        goes = (own + np.uint64(until)) * columns
        flat[(own + np.uint64(word[at(SEEN, spine)])) * columns + c] += 1
        flat[goes + c] -= 1
        flat[(own + np.uint64(first)) * columns + gain] += counts
        flat[goes + gain + np.uint64(1)] += counts
        # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
        word[at(UNIT, going)], word[at(NAME, going)] = word[at(UNIT, spine)], word[at(NAME, spine)] + STEP
        word[at(ROW, going)], word[at(CLASS, going)] = word[at(ROW, spine)], max(new, 0)
        word[at(BORN, going)], word[at(SEEN, going)] = first, until
        number[at(TIME, going)] = number[at(LOSS, spine)]
        if sizes is not None:
            number[at(DEVIATION, going)] = number[at(DEVIATION, spine)]
            number[at(KNOWN, going)] = number[at(KNOWN, spine)]
        going += np.uint64(0) if ends else np.uint64(1)
    return np.int64(going)


@allocating_nothing
def finish(even, odd, born, count, gained, lost, transient):  # type: ignore[no-untyped-def]
    """Counts, gains, losses and what came and went of a dendrite, from both halves of its tallies; these become 0."""
    n_time, n_class = count.shape
    for c in range(n_class):
        here = 0
        for k in range(n_time):
            here += even[k, c] + odd[k, c]
            count[k, c] = here
    for k in range(n_time - 1):
        gained[k] = even[k + 1, n_class] + odd[k + 1, n_class]
        lost[k] = even[k + 1, n_class + 1] + odd[k + 1, n_class + 1]
    for k in range(transient.size):
        transient[k] = born[k + 1] - even[k + 1, n_class] - odd[k + 1, n_class]
    even[:] = 0
    odd[:] = 0
    born[:] = 0


@allocating_nothing
def add_dendrite(k0, k1, c0, c1, n, old, row, initial, rate, real, whole, sizes, pool, points, tallies):  # type: ignore[no-untyped-def]
    """Take all spines of a dendrite in, and let the others advance where there is no room; returns n and ``old``."""
    number, word = pool
    hazards = hazards_at(real)
    start, unit = real[hazards.session.marks], unit_of(c0, c1)
    name = at_decision(0, FIRST_DECISION)
    for c in range(initial.size):
        left = np.int64(initial[c])
        while left > 0:
            while n == BATCH:
                n = old = advance(k0, k1, n, old, real, whole, hazards, sizes, pool, tallies)
            more = min(left, BATCH - n)
            fill_places(n, n + more, unit, row, sizes, number, word)
            first = name - n
            for i in range(n, n + more):
                word[CLASS + i] = c
                word[NAME + i] = first + i
                number[TIME + i] = start
            name, n, left = name + more, n + more, left - more
    # Asked once per dendrite: the call for every newborn would cost as much as its life.
    alike = born_alike(real, hazards)
    for strip in range(hazards.n_strip if rate > 0.0 else 0):
        t, end, done = start, real[hazards.strip_end + strip], 0
        while t < end:
            while n == BATCH:
                n = old = advance(k0, k1, n, old, real, whole, hazards, sizes, pool, tallies)
            ahead = min(int(rate * (end - t)) + 8, BATCH - n)
            draw_points(k0, k1, c0, c1, ahead, strip, done, rate, points)
            before, time, names = n, number[TIME + n :], word[NAME + n :]
            born = np.uint64(0)
            for i in range(ahead):
                t += points[i]
                if t >= end:
                    break
                time[born], names[born] = t, at_decision(born_word(strip, done + i), FIRST_DECISION)
                born += np.uint64(1) if is_born(real, whole, hazards, strip, points[BATCH + i], t) else np.uint64(0)
            n = before + np.int64(born)
            fill_places(before, n, unit, row, sizes, number, word)
            for i in range(before, n):
                word[CLASS + i] = 0 if alike else class_at_birth(k0, k1, c0, c1, low(word[NAME + i]), real, hazards)
            done += ahead
    return n, old


@compiled
def tally(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, initial, scale, real, whole, sizes, count, gained, lost, transient
):
    """Fill ``count`` (replicate, dendrite, time, class), ``gained``, ``lost`` and, if not empty, ``transient``."""
    k0, k1 = key[0], key[1]
    _, n_dendrite, n_time, n_class = count.shape
    birth_rate = hazards_at(real).birth_rate
    rows = n_time + 1
    together = max(1, min(_DENDRITES, _TALLIES // rows))
    for first in range(begin, end, together):
        last = min(first + together, end)
        pool, points = (aligned(NUMBERS), aligned(WORDS).view(np.int64)), aligned(2 * BATCH)
        tally_of = np.zeros((2 * together * rows, n_class + 2), np.int64)
        born = np.zeros(together * rows if transient.size > 0 else 0, np.int64)
        tallies = (tally_of, tally_of.ravel(), born)
        half, n, old = together * rows, np.int64(0), np.int64(0)
        for dendrite in range(first, last):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            rate, c0, row = birth_rate * scale[r, d], first_replicate + r, (dendrite - first) * rows
            n, old = add_dendrite(
                k0, k1, c0, d, n, old, row, initial[r, d], rate, real, whole, sizes, pool, points, tallies
            )
        while n > 0:
            n = old = advance(k0, k1, n, old, real, whole, hazards_at(real), sizes, pool, tallies)
        for dendrite in range(first, last):
            r, d, row = dendrite // n_dendrite, dendrite % n_dendrite, (dendrite - first) * rows
            finish(
                tally_of[row : row + rows], tally_of[row + half : row + half + rows],
                born[row : row + rows], count[r, d], gained[r, d], lost[r, d], transient[r, d],
            )  # fmt: skip
