"""Compiled loops for whole histories: one row per spine, by the decisions of the events engine (:mod:`.events`)."""

import math

import numba
import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled_parallel
from synmodel.turnover.kernels.births import born_alike, born_word, class_at_birth, draw_points, is_born
from synmodel.turnover.kernels.moves import (
    BATCH,
    BLANK,
    CLASS,
    DEVIATION,
    DEVIATION_BEFORE,
    FIRST_DECISION,
    KNOWN,
    KNOWN_BEFORE,
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
    bridge,
    fill_places,
    hazards_at,
    high,
    low,
    mark_sessions,
    move,
    unit_of,
    whole_vectors,
)  # fmt: skip

__all__ = ["fill_spines"]

_DENDRITES = 64
"""Dendrites whose spines share places."""


@allocating_nothing
def list_born(k0, k1, c0, c1, initial, scale, real, whole, row, points, words, births, paths):  # type: ignore[no-untyped-def]
    """How many spines a dendrite ever has; if there are rows, their words, births and first classes from ``row`` on."""
    hazards = hazards_at(real)
    start, rate = real[hazards.session.marks], hazards.birth_rate * scale
    filling = words.size > 0
    first, name = row, np.int64(0)
    for c in range(initial.size):
        for _ in range(initial[c]):
            if filling:
                words[row], births[row], paths[row, 0] = name, start, c
            name += 1
            row += 1
    alike = born_alike(real, hazards)
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
                    if filling:
                        spine = born_word(strip, done + i)
                        words[row], births[row] = spine, t
                        paths[row, 0] = 0 if alike else class_at_birth(k0, k1, c0, c1, spine, real, hazards)
                    row += 1
            done += ahead
    return row - first


@allocating_nothing
def follow(k0, k1, n, old, real, whole, hazards, sizes, pool, deaths, paths, deviations):  # type: ignore[no-untyped-def]
    """The next decision of n spines, of which the first ``old`` have made one before; returns how many go on.

    Their rows get the class at each session up to the decision and the day of loss, infinite for those that outlive the
    last session.
    """
    number, word = pool
    n_time = hazards.session.size
    mark_sessions(old, n, TIME, SEEN, real, whole, hazards.session, number, word)
    for i in range(old, n):
        word[BLANK + i] = word[SEEN + i]
    if sizes is not None:
        for i in range(whole_vectors(n)):
            number[DEVIATION_BEFORE + i], number[KNOWN_BEFORE + i] = number[DEVIATION + i], number[KNOWN + i]
    move(k0, k1, n, real, whole, hazards, sizes, number, word)
    going = 0
    for i in range(n):
        row, name, until, new = word[ROW + i], word[NAME + i], word[UNTIL + i], word[NEW + i]
        t, blank, unit = number[LOSS + i], word[BLANK + i], word[UNIT + i]
        spine_class = word[CLASS + i]
        for k in range(word[SEEN + i], until):
            paths[row, k] = spine_class
        if sizes is not None:
            # To a candidate for loss, or to the last session; what is known behind it does not matter.
            deviation, known = number[DEVIATION + i], number[KNOWN + i]
            x, before = number[DEVIATION_BEFORE + i], number[KNOWN_BEFORE + i]
            after, y = (t, deviation) if known > before else (math.inf, 0.0)
            if known > before or until == n_time:
                c0, c1 = low(unit), high(unit)
                bridge(
                    k0, k1, c0, c1, low(name), blank, until, before, x, after, y, real, hazards, sizes, deviations[row]
                )
                blank = until
            number[DEVIATION + going], number[KNOWN + going] = deviation, known
        ends = until == n_time or new < 0
        if ends:
            deaths[row] = math.inf if until == n_time else t
        # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
        word[UNIT + going], word[NAME + going], word[ROW + going] = unit, name + STEP, row
        word[CLASS + going], number[TIME + going] = max(new, 0), t
        word[SEEN + going], word[BLANK + going] = until, blank
        going += 0 if ends else 1
    return going


@compiled_parallel
def fill_spines(  # type: ignore[no-untyped-def]
    key, first_replicate, first_dendrite, initial, scale, real, whole, sizes,
    offset, n_spine, words, births, deaths, paths, deviations,
):  # fmt: skip
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: word, birth, death, path and deviations.

    The number that each dendrite ever has goes into ``n_spine`` (replicate, dendrite); without rows, nothing else is
    done. Deviations of ln w are filled in if losses depend on them.
    """
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, _ = initial.shape
    n_all = n_replicate * n_dendrite
    for group in numba.prange((n_all + _DENDRITES - 1) // _DENDRITES):
        number, word, points = np.zeros(NUMBERS), np.zeros(WORDS, np.int64), np.zeros(2 * BATCH)
        pool, hazards = (number, word), hazards_at(real)
        n, old = np.int64(0), np.int64(0)
        for dendrite in range(group * _DENDRITES, min((group + 1) * _DENDRITES, n_all)):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            c0, c1, row = first_replicate + r, first_dendrite + d, offset[r, d]
            born = list_born(k0, k1, c0, c1, initial[r, d], scale[r, d], real, whole, row, points, words, births, paths)
            n_spine[r, d] = born
            end = row + (born if words.size > 0 else 0)
            while row < end:
                while n == BATCH:
                    n = old = follow(k0, k1, n, old, real, whole, hazards, sizes, pool, deaths, paths, deviations)
                more = min(end - row, BATCH - n)
                fill_places(n, n + more, unit_of(c0, c1), row, number, word)
                for i in range(n, n + more):
                    word[NAME + i], word[ROW + i] = at_decision(words[row], FIRST_DECISION), row
                    word[CLASS + i], number[TIME + i] = paths[row, 0], births[row]
                    paths[row, :] = -1
                    row += 1
                n += more
        while n > 0:
            n = old = follow(k0, k1, n, old, real, whole, hazards, sizes, pool, deaths, paths, deviations)
