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
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import FitError
from synmodel.core.settings import by_fields
from synmodel.inference.likelihood.courses import Assumed, LossFrailty, checked_effect, courses_of, plain_courses
from synmodel.inference.likelihood.evidence import ONE, Evidence, evidence_of
from synmodel.inference.likelihood.prepared import Prepared
from synmodel.inference.likelihood.runs import Runs, Seen, checked_lengths
from synmodel.turnover.model import TurnoverModel
from synmodel.turnover.propagation import Propagation

__all__ = [
    "check_balance",
    "counts_log_likelihood",
    "counts_log_likelihood_of",
    "one_level",
    "refuse_animals",
]

Array = NDArray[np.float64]


@by_fields(seen=Seen, assumed=Assumed)
def counts_log_likelihood(
    model: TurnoverModel,
    *,
    seen: Seen,
    count: ArrayLike | None = None,
    assumed: Assumed,
    frailty: LossFrailty | None = None,
) -> Array:
    """Exact log-probability of gains and losses given the spines at the first session.

    Parameters
    ----------
    model : TurnoverModel
        Rates, with up to three classes; formation is per dendrite, or per um where ``length_um`` is given.
        ``formation_cv_dendrite`` makes it differ between dendrites.
    seen : Seen
        ``n0`` (dendrite,), the spines at the first session; ``gained`` and ``lost`` (dendrite, interval), those that
        are new and that are gone at the end of each interval, negative where that was not recorded; ``times``
        (interval + 1,), the sessions [day]. Fields of this and of ``assumed`` are given by keywords of their own.
    count : (dendrite, interval) array_like of int, optional
        Spines at the end of each interval; negative where not recorded. What was not recorded is summed over: with a
        count and neither gains nor losses, the result is the logarithm of the sum over all that lead to it.
    assumed : Assumed
        ``composition``, "stationary" (default) or the (K,) probabilities of the classes of a spine at the first
        session; a ``drive``; ``length_um`` of each dendrite, which multiplies formation; ``birth_effect``, whether a
        dendrite's formation differed long before the first session ("lasting", default), so that ``n0`` tells of it, or
        only from then on ("response").
    frailty : LossFrailty, optional
        Differences between dendrites in losses.

    Returns
    -------
    (dendrite,) ndarray
        Natural logarithms; minus infinity for data that cannot be, such as more spines lost than were present.

    Raises
    ------
    FitError
        For shapes that do not fit, numbers that are no counts, more than three classes, or formation that differs
        between animals (then dendrites are not independent: use :func:`animals_log_likelihood`).

    Examples
    --------
    >>> one = TurnoverModel(("spine",), 1.0, [[0]], [0.1])
    >>> counts_log_likelihood(one, n0=[10, 10], gained=[[1], [0]], lost=[[1], [11]], times=[0, 2]).round(3).tolist()
    [-2.423, -inf]
    """
    refuse_animals(model)
    sessions, runs = seen.checked(count)
    scale = checked_lengths(assumed.length_um, len(runs.n))
    courses = courses_of(model, sessions, assumed.drive, assumed.composition, frailty)
    return one_level(evidence_of(Prepared(runs, scale), courses), model, assumed.birth_effect)


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
    runs = Runs.recorded(n0, gained, lost)
    prepared = Prepared(runs, np.ones(len(n0)) if scale is None else scale)
    evidence = evidence_of(prepared, plain_courses(steps, composition))
    return evidence.given_start(ONE, 0.0)[:, 0]


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
        return evidence.given_start(ONE, cv)[:, 0]
    check_balance(evidence)
    ratio: Array = evidence.joint(ONE, cv, lasting=lasting) - evidence.start(ONE, cv, lasting=lasting)
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
