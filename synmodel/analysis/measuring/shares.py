r"""Shares of variance, as functions of arrays: Sobol indices, what knowing a number tells, what a measurement removes.

Let C be a conclusion, x a number, y measurements and R the covariance of their errors.

* :func:`sobol_normal`: for independent numbers, S = Var(E[C | x]) / Var(C), and the total
  T = 1 - Var(E[C | all but x]) / Var(C).
* :func:`share_known`: Var(E[C | x]) / Var(C) of a sample in which numbers are correlated, so that a number has also
  what it tells of its relatives; shares do not add up to 1. E[C | x] is a cubic in the normal score of x, corrected for
  its degrees of freedom: the adjusted R^2.
* :func:`expected_reduction`: the share of Var(C) that a measurement removes, averaged over what it may find, if C and y
  are jointly normal::

      rho = c' (S + R)^-1 c / Var(C),     c = Cov(C, y),     S = Cov(y)

  and, for the chance correlations of n draws, (rho - q) / (1 - q) with q = tr((S + R)^-1 S) / (n - 1).

References
----------
Saltelli et al. 2010, Comput Phys Commun 181:259, doi:10.1016/j.cpc.2009.09.018.
Raiffa and Schlaifer 1961, Applied Statistical Decision Theory (preposterior analysis).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synmodel.analysis.sweeps.sobol import indices_with_intervals
from synmodel.core.randomness import generator_of

__all__ = ["expected_reduction", "share_known", "sobol_normal"]

Array = NDArray[np.float64]
_DEGREE = 3
_INSIDE = 1e-12


def sobol_normal(
    outcome: Callable[[Array], Array], n_factor: int, *, points: int, seed: int, resamples: int = 200
) -> tuple[Array, Array]:
    """Sobol indices of outcomes over independent standard normal factors.

    Parameters
    ----------
    outcome : callable
        From (n_factor,) factors to (n_outcome,) outcomes.
    n_factor : int
    points : int
        A power of two; ``points * (n_factor + 2)`` outcomes are computed.
    seed : int
        Of the scrambled Sobol sequence and the bootstrap.
    resamples : int
        Of the bootstrap of points.

    Returns
    -------
    indices : (2, 3, n_factor, n_outcome) ndarray
        First and total order; estimate and the ends of 95 %.
    variance : (n_outcome,) ndarray
        Of the outcomes.
    """
    from scipy.stats import qmc

    u = qmc.Sobol(2 * n_factor, rng=generator_of(seed, "measure-next sobol")).random(points)
    both = ndtri(np.clip(u, _INSIDE, 1 - _INSIDE))
    a, b = both[:, :n_factor], both[:, n_factor:]
    matrices = [a, b, *(np.where(np.arange(n_factor) == i, b, a) for i in range(n_factor))]
    values = np.array([[outcome(row) for row in matrix] for matrix in matrices])
    variance: Array = values[:2].reshape(-1, values.shape[-1]).var(axis=0)
    return indices_with_intervals(np.moveaxis(values, 1, 2), 0.95, resamples, seed), variance


def share_known(conclusions: Array, numbers: Array) -> Array:
    """(n_number, n_conclusion) shares of variance that go if a number becomes known exactly.

    Parameters
    ----------
    conclusions : (n_draw, n_conclusion) ndarray
    numbers : (n_draw, n_number) ndarray
        Correlated or not; a number that does not vary has a share of 0.
    """
    n = len(conclusions)
    centred = conclusions - conclusions.mean(axis=0)
    total = np.maximum((centred**2).sum(axis=0), np.finfo(float).tiny)
    ranks = numbers.argsort(axis=0, kind="stable").argsort(axis=0)
    scores = ndtri((ranks + 0.5) / n)
    shares = np.zeros((numbers.shape[1], conclusions.shape[1]))
    for column in np.flatnonzero(np.ptp(numbers, axis=0) > 0):
        basis, _ = np.linalg.qr(np.vander(scores[:, column], _DEGREE + 1, increasing=True))
        explained = ((basis[:, 1:].T @ centred) ** 2).sum(axis=0) / total
        shares[column] = 1.0 - (1.0 - explained) * (n - 1) / (n - 1 - _DEGREE)
    return shares


def expected_reduction(conclusions: Array, observed: Array, error_sd: Array) -> Array:
    """(n_conclusion,) shares of variance that a measurement is expected to remove.

    Parameters
    ----------
    conclusions : (n_draw, n_conclusion) ndarray
    observed : (n_draw, p) ndarray
        What the measurement would show without error, of the same draws.
    error_sd : (p,) ndarray
        Standard deviations of its independent errors.
    """
    n = len(conclusions)
    y, c = observed - observed.mean(axis=0), conclusions - conclusions.mean(axis=0)
    spread = y.T @ y / (n - 1)
    inverse = np.linalg.pinv(spread + np.diag(np.asarray(error_sd) ** 2), hermitian=True)
    between = y.T @ c / (n - 1)
    share: Array = (between * (inverse @ between)).sum(axis=0) / np.maximum(c.var(axis=0, ddof=1), np.finfo(float).tiny)
    chance = float(np.trace(inverse @ spread)) / (n - 1)
    return (share - chance) / (1.0 - chance)
