r"""Words of spines: at which sessions a spine is scored, and how many spines of a dendrite have each word.

A word s has a letter for each session, 1 where the spine is scored. Spines are independent, so what is reported of a
dendrite is a sum over its spines of numbers that follow from their words. With P_k and gamma_k of the intervals, h_j
the probability that class j is seen, and e(h, 1) = h, e(h, 0) = 1 - h, mean numbers with the word s are sums of ::

    first spines     a_0[j] = initial[j] e(h_j, s_0)     a_k[j] = sum_i a_(k-1)[i] P_k[i, j] e(h_j, s_k)
    formed since     b_0[j] = 0                          b_k[j] = (sum_i b_(k-1)[i] P_k[i, j] + gamma_k[j]) e(h_j, s_k)

where gamma_k is added to the word without a score so far, and one class more, which is never seen, holds those that are
gone. These means are exact; where first numbers are Poisson, numbers with different words are independent and Poisson.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.imaging.detection import Scoring

__all__ = ["MOST_SESSIONS", "Words", "words_of"]

Array = NDArray[np.float64]
MOST_SESSIONS = 12
"""Sessions of which words are enumerated: their number doubles with each."""


class Words(NamedTuple):
    """Words that are scored at least once, and the mean number of spines with each.

    Attributes
    ----------
    scored : (n_word, n_session) ndarray
        1 where a spine is scored, else 0.
    first, formed, false : (n_word,) ndarray
        Of spines of the first session, of those formed since, and of false spines [unit of the initial numbers].
    """

    scored: Array
    first: Array
    formed: Array
    false: Array


def words_of(initial: ArrayLike, survival: Array, newborn: Array, scoring: Scoring) -> Words:
    """Words of the spines of a dendrite.

    Parameters
    ----------
    initial : (n_class,) array_like
        Mean numbers at the first session.
    survival, newborn : (n_interval, K, K) and (n_interval, K) ndarray
        P and gamma of :class:`synmodel.turnover.Propagation`.
    scoring : Scoring
        Misses, and false spines per um.
    """
    hit = np.append(1.0 - np.asarray(scoring.miss), 0.0)  # the last class is for spines that are gone
    start = np.append(np.asarray(initial, float), 0.0)
    words = np.array([[0.0], [1.0]])
    old = np.stack([start * (1.0 - hit), start * hit])
    new = np.zeros_like(old)
    for stays, formed in zip(survival, newborn, strict=True):
        gone = 1.0 - stays.sum(axis=1)
        onward = np.block([[stays, gone[:, None]], [np.zeros((1, len(gone))), np.ones((1, 1))]])
        old, new = old @ onward, new @ onward
        new[0] += np.append(formed, 0.0)  # the word without a score is the first
        old, new = (np.concatenate([each * (1.0 - hit), each * hit]) for each in (old, new))
        unseen, seen = np.zeros((len(words), 1)), np.ones((len(words), 1))
        words = np.concatenate([np.hstack([words, unseen]), np.hstack([words, seen])])
    false = np.where(words.sum(axis=1) == 1, scoring.false_positive_per_um, 0.0)
    return Words(words[1:], old.sum(axis=1)[1:], new.sum(axis=1)[1:], false[1:])
