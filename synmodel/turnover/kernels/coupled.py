"""Compiled loop of the coupled engine: the direct method, exact for hazards that are constant on cells.

All spines of a unit (a dendrite; with a shared pool all dendrites of an animal) make one process. With total hazard A
in the present state, the next event comes when the integral of A has grown by an exponential variate ``need``. Within
a cell A is constant, so the event falls into it if ``need < A * left``; otherwise ``need`` shrinks by ``A * left`` and
the next cell begins with the rest of the same variate. Nothing is thinned and nothing restarted.

The event is then chosen with probability in proportion to its hazard, scanning, dendrite by dendrite, births by class
and, class by class, losses and switches by target. Of n spines in a class, ``old`` were there at the last session; what
is left of the uniform after the scan says whether it is one of them that is lost or switches.

The counter of a draw is (replicate, first dendrite of the unit, number of the event, 0).
"""

from typing import NamedTuple

import numpy as np

from synmodel.core.compiled import compiled
from synmodel.core.randomness.philox import uniform_pair
from synmodel.turnover.kernels.elementary import exp, log

__all__ = ["Coupling", "Course", "run_units"]


class Course(NamedTuple):
    """Hazards on cells, as contiguous arrays.

    ``step`` (n_cell) lengths [day] with the folds ``formation``, ``maturation``, ``elimination``; ``session``
    (n_cell) number of the session at the end of the cell, -1 if there is none; ``births`` (K) per day, ``loss``
    (K), ``forward`` and ``backward`` (K, K) switches to later and earlier classes, per day.
    """

    step: np.ndarray
    formation: np.ndarray
    maturation: np.ndarray
    elimination: np.ndarray
    session: np.ndarray
    births: np.ndarray
    loss: np.ndarray
    forward: np.ndarray
    backward: np.ndarray


class Coupling(NamedTuple):
    """Interaction as numbers, 0 where there is none.

    ``crowding`` (dendrite) is 1 / n_max, ``balance`` (dendrite) 1 / n_star, ``steepness`` h, ``share`` (K) the part of
    the pool that a spine of each class holds, ``batch`` the number of spines that are born at once; births of the
    Course are those of batches.
    """

    crowding: np.ndarray
    balance: np.ndarray
    steepness: float
    share: np.ndarray
    batch: float


@compiled
def factors(coupling, d, n):  # type: ignore[no-untyped-def]
    """Factors of births and of losses on dendrite d with n spines."""
    births = max(0.0, 1.0 - n * coupling.crowding[d])
    losses = exp(coupling.steepness * (n * coupling.balance[d] - 1.0)) if coupling.steepness != 0.0 else 1.0
    return births, losses


@compiled
def hazard_sums(course, coupling, cell, r, first, scale, number, form, mature, eliminate):  # type: ignore[no-untyped-def]
    """Total hazard of a unit; writes the folds times factors of each of its dendrites."""
    n_dendrite, n_class = number.shape
    free = 1.0
    for d in range(n_dendrite):
        for c in range(n_class):
            free -= number[d, c] * coupling.share[c]
    free = max(0.0, free)
    total = 0.0
    for d in range(n_dendrite):
        n = 0.0
        for c in range(n_class):
            n += number[d, c]
        births, losses = factors(coupling, first + d, n)
        form[d] = course.formation[cell] * scale[r, first + d] * births * free
        mature[d] = course.maturation[cell] * free
        eliminate[d] = course.elimination[cell] * losses
        for c in range(n_class):
            total += course.births[c] * form[d]
        for c in range(n_class):
            total += number[d, c] * course.loss[c] * eliminate[d]
            for j in range(n_class):
                total += number[d, c] * (course.forward[c, j] * mature[d] + course.backward[c, j])
    return total


@compiled
def apply_event(level, course, batch, number, old, born, form, mature, eliminate):  # type: ignore[no-untyped-def]
    """Change the state by the event at ``level`` of the cumulated hazards; ``born`` counts births."""
    n_dendrite, n_class = number.shape
    for d in range(n_dendrite):
        for c in range(n_class):
            rate = course.births[c] * form[d]
            if level < rate:
                number[d, c] += batch
                born[d] += batch
                return
            level -= rate
        for c in range(n_class):
            rate = number[d, c] * course.loss[c] * eliminate[d]
            if level < rate:
                if level * number[d, c] < rate * old[d, c]:
                    old[d, c] -= 1.0
                number[d, c] -= 1.0
                return
            level -= rate
            for j in range(n_class):
                rate = number[d, c] * (course.forward[c, j] * mature[d] + course.backward[c, j])
                if level < rate:
                    if level * number[d, c] < rate * old[d, c]:
                        old[d, c] -= 1.0
                        old[d, j] += 1.0
                    number[d, c] -= 1.0
                    number[d, j] += 1.0
                    return
                level -= rate


@compiled
def record(session, number, old, born, count, gained, lost, transient):  # type: ignore[no-untyped-def]
    """Write what is seen at a session, and what was born and not seen; all spines are old from now on."""
    n_dendrite, n_class = number.shape
    for d in range(n_dendrite):
        now, kept, before = 0.0, 0.0, 0
        for c in range(n_class):
            count[d, session, c] = int(number[d, c])
            before += count[d, session - 1, c]
            now += number[d, c]
            kept += old[d, c]
            old[d, c] = number[d, c]
        gained[d, session - 1] = int(now - kept)
        lost[d, session - 1] = before - int(kept)
        if transient.size > 0:
            transient[d, session - 1] = int(born[d] - (now - kept))
        born[d] = 0.0


@compiled
def run_units(  # type: ignore[no-untyped-def]
    begin, end, key, first_replicate, unit_size, initial, scale, course, coupling, count, gained, lost, transient
):
    """Fill zeroed ``count`` (replicate, dendrite, time, class), ``gained``, ``lost`` and, if not empty, ``transient``.

    ``unit_size`` dendrites that follow one another interact; ``initial`` (replicate, dendrite, class).
    """
    k0, k1 = key[0], key[1]
    _, n_dendrite, n_class = initial.shape
    n_unit = n_dendrite // unit_size
    for unit in range(begin, end):
        r, first = unit // n_unit, (unit % n_unit) * unit_size
        last = first + unit_size
        number = np.empty((unit_size, n_class))
        for d in range(unit_size):
            for c in range(n_class):
                number[d, c] = initial[r, first + d, c]
                count[r, first + d, 0, c] = initial[r, first + d, c]
        old, born = number.copy(), np.zeros(unit_size)
        form, mature, eliminate = np.empty(unit_size), np.empty(unit_size), np.empty(unit_size)
        event = 0
        u_wait, u_choice = uniform_pair(k0, k1, first_replicate + r, first, event, 0)
        need = -log(u_wait)
        for cell in range(course.step.size):
            left = course.step[cell]
            while True:
                total = hazard_sums(course, coupling, cell, r, first, scale, number, form, mature, eliminate)
                if need >= total * left:
                    need -= total * left
                    break
                left -= need / total
                apply_event(u_choice * total, course, coupling.batch, number, old, born, form, mature, eliminate)
                event += 1
                u_wait, u_choice = uniform_pair(k0, k1, first_replicate + r, first, event, 0)
                need = -log(u_wait)
            if course.session[cell] >= 0:
                record(
                    course.session[cell], number, old, born, count[r, first:last], gained[r, first:last],
                    lost[r, first:last], transient[r, first:last],
                )  # fmt: skip
