"""Compiled loop for whole histories of spines that interact: one row per spine, by the events of :mod:`.coupled`.

The direct method knows numbers alone. Here each class of a dendrite has a list of the spines in it, and the one to
which an event happens is that at the place where the uniform of the choice falls within the hazard of the class. Those
that were there at the last session come first in a list, so that numbers, gains and losses are those of the other loop.

A spine is called by its turn on its dendrite, the first ones class by class, newborns as they come.
"""

import math

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.coupled import hazard_sums
from synmodel.turnover.kernels.elementary import log

__all__ = ["fill_coupled"]

_NOTHING = -2
_BIRTH = _LOSS = -1


@compiled
def choose(level, course, number, form, mature, eliminate):  # type: ignore[no-untyped-def]
    """The event at ``level`` of the cumulated hazards: dendrite, class before and after, and place in its list.

    A birth comes from class -1, a loss goes to class -1. The scan is that of :func:`.coupled.apply_event`; where
    rounding leads it past the last hazard nothing happens, as there.
    """
    n_dendrite, n_class = number.shape
    for d in range(n_dendrite):
        for c in range(n_class):
            rate = course.births[c] * form[d]
            if level < rate:
                return d, _BIRTH, c, 0
            level -= rate
        for c in range(n_class):
            rate = number[d, c] * course.loss[c] * eliminate[d]
            if level < rate:
                return d, c, _LOSS, min(int(level * number[d, c] / rate), int(number[d, c]) - 1)
            level -= rate
            for j in range(n_class):
                rate = number[d, c] * (course.forward[c, j] * mature[d] + course.backward[c, j])
                if level < rate:
                    return d, c, j, min(int(level * number[d, c] / rate), int(number[d, c]) - 1)
                level -= rate
    return 0, _NOTHING, _NOTHING, 0


@compiled
def take(rows, place, number, old):  # type: ignore[no-untyped-def]
    """Take a row out of a list of ``number``, whose first ``old`` stay first; whether it was one of them."""
    row = rows[place]
    if place < old:
        rows[place] = rows[old - 1]
        rows[old - 1] = rows[number - 1]
        return row, True
    rows[place] = rows[number - 1]
    return row, False


@compiled
def put(rows, row, number, old, is_old):  # type: ignore[no-untyped-def]
    """Add a row to a list of ``number``, whose first ``old`` stay first."""
    if is_old:
        rows[number] = rows[old]
        rows[old] = row
    else:
        rows[number] = row


@compiled
def begin(row, name, day, words, births, deaths, paths):  # type: ignore[no-untyped-def]
    """Begin the history of a spine."""
    words[row], births[row], deaths[row] = name, day, math.inf
    paths[row, :] = -1


@compiled
def settle(initial, offset, day, number, old, ever, rows, words, births, deaths, paths):  # type: ignore[no-untyped-def]
    """Put the first spines of a unit in their lists."""
    for d in range(initial.shape[0]):
        for c in range(initial.shape[1]):
            number[d, c] = old[d, c] = initial[d, c]
            for k in range(initial[d, c]):
                if words.size > 0:
                    row = offset[d] + ever[d]
                    begin(row, ever[d], day, words, births, deaths, paths)
                    paths[row, 0] = c
                    rows[d, c, k] = row
                ever[d] += 1


@compiled
def bear(d, c, batch, day, offset, number, old, ever, rows, words, births, deaths, paths):  # type: ignore[no-untyped-def]
    """Add the spines of a batch, born into class c."""
    for _ in range(batch):
        if words.size > 0:
            row = offset[d] + ever[d]
            begin(row, ever[d], day, words, births, deaths, paths)
            put(rows[d, c], row, int(number[d, c]), int(old[d, c]), False)
        ever[d] += 1
        number[d, c] += 1.0


@compiled
def happen(d, c, j, place, day, number, old, rows, deaths):  # type: ignore[no-untyped-def]
    """Change numbers and lists by a loss or a switch that :func:`choose` found."""
    filling = deaths.size > 0
    row, is_old = np.int64(0), False
    if c >= 0:
        if filling:
            row, is_old = take(rows[d, c], place, int(number[d, c]), int(old[d, c]))
        number[d, c] -= 1.0
        old[d, c] -= 1.0 if is_old else 0.0
    if j >= 0:
        if filling:
            put(rows[d, j], row, int(number[d, j]), int(old[d, j]), is_old)
        number[d, j] += 1.0
        old[d, j] += 1.0 if is_old else 0.0
    elif j == _LOSS and filling:
        deaths[row] = day


@compiled
def record(session, number, old, rows, paths):  # type: ignore[no-untyped-def]
    """Write the class of all spines at a session; all are old from now on."""
    for d in range(number.shape[0]):
        for c in range(number.shape[1]):
            for k in range(int(number[d, c])):
                paths[rows[d, c, k], session] = c
            old[d, c] = number[d, c]


@compiled
def fill_coupled(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, first_dendrite, unit_size, initial, scale, course, coupling, edges,
    offset, n_spine, words, births, deaths, paths,
):  # fmt: skip
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: word, birth, death and path.

    The number that each dendrite ever has goes into ``n_spine`` (replicate, dendrite); without rows, nothing else is
    done. ``unit_size`` dendrites that follow one another interact; cells lie between ``edges``.
    """
    k0, k1 = key[0], key[1]
    _, n_dendrite, n_class = initial.shape
    n_unit = n_dendrite // unit_size
    for unit in range(begin, end):
        r, first = unit // n_unit, (unit % n_unit) * unit_size
        last = first + unit_size
        c0, c1, places = first_replicate + r, first_dendrite + first, offset[r, first:last]
        number, old = np.empty((unit_size, n_class)), np.empty((unit_size, n_class))
        ever = np.zeros(unit_size, np.int64)
        room = n_spine[r, first:last].max() if words.size > 0 else 0
        rows = np.empty((unit_size, n_class, room), np.int64)
        settle(initial[r, first:last], places, edges[0], number, old, ever, rows, words, births, deaths, paths)
        form, mature, eliminate = np.empty(unit_size), np.empty(unit_size), np.empty(unit_size)
        event = 0
        u_wait, u_choice = uniform_pair(k0, k1, c0, c1, event, 0)
        need = -log(u_wait)
        for cell in range(course.step.size):
            left = course.step[cell]
            while True:
                total = hazard_sums(course, coupling, cell, r, first, scale, number, form, mature, eliminate)
                if need >= total * left:
                    need -= total * left
                    break
                left -= need / total
                d, c, j, place = choose(u_choice * total, course, number, form, mature, eliminate)
                day = edges[cell + 1] - left
                if c == _BIRTH:
                    bear(d, j, int(coupling.batch), day, places, number, old, ever, rows, words, births, deaths, paths)
                else:
                    happen(d, c, j, place, day, number, old, rows, deaths)
                event += 1
                u_wait, u_choice = uniform_pair(k0, k1, c0, c1, event, 0)
                need = -log(u_wait)
            if words.size > 0 and course.session[cell] >= 0:
                record(course.session[cell], number, old, rows, paths)
        for d in range(unit_size):
            n_spine[r, first + d] = ever[d]
