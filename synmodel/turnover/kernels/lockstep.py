"""The coupled engine for dendrites that share no pool, many side by side: the same bits, several times the speed.

``LANES`` dendrites advance together, each by its own next step: an event, or the end of a cell. The step has no branch,
so the compiler turns it into vector instructions over the lanes. What is rare follows in a second, plain pass over the
lanes that ended a cell: the folds of the next cell, the tally of a session, and the next dendrite of the queue once a
lane has reached the last session, so no lane waits for another.

All numbers of the lanes lie in rows of one array: with one base address and constant distances the compiler knows that
no row overlaps another. ``classes`` is a tuple of K numbers, of which only the length is used: it is part of the type,
so each K has a compiled kernel of its own, in which loops over classes are unrolled. The arithmetic is that of
:mod:`synmodel.turnover.kernels.coupled`, operation by operation.
"""

import numpy as np

from synmodel.core.compiled import compiled, inlined
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.elementary import exp, log

__all__ = ["LANES", "lockstep"]

LANES = 64
_NEED, _LEFT, _CHOICE, _FORM, _MATURE, _ELIMINATE = (LANES * row for row in range(6))
_SCALE, _CROWDING, _BALANCE, _LOSSES, _CROSSED = (LANES * row for row in range(6, 11))
_NUMBER = LANES * 11
_EVENT, _REPLICATE, _DENDRITE = (LANES * row for row in range(3))


@inlined
def hazard_rows(n_class):  # type: ignore[no-untyped-def]
    """Where births, losses, switches forward and backward begin, and where they end, behind numbers and old numbers."""
    births = _NUMBER + 2 * n_class * LANES
    loss = births + n_class * LANES
    forward = loss + n_class * LANES
    backward = forward + n_class * n_class * LANES
    return births, loss, forward, backward, backward + n_class * n_class * LANES


@compiled
def regulate(classes, state, steepness):  # type: ignore[no-untyped-def]
    """Factor of losses by homeostasis."""
    n_class = len(classes)
    for lane in range(LANES):
        n = 0.0
        for c in range(n_class):
            n += state[_NUMBER + c * LANES + lane]
        state[_LOSSES + lane] = exp(steepness * (n * state[_BALANCE + lane] - 1.0))


@compiled
def advance(classes, k0, k1, batch, word, state):  # type: ignore[no-untyped-def]
    """One step of every lane; a hit is 1 in the lane in which the event happens and 0 elsewhere."""
    n_class = len(classes)
    old = _NUMBER + n_class * LANES
    births, loss, forward, backward, _ = hazard_rows(n_class)
    for lane in range(LANES):
        n = 0.0
        for c in range(n_class):
            n += state[_NUMBER + c * LANES + lane]
        form = state[_FORM + lane] * max(0.0, 1.0 - n * state[_CROWDING + lane])
        mature = state[_MATURE + lane]
        eliminate = state[_ELIMINATE + lane] * state[_LOSSES + lane]
        total = 0.0
        for c in range(n_class):
            total += state[births + c * LANES + lane] * form
        for c in range(n_class):
            here = state[_NUMBER + c * LANES + lane]
            total += here * state[loss + c * LANES + lane] * eliminate
            for j in range(n_class):
                if j != c:
                    total += here * (
                        state[forward + (c * n_class + j) * LANES + lane] * mature
                        + state[backward + (c * n_class + j) * LANES + lane]
                    )
        need, left = state[_NEED + lane], state[_LEFT + lane]
        happens = need < total * left
        state[_CROSSED + lane] = 0.0 if happens else 1.0
        level = state[_CHOICE + lane] * total
        coming = 1.0 if happens else 0.0
        for c in range(n_class):
            rate = state[births + c * LANES + lane] * form
            hit = coming if level < rate else 0.0
            coming -= hit
            state[_NUMBER + c * LANES + lane] += hit * batch
            level -= rate
        for c in range(n_class):
            # Once an event was found, later rates no longer matter, so the state may change under them.
            here, known = state[_NUMBER + c * LANES + lane], state[old + c * LANES + lane]
            rate = here * state[loss + c * LANES + lane] * eliminate
            hit = coming if level < rate else 0.0
            coming -= hit
            gone, gone_old = hit, hit if level * here < rate * known else 0.0
            level -= rate
            for j in range(n_class):
                if j != c:
                    rate = here * (
                        state[forward + (c * n_class + j) * LANES + lane] * mature
                        + state[backward + (c * n_class + j) * LANES + lane]
                    )
                    hit = coming if level < rate else 0.0
                    coming -= hit
                    hit_old = hit if level * here < rate * known else 0.0
                    state[_NUMBER + j * LANES + lane] += hit
                    state[old + j * LANES + lane] += hit_old
                    gone += hit
                    gone_old += hit_old
                    level -= rate
            state[_NUMBER + c * LANES + lane] = here - gone
            state[old + c * LANES + lane] = known - gone_old
        word[_EVENT + lane] += np.uint64(1) if happens else np.uint64(0)
        u_wait, u_choice = uniform_pair(
            k0, k1, word[_REPLICATE + lane], word[_DENDRITE + lane], word[_EVENT + lane], np.uint64(0)
        )
        state[_NEED + lane] = -log(u_wait) if happens else need - total * left
        state[_CHOICE + lane] = u_choice
        state[_LEFT + lane] = left - need / total if happens else 0.0


@compiled
def enter(lane, cell, state, course):  # type: ignore[no-untyped-def]
    """Give a lane the folds of its next cell."""
    state[_LEFT + lane] = course.step[cell]
    state[_FORM + lane] = course.formation[cell] * state[_SCALE + lane]
    state[_MATURE + lane] = course.maturation[cell]
    state[_ELIMINATE + lane] = course.elimination[cell]


@compiled
def idle(classes, lane, state):  # type: ignore[no-untyped-def]
    """Leave a lane without spines or hazards."""
    births, _, _, _, _ = hazard_rows(len(classes))
    for row in range(0, births, LANES):
        state[row + lane] = 0.0
    state[_NEED + lane] = 1.0


@compiled
def record(classes, lane, session, state, count, gained, lost):  # type: ignore[no-untyped-def]
    """Write what is seen of a dendrite at a session; all its spines are old from now on."""
    n_class = len(classes)
    old = _NUMBER + n_class * LANES
    now, kept, before = 0.0, 0.0, 0
    for c in range(n_class):
        here = state[_NUMBER + c * LANES + lane]
        before += count[session - 1, c]
        count[session, c] = int(here)
        now += here
        kept += state[old + c * LANES + lane]
        state[old + c * LANES + lane] = here
    gained[session - 1] = int(now - kept)
    lost[session - 1] = before - int(kept)


@compiled
def load(classes, lane, me, k0, k1, first_replicate, word, state, initial, scale, coupling, count):  # type: ignore[no-untyped-def]
    """Give a lane its next dendrite."""
    n_class = len(classes)
    old = _NUMBER + n_class * LANES
    r, d = me // initial.shape[1], me % initial.shape[1]
    for c in range(n_class):
        state[_NUMBER + c * LANES + lane] = initial[r, d, c]
        state[old + c * LANES + lane] = initial[r, d, c]
        count[0, c] = initial[r, d, c]
    state[_SCALE + lane] = scale[r, d]
    state[_CROWDING + lane] = coupling.crowding[d]
    state[_BALANCE + lane] = coupling.balance[d]
    word[_REPLICATE + lane] = np.uint64(first_replicate + r)
    word[_DENDRITE + lane] = np.uint64(d)
    word[_EVENT + lane] = np.uint64(0)
    u_wait, u_choice = uniform_pair(k0, k1, first_replicate + r, d, 0, 0)
    state[_NEED + lane] = -log(u_wait)
    state[_CHOICE + lane] = u_choice
    state[_LOSSES + lane] = 1.0


@compiled
def broadcast(classes, state, course):  # type: ignore[no-untyped-def]
    """Hazards of the model to every lane."""
    n_class = len(classes)
    births, loss, forward, backward, _ = hazard_rows(n_class)
    for lane in range(LANES):
        for c in range(n_class):
            state[births + c * LANES + lane] = course.births[c]
            state[loss + c * LANES + lane] = course.loss[c]
            for j in range(n_class):
                state[forward + (c * n_class + j) * LANES + lane] = course.forward[c, j]
                state[backward + (c * n_class + j) * LANES + lane] = course.backward[c, j]


@compiled
def lockstep(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, block, initial, scale, course, coupling, classes, count, gained, lost
):
    """Fill zeroed ``count`` (replicate * dendrite, time, class), ``gained`` and ``lost``.

    ``initial`` (replicate, dendrite, class) and ``scale`` (replicate, dendrite) as everywhere, and what else
    :func:`synmodel.turnover.kernels.coupled.run_units` takes; it works through ``block`` dendrites at a time.
    """
    k0, k1 = key[0], key[1]
    n_cell = course.step.size
    _, _, _, _, n_state = hazard_rows(len(classes))
    for first in range(begin, end, block):
        state = np.zeros(n_state)
        word = np.zeros(3 * LANES, np.uint64)
        dendrite, cell = np.full(LANES, -1), np.zeros(LANES, np.int64)
        queue, last = first, min(first + block, end)
        busy = LANES
        state[_LOSSES : _LOSSES + LANES] = 1.0
        state[_CROSSED : _CROSSED + LANES] = 1.0
        cell[:] = n_cell - 1
        broadcast(classes, state, course)
        while busy > 0:
            for lane in range(LANES):
                if state[_CROSSED + lane] == 0.0:
                    continue
                me = dendrite[lane]
                if me >= 0 and course.session[cell[lane]] >= 0:
                    record(classes, lane, course.session[cell[lane]], state, count[me], gained[me], lost[me])
                cell[lane] += 1
                if cell[lane] < n_cell:
                    enter(lane, cell[lane], state, course)
                    continue
                cell[lane] = n_cell - 1
                if queue == last:
                    if me != -2:
                        dendrite[lane] = -2
                        busy -= 1
                    idle(classes, lane, state)
                    continue
                me = queue
                queue += 1
                dendrite[lane], cell[lane] = me, 0
                load(classes, lane, me, k0, k1, first_replicate, word, state, initial, scale, coupling, count[me])
                enter(lane, cell[lane], state, course)
            if coupling.steepness != 0.0:
                regulate(classes, state, coupling.steepness)
            advance(classes, k0, k1, coupling.batch, word, state)
