"""Compiled loops of the events engine: every birth, switch and loss by exact integration of its hazard.

The spines of a dendrite are taken together: draws and logarithms of all their next decisions are made as vectors
(:mod:`.moves`), then each spine takes its own, and those that go on come closer together. :mod:`.histories` takes the
same decisions for whole histories; both meet the same bits.
"""

import numba
import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled_parallel, inlined
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.births import ARRIVAL, born_alike, born_word, class_at_birth, is_born
from synmodel.turnover.kernels.elementary import log
from synmodel.turnover.kernels.moves import (
    BATCH,
    BORN,
    CLASS,
    DEVIATION,
    FIRST_STEP,
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
    hazards_at,
    mark_sessions,
    move,
    whole_vectors,
)  # fmt: skip

__all__ = ["tally"]

_CHUNK = 16
"""Dendrites for which a thread makes its arrays once."""


@inlined
def draw_points(k0, k1, c0, c1, n, strip, number, draws):  # type: ignore[no-untyped-def]
    """Waits and heights of n points of a strip from point ``number`` on, as vectors."""
    a, b, first = np.uint64(c0), np.uint64(c1), np.uint64(born_word(strip, number))
    for i in range(whole_vectors(n)):
        u_wait, u_height = uniform_pair(k0, k1, a, b, first + np.uint64(i), np.uint64(ARRIVAL))
        draws[i] = -log(u_wait)
        draws[BATCH + i] = u_height


@allocating_nothing
def live_together(k0, k1, c0, c1, n, real, whole, hazards, sizes, number, word, change, gained, lost, born):  # type: ignore[no-untyped-def]
    """Lives of the n spines of a batch, into the tallies of their dendrite.

    ``change`` (time + 1, K) is by how much each count changes from one session to the next; ``gained`` and ``lost``
    (time + 1) count by first session present and absent. A spine that no session meets is neither. ``born``
    (time + 1, or empty) counts all by the first session after their birth.
    """
    n_time = hazards.session.size
    decision = np.int64(FIRST_STEP)
    mark_sessions(n, TIME, SEEN, real, whole, hazards.session, number, word)
    for i in range(whole_vectors(n)):
        word[BORN + i] = word[SEEN + i]
    if born.size > 0:
        for i in range(n):
            born[word[BORN + i]] += 1
    while n > 0:
        move(k0, k1, c0, c1, n, decision, real, whole, hazards, sizes, number, word)
        going = 0
        for i in range(n):
            c, new, first, until = word[CLASS + i], word[NEW + i], word[BORN + i], word[UNTIL + i]
            change[word[SEEN + i], c] += 1
            change[until, c] -= 1
            ends = new < 0 or until == n_time
            counts = 1 if ends and until > first else 0
            gained[first] += counts
            lost[until] += counts
            name, t = word[WORD + i], number[LOSS + i]
            deviation, known = number[DEVIATION + i], number[KNOWN + i]
            # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
            add_spine(going, name, max(new, 0), t, real, hazards, number, word)
            word[BORN + going], word[SEEN + going] = first, until
            number[DEVIATION + going], number[KNOWN + going] = deviation, known
            going += 0 if ends else 1
        n = going
        decision += 2


@allocating_nothing
def finish(change, arrived, left, born, count, gained, lost, transient):  # type: ignore[no-untyped-def]
    """Counts, gains, losses and what came and went of a dendrite from its tallies, which are set to 0."""
    n_time, n_class = count.shape
    for c in range(n_class):
        here = 0
        for k in range(n_time):
            here += change[k, c]
            count[k, c] = here
    for k in range(n_time - 1):
        gained[k], lost[k] = arrived[k + 1], left[k + 1]
    for k in range(transient.size):
        transient[k] = born[k + 1] - arrived[k + 1]
    change[:] = 0
    arrived[:] = 0
    left[:] = 0
    born[:] = 0


@allocating_nothing
def tally_dendrite(  # type: ignore[no-untyped-def]
    k0, k1, c0, c1, initial, rate, real, whole, sizes, number, word, points, change, arrived, left, born
):
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
                live_together(k0, k1, c0, c1, n, real, whole, hazards, sizes, number, word, change, arrived, left, born)
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
                            k0, k1, c0, c1, n, real, whole, hazards, sizes, number, word, change, arrived, left, born
                        )
                        n = np.int64(0)
            done += ahead
    live_together(k0, k1, c0, c1, n, real, whole, hazards, sizes, number, word, change, arrived, left, born)


@compiled_parallel
def tally(key, first_replicate, initial, scale, real, whole, sizes, count, gained, lost, transient):  # type: ignore[no-untyped-def]
    """Fill ``count`` (replicate, dendrite, time, class), ``gained``, ``lost`` and, if not empty, ``transient``."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_time, n_class = count.shape
    birth_rate = hazards_at(real).birth_rate
    for chunk in numba.prange((n_replicate * n_dendrite + _CHUNK - 1) // _CHUNK):
        number, word, points = np.zeros(NUMBERS), np.zeros(WORDS, np.int64), np.zeros(2 * BATCH)
        change = np.zeros((n_time + 1, n_class), np.int64)
        arrived, left = np.zeros(n_time + 1, np.int64), np.zeros(n_time + 1, np.int64)
        born = np.zeros(n_time + 1 if transient.size > 0 else 0, np.int64)
        for dendrite in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, n_replicate * n_dendrite)):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            rate, c0 = birth_rate * scale[r, d], first_replicate + r
            tally_dendrite(
                k0, k1, c0, d, initial[r, d], rate, real, whole, sizes, number, word, points,
                change, arrived, left, born,
            )  # fmt: skip
            finish(change, arrived, left, born, count[r, d], gained[r, d], lost[r, d], transient[r, d])
