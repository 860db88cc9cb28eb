"""Compiled loop of the events engine: every birth, switch and loss by exact integration of its hazard.

Hazards are constant on cells, so a waiting time is found by walking the cumulated fold until it has grown by
an exponential variate over the hazard; nothing is thinned away but births between whole multiples of the
baseline. Births are points of a Poisson process on (time, height): strip s holds heights s to s + 1 and is
filled at the baseline rate from the first session on, a point counts if its height lies below the fold. So a drug
adds spines to those of the control and moves none of them.

The counter of a draw is (replicate, dendrite, spine, decision). A spine's word is its number among the first
spines, or ``BORN`` + strip * 2**24 + its number within the strip.
"""

import math
from typing import NamedTuple

import numba
import numpy as np

from synmodel.compiled import compiled, compiled_parallel
from synmodel.randomness.philox import uniform_pair

__all__ = ["LARGEST_FOLD", "Hazards", "count_spines", "fill_spines", "tally"]

LARGEST_FOLD = 128
BORN = 1 << 30
_STRIP = 1 << 24
_ARRIVAL = 0
_CLASS_AT_BIRTH = 1
_FIRST_STEP = 2


class Hazards(NamedTuple):
    """What the kernels need of a model and a Drive, as contiguous arrays.

    ``edges`` (n_cell + 1) with cumulated folds ``maturation`` and ``elimination`` there; ``formation`` (n_cell)
    folds of births; ``strip_end`` (n_strip) last time at which the fold reaches into each strip;
    ``births`` (K) cumulated births by class and ``birth_rate`` their total per day; ``loss`` (K); ``forward``
    and ``backward`` (K, K) switching hazards to later and earlier classes, cumulated along rows.
    """

    edges: np.ndarray
    maturation: np.ndarray
    elimination: np.ndarray
    formation: np.ndarray
    strip_end: np.ndarray
    births: np.ndarray
    birth_rate: float
    loss: np.ndarray
    forward: np.ndarray
    backward: np.ndarray


@compiled
def cell_of(edges, t):  # type: ignore[no-untyped-def]
    """Index of the cell that holds time t."""
    low, high = 0, edges.size - 2
    while low < high:
        middle = (low + high + 1) // 2
        if edges[middle] <= t:
            low = middle
        else:
            high = middle - 1
    return low


@compiled
def waiting_end(edges, cumulated, t, need):  # type: ignore[no-untyped-def]
    """Time at which the cumulated fold has grown by ``need`` since t; infinity if not by the last edge."""
    cell = cell_of(edges, t)
    slope = (cumulated[cell + 1] - cumulated[cell]) / (edges[cell + 1] - edges[cell])
    target = cumulated[cell] + slope * (t - edges[cell]) + need
    last = edges.size - 2
    if target >= cumulated[last + 1]:
        return math.inf
    while cumulated[cell + 1] <= target:
        cell += 1
    slope = (cumulated[cell + 1] - cumulated[cell]) / (edges[cell + 1] - edges[cell])
    return edges[cell] + (target - cumulated[cell]) / slope


@compiled
def pick(cumulated, u):  # type: ignore[no-untyped-def]
    """First index at which a cumulated weight exceeds u times the total."""
    level = u * cumulated[cumulated.size - 1]
    for j in range(cumulated.size):
        if level < cumulated[j]:
            return j
    return cumulated.size - 1


@compiled
def next_move(k0, k1, c0, c1, spine, decision, c, t, hazards):  # type: ignore[no-untyped-def]
    """What ends the stay of a spine in class c from time t: (time, new class), class -1 for loss.

    Loss and switches run on clocks of their own, so a change of one hazard leaves the others' draws alone.
    """
    last_class = hazards.loss.size - 1
    u_loss, u_forward = uniform_pair(k0, k1, c0, c1, spine, decision)
    end, new = math.inf, -1
    if hazards.loss[c] > 0.0:
        end = waiting_end(hazards.edges, hazards.elimination, t, -math.log(u_loss) / hazards.loss[c])
    forward, backward = hazards.forward[c, last_class], hazards.backward[c, last_class]
    u_choice = 0.0
    if backward > 0.0 or last_class > 1:
        u_backward, u_choice = uniform_pair(k0, k1, c0, c1, spine, decision + 1)
        if backward > 0.0:
            at = t - math.log(u_backward) / backward
            if at < end:
                end, new = at, pick(hazards.backward[c], u_choice)
    if forward > 0.0:
        at = waiting_end(hazards.edges, hazards.maturation, t, -math.log(u_forward) / forward)
        if at < end:
            end, new = at, pick(hazards.forward[c], u_choice)
    return end, new


@compiled
def live(k0, k1, c0, c1, spine, c, t, hazards, times, path):  # type: ignore[no-untyped-def]
    """Life of one spine from class c at time t: class at each session into ``path``, -1 when absent.

    Returns the time of loss, infinity if it outlives the last session.
    """
    n_time = times.size
    session = 0
    while session < n_time and times[session] < t:
        path[session] = -1
        session += 1
    decision = _FIRST_STEP
    while session < n_time and c >= 0:
        t, new = next_move(k0, k1, c0, c1, spine, decision, c, t, hazards)
        while session < n_time and times[session] < t:
            path[session] = c
            session += 1
        c = new
        decision += 2
    outlives = session == n_time
    while session < n_time:
        path[session] = -1
        session += 1
    return math.inf if outlives else t


@compiled
def next_birth(k0, k1, c0, c1, rate, hazards, strip, number, t):  # type: ignore[no-untyped-def]
    """The birth that follows point ``number`` of ``strip`` at time t, as (strip, number + 1, time).

    Start with strip 0, number 0 and the first edge; strip -1 means that there are no more.
    """
    n_strip = hazards.strip_end.size
    while strip < n_strip:
        end = hazards.strip_end[strip]
        while True:
            u_wait, u_height = uniform_pair(k0, k1, c0, c1, born_word(strip, number), _ARRIVAL)
            t -= math.log(u_wait) / rate
            number += 1
            if t >= end:
                break
            if strip + u_height < hazards.formation[cell_of(hazards.edges, t)]:
                return strip, number, t
        strip += 1
        number = 0
        t = hazards.edges[0]
    return -1, 0, math.inf


@compiled
def born_word(strip, number):  # type: ignore[no-untyped-def]
    """Counter word of a spine born as a point of a strip."""
    return BORN + strip * _STRIP + number


@compiled
def class_at_birth(k0, k1, c0, c1, spine, births):  # type: ignore[no-untyped-def]
    """Class of a newborn spine."""
    if births[0] == births[births.size - 1]:
        return 0
    u, _ = uniform_pair(k0, k1, c0, c1, spine, _CLASS_AT_BIRTH)
    return pick(births, u)


@compiled
def add_to_tally(path, count, gained, lost):  # type: ignore[no-untyped-def]
    """Add one spine's path to the counts of its dendrite."""
    n_time = path.size
    for k in range(n_time):
        if path[k] >= 0:
            count[k, path[k]] += 1
            if k > 0 and path[k - 1] < 0:
                gained[k - 1] += 1
        elif k > 0 and path[k - 1] >= 0:
            lost[k - 1] += 1


@compiled_parallel
def tally(key, first_replicate, initial, scale, hazards, times, count, gained, lost):  # type: ignore[no-untyped-def]
    """Fill zeroed ``count`` (replicate, dendrite, time, class), ``gained`` and ``lost``."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_class = initial.shape
    for dendrite in numba.prange(n_replicate * n_dendrite):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0 = first_replicate + r
        path = np.empty(times.size, np.int64)
        word = 0
        for c in range(n_class):
            for _ in range(initial[r, d, c]):
                live(k0, k1, c0, d, word, c, times[0], hazards, times, path)
                add_to_tally(path, count[r, d], gained[r, d], lost[r, d])
                word += 1
        rate = hazards.birth_rate * scale[r, d]
        strip, number, t = 0 if rate > 0.0 else -1, 0, hazards.edges[0]
        while strip >= 0:
            strip, number, t = next_birth(k0, k1, c0, d, rate, hazards, strip, number, t)
            if strip >= 0:
                word = born_word(strip, number - 1)
                c = class_at_birth(k0, k1, c0, d, word, hazards.births)
                live(k0, k1, c0, d, word, c, t, hazards, times, path)
                add_to_tally(path, count[r, d], gained[r, d], lost[r, d])


@compiled_parallel
def count_spines(key, first_replicate, initial, scale, hazards, n_spine):  # type: ignore[no-untyped-def]
    """Write the number of spines that each dendrite ever has to ``n_spine`` (replicate, dendrite)."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_class = initial.shape
    for dendrite in numba.prange(n_replicate * n_dendrite):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        total = 0
        for c in range(n_class):
            total += initial[r, d, c]
        rate = hazards.birth_rate * scale[r, d]
        strip, number, t = 0 if rate > 0.0 else -1, 0, hazards.edges[0]
        while strip >= 0:
            strip, number, t = next_birth(k0, k1, first_replicate + r, d, rate, hazards, strip, number, t)
            if strip >= 0:
                total += 1
        n_spine[r, d] = total


@compiled_parallel
def fill_spines(key, first_replicate, initial, scale, hazards, times, offset, words, births, deaths, paths):  # type: ignore[no-untyped-def]
    """Write one row per spine from row ``offset`` (replicate, dendrite) on: its word, birth, death and path."""
    k0, k1 = key[0], key[1]
    n_replicate, n_dendrite, n_class = initial.shape
    for dendrite in numba.prange(n_replicate * n_dendrite):
        r, d = dendrite // n_dendrite, dendrite % n_dendrite
        c0 = first_replicate + r
        row = offset[r, d]
        word = 0
        for c in range(n_class):
            for _ in range(initial[r, d, c]):
                words[row] = word
                births[row] = times[0]
                deaths[row] = live(k0, k1, c0, d, word, c, times[0], hazards, times, paths[row])
                word += 1
                row += 1
        rate = hazards.birth_rate * scale[r, d]
        strip, number, t = 0 if rate > 0.0 else -1, 0, hazards.edges[0]
        while strip >= 0:
            strip, number, t = next_birth(k0, k1, c0, d, rate, hazards, strip, number, t)
            if strip >= 0:
                words[row] = born_word(strip, number - 1)
                births[row] = t
                c = class_at_birth(k0, k1, c0, d, words[row], hazards.births)
                deaths[row] = live(k0, k1, c0, d, words[row], c, t, hazards, times, paths[row])
                row += 1
