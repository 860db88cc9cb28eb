"""Compiled loops of the events engine: every birth, switch and loss by exact integration of its hazard.

Births are points of a Poisson process on (time, height): strip s holds heights s to s + 1 and is filled at the baseline
rate from the first session on, a point counts if its height lies below the fold. So a drug adds spines to those of the
control and moves none of them. Nothing else is thinned: a wait ends where a clock says (:mod:`.clocks`).

The counter of a draw is (replicate, dendrite, spine, decision). A spine's word is its number among the first
spines, or 2**30 + strip * 2**24 + its number within the strip.

:func:`tally` takes the spines of a dendrite together: draws and logarithms of all their next decisions are made as
vectors, then each spine takes its own, and those that go on come closer together. :func:`fill_spines` follows one spine
after another through the same decisions, for whole histories; both meet the same bits.
"""

import math

import numba
import numpy as np

from synmodel.compiled import allocating_nothing, compiled_parallel, inlined
from synmodel.randomness.philox import uniform_pair
from synmodel.turnover.kernels.clocks import cell_of
from synmodel.turnover.kernels.elementary import log
from synmodel.turnover.kernels.moves import (
    BATCH,
    BORN,
    CLASS,
    DEVIATION,
    FORWARD,
    KNOWN,
    LOSS,
    NEW,
    NUMBERS,
    SEEN,
    TIME,
    UNTIL,
    WORD,
    WORDS,
    add_spine,
    bridge,
    hazards_at,
    mark_sessions,
    move,
    pick,
    session_after,
    whole_vectors,
)  # fmt: skip

__all__ = ["LARGEST_FOLD", "fill_spines", "tally"]

LARGEST_FOLD = 128
_FIRST_BORN = 1 << 30
_STRIP = 1 << 24
_ARRIVAL = 0
_CLASS_AT_BIRTH = 1
_FIRST_STEP = 2

_CHUNK = 16
"""Dendrites for which a thread makes its arrays once."""


@allocating_nothing
def live(k0, k1, c0, c1, spine, c, t, real, whole, hazards, size, number, word, path, width):  # type: ignore[no-untyped-def]
    """Life of one spine from class c at time t: class at each session into ``path``, -1 when absent.

    Where losses depend on it, the deviation of ln w goes into ``width``.
    Returns the time of loss, infinity if it outlives the last session.
    """
    n_time = path.size
    path[:] = -1
    decision = np.int64(_FIRST_STEP)
    seen = session_after(real, whole, hazards.session, t)
    unknown, x, known = seen, 0.0, -math.inf
    while seen < n_time and c >= 0:
        add_spine(0, spine, c, t, real, hazards, number, word)
        number[DEVIATION], number[KNOWN] = x, known
        move(k0, k1, c0, c1, np.int64(1), decision, real, whole, hazards, size, number, word)
        t = number[LOSS]
        if size is not None and number[KNOWN] > known:
            y, stop = number[DEVIATION], word[UNTIL]
            bridge(k0, k1, c0, c1, spine, unknown, stop, known, x, t, y, real, hazards, size, width)
            unknown, x, known = stop, y, t
        path[seen : word[UNTIL]] = c
        seen, c = word[UNTIL], word[NEW]
        decision += 2
    if size is not None and seen == n_time:
        bridge(k0, k1, c0, c1, spine, unknown, n_time, known, x, math.inf, 0.0, real, hazards, size, width)
    return math.inf if seen == n_time else t


@inlined
def is_born(real, whole, hazards, strip, u_height, t):  # type: ignore[no-untyped-def]
    """Whether a point lies below the fold of births."""
    full = real[hazards.strip_full + strip] > 0.0
    return full or strip + u_height < real[hazards.formation.value + cell_of(real, whole, hazards.formation.day, t)]


@inlined
def born_word(strip, number):  # type: ignore[no-untyped-def]
    """Counter word of a spine born as a point of a strip."""
    return _FIRST_BORN + strip * _STRIP + number


@inlined
def born_alike(real, hazards):  # type: ignore[no-untyped-def]
    """Whether every spine is born into the first class."""
    return real[hazards.births] == real[hazards.births + hazards.n_class - 1]


@allocating_nothing
def class_at_birth(k0, k1, c0, c1, spine, real, hazards):  # type: ignore[no-untyped-def]
    """Class of a newborn spine."""
    if born_alike(real, hazards):
        return 0
    u, _ = uniform_pair(k0, k1, c0, c1, spine, _CLASS_AT_BIRTH)
    return pick(real, hazards.births, hazards.n_class, u)


@inlined
def draw_points(k0, k1, c0, c1, n, strip, number, draws):  # type: ignore[no-untyped-def]
    """Waits and heights of n points of a strip from point ``number`` on, as vectors."""
    a, b, first = np.uint64(c0), np.uint64(c1), np.uint64(born_word(strip, number))
    for i in range(whole_vectors(n)):
        u_wait, u_height = uniform_pair(k0, k1, a, b, first + np.uint64(i), np.uint64(_ARRIVAL))
        draws[LOSS + i] = -log(u_wait)
        draws[FORWARD + i] = u_height


@allocating_nothing
def live_together(k0, k1, c0, c1, n, real, whole, hazards, size, number, word, change, gained, lost):  # type: ignore[no-untyped-def]
    """Lives of the n spines of a batch, into the tallies of their dendrite.

    ``change`` (time + 1, K) is by how much each count changes from one session to the next; ``gained`` and ``lost``
    (time + 1) count by first session present and absent. A spine that no session meets is neither.
    """
    n_time = hazards.session.size
    decision = np.int64(_FIRST_STEP)
    mark_sessions(n, TIME, SEEN, real, whole, hazards.session, number, word)
    for i in range(whole_vectors(n)):
        word[BORN + i] = word[SEEN + i]
    while n > 0:
        move(k0, k1, c0, c1, n, decision, real, whole, hazards, size, number, word)
        going = 0
        for i in range(n):
            c, new, born, until = word[CLASS + i], word[NEW + i], word[BORN + i], word[UNTIL + i]
            change[word[SEEN + i], c] += 1
            change[until, c] -= 1
            ends = new < 0 or until == n_time
            counts = 1 if ends and until > born else 0
            gained[born] += counts
            lost[until] += counts
            name, t = word[WORD + i], number[LOSS + i]
            deviation, known = number[DEVIATION + i], number[KNOWN + i]
            # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
            add_spine(going, name, max(new, 0), t, real, hazards, number, word)
            word[BORN + going], word[SEEN + going] = born, until
            number[DEVIATION + going], number[KNOWN + going] = deviation, known
            going += 0 if ends else 1
        n = going
        decision += 2


@allocating_nothing
def finish(change, arrived, left, count, gained, lost):  # type: ignore[no-untyped-def]
    """Counts, gains and losses of a dendrite from its tallies, which are set to 0."""
    n_time, n_class = count.shape
    for c in range(n_class):
        here = 0
        for k in range(n_time):
            here += change[k, c]
            count[k, c] = here
    for k in range(n_time - 1):
        gained[k], lost[k] = arrived[k + 1], left[k + 1]
    change[:] = 0
    arrived[:] = 0
    left[:] = 0


@allocating_nothing
def tally_dendrite(k0, k1, c0, c1, initial, rate, real, whole, size, number, word, points, change, arrived, left):  # type: ignore[no-untyped-def]
    """Lives of all spines of a dendrite into its tallies."""
    hazards = hazards_at(real)
    start = real[hazards.session.marks]
    n, name = np.int64(0), np.int64(0)  # of one type from the start, or callees are compiled for a literal 0 as well
    # Asked once per dendrite: the call for every newborn would cost as much as its life.
    alike = born_alike(real, hazards)
    for c in range(initial.size):
        for _ in range(initial[c]):
            add_spine(n, name, c, start, real, hazards, number, word)
            name += 1
            n += 1
            if n == BATCH:
                live_together(k0, k1, c0, c1, n, real, whole, hazards, size, number, word, change, arrived, left)
                n = np.int64(0)
    for strip in range(hazards.n_strip if rate > 0.0 else 0):
        t, end, done = start, real[hazards.strip_end + strip], 0
        while t < end:
            ahead = min(int(rate * (end - t)) + 8, BATCH)
            draw_points(k0, k1, c0, c1, ahead, strip, done, points)
            for i in range(ahead):
                t += points[i] / rate
                if t >= end:
                    break
                if is_born(real, whole, hazards, strip, points[BATCH + i], t):
                    spine = born_word(strip, done + i)
                    c = 0 if alike else class_at_birth(k0, k1, c0, c1, spine, real, hazards)
                    add_spine(n, spine, c, t, real, hazards, number, word)
                    n += 1
                    if n == BATCH:
                        live_together(
                            k0, k1, c0, c1, n, real, whole, hazards, size, number, word, change, arrived, left
                        )
                        n = np.int64(0)
            done += ahead
    live_together(k0, k1, c0, c1, n, real, whole, hazards, size, number, word, change, arrived, left)


@compiled_parallel
def tally(key, first_replicate, initial, scale, real, whole, size, count, gained, lost):  # type: ignore[no-untyped-def]
    """Fill ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost``."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_time, n_class = count.shape
    birth_rate = hazards_at(real).birth_rate
    for chunk in numba.prange((n_replicate * n_dendrite + _CHUNK - 1) // _CHUNK):
        number, word, points = np.zeros(NUMBERS), np.zeros(WORDS, np.int64), np.zeros(2 * BATCH)
        change = np.zeros((n_time + 1, n_class), np.int64)
        arrived, left = np.zeros(n_time + 1, np.int64), np.zeros(n_time + 1, np.int64)
        for dendrite in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, n_replicate * n_dendrite)):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            rate, c0 = birth_rate * scale[r, d], first_replicate + r
            tally_dendrite(
                k0, k1, c0, d, initial[r, d], rate, real, whole, size, number, word, points, change, arrived, left
            )
            finish(change, arrived, left, count[r, d], gained[r, d], lost[r, d])


@allocating_nothing
def be_born(k0, k1, c0, c1, initial, rate, real, whole, hazards, row, words, births, paths):  # type: ignore[no-untyped-def]
    """How many spines a dendrite ever has; if there are rows, their words, births and first classes from ``row`` on."""
    start = real[hazards.session.marks]
    filling = words.size > 0
    first, name = row, np.int64(0)
    for c in range(initial.size):
        for _ in range(initial[c]):
            if filling:
                words[row], births[row], paths[row, 0] = name, start, c
            name += 1
            row += 1
    for strip in range(hazards.n_strip if rate > 0.0 else 0):
        t, end, point = start, real[hazards.strip_end + strip], np.int64(0)
        while t < end:
            spine = born_word(strip, point)
            u_wait, u_height = uniform_pair(k0, k1, c0, c1, spine, _ARRIVAL)
            t += -log(u_wait) / rate
            point += 1
            if t < end and is_born(real, whole, hazards, strip, u_height, t):
                if filling:
                    words[row], births[row] = spine, t
                    paths[row, 0] = class_at_birth(k0, k1, c0, c1, spine, real, hazards)
                row += 1
    return row - first


@compiled_parallel
def fill_spines(  # type: ignore[no-untyped-def]
    key, first_replicate, initial, scale, real, whole, size, offset, n_spine, words, births, deaths, paths, widths
):
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: its word, birth, death, path and widths.

    The number that each dendrite ever has goes into ``n_spine`` (replicate, dendrite); without rows, nothing else is
    done. ``widths`` is filled with the deviations of ln w if losses depend on them.
    """
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, _ = initial.shape
    for dendrite in numba.prange(n_replicate * n_dendrite):
        hazards = hazards_at(real)
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0, row, rate = first_replicate + r, offset[r, d], hazards.birth_rate * scale[r, d]
        n = be_born(k0, k1, c0, d, initial[r, d], rate, real, whole, hazards, row, words, births, paths)
        n_spine[r, d] = n
        if words.size > 0:
            # All lives from one place, with classes kept where paths will begin: the compiler takes its time for each.
            number, word = np.zeros(NUMBERS), np.zeros(WORDS, np.int64)
            for i in range(row, row + n):
                born, batch = np.int64(paths[i, 0]), (number, word, paths[i], widths[i])
                deaths[i] = live(k0, k1, c0, d, words[i], born, births[i], real, whole, hazards, size, *batch)
