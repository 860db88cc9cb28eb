r"""Exact likelihood of tracked counts: gains and losses of each dendrite given the spines at its first session.

With N_k the spines present, G_k gained and L_k lost in interval k,

    P(G_1, L_1, ..., G_K, L_K | N_0) = P(G_1, ..., G_K | N_0) P(L_1, ..., L_K | N_0, G_1, ..., G_K).

Gains are Poisson or negative multinomial (:mod:`synmodel.inference.likelihood.gains`). Losses tell of the hidden
classes and so of later losses: they are *not* binomial with a mean probability from the second interval on. The
class filter (:mod:`synmodel.inference.likelihood.kernel`) carries the law of the class numbers along and sums them
out. All dendrites are independent given the model.

This is the wrong tool where spines are overlooked or imagined (flicker): then a miss counts as a loss and a gain.
"""

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from synmodel.errors import FitError
from synmodel.inference.likelihood.courses import Courses, LossFrailty, checked_effect, courses_of, plain_courses
from synmodel.inference.likelihood.gains import Gains, gains_of
from synmodel.inference.likelihood.kernel import log_losses
from synmodel.inference.likelihood.runs import Runs, checked_lengths, checked_runs
from synmodel.turnover.hazards import checked_times
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import Propagation

__all__ = [
    "Evidence",
    "check_balance",
    "counts_log_likelihood",
    "counts_log_likelihood_of",
    "evidence_of",
    "one_level",
    "refuse_animals",
]

Array = NDArray[np.float64]
_ONE = np.zeros((1, 1, 1))  # logarithm of a multiplier of births of 1


def counts_log_likelihood(
    model: TurnoverModel,
    *,
    n0: ArrayLike,
    gained: ArrayLike,
    lost: ArrayLike,
    times: ArrayLike,
    composition: str | ArrayLike = "stationary",
    drive: xr.Dataset | None = None,
    length_um: ArrayLike | None = None,
    birth_effect: str = "lasting",
    frailty: LossFrailty | None = None,
) -> Array:
    """Exact log-probability of gains and losses given the spines at the first session.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes; births are per dendrite, or per um where ``length_um`` is given.
        ``formation_cv_dendrite`` makes them differ between dendrites.
    n0 : (dendrite,) array_like of int
        Spines at the first session.
    gained, lost : (dendrite, interval) array_like of int
        Spines that are new, and that are gone, at the end of each interval.
    times : (interval + 1,) array_like
        Sessions [day].
    composition : "stationary" or (K,) array_like
        Probabilities of the classes of a spine at the first session.
    drive : Dataset, optional
        A Drive, as in :func:`synmodel.turnover.simulate`.
    length_um : float or (dendrite,) array_like, optional
        Length of each dendrite [um]; multiplies births.
    birth_effect : {"lasting", "response"}
        Whether a dendrite's births differed long before the first session, so that ``n0`` tells of them, or only
        from then on. Without ``formation_cv_dendrite`` this does not matter.
    frailty : LossFrailty, optional
        Differences between dendrites in losses.

    Returns
    -------
    (dendrite,) ndarray
        Natural logarithms; minus infinity for data that cannot be, such as more spines lost than were present.

    Raises
    ------
    FitError
        For shapes that do not fit, numbers that are no counts, more than three classes, or births that differ
        between animals (then dendrites are not independent: use :func:`animals_log_likelihood`).

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    >>> counts_log_likelihood(one, n0=[10, 10], gained=[[1], [0]], lost=[[1], [11]], times=[0, 2]).round(3).tolist()
    [-2.423, -inf]
    """
    refuse_animals(model)
    sessions = checked_times(times)
    runs = checked_runs(n0, gained, lost, len(sessions) - 1)
    scale = checked_lengths(length_um, len(runs.n))
    evidence = evidence_of(runs, courses_of(model, sessions, drive, composition, frailty), scale)
    return one_level(evidence, model, birth_effect)


def counts_log_likelihood_of(
    steps: Propagation,
    composition: ArrayLike,
    n0: NDArray[np.int64],
    gained: NDArray[np.int64],
    lost: NDArray[np.int64],
    scale: Array | None = None,
) -> Array:
    """The array layer of :func:`counts_log_likelihood`, unchecked, for births that do not differ.

    Parameters
    ----------
    steps : Propagation
        P and gamma of every interval.
    composition : (K,) array_like
        Probabilities of the classes at the first session.
    n0, gained, lost : (dendrite,), (dendrite, interval), (dendrite, interval) ndarray of int
        Counts.
    scale : (dendrite,) ndarray, optional
        Multiplier of gamma.

    Returns
    -------
    (dendrite,) ndarray
    """
    n_dendrite, n_interval = gained.shape
    whole = np.full(n_dendrite, n_interval, np.int64)
    runs = Runs(n0, gained, lost, np.zeros_like(whole), whole)
    evidence = evidence_of(runs, plain_courses(steps, composition), np.ones(n_dendrite) if scale is None else scale)
    return evidence.without_start(0.0)


class Evidence:
    """What runs say at every node of the loss multiplier.

    Attributes
    ----------
    log_weight : (node,) ndarray
        Of the nodes.
    losses : (run, node) ndarray
        Log-probabilities of the losses.
    gains : Gains
        Those of the gains and of the starts.
    """

    def __init__(self, log_weight: Array, losses: Array, gains: Gains) -> None:
        self.log_weight, self.losses, self.gains = log_weight, losses, gains

    def without_start(self, cv: float) -> Array:
        """(run,) log-probability of gains and losses where the start tells nothing and there is one node."""
        gains: Array = self.gains.log_probability(_ONE, cv, lasting=False)[:, 0, 0]
        return gains + self.losses[:, 0]

    def joint(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(run, ...) log-probability of start, gains and losses at birth multipliers z (run, 1, ...)."""
        log_p = self._start(log_z, cv, lasting=lasting) + self.gains.log_probability(log_z, cv, lasting=lasting)
        return self._over_nodes(log_p + self.losses[:, :, None])

    def start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        """(run, ...) log-probability of the start, to be conditioned on."""
        return self._over_nodes(self._start(log_z, cv, lasting=lasting))

    def _start(self, log_z: Array, cv: float, *, lasting: bool) -> Array:
        # A response begins after the start, so it does not change its law.
        return self.gains.log_start(log_z, cv) if lasting else self.gains.log_start(np.zeros_like(log_z), 0.0)

    def _over_nodes(self, log_p: Array) -> Array:
        if len(self.log_weight) == 1:
            return log_p[:, 0]
        return np.asarray(logsumexp(log_p + self.log_weight[:, None], axis=1))


def evidence_of(runs: Runs, courses: Courses, scale: Array) -> Evidence:
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
    return Evidence(courses.log_weight, _losses(runs, courses), gains_of(runs, courses, scale))


def one_level(evidence: Evidence, model: TurnoverModel, birth_effect: str) -> Array:
    """(run,) log-likelihoods for births that differ between dendrites alone.

    Raises
    ------
    FitError
        If the number at the start tells of the dendrite, but the model gives it no mean.
    """
    lasting = checked_effect("birth_effect", birth_effect) == "lasting"
    cv = model.formation_cv_dendrite
    if len(evidence.log_weight) == 1 and not (lasting and cv > 0):
        # Nothing is learnt from the start.
        return evidence.without_start(cv)
    check_balance(evidence)
    ratio: Array = evidence.joint(_ONE, cv, lasting=lasting) - evidence.start(_ONE, cv, lasting=lasting)
    return ratio[:, 0]


def check_balance(evidence: Evidence) -> None:
    """Refuse a model whose births and losses have no balance, or no births.

    Raises
    ------
    FitError
        In that case.
    """
    if not np.all(evidence.gains.mean > 0):
        message = (
            "the number of spines at the start tells how a dendrite differs only if births and losses have a "
            "balance; give births and losses, or choose 'response' for the effects"
        )
        raise FitError(message)


def _losses(runs: Runs, courses: Courses) -> Array:
    """(run, node) log-probabilities of the losses given starts and gains, by the class filter."""
    survival, newborn, lost, composition = courses.survival, courses.newborn, courses.lost, courses.composition
    if newborn.shape[2] == 1:  # a second class that is always empty
        survival = survival * np.eye(2)
        newborn, lost, composition = (
            np.concatenate([each, np.zeros_like(each)], axis=2) for each in (newborn, lost, composition)
        )
    alive = survival.sum(axis=3)
    out = np.empty((len(runs.n), len(survival)))
    with np.errstate(divide="ignore"):
        log_alive = np.log(alive)
    log_losses(
        _shares(survival),
        log_alive,
        np.ascontiguousarray(lost),
        _shares(newborn),
        np.ascontiguousarray(composition),
        *runs,
        out,
    )
    return out


def _shares(values: Array) -> Array:
    """Values over their sum along the last axis; all in the first place where that is 0."""
    total = values.sum(axis=-1, keepdims=True)
    first = np.zeros(values.shape[-1])
    first[0] = 1.0
    return np.ascontiguousarray(np.where(total > 0, values / np.where(total > 0, total, 1.0), first))


def refuse_animals(model: TurnoverModel) -> None:
    """Refuse births that differ between animals, because then dendrites are not independent.

    Raises
    ------
    FitError
        In that case.
    """
    if model.formation_cv_animal > 0:
        message = (
            f"model.formation_cv_animal is {model.formation_cv_animal:g}, so the dendrites of an animal are not "
            "independent; use animals_log_likelihood"
        )
        raise FitError(message)
