r"""Exact expectations of published statistics, and their covariance, without simulation.

Per um of dendrite let nu be the means of the classes at a session, P and gamma the propagation to the next,
D = diag(1 - miss), U = diag(miss) and phi the false spines. Scored spines number S = nu D 1 + phi, and::

    gained = nu U P D 1 + gamma D 1 + phi          lost = nu D (1 - P D 1) + phi

With Poisson numbers gained spines are independent of the spines scored before, and each of those is lost with
the same probability. The mean over dendrites of a ratio is therefore exactly::

    E[lost / N]   = lost / S
    E[gained / N] = gained / S * c(S l)         c(x) = x E[1/N | N > 0], N ~ Poisson(x)
    E[N_k / N_0]  = p_k + (S_k / S_0 - p_k) c(S_0 l)

where l is the length and p_k the probability that a spine scored at the first session is scored at session k.
Short dendrites (few spines) bias a mean of ratios: c(11) = 1.11. Where first densities differ between dendrites
by a factor y and formation by a factor z, both of mean 1, the lines hold at each (y, z) and are averaged over both
with the weight of dendrites that have spines.

The covariance between statistics follows from the numbers H_w of spines with each history w of "scored" and
"not scored", which are independent Poisson numbers; every count is a sum of them, and ratios are linearised.
Differences between dendrites are not in the covariance.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.imaging.detection import Scoring
from synmodel.imaging.kernel import contributions, follow_new, mean_fractions, ratio_factors

__all__ = ["Expected", "expected_statistics", "ratio_factor", "statistics_correlation"]

Array = NDArray[np.float64]
_ALIKE = (np.ones(1), np.ones(1), np.ones(1))


class Expected(NamedTuple):
    """Expectations of the mean over dendrites; n is the number of intervals.

    Attributes
    ----------
    formation, elimination : (n,) ndarray
        Fraction of the spines scored at the start of each interval.
    density_change : (n,) ndarray
        Change relative to the first session, at the end of each interval.
    persistence_seen, persistence_followed : (n_later,) ndarray
        Of the spines new at the reference session, those scored at each later session; and those scored at
        every session up to it.
    """

    formation: Array
    elimination: Array
    density_change: Array
    persistence_seen: Array
    persistence_followed: Array


def ratio_factor(mean: Array) -> Array:
    """c(x) = x E[1/N | N > 0] for N ~ Poisson(x).

    Equation and evidence: :doc:`/model/imaging`.
    """
    x = np.asarray(mean, float)
    factors = np.empty(x.size)
    ratio_factors(x.ravel(), factors)
    return factors.reshape(x.shape)


def expected_statistics(
    initial: Array,
    survival: Array,
    newborn: Array,
    scoring: Scoring,
    length_um: float,
    reference: int | None = None,
    nodes: tuple[Array, Array, Array] = _ALIKE,
) -> Expected:
    """Expected published statistics of one arm.

    Equation and evidence: :doc:`/model/imaging`.

    Parameters
    ----------
    initial : (K,) ndarray
        Mean spines per um of each class at the first session.
    survival : (n, K, K) ndarray
        P of each interval.
    newborn : (n, K) ndarray
        gamma of each interval, per um.
    scoring : Scoring
        Misses and false spines.
    length_um : float
        Length of a dendrite [um].
    reference : int, optional
        Index of the session whose new spines are followed.
    nodes : tuple of three (n_node,) ndarray
        Factors by which first densities and formation differ between dendrites, and their weights; default: all
        dendrites alike.
    """
    hit = 1.0 - np.asarray(scoring.miss)
    false = scoring.false_positive_per_um
    n = len(newborn)
    old, new = np.empty((4, n + 1)), np.empty((4, n + 1))
    number = contributions(np.asarray(initial, float), survival, newborn, hit, old, new)
    fractions = np.empty((3, n))
    mean_fractions(old, new, length_um, false, *(np.asarray(each, float) for each in nodes), fractions)
    later = 0 if reference is None else n - reference
    seen, followed = np.empty(later), np.empty(later)
    if reference is not None:
        before = reference - 1
        follow_new(number[before], survival[before:], newborn[before:], hit, false, seen, followed)
    return Expected(
        formation=fractions[0],
        elimination=fractions[1],
        density_change=fractions[2],
        persistence_seen=seen,
        persistence_followed=followed,
    )


def _history_means(
    initial: Array, survival: Array, newborn: Array, scoring: Scoring, length_um: float
) -> tuple[Array, Array]:
    """Scored-or-not words (n_word, n_session) and the mean number of spines with each, on one dendrite."""
    # A class for spines that are gone, which are never scored, makes every spine's history go on to the end.
    n, k = newborn.shape
    survival = np.concatenate([survival, (1.0 - survival.sum(axis=2))[:, :, None]], axis=2)
    survival = np.concatenate([survival, np.zeros((n, 1, k + 1))], axis=1)
    survival[:, k, k] = 1.0
    newborn = np.pad(newborn, ((0, 0), (0, 1)))
    miss = np.append(scoring.miss, 1.0)
    words = np.array([word for word in product((0.0, 1.0), repeat=n + 1) if any(word)])
    means = np.empty(len(words))
    for i, word in enumerate(words):
        state = np.append(initial, 0.0) * (1.0 - miss if word[0] else miss)
        for session in range(1, n + 1):
            state = state @ survival[session - 1]
            if not word[:session].any():
                state = state + newborn[session - 1]
            state = state * (1.0 - miss if word[session] else miss)
        means[i] = state.sum() * length_um
        if word.sum() == 1:
            means[i] += scoring.false_positive_per_um * length_um
    return words, means


def statistics_correlation(
    initial: Array, survival: Array, newborn: Array, scoring: Scoring, length_um: float
) -> Array:
    """Correlations between the statistics of one arm that come from scoring the same spines.

    Returns
    -------
    (3 n, 3 n) ndarray
        Order: formation, elimination and density change, each over the n intervals. The matrix is singular:
        counts of tracked spines determine the density change.
    """
    words, means = _history_means(initial, survival, newborn, scoring, length_um)
    number = means @ words
    rows = []
    earlier, later = words[:, :-1], words[:, 1:]
    for change in ((1.0 - earlier) * later, earlier * (1.0 - later)):
        fraction = (means @ change) / number[:-1]
        rows.append((change - fraction * earlier) / number[:-1])
    rows.append((later - number[1:] / number[0] * words[:, :1]) / number[0])
    gradient = np.concatenate(rows, axis=1)
    covariance = (gradient * means[:, None]).T @ gradient
    sd = np.sqrt(np.diag(covariance))
    return covariance / np.outer(sd, sd)
