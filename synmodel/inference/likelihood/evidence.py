"""What runs of counts say at every value of the multipliers: gains in closed form, losses by the class filters.

Where something was not recorded, a run is a sum of terms, one for each number of gains that nobody wrote down
(:mod:`synmodel.inference.likelihood.hidden`). Where only fractions were published, a record is a sum over the runs that
explain them. Both are sums over *terms*; a record without gaps is one term.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, pdtrik

from synmodel.core.errors import FitError
from synmodel.inference.likelihood.courses import Courses
from synmodel.inference.likelihood.gains import Gains, gains_of
from synmodel.inference.likelihood.hidden import log_hidden, log_hidden_of_many
from synmodel.inference.likelihood.kernel import log_losses
from synmodel.inference.likelihood.runs import Runs
from synmodel.inference.likelihood.tail import LOG_STEP, SCALES

__all__ = ["ONE", "Evidence", "FilterSteps", "Memory", "Mixture", "evidence_of", "joined", "together"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
ONE = np.zeros((1, 1, 1))  # logarithm of a multiplier of births of 1
_REMEMBERED = 3
_MANY = 32  # runs from which several threads are worth their while
_NEGLIGIBLE = 50.0  # terms below exp(-50) of the largest of their record are left out
_NODES, _FLAT = 4, 1e-11  # of the sum over unrecorded gains that is told by its values at eight scales
_FEW = 20.0  # mean births, up to which the quantile itself is looked for
_TAIL, _FASTEST = 1e-12, 2.0  # where gains and numbers are both open, gains beyond this tail at twice the births


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
        return np.asarray(logsumexp(log_p + self.log_weight[:, None], axis=1))

    def _over_terms(self, log_p: Array) -> Array:
        if self._single:
            return log_p
        highest = np.maximum.reduceat(log_p, self._first, axis=0)
        safe = np.where(np.isfinite(highest), highest, 0.0)
        with np.errstate(divide="ignore"):
            return safe + np.log(np.add.reduceat(np.exp(log_p - safe[self.record]), self._first, axis=0))


Memory = dict[bytes, tuple[Integers, Array, Gains]]
"""What the filters said of some runs, by the courses that they were asked with."""


def evidence_of(
    runs: Runs, courses: Courses, scale: Array, mixture: Mixture | None = None, memory: Memory | None = None
) -> Evidence:
    """Evidence of runs whose births are multiplied by ``scale`` (run,).

    A ``memory`` of its own for the same runs spares the filters where neither courses nor lengths have changed.

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
    sigma = np.ones(n) if mixture is None else mixture.sigma
    run, log_p, gains = _remembered(runs, courses, scale, sigma, memory)
    return Evidence(courses.log_weight, log_p + prior[run][:, None], gains, record[run], one_start=one_start)


def _remembered(
    runs: Runs, courses: Courses, scale: Array, sigma: Array, memory: Memory | None
) -> tuple[Integers, Array, Gains]:
    """Run, (node) log-probability and gains of every term, in the order of the runs."""
    told = (courses.survival, courses.newborn, courses.composition, courses.total, sigma[:1])
    key = b"".join(np.ascontiguousarray(each).tobytes() for each in told)
    if memory is not None and key in memory:
        return memory[key]
    steps, partial = FilterSteps(courses), runs.partial
    if partial.any():
        terms = _terms(runs, scale, sigma, steps, partial)
        order = np.argsort(terms.run, kind="stable")
        gains = gains_of(runs, courses, scale).take(terms.run).with_more(terms.more).take(order)
        found = terms.run[order], terms.log_p[order], gains
    else:
        found = np.arange(len(runs.n)), steps.log_losses(runs), gains_of(runs, courses, scale)
    if memory is not None:
        while len(memory) >= _REMEMBERED:
            del memory[next(iter(memory))]
        memory[key] = found
    return found


class _Terms(NamedTuple):
    """Terms of runs: (term,) run, and (term, node) unrecorded gains and log-probability."""

    run: Integers
    more: Array
    log_p: Array


def _terms(runs: Runs, scale: Array, sigma: Array, steps: "FilterSteps", partial: NDArray[np.bool_]) -> _Terms:
    """Every run that is whole is a term; others are one for each number of unrecorded gains that matters."""
    whole, open_ = np.flatnonzero(~partial), np.flatnonzero(partial)
    hidden, at_scales = steps.log_hidden(runs.take(open_), scale[open_], sigma[open_])
    by_scales = np.isfinite(at_scales[:, 0, 0])
    width = max(hidden.shape[2], _NODES)
    number = np.broadcast_to(np.arange(width, dtype=float), (*hidden.shape[:2], width)).copy()
    log_p = np.full(number.shape, -np.inf)
    log_p[:, :, : hidden.shape[2]] = hidden
    nodes, log_weight = _numbers_of(at_scales[by_scales])
    number[by_scales, :, :_NODES] = nodes
    log_p[by_scales, :, :_NODES] = hidden[by_scales, :, :1] + log_weight
    highest = log_p.max(axis=2, keepdims=True)
    counts = (log_p > highest - _NEGLIGIBLE).any(axis=1)
    counts[:, 0] |= ~counts.any(axis=1)  # what cannot be has one term all the same
    of, term = np.nonzero(counts)
    return _Terms(
        np.concatenate([whole, open_[of]]),
        np.concatenate([np.zeros((len(whole), hidden.shape[1])), number[of, :, term]]),
        np.concatenate([steps.log_losses(runs.take(whole)), log_p[of, :, term]]),
    )


def _numbers_of(at_scales: Array) -> tuple[Array, Array]:
    """Numbers m_j (..., 4) and log-weights of the sum a_j z^m_j that has the values (..., 8) at the ``SCALES``.

    With x = r^m, r the ratio of the scales, the values are moments of x: Gauss quadrature by Chebyshev's algorithm and
    the eigenvalues of the Jacobi matrix (Golub and Welsch 1969, doi:10.1090/S0025-5718-69-99647-1). Where fewer numbers
    have these moments, the others get no weight.
    """
    total = at_scales[..., 0]
    diagonal, beside = np.zeros((2, *total.shape, _NODES))
    with np.errstate(divide="ignore", invalid="ignore"):
        before = np.zeros_like(at_scales)
        now = at_scales / total[..., None]
        diagonal[..., 0] = now[..., 1]
        for k in range(1, _NODES):
            # Mixed moments of the polynomial of degree k, of which those below k vanish.
            after = np.zeros_like(now)
            inner = slice(k, 2 * _NODES - k)
            after[..., inner] = (
                now[..., k + 1 : 2 * _NODES - k + 1]
                - diagonal[..., k - 1, None] * now[..., inner]
                - beside[..., k - 1, None] * before[..., inner]
            )
            enough = after[..., k] > _FLAT * now[..., k - 1]
            beside[..., k] = np.where(enough, after[..., k] / now[..., k - 1], 0.0)
            diagonal[..., k] = np.where(enough, after[..., k + 1] / after[..., k] - now[..., k] / now[..., k - 1], 0.0)
            before, now = now, np.where(enough[..., None], after, 0.0)
    jacobi = np.zeros((*total.shape, _NODES, _NODES))
    at = np.arange(_NODES)
    jacobi[..., at, at] = diagonal
    jacobi[..., at[1:], at[:-1]] = np.sqrt(beside[..., 1:])
    x, vectors = np.linalg.eigh(np.where(np.isfinite(jacobi), jacobi, 0.0))
    number = np.log(np.maximum(x, 1.0)) / LOG_STEP
    with np.errstate(divide="ignore"):
        log_weight = np.log(total[..., None] * vectors[..., 0, :] ** 2)
    return number, log_weight - number * np.log(SCALES[0])


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
        self.alive = survival.sum(axis=3)
        with np.errstate(divide="ignore"):
            self.log_alive = np.log(self.alive)
        self.move, self.lost = _shares(survival), np.ascontiguousarray(lost)
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

    def log_hidden(self, runs: Runs, scale: Array, sigma: Array) -> tuple[Array, Array]:
        """(run, node, m) log-probabilities of the losses and of m unrecorded gains, but for exp(-Gamma); values.

        The (run, node, 8) values of the polynomial in the multiplier of births at the ``SCALES`` are NaN where the
        terms say it.
        """
        n_run, n_interval = runs.gained.shape
        count = np.full_like(runs.gained, -1) if runs.at_end is None else runs.at_end
        density = np.full((n_run, n_interval + 1), np.nan) if runs.density is None else runs.density
        gamma = np.ascontiguousarray(self.gamma[None] * scale[:, None, None])
        most = _most_gained(runs, count, gamma.max(axis=1))
        open_ = runs.inside & (runs.gained < 0)
        n_m = int(np.where(open_, most, 0).sum(axis=1).max(initial=0)) + 1
        out = np.full((n_run, len(self.gamma), n_m), -np.inf)
        at_scales = np.full((n_run, len(self.gamma), len(SCALES)), np.nan)
        numbers = (runs.n, runs.gained, runs.lost, count, runs.first, runs.stop)
        fill = log_hidden_of_many if n_run >= _MANY else log_hidden
        fill(
            (self.move, self.log_alive, self.lost, self.fresh), gamma, self.composition, numbers, density, sigma,
            most, out, at_scales,
        )  # fmt: skip
        return out, at_scales


def _most_gained(runs: Runs, count: Integers, gamma: Array) -> Integers:
    """(run, interval) the most spines that may be gained: as recorded, all that are there, or the end of the tail."""
    bounded = np.where(runs.gained >= 0, runs.gained, count)
    unbounded = runs.inside & (bounded < 0)
    most = np.where(unbounded, 0, np.maximum(bounded, 0))
    mean, drop = _FASTEST * gamma[unbounded], -np.log(_TAIL)
    # Bernstein's bound of the Poisson law, a few more than its quantile where the mean is large.
    bound = mean + drop / 3 + np.sqrt((drop / 3) ** 2 + 2 * drop * mean)
    few = mean < _FEW
    bound[few] = pdtrik(1.0 - _TAIL, mean[few]) + 1.0
    most[unbounded] = np.ceil(bound).astype(np.int64)
    return most


def together(pieces: Sequence[Evidence]) -> Evidence:
    """Evidence of all records of several pieces, in their order."""
    if len(pieces) == 1:
        return pieces[0]
    offset = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
    nodes = len(pieces[0].log_weight)
    gains = [[np.broadcast_to(each, (len(each), nodes, 1)) for each in piece.gains] for piece in pieces]
    return Evidence(
        pieces[0].log_weight,
        np.concatenate([piece.losses for piece in pieces]),
        Gains(*(np.concatenate(each) for each in zip(*gains, strict=True))),
        np.concatenate([piece.record + start for piece, start in zip(pieces, offset, strict=True)]),
        one_start=all(piece.one_start for piece in pieces),
    )


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
