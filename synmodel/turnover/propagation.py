r"""Exact transition matrices between sessions.

For an interval, P[i, j] is the probability that a spine of class i at its start is there in class j at its
end, d[i] the probability that it is lost by then, and gamma[j] the mean number of spines in class j at its end
that were formed within it::

    dP/dt = P Q(t), P = I       dd/dt = P delta(t), d = 0       dgamma/dt = gamma Q(t) + lambda(t), gamma = 0

On a cell of constant hazards all are blocks of one matrix exponential (Van Loan 1978); cells compose as
P = P_1 P_2, d = d_1 + P_1 d_2 and gamma = gamma_1 P_2 + gamma_2. Spines that are lost again before the session are
counted right. d is not taken as 1 - sum P, whose rounding would leave elimination possible where no hazard is.

References
----------
Van Loan 1978, IEEE Trans Automat Contr 23:395, doi:10.1109/TAC.1978.1101743.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.turnover.hazards import Folds, folds_between
from synmodel.turnover.kernels.cells import cross, join
from synmodel.turnover.model import TurnoverModel

__all__ = ["Propagation", "compose", "kinds_of", "propagate"]


class Propagation(NamedTuple):
    """Per interval: ``survival`` (n_interval, K, K) is P, ``newborn`` and ``lost`` (n_interval, K) are gamma and d.

    Several stand together where each array has the same dimensions before these, see :meth:`together`.
    """

    survival: NDArray[np.float64]
    newborn: NDArray[np.float64]
    lost: NDArray[np.float64]

    def cumulative(self) -> NDArray[np.float64]:
        """(..., n_interval + 1, K, K) transition matrices from the first session to every session."""
        *several, n, k = self.newborn.shape
        reach = np.empty((*several, n + 1, k, k))
        reach[..., 0, :, :] = np.eye(k)
        for i in range(n):
            reach[..., i + 1, :, :] = reach[..., i, :, :] @ self.survival[..., i, :, :]
        return reach

    @staticmethod
    def together(several: "Sequence[Propagation]") -> "Propagation":
        """Propagations of the same size with a dimension for them, the first."""
        return Propagation(*map(np.stack, zip(*several, strict=True)))

    def joined(self, edges: NDArray[np.int64]) -> "Propagation":
        """Propagation over runs of intervals: from interval ``edges[i]`` up to, not including, ``edges[i + 1]``."""
        n, k = len(edges) - 1, self.newborn.shape[1]
        joined = Propagation(np.empty((n, k, k)), np.empty((n, k)), np.empty((n, k)))
        join(*self, edges, *joined)
        return joined


def propagate(model: TurnoverModel, times: NDArray[np.float64], drive: xr.Dataset | None = None) -> Propagation:
    """P, gamma and d for every interval between sessions.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model : TurnoverModel
        Rates.
    times : (n_time,) ndarray
        Sessions [day].
    drive : Dataset, optional
        A Drive.
    """
    return compose(model, folds_between(model, times, drive), times)


def compose(
    model: TurnoverModel, folds: Folds, times: NDArray[np.float64], protected: Sequence[bool] | None = None
) -> Propagation:
    """P, gamma and d between sessions for given folds, whose edges include every session.

    ``protected`` says on which classes the folds of elimination act; default: on all.
    """
    k, n = model.n_class, len(times) - 1
    acts = np.ones(k, bool) if protected is None else np.asarray(protected)[-k:]
    steps = Propagation(np.empty((n, k, k)), np.empty((n, k)), np.empty((n, k)))
    cross(
        np.diff(folds.edges),
        folds.formation,
        folds.maturation,
        folds.elimination,
        acts,
        model.formation_rates,
        np.asarray(model.transition),
        np.asarray(model.elimination),
        np.searchsorted(folds.edges, times),
        *steps,
    )
    return steps


def kinds_of(each: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The different ones of (n, ...) arrays of numbers, and which of them each is."""
    kinds, which = np.unique(each, axis=0, return_inverse=True)
    return kinds, which.ravel()
