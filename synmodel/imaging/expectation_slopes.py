r"""Exact slopes of the expected statistics of an arm, in any direction.

Every statistic of :mod:`synmodel.imaging.expectation` is a ratio of sums over classes. The sums (scored, gained, lost,
scored at both ends; of first spines and of new ones) are differentiated forwards through the sessions; what they make
of the mixture over dendrites has eleven partial slopes for each statistic, which are found once. With
x = S l, c(x) = x E[1/N | N > 0] has c' = 1 + c / x - c - c / (e^x - 1).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.imaging.detection import Scoring
from synmodel.imaging.expectation import Expected
from synmodel.imaging.kernel import contributions
from synmodel.imaging.slopes_kernel import contribution_slopes, follow_new_slopes, fraction_partials

__all__ = ["ScoringSlopes", "expected_slopes"]

Array = NDArray[np.float64]


class ScoringSlopes(NamedTuple):
    """Changes of 1 - miss, (direction, K), and of the false spines per um, (direction,)."""

    hit: Array
    false: Array


def expected_slopes(
    values: tuple[Array, Array, Array],
    slopes: tuple[Array, Array, Array],
    scoring: Scoring,
    scoring_slopes: ScoringSlopes,
    length_um: float,
    reference: int | None,
    nodes: tuple[Array, Array, Array],
) -> Expected:
    """Slopes of :func:`synmodel.imaging.expectation.expected_statistics`, each (direction, n).

    Parameters
    ----------
    values : tuple of (K,), (n, K, K), (n, K) ndarray
        Initial means per um, P and gamma.
    slopes : tuple of (direction, K), (direction, n, K, K), (direction, n, K) ndarray
        Theirs.
    scoring, length_um, reference, nodes
        As there; differences between dendrites are held.
    scoring_slopes : ScoringSlopes
        Of misses and false spines.
    """
    initial, survival, newborn = values
    hit, false = 1.0 - np.asarray(scoring.miss), float(scoring.false_positive_per_um)
    n, k = newborn.shape
    q = len(scoring_slopes.false)
    old, new, partial = np.empty((4, n + 1)), np.empty((4, n + 1)), np.empty((3, n, 12))
    number = contributions(initial, survival, newborn, hit, old, new)
    fraction_partials(old, new, length_um, false, *(np.asarray(each, float) for each in nodes), partial)
    d_number, result = np.empty((q, n + 1, k)), np.empty((q, 3, n))
    contribution_slopes(
        (initial, survival, newborn, hit),
        (*slopes, scoring_slopes.hit),
        partial,
        scoring_slopes.false,
        d_number,
        result,
    )
    later = 0 if reference is None else n - reference
    seen, followed = np.zeros((q, later)), np.zeros((q, later))
    if reference is not None:
        at = reference - 1
        follow_new_slopes(
            (number[at], survival[at:], newborn[at:], hit),
            (d_number[:, at].copy(), slopes[1][:, at:].copy(), slopes[2][:, at:].copy(), scoring_slopes.hit),
            false,
            scoring_slopes.false,
            seen,
            followed,
        )
    return Expected(result[:, 0], result[:, 1], result[:, 2], seen, followed)
