r"""Slopes of the exact log-likelihood of tracked counts in P, gamma, d and the composition at the start.

Losses by the adjoint of the class filter (:mod:`synmodel.inference.likelihood.adjoint`), which takes the switches of
survivors M_ij = P_ij / s_i, their survival s_i = sum_j P_ij, and the composition of newcomers c_j = gamma_j / Gamma;
back to P and gamma::

    dL/dP_ij = (dL/dM_ij - sum_k M_ik dL/dM_ik + dL/dln s_i) / s_i
    dL/dgamma_j = (dL/dc_j - sum_k c_k dL/dc_k) / Gamma          and, of Poisson gains, + G / Gamma - l

with the length l. d is a number of its own here, as in the likelihood; where it is 1 - sum_j P_ij, so are its slopes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synmodel.inference.likelihood.adjoint import log_losses_slopes
from synmodel.inference.likelihood.courses import Courses, plain_courses
from synmodel.inference.likelihood.evidence import FilterSteps
from synmodel.inference.likelihood.runs import Runs
from synmodel.turnover.propagation import Propagation

__all__ = ["CountSlopes", "counts_slopes", "loss_slopes"]

Array = NDArray[np.float64]


class CountSlopes(NamedTuple):
    """Slopes of log-probabilities, one for each run; those of a run that cannot be are not numbers.

    Attributes
    ----------
    survival : (run, interval, K, K) ndarray
    newborn, lost : (run, interval, K) ndarray
    composition : (run, K) ndarray
        Of the classes at the start of the run.
    """

    survival: Array
    newborn: Array
    lost: Array
    composition: Array


def loss_slopes(courses: Courses, runs: Runs) -> CountSlopes:
    """Slopes of the log-probability of the losses given starts and gains.

    Parameters
    ----------
    courses : Courses
        P, gamma and d of every interval, and the composition where runs start; one node, one to three classes.
    runs : Runs
        In which all was recorded.
    """
    n_class, steps = courses.newborn.shape[2], FilterSteps(courses)
    move, alive, fresh, born = steps.move[0], steps.alive[0], steps.fresh[0], steps.gamma[0]
    k, shape = fresh.shape[1], runs.gained.shape
    of_move, of_alive, of_lost, of_fresh = (np.empty((*shape, *rest)) for rest in ((k, k), (k,), (k,), (k,)))
    of_start = np.empty((shape[0], k))
    log_losses_slopes(
        (move, steps.log_alive[0], steps.lost[0], fresh), steps.composition[0],
        runs.n, runs.gained, runs.lost, runs.first, runs.stop, (of_move, of_alive, of_lost, of_fresh), of_start,
    )  # fmt: skip
    safe, some = np.where(alive > 0, alive, 1.0), np.where(born > 0, born, 1.0)
    of_move = of_move - (of_move * move).sum(axis=3, keepdims=True) + of_alive[..., None]
    of_fresh = of_fresh - (of_fresh * fresh).sum(axis=2, keepdims=True)
    return CountSlopes(
        (of_move / safe[:, :, None])[:, :, :n_class, :n_class],
        (of_fresh / some[:, None])[:, :, :n_class],
        of_lost[:, :, :n_class],
        of_start[:, :n_class],
    )


def counts_slopes(
    steps: Propagation,
    composition: ArrayLike,
    n0: NDArray[np.int64],
    gained: NDArray[np.int64],
    lost: NDArray[np.int64],
    scale: Array | None = None,
) -> CountSlopes:
    """Slopes of :func:`synmodel.inference.counts_log_likelihood_of`, one for each dendrite.

    Parameters
    ----------
    steps, composition, n0, gained, lost, scale
        As there.

    Examples
    --------
    >>> from synmodel.turnover import TurnoverModel, propagate
    >>> steps = propagate(TurnoverModel(("spine",), 1.0, [[0]], [0.1]), np.array([0.0, 2.0]))
    >>> found = counts_slopes(steps, [1.0], np.array([10]), np.array([[1]]), np.array([[1]]))
    >>> found.survival[0, 0].round(3).tolist(), found.lost[0, 0].round(3).tolist()  # 9 / P and 1 / d
    ([[10.993]], [5.517])
    """
    found = loss_slopes(plain_courses(steps, composition), Runs.recorded(n0, gained, lost))
    length = np.ones(len(n0)) if scale is None else scale
    born = steps.newborn.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_gains = np.where(gained > 0, gained / born, 0.0) - length[:, None]
    return found._replace(newborn=found.newborn + of_gains[:, :, None])
