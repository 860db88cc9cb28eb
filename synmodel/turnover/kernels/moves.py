"""What ends the stay of each of a batch of spines in its class: clocks for loss and for switches, run as vectors.

Numbers of a batch lie in two flat arrays, ``number`` and ``word``, of rows of 256 places: variates and then times,
when each spine came to its class, mean stays, the deviation of ln w and when it was known; the four words of the
counter of its next draws, its class, the sessions between which it is followed, its row in a table and the first
session without a width (``BLANK``). Spines of a batch may belong to several dendrites and be at several decisions.

Where losses depend on head width (:mod:`synmodel.turnover.size`), a loss is a candidate at the largest multiplier. The
deviation of ln w is then drawn from where it was known last, and a candidate that is not taken leaves the spine in its
class, as a decision like any other. Widths at sessions are drawn later, between the candidates before and after
(a Gaussian bridge), so they change nothing of a life.
"""

import math
from typing import NamedTuple

import numpy as np

from synmodel.core.compiled import allocating_nothing, inlined, wide_vectors
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.clocks import FOLD_SIZE, RULER_SIZE, Fold, Ruler, cell_of, fold_at, ruler_at, waiting_end
from synmodel.turnover.kernels.elementary import exp, log

__all__ = [
    "BATCH",
    "BLANK",
    "BORN",
    "CLASS",
    "DEVIATION",
    "DEVIATION_BEFORE",
    "FIRST_DECISION",
    "HEADER",
    "KNOWN",
    "KNOWN_BEFORE",
    "LOSS",
    "NAME",
    "NEW",
    "NUMBERS",
    "ROW",
    "SEEN",
    "STEP",
    "TIME",
    "UNIT",
    "UNTIL",
    "WORDS",
    "Hazards",
    "Sizes",
    "at_decision",
    "bridge",
    "fill_places",
    "hazards_at",
    "high",
    "low",
    "mark_sessions",
    "move",
    "pick",
    "unit_of",
    "whole_vectors",
]

HEADER = 3 * FOLD_SIZE + RULER_SIZE + 13
"""Numbers of the Hazards, with which ``real`` begins."""

BATCH = 256
"""Spines that are taken together."""
_VECTOR = 8
"""Loops without a branch run to a multiple of it, over stale numbers behind the last spine, to have no slow rest."""
LOSS, _FORWARD, _BACKWARD, _CHOICE, TIME, DEVIATION, KNOWN, DEVIATION_BEFORE, KNOWN_BEFORE = (
    BATCH * row for row in range(9)
)
UNIT, NAME, CLASS, BORN, SEEN, NEW, UNTIL, ROW, BLANK = (BATCH * row for row in range(9))
NUMBERS, WORDS = 9 * BATCH, 9 * BATCH
FIRST_DECISION = 2
"""Number of the first decision, behind those of a birth; each takes two."""
STEP = 2 << 32
"""By how much a name grows from one decision to the next."""
_SPARED = 3
_SIZE = 1 << 20
"""Decisions of the same number plus this: the width at a candidate; plus twice this: the width at a session."""
_FEW_SESSIONS = 24
"""Up to so many are compared one by one."""


class Hazards(NamedTuple):
    """What the kernels need of a model and a Drive: folds, sessions, rates; lengths, and places in ``real``.

    ``strip_end`` (n_strip) is the last time at which the fold of births reaches into each strip, ``strip_full`` whether
    it fills the strip until then; ``births`` (K) cumulated births by class and ``birth_rate`` their total per day;
    ``loss``, ``stay_forward`` and ``stay_backward`` (K) mean times to each ending at fold 1; ``forward`` and
    ``backward`` (K, K) switching hazards to later and earlier classes, cumulated along rows; ``target`` (K, 4) class
    after a loss (-1), a switch forward, one backward and none, where there is no choice; ``second`` is 1 if any class
    needs a second block of draws.
    """

    elimination: Fold
    maturation: Fold
    formation: Fold
    session: Ruler
    n_strip: int
    strip_end: int
    strip_full: int
    n_class: int
    births: int
    loss: int
    stay_forward: int
    stay_backward: int
    forward: int
    backward: int
    target: int
    second: int
    birth_rate: float


class Sizes(NamedTuple):
    """How losses depend on head width: places in ``real``, and numbers as in :class:`synmodel.turnover.SizeLoss`.

    ``shift`` is the mean of ln w where each cell of ``head_size`` begins. Kernels are given the array of these numbers,
    or None where losses do not depend on width: the code for it is then not even compiled.
    """

    head_size: Fold
    shift: int
    most: float
    steepness: float
    log_sd: float
    reversion: float
    response: float


@allocating_nothing
def hazards_at(real):  # type: ignore[no-untyped-def]
    """Hazards from the numbers with which ``real`` begins."""
    k = 3 * FOLD_SIZE + RULER_SIZE
    return Hazards(
        fold_at(real, 0),
        fold_at(real, FOLD_SIZE),
        fold_at(real, 2 * FOLD_SIZE),
        ruler_at(real, 3 * FOLD_SIZE),
        int(real[k]),
        int(real[k + 1]),
        int(real[k + 2]),
        int(real[k + 3]),
        int(real[k + 4]),
        int(real[k + 5]),
        int(real[k + 6]),
        int(real[k + 7]),
        int(real[k + 8]),
        int(real[k + 9]),
        int(real[k + 10]),
        int(real[k + 11]),
        real[k + 12],
    )


@inlined
def sizes_at(sizes):  # type: ignore[no-untyped-def]
    """Sizes from the array of their numbers."""
    k = FOLD_SIZE
    return Sizes(fold_at(sizes, 0), int(sizes[k]), sizes[k + 1], sizes[k + 2], sizes[k + 3], sizes[k + 4], sizes[k + 5])


@inlined
def session_after(real, whole, session, t):  # type: ignore[no-untyped-def]
    """Number of the first session at t or later; the number of sessions if there is none."""
    b = min(max(int((t - session.first) * session.per_unit), 0), session.bins - 1)
    k = whole[session.low + b]
    while k < session.size and real[session.marks + k] < t:
        k += 1
    return k


@inlined
def pick(real, place, n, u):  # type: ignore[no-untyped-def]
    """First of n cumulated weights that exceeds u times their total."""
    j = 0
    level = u * real[place + n - 1]
    while j < n - 1 and level >= real[place + j]:
        j += 1
    return j


@inlined
def unit_of(c0, c1):  # type: ignore[no-untyped-def]
    """Replicate and dendrite as one number, the first two words of a counter."""
    return np.int64(c0) + (np.int64(c1) << np.int64(32))


@inlined
def at_decision(name, decision):  # type: ignore[no-untyped-def]
    """Word of a spine and number of its decision as one number, the last two words of a counter."""
    return np.int64(name) + (np.int64(decision) << np.int64(32))


@inlined
def low(number):  # type: ignore[no-untyped-def]
    """The first of two words in one number."""
    return np.uint64(number) & np.uint64(0xFFFFFFFF)


@inlined
def high(number):  # type: ignore[no-untyped-def]
    """The second of two words in one number."""
    return np.uint64(number) >> np.uint64(32)


@allocating_nothing
def fill_places(first, n, unit, row, sizes, number, word):  # type: ignore[no-untyped-def]
    """What the spines on places ``first`` to n have in common before their first decision."""
    for i in range(first, n):
        word[UNIT + i] = unit
        word[ROW + i] = row
    if sizes is not None:
        for i in range(first, n):
            number[DEVIATION + i] = 0.0
            number[KNOWN + i] = -math.inf


@inlined
def whole_vectors(n):  # type: ignore[no-untyped-def]
    """n, up to the next multiple of a vector."""
    return (n + _VECTOR - 1) // _VECTOR * _VECTOR


@allocating_nothing
def draw_moves(k0, k1, n, second, number, word):  # type: ignore[no-untyped-def]
    """Exponential variates of the next decision of the first n spines, and a uniform for the choice of a class.

    Where no class switches both ways, or one way to several classes, one block of draws is enough.
    """
    wide_vectors()
    # Loops of their own: in one, logarithms would wait for draws.
    for i in range(whole_vectors(n)):
        unit, name = word[UNIT + i], word[NAME + i]
        number[LOSS + i], number[_FORWARD + i] = uniform_pair(k0, k1, low(unit), high(unit), low(name), high(name))
    for i in range(whole_vectors(n)):
        number[LOSS + i] = -log(number[LOSS + i])
    for i in range(whole_vectors(n)):
        number[_FORWARD + i] = number[_BACKWARD + i] = -log(number[_FORWARD + i])
    if second:
        for i in range(whole_vectors(n)):
            unit, name = word[UNIT + i], word[NAME + i]
            number[_BACKWARD + i], number[_CHOICE + i] = uniform_pair(
                k0, k1, low(unit), high(unit), low(name), high(name) + np.uint64(1)
            )
        for i in range(whole_vectors(n)):
            number[_BACKWARD + i] = -log(number[_BACKWARD + i])


@allocating_nothing
def stretch(n, real, hazards, number, word):  # type: ignore[no-untyped-def]
    """Multiply the variates by the mean stays of the classes of the spines, infinite for what never comes."""
    wide_vectors()
    # Class by class and rows as arrays of their own: places that are looked up keep a loop from becoming vectors.
    loss, forward = number[LOSS : LOSS + BATCH], number[_FORWARD : _FORWARD + BATCH]
    backward, own = number[_BACKWARD : _BACKWARD + BATCH], word[CLASS : CLASS + BATCH]
    for c in range(hazards.n_class):
        lost, ahead, back = real[hazards.loss + c], real[hazards.stay_forward + c], real[hazards.stay_backward + c]
        for i in range(whole_vectors(n)):
            loss[i] *= lost if own[i] == c else 1.0
            forward[i] *= ahead if own[i] == c else 1.0
            backward[i] *= back if own[i] == c else 1.0


@allocating_nothing
def wait(n, row, fold, real, whole, number):  # type: ignore[no-untyped-def]
    """Turn the stays of a row at fold 1 into times."""
    wide_vectors()
    if fold.day.size == 2:
        value, last = real[fold.value], real[fold.day.marks + 1]
        since, stay = number[TIME : TIME + BATCH], number[row : row + BATCH]
        for i in range(whole_vectors(n)):
            at = since[i] + stay[i] / value
            stay[i] = at if at < last else math.inf
    else:
        for i in range(n):
            number[row + i] = waiting_end(real, whole, fold, number[TIME + i], number[row + i])


@inlined
def normal(k0, k1, c0, c1, name, counter):  # type: ignore[no-untyped-def]
    """A standard normal variate (Box and Muller 1958)."""
    radius, angle = uniform_pair(k0, k1, c0, c1, name, counter)
    return math.sqrt(-2.0 * log(radius)) * math.cos(2.0 * math.pi * angle)


@allocating_nothing
def spare_large(k0, k1, n, real, whole, sizes, number, word):  # type: ignore[no-untyped-def]
    """Draw the widths of spines whose next event is a candidate for loss, and keep those that are spared."""
    law = sizes_at(sizes)
    for i in range(n):
        at = number[LOSS + i]
        if word[NEW + i] == 0 and at < math.inf:
            unit, spine = word[UNIT + i], word[NAME + i]
            c0, c1, name, decision = low(unit), high(unit), low(spine), np.int64(high(spine))
            kept = exp(-law.reversion * (at - number[KNOWN + i]))
            noise = normal(k0, k1, c0, c1, name, decision + _SIZE)
            deviation = kept * number[DEVIATION + i] + math.sqrt(1.0 - kept * kept) * law.log_sd * noise
            number[DEVIATION + i], number[KNOWN + i] = deviation, at
            cell = cell_of(real, whole, law.head_size.day, at)
            # The fold of head size is held as it is, its logarithm is where the mean goes.
            towards = math.log(real[law.head_size.value + cell])
            since = at - real[law.head_size.day.marks + cell]
            shift = towards + (real[law.shift + cell] - towards) * exp(-law.response * since)
            spared = 1.0 + (law.most - 1.0) * exp(law.steepness * (shift + deviation))
            u, _ = uniform_pair(k0, k1, c0, c1, name, decision + 1 + _SIZE)
            if u * spared >= 1.0:
                word[NEW + i] = _SPARED


@allocating_nothing
def bridge(k0, k1, c0, c1, name, first, stop, before, x, after, y, real, hazards, sizes, deviation):  # type: ignore[no-untyped-def]
    """Deviations at sessions ``first`` up to, not including, ``stop``, between those known before and after."""
    law = sizes_at(sizes)
    for k in range(first, stop):
        t = real[hazards.session.marks + k]
        r = exp(-law.reversion * (t - before))
        q = exp(-law.reversion * (after - t))
        free = 1.0 - (r * q) ** 2
        mean = (r * (1.0 - q * q) * x + q * (1.0 - r * r) * y) / free if free > 0.0 else x
        variance = (1.0 - r * r) * (1.0 - q * q) / free if free > 0.0 else 0.0
        x = mean + law.log_sd * math.sqrt(variance) * normal(k0, k1, c0, c1, name, k + 2 * _SIZE)
        before = t
        deviation[k] = x


@inlined
def move(k0, k1, n, real, whole, hazards, sizes, number, word):  # type: ignore[no-untyped-def]
    """What ends the stay of each of n spines in its class: the time into row ``LOSS``, the class into row ``NEW``.

    Class -1 means lost, the same class that a large spine was spared. Loss and switches run on clocks of their own, so
    a change of one hazard leaves the others' draws alone.
    """
    wide_vectors()
    draw_moves(k0, k1, n, hazards.second, number, word)
    stretch(n, real, hazards, number, word)
    # Numbers of one type, or each literal would have its own compiled copy.
    wait(n, np.int64(LOSS), hazards.elimination, real, whole, number)
    wait(n, np.int64(_FORWARD), hazards.maturation, real, whole, number)
    for i in range(whole_vectors(n)):
        at = number[TIME + i] + number[_BACKWARD + i]
        forward, loss = number[_FORWARD + i], number[LOSS + i]
        back = at < forward
        first = at if back else forward
        switches = first < loss
        number[LOSS + i] = first if switches else loss
        word[NEW + i] = (2 if back else 1) if switches else 0
    if sizes is not None:
        spare_large(k0, k1, n, real, whole, sizes, number, word)
    n_class = hazards.n_class
    if hazards.second:
        for i in range(n):
            kind, c = word[NEW + i], word[CLASS + i]
            if 0 < kind < _SPARED:
                weights = (hazards.backward if kind == 2 else hazards.forward) + c * n_class
                word[NEW + i] = pick(real, weights, n_class, number[_CHOICE + i])
            else:
                word[NEW + i] = int(real[hazards.target + 4 * c + kind])
    else:
        for i in range(whole_vectors(n)):
            place = hazards.target + 4 * word[CLASS + i] + word[NEW + i]
            word[NEW + i] = int(real[np.uint64(place)])
    mark_sessions(0, n, LOSS, UNTIL, real, whole, hazards.session, number, word)


@allocating_nothing
def mark_sessions(first, n, times, marks, real, whole, session, number, word):  # type: ignore[no-untyped-def]
    """First session at or after each of the times in row ``times`` from place ``first`` on, into row ``marks``.

    Rows are given as literals and compiled in, here alone: without it the engine takes a third longer.
    """
    wide_vectors()
    if session.size <= _FEW_SESSIONS:
        begin = first // _VECTOR * _VECTOR  # spines before the first one get what they have
        mark, time = word[marks + begin : marks + BATCH], number[times + begin : times + BATCH]
        for i in range(whole_vectors(n) - begin):
            mark[i] = 0
        for k in range(session.size):
            day = real[session.marks + k]
            for i in range(whole_vectors(n) - begin):
                mark[i] += 1 if day < time[i] else 0
    else:
        for i in range(first, n):
            t = number[times + i]
            word[marks + i] = session.size if t == math.inf else session_after(real, whole, session, t)
