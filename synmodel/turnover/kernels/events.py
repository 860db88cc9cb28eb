"""Compiled loops of the events engine: every birth, switch and loss by exact integration of its hazard.

Births are points of a Poisson process on (time, height): strip s holds heights s to s + 1 and is filled at the baseline
rate from the first session on, a point counts if its height lies below the fold. So a drug adds spines to those of the
control and moves none of them. Nothing else is thinned: a wait ends where a clock says (:mod:`.clocks`).

The counter of a draw is (replicate, dendrite, spine, decision). A spine's word is its number among the first
spines, or ``BORN`` + strip * 2**24 + its number within the strip.

:func:`tally` takes the spines of a dendrite together: draws and logarithms of all their next decisions are made as
vectors, then each spine takes its own, and those that go on come closer together. :func:`fill_spines` follows one spine
after another through the same decisions, for whole histories; both meet the same bits.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from synmodel.compiled import allocating_nothing, compiled_parallel, inlined
from synmodel.randomness.philox import uniform_pair
from synmodel.turnover.kernels.clocks import FOLD_SIZE, RULER_SIZE, Fold, Ruler, cell_of, fold_at, ruler_at, waiting_end
from synmodel.turnover.kernels.elementary import log

__all__ = ["HEADER", "LARGEST_FOLD", "Hazards", "count_spines", "fill_spines", "tally"]

LARGEST_FOLD = 128
BORN = 1 << 30
_STRIP = 1 << 24
_ARRIVAL = 0
_CLASS_AT_BIRTH = 1
_FIRST_STEP = 2

HEADER = 3 * FOLD_SIZE + RULER_SIZE + 13
"""Numbers of the Hazards, with which ``real`` begins."""

_BATCH = 256
"""Spines that are taken together."""
_VECTOR = 8
"""Loops without a branch run to a multiple of it, over stale numbers behind the last spine, to have no slow rest."""
_LOSS, _FORWARD, _BACKWARD, _CHOICE, _TIME, _STAY_LOSS, _STAY_FORWARD, _STAY_BACKWARD = (
    _BATCH * row for row in range(8)
)
_WORD, _CLASS, _BORN, _SEEN, _NEW, _UNTIL = (_BATCH * row for row in range(6))
_NUMBERS, _WORDS = 8 * _BATCH, 6 * _BATCH
_FEW_SESSIONS = 24
"""Up to so many are compared one by one."""
_CHUNK = 16
"""Dendrites for which a thread makes its arrays once."""


class Hazards(NamedTuple):
    """What the kernels need of a model and a Drive: folds, sessions, rates; lengths, and places in ``real``.

    ``strip_end`` (n_strip) is the last time at which the fold of births reaches into each strip, ``strip_full`` whether
    it fills the strip until then; ``births`` (K) cumulated births by class and ``birth_rate`` their total per day;
    ``loss``, ``stay_forward`` and ``stay_backward`` (K) mean times to each ending at fold 1; ``forward`` and
    ``backward`` (K, K) switching hazards to later and earlier classes, cumulated along rows; ``target`` (K, 3) class
    after a loss (-1), a switch forward and one backward, where there is no choice; ``second`` is 1 if any class needs a
    second block of draws.
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


@inlined
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
def add_spine(i, name, c, t, real, hazards, number, word):  # type: ignore[no-untyped-def]
    """Put a spine of class c that is followed from time t on place i."""
    word[_WORD + i], word[_CLASS + i] = name, c
    number[_TIME + i] = t
    number[_STAY_LOSS + i] = real[hazards.loss + c]
    number[_STAY_FORWARD + i] = real[hazards.stay_forward + c]
    number[_STAY_BACKWARD + i] = real[hazards.stay_backward + c]


@inlined
def whole_vectors(n):  # type: ignore[no-untyped-def]
    """n, up to the next multiple of a vector."""
    return (n + _VECTOR - 1) // _VECTOR * _VECTOR


@inlined
def draw_moves(k0, k1, c0, c1, n, decision, second, number, word):  # type: ignore[no-untyped-def]
    """Exponential variates of one decision of the first n spines, and a uniform for the choice of a class.

    Where no class switches both ways, or one way to several classes, one block of draws is enough.
    """
    a, b = np.uint64(c0), np.uint64(c1)
    first_counter, second_counter = np.uint64(decision), np.uint64(decision + 1)
    for i in range(whole_vectors(n)):
        u_loss, u_switch = uniform_pair(k0, k1, a, b, np.uint64(word[_WORD + i]), first_counter)
        number[_LOSS + i] = -log(u_loss)
        number[_FORWARD + i] = -log(u_switch)
        number[_BACKWARD + i] = number[_FORWARD + i]
    if second:
        for i in range(whole_vectors(n)):
            u_backward, u_choice = uniform_pair(k0, k1, a, b, np.uint64(word[_WORD + i]), second_counter)
            number[_BACKWARD + i] = -log(u_backward)
            number[_CHOICE + i] = u_choice


@inlined
def wait(n, row, stay, fold, real, whole, number):  # type: ignore[no-untyped-def]
    """Turn the variates of a row into times; row ``stay`` holds mean stays at fold 1, infinite for what never comes."""
    if fold.day.size == 2:
        value, last = real[fold.value], real[fold.day.marks + 1]
        for i in range(whole_vectors(n)):
            at = number[_TIME + i] + number[row + i] * number[stay + i] / value
            number[row + i] = at if at < last else math.inf
    else:
        for i in range(n):
            number[row + i] = waiting_end(real, whole, fold, number[_TIME + i], number[row + i] * number[stay + i])


@inlined
def move(k0, k1, c0, c1, n, decision, real, whole, hazards, number, word):  # type: ignore[no-untyped-def]
    """What ends the stay of each of n spines in its class: the time into row ``_LOSS``, the class into row ``_NEW``.

    Class -1 means lost. Loss and switches run on clocks of their own, so a change of one hazard leaves the others'
    draws alone.
    """
    draw_moves(k0, k1, c0, c1, n, decision, hazards.second, number, word)
    wait(n, _LOSS, _STAY_LOSS, hazards.elimination, real, whole, number)
    wait(n, _FORWARD, _STAY_FORWARD, hazards.maturation, real, whole, number)
    for i in range(whole_vectors(n)):
        at = number[_TIME + i] + number[_BACKWARD + i] * number[_STAY_BACKWARD + i]
        forward, loss = number[_FORWARD + i], number[_LOSS + i]
        back = at < forward
        first = at if back else forward
        switches = first < loss
        number[_LOSS + i] = first if switches else loss
        word[_NEW + i] = (2 if back else 1) if switches else 0
    n_class = hazards.n_class
    if hazards.second:
        for i in range(n):
            kind, c = word[_NEW + i], word[_CLASS + i]
            weights = (hazards.backward if kind == 2 else hazards.forward) + c * n_class
            word[_NEW + i] = pick(real, weights, n_class, number[_CHOICE + i]) if kind > 0 else -1
    else:
        for i in range(whole_vectors(n)):
            word[_NEW + i] = int(real[hazards.target + 3 * word[_CLASS + i] + word[_NEW + i]])
    mark_sessions(n, _LOSS, _UNTIL, real, whole, hazards.session, number, word)


@inlined
def mark_sessions(n, times, marks, real, whole, session, number, word):  # type: ignore[no-untyped-def]
    """First session at or after each of the times in row ``times``, into row ``marks``."""
    if session.size <= _FEW_SESSIONS:
        for i in range(whole_vectors(n)):
            word[marks + i] = 0
        for k in range(session.size):
            day = real[session.marks + k]
            for i in range(whole_vectors(n)):
                word[marks + i] += 1 if day < number[times + i] else 0
    else:
        for i in range(n):
            t = number[times + i]
            word[marks + i] = session.size if t == math.inf else session_after(real, whole, session, t)


@allocating_nothing
def live(k0, k1, c0, c1, spine, c, t, real, whole, hazards, number, word, path):  # type: ignore[no-untyped-def]
    """Life of one spine from class c at time t: class at each session into ``path``, -1 when absent.

    Returns the time of loss, infinity if it outlives the last session.
    """
    n_time = path.size
    path[:] = -1
    decision = _FIRST_STEP
    seen = session_after(real, whole, hazards.session, t)
    while seen < n_time and c >= 0:
        add_spine(0, spine, c, t, real, hazards, number, word)
        move(k0, k1, c0, c1, 1, decision, real, whole, hazards, number, word)
        t = number[_LOSS]
        path[seen : word[_UNTIL]] = c
        seen, c = word[_UNTIL], word[_NEW]
        decision += 2
    return math.inf if seen == n_time else t


@allocating_nothing
def next_birth(k0, k1, c0, c1, rate, real, whole, hazards, strip, number, t):  # type: ignore[no-untyped-def]
    """The birth that follows point ``number`` of ``strip`` at time t, as (strip, number + 1, time).

    Start with strip 0, number 0 and the first session; strip -1 means that there are no more.
    """
    while strip < hazards.n_strip:
        while True:
            u_wait, u_height = uniform_pair(k0, k1, c0, c1, born_word(strip, number), _ARRIVAL)
            t += -log(u_wait) / rate
            number += 1
            if t >= real[hazards.strip_end + strip]:
                break
            if is_born(real, whole, hazards, strip, u_height, t):
                return strip, number, t
        strip += 1
        number = 0
        t = real[hazards.session.marks]
    return -1, 0, math.inf


@inlined
def is_born(real, whole, hazards, strip, u_height, t):  # type: ignore[no-untyped-def]
    """Whether a point lies below the fold of births."""
    full = real[hazards.strip_full + strip] > 0.0
    return full or strip + u_height < real[hazards.formation.value + cell_of(real, whole, hazards.formation.day, t)]


@inlined
def born_word(strip, number):  # type: ignore[no-untyped-def]
    """Counter word of a spine born as a point of a strip."""
    return BORN + strip * _STRIP + number


@allocating_nothing
def class_at_birth(k0, k1, c0, c1, spine, real, hazards):  # type: ignore[no-untyped-def]
    """Class of a newborn spine."""
    if real[hazards.births] == real[hazards.births + hazards.n_class - 1]:
        return 0
    u, _ = uniform_pair(k0, k1, c0, c1, spine, _CLASS_AT_BIRTH)
    return pick(real, hazards.births, hazards.n_class, u)


@inlined
def draw_points(k0, k1, c0, c1, n, strip, number, draws):  # type: ignore[no-untyped-def]
    """Waits and heights of n points of a strip from point ``number`` on, as vectors."""
    a, b, first = np.uint64(c0), np.uint64(c1), np.uint64(born_word(strip, number))
    for i in range(whole_vectors(n)):
        u_wait, u_height = uniform_pair(k0, k1, a, b, first + np.uint64(i), np.uint64(_ARRIVAL))
        draws[_LOSS + i] = -log(u_wait)
        draws[_FORWARD + i] = u_height


@allocating_nothing
def live_together(k0, k1, c0, c1, n, real, whole, hazards, number, word, change, gained, lost):  # type: ignore[no-untyped-def]
    """Lives of the n spines of a batch, into the tallies of their dendrite.

    ``change`` (time + 1, K) is by how much each count changes from one session to the next; ``gained`` and ``lost``
    (time + 1) count by first session present and absent. A spine that no session meets is neither.
    """
    n_time = hazards.session.size
    decision = _FIRST_STEP
    mark_sessions(n, _TIME, _SEEN, real, whole, hazards.session, number, word)
    for i in range(whole_vectors(n)):
        word[_BORN + i] = word[_SEEN + i]
    while n > 0:
        move(k0, k1, c0, c1, n, decision, real, whole, hazards, number, word)
        going = 0
        for i in range(n):
            c, new, born, until = word[_CLASS + i], word[_NEW + i], word[_BORN + i], word[_UNTIL + i]
            change[word[_SEEN + i], c] += 1
            change[until, c] -= 1
            ends = new < 0 or until == n_time
            counts = 1 if ends and until > born else 0
            gained[born] += counts
            lost[until] += counts
            name, t = word[_WORD + i], number[_LOSS + i]
            # Written in any case and kept if the spine goes on: its place is not yet read or will be overwritten.
            add_spine(going, name, max(new, 0), t, real, hazards, number, word)
            word[_BORN + going], word[_SEEN + going] = born, until
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
def tally_dendrite(k0, k1, c0, c1, initial, rate, real, whole, number, word, points, change, arrived, left):  # type: ignore[no-untyped-def]
    """Lives of all spines of a dendrite into its tallies."""
    hazards = hazards_at(real)
    start = real[hazards.session.marks]
    n, name = 0, 0
    # Asked once per dendrite: the call for every newborn would cost as much as its life.
    one_class = real[hazards.births] == real[hazards.births + hazards.n_class - 1]
    for c in range(initial.size):
        for _ in range(initial[c]):
            add_spine(n, name, c, start, real, hazards, number, word)
            name += 1
            n += 1
            if n == _BATCH:
                live_together(k0, k1, c0, c1, n, real, whole, hazards, number, word, change, arrived, left)
                n = 0
    for strip in range(hazards.n_strip if rate > 0.0 else 0):
        t, end, done = start, real[hazards.strip_end + strip], 0
        while t < end:
            ahead = min(int(rate * (end - t)) + 8, _BATCH)
            draw_points(k0, k1, c0, c1, ahead, strip, done, points)
            for i in range(ahead):
                t += points[i] / rate
                if t >= end:
                    break
                if is_born(real, whole, hazards, strip, points[_BATCH + i], t):
                    spine = born_word(strip, done + i)
                    c = 0 if one_class else class_at_birth(k0, k1, c0, c1, spine, real, hazards)
                    add_spine(n, spine, c, t, real, hazards, number, word)
                    n += 1
                    if n == _BATCH:
                        live_together(k0, k1, c0, c1, n, real, whole, hazards, number, word, change, arrived, left)
                        n = 0
            done += ahead
    live_together(k0, k1, c0, c1, n, real, whole, hazards, number, word, change, arrived, left)


@compiled_parallel
def tally(key, first_replicate, initial, scale, real, whole, count, gained, lost):  # type: ignore[no-untyped-def]
    """Fill ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost``."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_time, n_class = count.shape
    birth_rate = hazards_at(real).birth_rate
    for chunk in numba.prange((n_replicate * n_dendrite + _CHUNK - 1) // _CHUNK):
        number, word, points = np.zeros(_NUMBERS), np.zeros(_WORDS, np.int64), np.zeros(2 * _BATCH)
        change = np.zeros((n_time + 1, n_class), np.int64)
        arrived, left = np.zeros(n_time + 1, np.int64), np.zeros(n_time + 1, np.int64)
        for dendrite in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, n_replicate * n_dendrite)):
            r, d = dendrite // n_dendrite, dendrite % n_dendrite
            rate, c0 = birth_rate * scale[r, d], first_replicate + r
            tally_dendrite(k0, k1, c0, d, initial[r, d], rate, real, whole, number, word, points, change, arrived, left)
            finish(change, arrived, left, count[r, d], gained[r, d], lost[r, d])


@compiled_parallel
def count_spines(key, first_replicate, initial, scale, real, whole, n_spine):  # type: ignore[no-untyped-def]
    """Write the number of spines that each dendrite ever has to ``n_spine`` (replicate, dendrite)."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_class = initial.shape
    for dendrite in numba.prange(n_replicate * n_dendrite):
        hazards = hazards_at(real)
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        total = 0
        for c in range(n_class):
            total += initial[r, d, c]
        rate = hazards.birth_rate * scale[r, d]
        strip, number, t = 0 if rate > 0.0 else -1, 0, real[hazards.session.marks]
        while strip >= 0:
            strip, number, t = next_birth(k0, k1, first_replicate + r, d, rate, real, whole, hazards, strip, number, t)
            if strip >= 0:
                total += 1
        n_spine[r, d] = total


@compiled_parallel
def fill_spines(  # type: ignore[no-untyped-def]
    key,
    first_replicate,
    initial,
    scale,
    real,
    whole,
    offset,
    words,
    births,
    deaths,
    paths,
):
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: its word, birth, death and path."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_class = initial.shape
    start = real[hazards_at(real).session.marks]
    for dendrite in numba.prange(n_replicate * n_dendrite):
        hazards = hazards_at(real)
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0 = first_replicate + r
        row = offset[r, d]
        number, word = np.zeros(_NUMBERS), np.zeros(_WORDS, np.int64)
        name = 0
        for c in range(n_class):
            for _ in range(initial[r, d, c]):
                words[row] = name
                births[row] = start
                deaths[row] = live(k0, k1, c0, d, name, c, start, real, whole, hazards, number, word, paths[row])
                name += 1
                row += 1
        rate = hazards.birth_rate * scale[r, d]
        strip, point, t = 0 if rate > 0.0 else -1, 0, start
        while strip >= 0:
            strip, point, t = next_birth(k0, k1, c0, d, rate, real, whole, hazards, strip, point, t)
            if strip >= 0:
                words[row] = born_word(strip, point - 1)
                births[row] = t
                c = class_at_birth(k0, k1, c0, d, words[row], real, hazards)
                deaths[row] = live(k0, k1, c0, d, words[row], c, t, real, whole, hazards, number, word, paths[row])
                row += 1
