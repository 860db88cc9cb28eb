"""What runs of counts say at every value of the multipliers: gains in closed form, losses by the class filters.

Where something was not recorded, a run is a polynomial in the multiplier of births
(:mod:`synmodel.inference.likelihood.births`). Where only fractions were published, a record is a sum over the runs that
explain them.
"""

import math
from collections.abc import Sequence, Sized
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, pdtri

from synmodel.core.errors import FitError
from synmodel.core.threads import on_threads
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.gains import Gains, Points, Unrecorded, gains_of
from synmodel.inference.likelihood.groups import log_sums
from synmodel.inference.likelihood.hidden import log_hidden_three, log_hidden_two, logarithms
from synmodel.inference.likelihood.kernel import log_losses_three, log_losses_two
from synmodel.inference.likelihood.prepared import Open, Prepared
from synmodel.inference.likelihood.runs import Runs
from synmodel.inference.likelihood.steps import fill_most, share_out

__all__ = ["ONE", "Evidence", "FilterSteps", "Mixture", "evidence_of", "joined", "together"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
ONE = np.zeros((1, 1, 1))  # logarithm of a multiplier of births of 1
_REMEMBERED = 3
_HIDDEN = 2  # runs of which not all was recorded that are worth a thread
_THREE = 3
_FEW = 50  # births, up to which their quantile itself is looked up
# The most newcomers between two sessions where no number was recorded, at the end of a record and before it. Rates by
# which there may be more, and so many times the spines at the start, are taken for impossible: laws of so many take
# gigabytes. It is told by one interval, so that long records at usual rates are not concerned.
_MOST_NEWCOMERS, _MOST_HIDDEN, _TIMES_THE_SPINES = 2_000, 700, 20
_TAIL, _FASTEST = 1e-12, 2.0  # where gains and numbers are both open, gains beyond this tail at twice the births


class Mixture(NamedTuple):
    """Law of the runs of which several explain one record.

    Attributes
    ----------
    log_prior : (run,) ndarray
        Of the run, before gains and losses are looked at.
    sigma : (run,) ndarray
        Scale of the changes of log length between sessions.
    """

    log_prior: Array
    sigma: Array


class Evidence:
    """What records say at every node of the loss multiplier.

    Attributes
    ----------
    log_weight : (node,) ndarray
        Of the nodes.
    losses : (run, node) ndarray
        Log-probabilities of losses, and of the run itself among those that explain its record.
    gains : Gains
        Those of recorded gains and of the starts.
    record : (run,) ndarray of int
        Record of each run, ascending.
    more : Unrecorded
        Of the runs in which something was not recorded.
    one_start : bool
        Whether all runs of a record start from the same number of spines.
    """

    def __init__(
        self,
        log_weight: Array,
        losses: Array,
        gains: Gains,
        record: Integers,
        more: Unrecorded | None,
        *,
        one_start: bool,
    ) -> None:
        self.log_weight, self.losses, self.gains, self.record, self.more, self.one_start = (
            log_weight, losses, gains, record, more, one_start
        )  # fmt: skip
        self._single = len(record) == 0 or record[-1] == len(record) - 1  # as they ascend from 0
        self._first = record if self._single else np.flatnonzero(np.append(True, record[1:] != record[:-1]))

    def __len__(self) -> int:
        return len(self._first)

    def given_start(self, log_z: Array, cv: float) -> Array:
        """(record, point) log-probability where the start tells nothing and there is one node."""
        return self.over_runs(self.by_run(log_z, cv, lasting=False)[:, 0])

    def impossible(self) -> NDArray[np.bool_]:
        """(record,) whether what was recorded cannot be, at any multiplier of births, where there is one node."""
        log_p = self.losses[:, 0] + self.gains.poisson[:, 0, 0]
        if self.more is not None:
            log_p[self.more.run] += self.more.log_a[:, 0].max(axis=1)
        return np.maximum.reduceat(log_p, self._first) == -np.inf

    def by_run(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(run, node, point) log-probability given the start at birth multipliers z (record, 1, point)."""
        points = Points.of(log_z, self.record)
        return self.gains.log_probability(points, cv, lasting=lasting, more=self.more, losses=self.losses)

    def joint(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(record, point) log-probability of start, gains and losses at birth multipliers z (record, 1, point)."""
        if not self.one_start:
            message = (
                "fractions leave the number of spines at the start open, so nothing can be learnt from it: choose "
                "'response' for the effect on births, and no frailty"
            )
            raise FitError(message)
        log_p = self._start(self._of_runs(log_z), cv, lasting=lasting) + self.by_run(log_z, cv, lasting=lasting)
        return self.over_runs(self._over_nodes(log_p))

    def start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(record, point) log-probability of the start, to be conditioned on."""
        return self._over_nodes(self._start(self._of_runs(log_z), cv, lasting=lasting))[self._first]

    def _of_runs(self, log_z: Array) -> Array:
        return log_z if self._single or len(log_z) == 1 else log_z[self.record]

    def _start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        # A response begins after the start, so it does not change its law.
        return self.gains.log_start(log_z, cv) if lasting else self.gains.log_start(np.zeros_like(log_z), 0.0)

    def _over_nodes(self, log_p: Array) -> Array:
        if len(self.log_weight) == 1:
            return log_p[:, 0]
        return np.asarray(logsumexp(log_p + self.log_weight[:, None], axis=1))

    def over_runs(self, log_p: Array) -> Array:
        """(record, point) logarithm of the sum over the runs that explain each record."""
        if self._single:
            return log_p
        out = np.empty((len(self), log_p.shape[1]))
        log_sums(np.ascontiguousarray(log_p), self._first, out)
        return out


def evidence_of(prepared: Prepared, courses: Courses, mixture: Mixture | None = None) -> Evidence:
    """Evidence of runs.

    Where neither courses nor lengths have changed, the filters are spared.

    Raises
    ------
    FitError
        If a run starts where the model gives no composition.
    """
    if not np.isfinite(courses.composition[:, prepared.starts]).all():
        message = (
            "the composition at a later session follows from the balance of births and losses, and this model has "
            "none; give every class a way to be lost"
        )
        raise FitError(message)
    sigma = np.ones(len(prepared.runs.n)) if mixture is None else mixture.sigma
    losses, gains, more = _answers(prepared, courses, sigma)
    if mixture is not None:
        losses = losses + mixture.log_prior[:, None]
    return Evidence(courses.log_weight, losses, gains, prepared.record, more, one_start=prepared.one_start)


def _answers(prepared: Prepared, courses: Courses, sigma: Array) -> tuple[Array, Gains, Unrecorded | None]:
    """(run, node) log-probabilities, gains and unrecorded gains."""
    asked = (courses.survival, courses.newborn, courses.composition, courses.total, sigma[:1])
    key = b"".join(each.tobytes() for each in asked)
    answers: dict[bytes, tuple[Array, Gains, Unrecorded | None]] = prepared.answers
    if key not in answers:
        while len(answers) >= _REMEMBERED:
            del answers[next(iter(answers))]
        answers[key] = _filtered(prepared, courses, sigma)
    return answers[key]


def _filtered(prepared: Prepared, courses: Courses, sigma: Array) -> tuple[Array, Gains, Unrecorded | None]:
    steps, open_ = FilterSteps(courses), prepared.open_
    losses = steps.log_losses(prepared.of_whole)
    more = None
    if len(open_):
        of_whole, losses = losses, np.zeros((len(prepared.runs.n), len(courses.log_weight)))
        losses[prepared.whole] = of_whole
        more = Unrecorded(open_, steps.log_hidden(prepared.of_open, prepared.scale[open_], sigma[open_]))
    return losses, gains_of(prepared, courses), more


class FilterSteps:
    """Courses as the compiled filters take them: with two classes at least, and shares in place of probabilities.

    Attributes
    ----------
    move : (node, interval, K, K) ndarray
        Classes of spines that survive.
    alive, log_alive, lost, fresh : (node, interval, K) ndarray
        Probability of survival and its logarithm, that of loss, and the classes of newcomers.
    gamma : (node, interval) ndarray
        Mean number of newcomers.
    composition : (node, session, K) ndarray
    """

    def __init__(self, courses: Courses) -> None:
        survival, newborn, lost, composition = courses.survival, courses.newborn, courses.lost, courses.composition
        if newborn.shape[2] == 1:  # a second class that is always empty
            survival = survival * np.eye(2)
            newborn, lost, composition = (
                np.concatenate([each, np.zeros_like(each)], axis=2) for each in (newborn, lost, composition)
            )
        self.move, self.fresh, self.gamma = np.empty_like(survival), np.empty_like(newborn), np.empty(newborn.shape[:2])
        self.alive, self.log_alive = np.empty_like(newborn), np.empty_like(newborn)
        share_out(survival, newborn, self.move, self.alive, self.log_alive, self.fresh, self.gamma)
        self.lost, self.composition = np.ascontiguousarray(lost), np.ascontiguousarray(composition)

    @property
    def _steps(self) -> tuple[Array, Array, Array, Array]:
        return self.move, self.log_alive, self.lost, self.fresh

    def log_losses(self, runs: Runs) -> Array:
        """(run, node) log-probabilities of the losses given starts and gains."""
        out = np.empty((len(runs.n), len(self.gamma)))
        if len(out):
            numbers = (runs.n, runs.gained, runs.lost, runs.first, runs.stop)
            arguments = (self._steps, self.composition, numbers, out)
            if self.lost.shape[2] == _THREE:
                on_threads(log_losses_three, len(out), *arguments)
            else:  # to wake a second thread takes as long as the losses of a hundred runs
                log_losses_two(0, len(out), *arguments)
        return out

    def log_hidden(self, open_: Open, scale: Array, sigma: Array) -> Array:
        """(run, node, m) log-probabilities of the losses and of m unrecorded gains, but for exp(-Gamma)."""
        runs = open_.runs
        gamma = np.ascontiguousarray(self.gamma[None] * scale[:, None, None])
        most = _most_gained(runs, open_.at_end, gamma.max(axis=1))
        at_once = np.where(open_.both, most, 0).max(axis=1, initial=0)
        most_allowed = np.where(open_.at_the_end, _MOST_NEWCOMERS, _MOST_HIDDEN)
        beyond = at_once > np.maximum(most_allowed, _TIMES_THE_SPINES * runs.n)
        stop, newcomers = np.where(beyond, runs.first, runs.stop), np.where(open_.gains, most, 0).sum(axis=1)
        out = np.full((len(runs.n), len(self.gamma), int(newcomers[~beyond].max(initial=0)) + 1), -np.inf)
        numbers = (runs.n, runs.gained, runs.lost, open_.at_end, runs.first, stop)
        kernel = log_hidden_three if self.lost.shape[2] == _THREE else log_hidden_two
        most = np.where(beyond[:, None], 0, most)
        # Of all numbers that there may be.
        logs = logarithms(2 * (int(runs.n.max()) + most.shape[1] * int(most.max()) + 3))
        recorded = (numbers, open_.density, sigma, logs)
        on_threads(kernel, len(runs.n), self._steps, gamma, self.composition, recorded, most, out, block=_HIDDEN)
        out[beyond] = -np.inf
        return out


def _most_gained(runs: Runs, count: Integers, gamma: Array) -> Integers:
    """(run, interval) the most spines that may be gained: as recorded, all that are there, or the end of the tail."""
    most = np.zeros_like(runs.gained)
    fill_most(runs.gained, count, runs.inside, _FASTEST * gamma, _largest_means(), -math.log(_TAIL), most)
    return most


@cache
def _largest_means() -> Array:
    """(few,) the largest mean at which more than 0, 1, ... births are in the tail that is left out."""
    return np.asarray(pdtri(np.arange(_FEW), 1.0 - _TAIL))


def together(pieces: Sequence[Evidence]) -> Evidence:
    """Evidence of all records of several pieces, in their order."""
    if len(pieces) == 1:
        return pieces[0]
    nodes = len(pieces[0].log_weight)
    gains = [piece.gains.at_nodes(nodes) for piece in pieces]
    return Evidence(
        pieces[0].log_weight,
        np.concatenate([piece.losses for piece in pieces]),
        Gains(*(np.concatenate(each) for each in zip(*gains, strict=True))),
        np.concatenate([piece.record + start for piece, start in zip(pieces, _starts(pieces), strict=True)]),
        _unrecorded_of(pieces),
        one_start=all(piece.one_start for piece in pieces),
    )


def _starts(sizes: Sequence[Sized]) -> list[int]:
    """Where each of several things begins when they stand one after the other."""
    return [0, *np.cumsum([len(each) for each in sizes[:-1]]).tolist()]


def _unrecorded_of(pieces: Sequence[Evidence]) -> Unrecorded | None:
    """Those of all pieces, filled up to the same number of gains."""
    starts = _starts([piece.losses for piece in pieces])
    found = [(piece.more, start) for piece, start in zip(pieces, starts, strict=True) if piece.more is not None]
    if not found:
        return None
    if len(found) == 1:
        return Unrecorded(found[0][0].run + found[0][1], found[0][0].log_a)
    rows = _starts([more.run for more, _ in found])
    shapes = [more.log_a.shape for more, _ in found]
    filled = np.full((rows[-1] + shapes[-1][0], shapes[0][1], max(width for *_, width in shapes)), -np.inf)
    for (more, _), row in zip(found, rows, strict=True):
        filled[row : row + len(more.run), :, : more.log_a.shape[2]] = more.log_a
    return Unrecorded(np.concatenate([more.run + start for more, start in found]), filled)


def joined(courses: Courses, keep: Integers) -> Courses:
    """Courses between some of their sessions: what happened over a session that was skipped is summed over.

    Parameters
    ----------
    courses : Courses
        Between all sessions.
    keep : (n,) ndarray of int
        Sessions to keep, ascending.
    """
    survival, newborn = [], []
    for before, after in pairwise(keep.tolist()):
        moves, born = courses.survival[:, before], courses.newborn[:, before]
        for k in range(before + 1, after):
            born = (born[:, None, :] @ courses.survival[:, k])[:, 0] + courses.newborn[:, k]
            moves = moves @ courses.survival[:, k]
        survival.append(moves)
        newborn.append(born)
    steps = np.stack(survival, axis=1)
    return courses._replace(
        survival=steps,
        newborn=np.stack(newborn, axis=1),
        lost=np.clip(1.0 - steps.sum(axis=3), 0.0, 1.0),
        composition=courses.composition[:, keep],
        total=courses.total[:, keep],
    )
