"""The coupled engine for dendrites that share no pool, many side by side: the same bits, several times the speed.

``LANES`` dendrites advance together, each by its own next event. A step has loops without a branch, which the compiler
turns into vector instructions over the lanes: one asks which lanes reach the end of their cell before the next event
(:func:`cross`), one chooses the event of all others (:func:`happen`), and one draws their next wait and choice
(:func:`draw`). Borders are many where hazards change in time, and cost no draw: lanes are led over them, one by one,
until only a few are not at an event (:func:`go_on`). What is rare follows there: the tally of a session, and the next
dendrite of the queue once a lane has reached the last session, so no lane waits for another.

All numbers of the lanes lie in rows of one array: with one base address and constant distances the compiler knows that
no row overlaps another. ``moves`` is a tuple of four tuples, of which only the lengths are used: of the classes, those
up to the last one into which spines are born, and the classes that a switch may go forward and backward. They are part
of the type, so each kind of model has a compiled kernel of its own, in which loops over classes are unrolled and events
that never happen are left out. The arithmetic is that of :mod:`synmodel.turnover.kernels.coupled`, operation by
operation: what is left out there is zero.
"""

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled, inlined, wide_vectors
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.elementary import exp, log
from synmodel.turnover.kernels.vectors import aligned, at

__all__ = ["LANES", "lockstep"]

LANES = 64
"""As many as a word has bits, of which each says whether its lane is at a border."""
_FEW = LANES // 8
"""Up to so many lanes may wait at the border of a cell while the others have their events."""
_NEED, _LEFT, _TOTAL, _CHOICE, _WAIT, _MATURE, _BIRTHS, _LOSSES = (LANES * row for row in range(8))
_FORM, _ELIMINATE, _SCALE, _CROWDING, _BALANCE, _CROSSED = (LANES * row for row in range(8, 14))
_NUMBER = LANES * 14
_EVENT, _REPLICATE, _DENDRITE = (LANES * row for row in range(3))
_DONE = -2
"""Number of the dendrite in a lane that has no more."""
_NONE, _ONE, _EXPONENT, _BIAS = np.uint64(0), np.uint64(1), np.uint64(52), np.uint64(1023)


@inlined
def hazard_rows(n_class):  # type: ignore[no-untyped-def]
    """Where births, losses, switches forward and backward begin, and where they end, behind numbers and old numbers."""
    births = _NUMBER + 2 * n_class * LANES
    loss = births + n_class * LANES
    forward = loss + n_class * LANES
    backward = forward + n_class * n_class * LANES
    return births, loss, forward, backward, backward + n_class * n_class * LANES


@allocating_nothing
def regulate(moves, steepness, state):  # type: ignore[no-untyped-def]
    """Hazards of births and losses where spines interact."""
    wide_vectors()
    n_class = len(moves[0])
    for lane in range(LANES):
        n = 0.0
        for c in range(n_class):
            n += state[_NUMBER + c * LANES + lane]
        state[_BIRTHS + lane] = state[_FORM + lane] * max(0.0, 1.0 - n * state[_CROWDING + lane])
        losses = exp(steepness * (n * state[_BALANCE + lane] - 1.0))
        state[_LOSSES + lane] = state[_ELIMINATE + lane] * losses


@allocating_nothing
def cross(moves, state):  # type: ignore[no-untyped-def]
    """Total hazards, and the lanes that reach the end of their cells before their next events, as bits."""
    wide_vectors()
    n_class, n_born, ahead, back = len(moves[0]), len(moves[1]), len(moves[2]), len(moves[3])
    births, loss, forward, backward, _ = hazard_rows(n_class)
    crossing = np.uint64(0)
    for lane in range(LANES):
        form, mature, eliminate = state[_BIRTHS + lane], state[_MATURE + lane], state[_LOSSES + lane]
        total = 0.0
        for c in range(n_born):
            total += state[births + c * LANES + lane] * form
        for c in range(n_class):
            here = state[_NUMBER + c * LANES + lane]
            total += here * state[loss + c * LANES + lane] * eliminate
            for j in range(max(0, c - back), c):
                total += here * state[backward + (c * n_class + j) * LANES + lane]
            for j in range(c + 1, min(n_class, c + ahead + 1)):
                total += here * (state[forward + (c * n_class + j) * LANES + lane] * mature)
        need, gone = state[_NEED + lane], total * state[_LEFT + lane]
        happens = need < gone
        state[_TOTAL + lane] = total
        state[_NEED + lane] = need if happens else need - gone
        state[_CROSSED + lane] = 0.0 if happens else 1.0
        crossing |= np.uint64(0) if happens else _ONE << np.uint64(lane)
    return crossing


@allocating_nothing
def happen(moves, batch, state):  # type: ignore[no-untyped-def]
    """The next event of every lane that has not crossed a border; a hit is one in the lane where the event happens."""
    wide_vectors()
    n_class, n_born, ahead, back = len(moves[0]), len(moves[1]), len(moves[2]), len(moves[3])
    old = _NUMBER + n_class * LANES
    births, loss, forward, backward, _ = hazard_rows(n_class)
    for lane in range(LANES):
        form, mature, eliminate = state[_BIRTHS + lane], state[_MATURE + lane], state[_LOSSES + lane]
        total, rest = state[_TOTAL + lane], state[_LEFT + lane]
        coming = state[_CROSSED + lane] == 0.0
        state[_LEFT + lane] = rest - state[_NEED + lane] / total if coming else rest
        level = state[_CHOICE + lane] * total
        for c in range(n_born):
            rate = state[births + c * LANES + lane] * form
            hit = coming & (level < rate)
            coming = coming ^ hit
            here = state[_NUMBER + c * LANES + lane]
            state[_NUMBER + c * LANES + lane] = here + batch if hit else here
            level -= rate
        for c in range(n_class):
            # Once an event was found, later rates no longer matter, so the state may change under them.
            here, known = state[_NUMBER + c * LANES + lane], state[old + c * LANES + lane]
            rate = here * state[loss + c * LANES + lane] * eliminate
            hit = coming & (level < rate)
            coming = coming ^ hit
            left, left_old = here - 1.0 if hit else here, known - 1.0 if hit & (level * here < rate * known) else known
            level -= rate
            for j in range(max(0, c - back), min(n_class, c + ahead + 1)):
                if j != c:
                    if j < c:
                        rate = here * state[backward + (c * n_class + j) * LANES + lane]
                    else:
                        rate = here * (state[forward + (c * n_class + j) * LANES + lane] * mature)
                    hit = coming & (level < rate)
                    coming = coming ^ hit
                    hit_old = hit & (level * here < rate * known)
                    there, known_there = state[_NUMBER + j * LANES + lane], state[old + j * LANES + lane]
                    state[_NUMBER + j * LANES + lane] = there + 1.0 if hit else there
                    state[old + j * LANES + lane] = known_there + 1.0 if hit_old else known_there
                    left = left - 1.0 if hit else left
                    left_old = left_old - 1.0 if hit_old else left_old
                    level -= rate
            state[_NUMBER + c * LANES + lane] = left
            state[old + c * LANES + lane] = left_old


@allocating_nothing
def draw(k0, k1, word, state):  # type: ignore[no-untyped-def]
    """The wait for the next event, and its choice, in every lane that had one; the others keep theirs."""
    wide_vectors()
    # Loops of their own: in one, each part waits for the other.
    for lane in range(LANES):
        word[_EVENT + lane] += _ONE if state[_CROSSED + lane] == 0.0 else np.uint64(0)
    for lane in range(LANES):
        state[_WAIT + lane], state[_CHOICE + lane] = uniform_pair(
            k0, k1, word[_REPLICATE + lane], word[_DENDRITE + lane], word[_EVENT + lane], np.uint64(0)
        )
    for lane in range(LANES):
        need = -log(state[_WAIT + lane])
        state[_NEED + lane] = need if state[_CROSSED + lane] == 0.0 else state[_NEED + lane]


@inlined
def lowest(bits):  # type: ignore[no-untyped-def]
    """Number of the lowest bit that is set."""
    return (np.float64(bits & (~bits + _ONE)).view(np.uint64) >> _EXPONENT) - _BIAS


@allocating_nothing
def enter(lane, cell, state, course, all_folds, acts):  # type: ignore[no-untyped-def]
    """Give a lane the folds of its next cell; where spines interact, in the rows that :func:`regulate` reads."""
    births, losses = (_FORM, _ELIMINATE) if acts else (_BIRTHS, _LOSSES)
    state[at(_LEFT, lane)] = course.step[cell]
    state[at(births, lane)] = course.formation[cell] * state[at(_SCALE, lane)]
    if all_folds:
        state[at(_MATURE, lane)] = course.maturation[cell]
        state[at(losses, lane)] = course.elimination[cell]


@allocating_nothing
def idle(moves, lane, state):  # type: ignore[no-untyped-def]
    """Leave a lane without spines or hazards."""
    births, _, _, _, _ = hazard_rows(len(moves[0]))
    for row in range(0, births, LANES):
        state[at(row, lane)] = 0.0
    state[at(_NEED, lane)] = state[at(_CROSSED, lane)] = 1.0


@allocating_nothing
def record(moves, lane, me, session, state, seen):  # type: ignore[no-untyped-def]
    """Write what is seen of a dendrite at a session; all its spines are old from now on."""
    n_class = len(moves[0])
    count, gained, lost = seen
    old = _NUMBER + n_class * LANES
    now, kept, before = 0.0, 0.0, 0
    for c in range(n_class):
        here = state[at(_NUMBER + c * LANES, lane)]
        before += count[me, session - 1, c]
        count[me, session, c] = int(here)
        now += here
        kept += state[at(old + c * LANES, lane)]
        state[at(old + c * LANES, lane)] = here
    gained[me, session - 1] = int(now - kept)
    lost[me, session - 1] = before - int(kept)


@allocating_nothing
def load(moves, lane, me, draws, lanes, start, coupling, count):  # type: ignore[no-untyped-def]
    """Give a lane its next dendrite."""
    n_class = len(moves[0])
    k0, k1, first_replicate = draws
    state, word, _, _ = lanes
    initial, scale = start
    old = _NUMBER + n_class * LANES
    r, d = me // initial.shape[1], me % initial.shape[1]
    for c in range(n_class):
        state[at(_NUMBER + c * LANES, lane)] = initial[r, d, c]
        state[at(old + c * LANES, lane)] = initial[r, d, c]
        count[me, 0, c] = initial[r, d, c]
    state[at(_SCALE, lane)] = scale[r, d]
    state[at(_CROWDING, lane)] = coupling.crowding[d]
    state[at(_BALANCE, lane)] = coupling.balance[d]
    word[at(_REPLICATE, lane)] = np.uint64(first_replicate + r)
    word[at(_DENDRITE, lane)] = np.uint64(d)
    word[at(_EVENT, lane)] = np.uint64(0)
    u_wait, u_choice = uniform_pair(k0, k1, first_replicate + r, d, 0, 0)
    state[at(_NEED, lane)] = -log(u_wait)
    state[at(_CHOICE, lane)] = u_choice


@allocating_nothing
def go_on(moves, crossing, queue, draws, lanes, start, ways, seen):  # type: ignore[no-untyped-def]
    """Lead lanes over the borders of their cells; returns how many entered another, of this dendrite or the next.

    ``queue`` is the next dendrite, the one after the last, and how many lanes are busy; ``ways`` are the course,
    whether folds besides that of formation change, the coupling, and whether it acts.
    """
    state, _, dendrite, cell = lanes
    course, all_folds, coupling, acts = ways
    n_cell, entered = np.uint64(course.step.size), 0
    while crossing != 0:
        lane = lowest(crossing)
        crossing &= crossing - _ONE
        me, here = dendrite[lane], cell[lane]
        if me >= 0 and course.session[here] >= 0:
            record(moves, lane, me, course.session[here], state, seen)
        here += _ONE
        if here == n_cell:
            if queue[0] == queue[1]:
                if me != _DONE:
                    dendrite[lane] = _DONE
                    queue[2] -= 1
                idle(moves, lane, state)
                continue
            me = queue[0]
            queue[0] += 1
            dendrite[lane], here = me, _NONE
            load(moves, lane, me, draws, lanes, start, coupling, seen[0])
            enter(lane, here, state, course, True, acts)
        else:
            enter(lane, here, state, course, all_folds, acts)
        cell[lane] = here
        entered += 1
    return entered


@allocating_nothing
def broadcast(moves, state, course):  # type: ignore[no-untyped-def]
    """Hazards of the model to every lane."""
    n_class = len(moves[0])
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
    begin, end, key, first_replicate, initial, scale, course, coupling, moves, count, gained, lost
):
    """Fill zeroed ``count`` (replicate * dendrite, time, class), ``gained`` and ``lost``.

    ``initial`` (replicate, dendrite, class) and ``scale`` (replicate, dendrite) as everywhere, and what else
    :func:`synmodel.turnover.kernels.coupled.run_units` takes.
    """
    k0, k1, n_cell = key[0], key[1], course.step.size
    _, _, _, _, n_state = hazard_rows(len(moves[0]))
    acts, all_folds = coupling.steepness != 0.0, False
    for d in range(coupling.crowding.size):
        acts = acts or coupling.crowding[d] != 0.0
    for i in range(1, n_cell):
        all_folds = all_folds or course.maturation[i] != course.maturation[0]
        all_folds = all_folds or course.elimination[i] != course.elimination[0]
    state, word = aligned(n_state), aligned(3 * LANES).view(np.uint64)
    lanes = (state, word, np.full(LANES, -1), np.full(LANES, np.uint64(n_cell - 1)))
    queue, ways = np.array([begin, end, LANES]), (course, all_folds, coupling, acts)
    draws, start, seen = (k0, k1, first_replicate), (initial, scale), (count, gained, lost)
    broadcast(moves, state, course)
    while queue[2] > 0:
        entered = LANES
        while entered > _FEW:
            if acts:
                regulate(moves, coupling.steepness, state)
            crossing = cross(moves, state)
            entered = go_on(moves, crossing, queue, draws, lanes, start, ways, seen)
        happen(moves, coupling.batch, state)
        draw(k0, k1, word, state)
