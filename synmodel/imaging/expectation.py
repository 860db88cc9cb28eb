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
by a factor y and births by a factor z, both of mean 1, the lines hold at each (y, z) and are averaged over both
with the weight of dendrites that have spines.

The covariance between statistics follows from the numbers H_w of spines with each history w of "scored" and
"not scored", which are independent Poisson numbers; every count is a sum of them, and ratios are linearised.
Differences between dendrites are not in the covariance.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expi

from synmodel.imaging.detection import Scoring

__all__ = ["Expected", "expected_statistics", "ratio_factor", "statistics_correlation"]

Array = NDArray[np.float64]
_ASYMPTOTIC_FROM = 60.0
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
    """c(x) = x E[1/N | N > 0] for N ~ Poisson(x)."""
    x = np.asarray(mean, float)
    small = np.clip(x, 1e-9, _ASYMPTOTIC_FROM)
    exact = small * (expi(small) - np.log(small) - np.euler_gamma) / np.expm1(small)
    large = np.maximum(x, _ASYMPTOTIC_FROM)
    series, term = np.ones_like(large), np.ones_like(large)
    for k in range(1, 11):
        term = term * k / large
        series = series + term
    return np.where(x < _ASYMPTOTIC_FROM, exact, series)


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
        Factors by which first densities and births differ between dendrites, and their weights; default: all
        dendrites alike.
    """
    hit = 1.0 - np.asarray(scoring.miss)
    miss = np.asarray(scoring.miss)
    false = scoring.false_positive_per_um
    n, k = newborn.shape
    old, new = np.zeros((n + 1, k)), np.zeros((n + 1, k))
    old[0] = initial
    for i in range(n):
        old[i + 1] = old[i] @ survival[i]
        new[i + 1] = new[i] @ survival[i] + newborn[i]
    seen_later = survival @ hit  # (n, K): a spine there at the start is scored at the end
    y, z, share = (each[:, None] for each in nodes)

    def per_node(of_old: Array, of_new: Array) -> Array:
        """(n_node, ...) sum of what the first spines and what births contribute."""
        return y * of_old + z * of_new

    scored_before = per_node(old[:-1] @ hit, new[:-1] @ hit) + false
    gained = false + per_node(
        ((old[:-1] * miss) * seen_later).sum(axis=1), ((new[:-1] * miss) * seen_later).sum(axis=1) + newborn @ hit
    )
    lost = false + per_node(
        ((old[:-1] * hit) * (1.0 - seen_later)).sum(axis=1), ((new[:-1] * hit) * (1.0 - seen_later)).sum(axis=1)
    )
    number = length_um * scored_before
    # Only a dendrite with spines has a fraction.
    weight = share * -np.expm1(-number)
    weight = weight / weight.sum(axis=0)
    kept = np.empty(n)
    reach = initial * hit
    for i in range(n):
        reach = reach @ survival[i]
        kept[i] = reach @ hit
    first, later = scored_before[:, :1], per_node(old[1:] @ hit, new[1:] @ hit) + false
    ratio = (y * kept + (later - y * kept) * ratio_factor(number[:, :1])) / first
    change = (weight[:, :1] * ratio).sum(axis=0) - 1.0
    seen, followed = np.empty(0), np.empty(0)
    if reference is not None:
        seen, followed = _persistence(old + new, survival, newborn, hit, miss, false, reference)
    return Expected(
        formation=(weight * gained / scored_before * ratio_factor(number)).sum(axis=0),
        elimination=(weight * lost / scored_before).sum(axis=0),
        density_change=change,
        persistence_seen=seen,
        persistence_followed=followed,
    )


def _persistence(
    nu: Array, survival: Array, newborn: Array, hit: Array, miss: Array, false: float, reference: int
) -> tuple[Array, Array]:
    new = ((nu[reference - 1] * miss) @ survival[reference - 1] + newborn[reference - 1]) * hit
    total = new.sum() + false
    seen, followed = [], []
    there, always = new, new
    for matrix in survival[reference:]:
        there = there @ matrix
        always = (always @ matrix) * hit
        seen.append(there @ hit / total)
        followed.append(always.sum() / total)
    return np.array(seen), np.array(followed)


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
