"""Compiled loops for whole histories: one row per spine, by the decisions of the events engine (:mod:`.events`)."""

import math

import numba
import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled_parallel
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.births import ARRIVAL, born_word, class_at_birth, is_born
from synmodel.turnover.kernels.elementary import log
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
    low,
    mark_sessions,
    move,
    unit_of,
    whole_vectors,
)  # fmt: skip

__all__ = ["fill_spines"]

_CHUNK = 16
"""Dendrites for which a thread makes its arrays once."""


@allocating_nothing
def list_born(k0, k1, c0, c1, initial, scale, real, whole, row, words, births, paths):  # type: ignore[no-untyped-def]
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
    for strip in range(hazards.n_strip if rate > 0.0 else 0):
        t, end, point = start, real[hazards.strip_end + strip], np.int64(0)
        while t < end:
            spine = born_word(strip, point)
            u_wait, u_height = uniform_pair(k0, k1, c0, c1, spine, ARRIVAL)
            t += -log(u_wait) / rate
            point += 1
            if t < end and is_born(real, whole, hazards, strip, u_height, t):
                if filling:
                    words[row], births[row] = spine, t
                    paths[row, 0] = class_at_birth(k0, k1, c0, c1, spine, real, hazards)
                row += 1
    return row - first


@allocating_nothing
def follow(k0, k1, c0, c1, first, n, real, whole, sizes, number, word, words, births, deaths, paths, deviations):  # type: ignore[no-untyped-def]
    """Lives of the n spines in rows from ``first`` on: class at each session, -1 when absent, and day of loss.

    It is infinite for those that outlive the last session. On entry the class at birth is where a path begins.
    """
    hazards = hazards_at(real)
    n_time = hazards.session.size
    fill_places(0, n, unit_of(c0, c1), 0, number, word)
    for i in range(n):
        row = first + i
        word[NAME + i], word[ROW + i] = at_decision(words[row], FIRST_DECISION), row
        word[CLASS + i], number[TIME + i] = paths[row, 0], births[row]
        paths[row, :] = -1
    mark_sessions(0, n, TIME, SEEN, real, whole, hazards.session, number, word)
    for i in range(n):
        word[BLANK + i] = word[SEEN + i]
    while n > 0:
        for i in range(whole_vectors(n)):
            number[DEVIATION_BEFORE + i], number[KNOWN_BEFORE + i] = number[DEVIATION + i], number[KNOWN + i]
        move(k0, k1, n, real, whole, hazards, sizes, number, word)
        going = 0
        for i in range(n):
            row, name, until, new = word[ROW + i], word[NAME + i], word[UNTIL + i], word[NEW + i]
            t, blank = number[LOSS + i], word[BLANK + i]
            deviation, known = number[DEVIATION + i], number[KNOWN + i]
            paths[row, word[SEEN + i] : until] = word[CLASS + i]
            if sizes is not None:
                # To a candidate for loss, or to the last session; what is known behind it does not matter.
                x, before = number[DEVIATION_BEFORE + i], number[KNOWN_BEFORE + i]
                after, y = (t, deviation) if known > before else (math.inf, 0.0)
                if known > before or until == n_time:
                    bridge(
                        k0,
                        k1,
                        c0,
                        c1,
                        low(name),
                        blank,
                        until,
                        before,
                        x,
                        after,
                        y,
                        real,
                        hazards,
                        sizes,
                        deviations[row],
                    )
                    blank = until
            if until == n_time or new < 0:
                deaths[row] = math.inf if until == n_time else t
            else:
                word[UNIT + going], word[NAME + going], word[ROW + going] = word[UNIT + i], name + STEP, row
                word[CLASS + going], number[TIME + going] = new, t
                word[SEEN + going], word[BLANK + going] = until, blank
                number[DEVIATION + going], number[KNOWN + going] = deviation, known
                going += 1
        n = going


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
    for chunk in numba.prange((n_all + _CHUNK - 1) // _CHUNK):
        number, word = np.zeros(NUMBERS), np.zeros(WORDS, np.int64)
        for dendrite in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, n_all)):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            c0, c1, row = first_replicate + r, first_dendrite + d, offset[r, d]
            n = list_born(k0, k1, c0, c1, initial[r, d], scale[r, d], real, whole, row, words, births, paths)
            n_spine[r, d] = n
            for first in range(row, row + (n if words.size > 0 else 0), BATCH):
                batch = (first, min(row + n - first, BATCH), real, whole, sizes, number, word)
                follow(k0, k1, c0, c1, *batch, words, births, deaths, paths, deviations)
