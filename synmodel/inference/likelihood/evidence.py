"""What runs of counts say at every value of the multipliers: gains in closed form, losses by the class filters.

Where something was not recorded, a run is a sum of terms, one for each number of gains that nobody wrote down
(:mod:`synmodel.inference.likelihood.hidden`). Where only fractions were published, a record is a sum over the runs that
explain them. Both are sums over *terms*; a record without gaps is one term.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from synmodel.errors import FitError
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.gains import Gains, gains_of
from synmodel.inference.likelihood.hidden import log_hidden
from synmodel.inference.likelihood.kernel import log_losses
from synmodel.inference.likelihood.runs import Runs

__all__ = ["ONE", "Evidence", "Mixture", "evidence_of", "joined"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
ONE = np.zeros((1, 1, 1))  # logarithm of a multiplier of births of 1
_NEGLIGIBLE = 50.0  # terms below exp(-50) of the largest of their record are left out
_TAIL, _FASTEST = 1e-15, 4.0  # where gains and numbers are both open, gains beyond this tail at 4 times the births


class Mixture(NamedTuple):
    """Runs of which several explain one record.

    Attributes
    ----------
    record : (run,) ndarray of int
        Record that the run explains, in ascending order from 0.
    log_prior : (run,) ndarray
        Of the run, before gains and losses are looked at.
    sigma : (run,) ndarray
        Scale of the changes of log length between sessions.
    """

    record: Integers
    log_prior: Array
    sigma: Array


class Evidence:
    """What records say at every node of the loss multiplier.

    Attributes
    ----------
    log_weight : (node,) ndarray
        Of the nodes.
    losses : (term, node) ndarray
        Log-probabilities of what is no recorded gain, and of the term itself.
    gains : Gains
        Those of the gains of the terms and of their starts.
    record : (term,) ndarray of int
        Record of each term, ascending.
    one_start : bool
        Whether all terms of a record start from the same number of spines.
    """

    def __init__(self, log_weight: Array, losses: Array, gains: Gains, record: Integers, *, one_start: bool) -> None:
        self.log_weight, self.losses, self.gains, self.record, self.one_start = (
            log_weight, losses, gains, record, one_start
        )  # fmt: skip
        self._first = np.flatnonzero(np.diff(record, prepend=-1))
        self._single = len(self._first) == len(record)

    def __len__(self) -> int:
        return len(self._first)

    def given_start(self, log_z: Array, cv: float) -> Array:
        """(record, ...) log-probability where the start tells nothing and there is one node."""
        gains = self.gains.log_probability(self._by_term(log_z), cv, lasting=False)[:, 0]
        return self._over_terms(gains + self.losses)

    def joint(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(record, ...) log-probability of start, gains and losses at birth multipliers z (record, 1, ...)."""
        if not self.one_start:
            message = (
                "fractions leave the number of spines at the start open, so nothing can be learnt from it: choose "
                "'response' for the effect on births, and no frailty"
            )
            raise FitError(message)
        each = self._by_term(log_z)
        log_p = self._start(each, cv, lasting=lasting) + self.gains.log_probability(each, cv, lasting=lasting)
        return self._over_terms(self._over_nodes(log_p + self.losses[:, :, None]))

    def start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(record, ...) log-probability of the start, to be conditioned on."""
        return self._over_nodes(self._start(self._by_term(log_z), cv, lasting=lasting))[self._first]

    def _by_term(self, log_z: Array) -> Array:
        return log_z if self._single or len(log_z) == 1 else log_z[self.record]

    def _start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        # A response begins after the start, so it does not change its law.
        return self.gains.log_start(log_z, cv) if lasting else self.gains.log_start(np.zeros_like(log_z), 0.0)

    def _over_nodes(self, log_p: Array) -> Array:
        if len(self.log_weight) == 1:
            return log_p[:, 0]
        return _log_sum(log_p + self.log_weight[:, None])

    def _over_terms(self, log_p: Array) -> Array:
        if self._single:
            return log_p
        highest = np.maximum.reduceat(log_p, self._first, axis=0)
        safe = np.where(np.isfinite(highest), highest, 0.0)
        with np.errstate(divide="ignore"):
            return safe + np.log(np.add.reduceat(np.exp(log_p - safe[self.record]), self._first, axis=0))


def _log_sum(log_p: Array) -> Array:
    """Logarithm of the sum over axis 1."""
    highest = log_p.max(axis=1, keepdims=True)
    safe = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        total: Array = safe[:, 0] + np.log(np.exp(log_p - safe).sum(axis=1))
    return total


def evidence_of(runs: Runs, courses: Courses, scale: Array, mixture: Mixture | None = None) -> Evidence:
    """Evidence of runs whose births are multiplied by ``scale`` (run,).

    Raises
    ------
    FitError
        If a run starts where the model gives no composition.
    """
    if not np.all(np.isfinite(courses.composition[:, runs.first])):
        message = (
            "the composition at a later session follows from the balance of births and losses, and this model has "
            "none; give every class a way to be lost"
        )
        raise FitError(message)
    n = len(runs.n)
    record = np.arange(n) if mixture is None else mixture.record
    prior = np.zeros(n) if mixture is None else mixture.log_prior
    # Several runs of one record are several numbers at its start.
    one_start = len(np.unique(record)) == n
    steps = _Steps(courses)
    partial = runs.partial
    if not partial.any():
        losses = steps.log_losses(runs) + prior[:, None]
        return Evidence(courses.log_weight, losses, gains_of(runs, courses, scale), record, one_start=one_start)
    sigma = np.ones(n) if mixture is None else mixture.sigma
    kept, more, losses = _terms(runs, scale, prior, sigma, steps, partial)
    gains = gains_of(runs, courses, scale).take(kept).with_more(more)
    order = np.argsort(record[kept], kind="stable")
    return Evidence(
        courses.log_weight, losses[order], gains.take(order), record[kept][order], one_start=one_start
    )  # fmt: skip


def _terms(
    runs: Runs, scale: Array, prior: Array, sigma: Array, steps: "_Steps", partial: NDArray[np.bool_]
) -> tuple[Integers, Array, Array]:
    """Run, unrecorded gains and (node) log-probabilities of every term."""
    whole, open_ = np.flatnonzero(~partial), np.flatnonzero(partial)
    hidden = steps.log_hidden(runs.take(open_), scale[open_], sigma[open_])
    highest = hidden.max(axis=2, keepdims=True)
    counts = (hidden > highest - _NEGLIGIBLE).any(axis=1)
    counts[:, 0] |= ~counts.any(axis=1)  # what cannot be has one term all the same
    of, more = np.nonzero(counts)
    kept = np.concatenate([whole, open_[of]])
    losses = np.concatenate([steps.log_losses(runs.take(whole)), hidden[of, :, more]])
    return kept, np.concatenate([np.zeros(len(whole)), more.astype(float)]), losses + prior[kept][:, None]


class _Steps:
    """Courses as the compiled filters take them."""

    def __init__(self, courses: Courses) -> None:
        survival, newborn, lost, composition = courses.survival, courses.newborn, courses.lost, courses.composition
        if newborn.shape[2] == 1:  # a second class that is always empty
            survival = survival * np.eye(2)
            newborn, lost, composition = (
                np.concatenate([each, np.zeros_like(each)], axis=2) for each in (newborn, lost, composition)
            )
        with np.errstate(divide="ignore"):
            log_alive = np.log(survival.sum(axis=3))
        self.move, self.log_alive, self.lost = _shares(survival), log_alive, np.ascontiguousarray(lost)
        self.fresh, self.composition = _shares(newborn), np.ascontiguousarray(composition)
        self.gamma = newborn.sum(axis=2)

    def log_losses(self, runs: Runs) -> Array:
        """(run, node) log-probabilities of the losses given starts and gains."""
        out = np.empty((len(runs.n), len(self.gamma)))
        if len(out):
            log_losses(
                self.move, self.log_alive, self.lost, self.fresh, self.composition,
                runs.n, runs.gained, runs.lost, runs.first, runs.stop, out,
            )  # fmt: skip
        return out

    def log_hidden(self, runs: Runs, scale: Array, sigma: Array) -> Array:
        """(run, node, m) log-probabilities of the losses and of m unrecorded gains, but for exp(-Gamma)."""
        n_run, n_interval = runs.gained.shape
        count = np.full_like(runs.gained, -1) if runs.count is None else runs.count
        density = np.full((n_run, n_interval + 1), np.nan) if runs.density is None else runs.density
        gamma = np.ascontiguousarray(self.gamma[None] * scale[:, None, None])
        most = _most_gained(runs, count, gamma.max(axis=1))
        open_ = runs.inside & (runs.gained < 0)
        n_m = int(np.where(open_, most, 0).sum(axis=1).max(initial=0)) + 1
        spines = runs.n + np.where(runs.inside, most, 0).sum(axis=1)
        out = np.full((n_run, len(self.gamma), n_m), -np.inf)
        numbers = (runs.n, runs.gained, runs.lost, count, runs.first, runs.stop)
        log_hidden(
            self.move, self.log_alive, self.lost, self.fresh, gamma, self.composition, numbers, density, sigma,
            (most, spines), out,
        )  # fmt: skip
        return out


def _most_gained(runs: Runs, count: Integers, gamma: Array) -> Integers:
    """(run, interval) the most spines that may be gained: as recorded, all that are there, or the end of the tail."""
    tail = poisson.isf(_TAIL, _FASTEST * gamma).astype(np.int64) + 1
    return np.where(runs.gained >= 0, runs.gained, np.where(count >= 0, count, tail))


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


def _shares(values: Array) -> Array:
    """Values over their sum along the last axis; all in the first place where that is 0."""
    total = values.sum(axis=-1, keepdims=True)
    first = np.zeros(values.shape[-1])
    first[0] = 1.0
    return np.ascontiguousarray(np.where(total > 0, values / np.where(total > 0, total, 1.0), first))
