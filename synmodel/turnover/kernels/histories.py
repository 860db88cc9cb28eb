"""Compiled loops for whole histories: one row per spine, by the decisions of the events engine (:mod:`.events`)."""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
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
from synmodel.turnover.kernels.vectors import aligned

__all__ = ["fill_spines", "list_births"]


@compiled
def list_births(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, first_dendrite, scale, real, whole, place, n_born, words, days
):
    """Words and days of the spines that are born on each dendrite, from ``place`` (dendrite + 1,) on.

    All are counted in ``n_born`` (replicate, dendrite), and as many are written as there are places.
    """
    k0, k1 = key[0], key[1]
    n_dendrite = scale.shape[1]
    points, hazards = np.empty(2 * BATCH), hazards_at(real)
    for dendrite in range(begin, end):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0, c1, rate = first_replicate + r, first_dendrite + d, hazards.birth_rate * scale[r, d]
        at, last = np.uint64(place[dendrite]), np.uint64(place[dendrite + 1])
        for strip in range(hazards.n_strip if rate > 0.0 else 0):
            t, stop, done = real[hazards.session.marks], real[hazards.strip_end + strip], 0
            while t < stop:
                ahead = min(int(rate * (stop - t)) + 8, BATCH)
                draw_points(k0, k1, c0, c1, ahead, strip, done, rate, points)
                for i in range(ahead):
                    t += points[i]
                    if t >= stop:
                        break
                    if at < last:
                        words[at], days[at] = born_word(strip, done + i), t
                    at += np.uint64(1) if is_born(real, whole, hazards, strip, points[BATCH + i], t) else np.uint64(0)
                done += ahead
        n_born[r, d] = np.int64(at) - place[dendrite]


@allocating_nothing
def take_in(n, more, unit, row, words, births, sizes, pool):  # type: ignore[no-untyped-def]
    """Put ``more`` spines from row ``row`` on onto places from n on, before their first decision."""
    number, word = pool
    fill_places(n, n + more, unit, row, sizes, number, word)
    # Rows as arrays of their own, so that the loop becomes vectors.
    name, own, time = word[NAME + n :], word[ROW + n :], number[TIME + n :]
    given, born = words[row : row + more], births[row : row + more]
    for i in range(more):
        name[i] = at_decision(given[i], FIRST_DECISION)
        own[i] = row + i
        time[i] = born[i]


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
        spine_class, seen, path = word[CLASS + i], word[SEEN + i], paths[np.uint64(row)]
        if i < old:
            for k in range(seen, until):
                path[k] = spine_class
        else:
            # A whole row without a branch: how long a spine is seen could not be predicted.
            for k in range(n_time):
                path[k] = spine_class if seen <= k < until else -1
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
        deaths[np.uint64(row)] = math.inf if until == n_time else t
        # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
        word[UNIT + going], word[NAME + going], word[ROW + going] = unit, name + STEP, row
        word[CLASS + going], number[TIME + going] = max(new, 0), t
        word[SEEN + going], word[BLANK + going] = until, blank
        going += 0 if ends else 1
    return going


@compiled
def fill_spines(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, first_dendrite, initial, born, real, whole, sizes,
    offset, words, births, deaths, paths, deviations,
):  # fmt: skip
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: word, birth, death, path and deviations.

    ``born`` are the places, numbers, words and days of :func:`list_births`. Deviations of ln w are filled in if losses
    depend on them.
    """
    k0, k1 = key[0], key[1]
    place, n_born, born_words, days = born
    _, n_dendrite, n_class = initial.shape
    number, word = aligned(NUMBERS), aligned(WORDS).view(np.int64)
    pool, hazards = (number, word), hazards_at(real)
    alike, start, n, old = born_alike(real, hazards), real[hazards.session.marks], np.int64(0), np.int64(0)
    for dendrite in range(begin, end):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0, c1, row, turn = first_replicate + r, first_dendrite + d, offset[r, d], np.int64(0)
        for c in range(n_class + 1):
            left = n_born[r, d] if c == n_class else initial[r, d, c]
            name, day = words[row : row + left], births[row : row + left]
            if c == n_class:
                at = place[dendrite]
                own_word, own_day = born_words[at : at + left], days[at : at + left]
                for i in range(left):
                    name[i], day[i] = own_word[i], own_day[i]
            else:
                for i in range(left):
                    name[i], day[i] = turn + i, start
                turn += left
            while left > 0:
                while n == BATCH:
                    n = old = follow(k0, k1, n, old, real, whole, hazards, sizes, pool, deaths, paths, deviations)
                more = min(left, BATCH - n)
                take_in(n, more, unit_of(c0, c1), row, words, births, sizes, pool)
                for i in range(more):
                    word[CLASS + n + i] = 0 if c == n_class else c
                if c == n_class and not alike:
                    for i in range(more):
                        word[CLASS + n + i] = class_at_birth(k0, k1, c0, c1, words[row + i], real, hazards)
                row, left, n = row + more, left - more, n + more
    while n > 0:
        n = old = follow(k0, k1, n, old, real, whole, hazards, sizes, pool, deaths, paths, deviations)
