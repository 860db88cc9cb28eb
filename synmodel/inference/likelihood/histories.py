r"""Exact likelihood of tracked histories: for each spine, at which sessions it was there.

With P_k and gamma_k the steps, pi the composition at the first session and D_k(w) the diagonal matrix of the
probabilities of record w_k in each class, a history w weighs

    there at the first session:   p_w = pi D_0 P_1 D_1 ... P_K D_K 1,             a probability,
    entered later:                m_w = sum_a gamma_a D_a P_(a+1) ... P_K D_K 1,  a mean number,

with rows for spines that are gone filled in; the sum runs over the entries a that the record allows. An entry that
was censored allows everything.

*Perfect detection.* Spines of the first session are multinomial over histories given their number; those that enter
later are independent Poisson numbers (mixed, if births differ between dendrites). With H the numbers of spines per
history and Gamma the mean number of entries::

    log L = log N_0! + sum_w (H_w log p_w - log H_w!) + sum_v (H_v log m_v - log H_v!) - Gamma

*Detection.* A spine of class c is overlooked with probability miss_c at each session, independently. One that was
never seen has no row, so each row counts given that its spine was seen at least once::

    log L = sum over spines of log(M_w / M_seen),   M_w = |m| p_w + m_w,

m being the mean numbers at the first session. The number of rows is not used.

False positives are not part of this: a false spine looks like one that lives for a single session.

References
----------
Schwarz and Arnason 1996, Biometrics 52:860, doi:10.2307/2533048 (entries as a superpopulation).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from synmodel.core.errors import FitError
from synmodel.core.settings import by_fields
from synmodel.inference.likelihood.counts import refuse_animals
from synmodel.inference.likelihood.courses import Assumed, Courses, checked_effect, courses_of
from synmodel.inference.likelihood.gains import log_mixed
from synmodel.inference.likelihood.records import Records, checked_miss, checked_records
from synmodel.inference.likelihood.runs import checked_lengths
from synmodel.turnover.hazards import checked_times
from synmodel.turnover.model import TurnoverModel

__all__ = ["Weighed", "histories_log_likelihood", "weighed"]

Array = NDArray[np.float64]


@by_fields(assumed=Assumed)
def histories_log_likelihood(
    model: TurnoverModel,
    *,
    present: ArrayLike,
    times: ArrayLike,
    dendrite: ArrayLike | None = None,
    n_dendrite: int | None = None,
    assumed: Assumed,
    miss: ArrayLike | None = None,
) -> Array:
    """Exact log-probability of the histories of all spines of each dendrite.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes; formation is per dendrite, or per um where ``length_um`` is given.
    present : (spine, session) array_like of int
        1 seen, 0 not seen, -1 censored: not known, for a reason that has nothing to do with the spine. A session at
        which all spines of a dendrite are censored is one at which it was not imaged; a single censored
        entry hides the entry, not the spine.
    times : (session,) array_like
        Sessions [day].
    dendrite : (spine,) array_like of int, optional
        Number of the dendrite of each spine, from 0; default: all on one.
    n_dendrite : int, optional
        Number of dendrites; default: as many as have spines. One without spines is an observation too.
    assumed : Assumed
        ``composition``, "stationary" (default) or the (K,) probabilities of the classes of a spine at the first
        session; a ``drive``; ``length_um`` of each dendrite, which multiplies formation; for perfect detection
        ``birth_effect``, "lasting" (default) or "response", as in :func:`counts_log_likelihood`. Its fields are given
        by keywords of their own.
    miss : float or (K,) array_like, optional
        Probability that a spine of each class is overlooked at a session. Without it detection is perfect and the
        result is conditional on the number of spines at the first session at which the dendrite was imaged. With
        it, even with 0, each row is conditional on its spine having been seen at least once.

    Returns
    -------
    (dendrite,) ndarray
        Natural logarithms; minus infinity for what cannot be, such as a gap under perfect detection.

    Raises
    ------
    FitError
        For tables that are none: other shapes or numbers, rows without a 1, rows censored at the first session at
        which their dendrite was imaged (perfect detection).

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    >>> histories_log_likelihood(one, present=[[1, 1], [1, 0], [0, 1]], times=[0, 2]).round(3).tolist()
    [-2.433]
    """
    refuse_animals(model)
    sessions = checked_times(times)
    records = checked_records(present, dendrite, n_dendrite, len(sessions))
    scale = checked_lengths(assumed.length_um, records.n_dendrite)
    courses = courses_of(model, sessions, assumed.drive, assumed.composition)
    if miss is not None:
        return _seen_at_least_once(records, courses, checked_miss(miss, model.n_class))
    lasting = checked_effect("birth_effect", assumed.birth_effect) == "lasting"
    return _perfect(records, courses, scale, model.formation_cv_dendrite, lasting=lasting)


class Weighed(NamedTuple):
    """Histories of the spines of every dendrite, weighed; all (dendrite,).

    Attributes
    ----------
    log_p : ndarray
        Logarithm of the weights of all histories, without that of no other births.
    n_old, n_new : ndarray
        Spines there when the dendrite was first imaged, and later ones.
    exposure : ndarray
        Mean number of later ones.
    mean : ndarray
        Mean number of the first.
    """

    log_p: Array
    n_old: Array
    n_new: Array
    exposure: Array
    mean: Array


def weighed(records: Records, courses: Courses, scale: Array) -> Weighed:
    """The multinomial of the first spines and the Poisson numbers of later ones, for perfect detection.

    Raises
    ------
    FitError
        If a spine is not known when its dendrite was first imaged.
    """
    records.refuse_censored_starts()
    owner, first = records.dendrite, records.first_imaged
    old = records.there_at_first
    rows, n_session = np.arange(len(owner)), records.present.shape[1]
    start = np.zeros((len(owner), n_session, courses.composition.shape[2]))
    start[rows, first[owner]] = np.where(old[:, None], courses.composition[0, first[owner]], 0.0)
    after = np.arange(1, n_session) > first[owner, None]
    entering = np.where((after & ~old[:, None])[:, :, None], courses.newborn[0] * scale[owner, None, None], 0.0)
    start[:, 1:] += entering
    weights = _weights(records.present, start, courses.survival[0], courses.lost[0], np.zeros(start.shape[2]))
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights)
    n_old, n_new = records.per_dendrite(old), records.per_dendrite(~old)
    log_p = records.per_dendrite(log_weights) + gammaln(n_old + 1) - records.log_repeats()
    mean = scale * courses.total[0, first]
    return Weighed(log_p, n_old, n_new, scale * _entries(records, courses), mean)


def _perfect(records: Records, courses: Courses, scale: Array, cv: float, *, lasting: bool) -> Array:
    """(dendrite,) log-probabilities, births that differ between dendrites integrated out."""
    histories = weighed(records, courses, scale)
    if cv == 0:
        return histories.log_p - histories.exposure
    a, b = np.full(records.n_dendrite, cv**-2), np.full(records.n_dendrite, cv**-2)
    if lasting:
        a, b = a + histories.n_old, b + histories.mean
    return histories.log_p + log_mixed(histories.n_new, histories.exposure, a, b)


def _seen_at_least_once(records: Records, courses: Courses, miss: Array) -> Array:
    """(dendrite,) hidden-Markov weights of rows over those of all rows that would be in the table."""
    if not courses.total[0, 0] > 0:
        message = (
            "with miss, spines at the first session and later births are weighed against each other, so births and "
            "losses must have a balance; give births, and losses from every class"
        )
        raise FitError(message)
    start = np.concatenate([courses.composition[:, 0] * courses.total[:, 0, None], courses.newborn[0]])
    starts = np.broadcast_to(start, (len(records.present), *start.shape))
    survival, lost = courses.survival[0], courses.lost[0]
    seen = _weights(records.present, starts, survival, lost, miss)
    never = _weights(np.minimum(records.present, 0), starts, survival, lost, miss)
    with np.errstate(divide="ignore"):
        log_p = np.log(seen) - np.log(start.sum() - never)
    return records.per_dendrite(log_p)


def _weights(present: NDArray[np.int8], start: Array, survival: Array, lost: Array, miss: Array) -> Array:
    """(spine,) weights of records, by the forward algorithm.

    ``start`` (spine, session, K) is what enters at each session; it counts only before the spine was first seen.
    ``alive`` (spine, K) is the weight of a spine that is there, ``gone`` (spine,) that of one that is lost.
    """
    n_spine, n_session = present.shape
    alive, gone = np.zeros((n_spine, len(miss))), np.zeros(n_spine)
    unseen = np.ones(n_spine, bool)
    for k in range(n_session):
        record = present[:, k]
        if k > 0:
            gone = gone + alive @ lost[k - 1]
            alive = alive @ survival[k - 1]
        alive = alive + np.where(unseen[:, None], start[:, k], 0.0)
        allowed = np.where(record[:, None] == 1, 1.0 - miss, np.where(record[:, None] == 0, miss, 1.0))
        alive, gone = alive * allowed, np.where(record == 1, 0.0, gone)
        unseen &= record != 1
    return alive.sum(axis=1) + gone


def _entries(records: Records, courses: Courses) -> Array:
    """(dendrite,) mean number of spines, per unit of births, that enter between imaged sessions and are seen."""
    waiting = np.zeros((records.n_dendrite, courses.newborn.shape[2]))
    entered = np.zeros(records.n_dendrite)
    for k in range(1, records.present.shape[1]):
        waiting = waiting @ courses.survival[0, k - 1] + courses.newborn[0, k - 1]
        waiting[k <= records.first_imaged] = 0.0
        imaged = records.imaged[:, k]
        entered += np.where(imaged, waiting.sum(axis=1), 0.0)
        waiting[imaged] = 0.0
    return entered
