r"""Exact slopes of P, gamma, d and of the balance of classes: forward sensitivities, cell by cell.

On a cell of length l all hazards are constant, and with births beta::

    E = exp(Q l)        V = 1/l int_0^l exp(Q s) ds        gamma = l beta V        d = l V delta

E and V are power series in Q l, halved until they converge fast and then doubled (E(2t) = E(t)^2, V(2t) = (V + E V)/2).
Both are differentiated step by step in every hazard h of the cell, so their slopes are those of the computed numbers;
a direction theta in which hazards change by h' has E' = sum_h h' dE/dh. Cells compose as (:mod:`.propagation`)::

    P' <- P' E + P E'      gamma' <- gamma' E + gamma E' + l (beta' V + beta V')      d' <- d' + P' d_c + P d_c'

A fold f of an effect changes hazards alone: h = f h_0 has h' = f h_0' + f' h_0, so rates, pulses and cascades are all
directions, given by what they do to rates and to the folds of each cell. Slopes are linear in these changes, so what a
hazard of a cell does to P, gamma and d at the end of its interval is found once, forwards through the cells and back,
and each direction is a sum of its changes times that.

The balance n of births and losses, n Q = -beta, has the slope n' = -(beta' + n Q') Q^-1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synmodel.turnover.hazards import Cells, Folds
from synmodel.turnover.kernels.slopes import cross_slopes, relax_slopes
from synmodel.turnover.model import TurnoverModel

__all__ = [
    "Directions",
    "PropagationSlopes",
    "compose_slopes",
    "stationary_slopes",
    "trend_slope",
    "width_shift_slopes",
]

Array = NDArray[np.float64]
_TREND_STEP_DAY = 0.5
_SMALL = 1e-2


class Directions(NamedTuple):
    """Changes of a model and of its folds in each of several directions, each 0 unless it is set.

    Attributes
    ----------
    births, loss : (direction, K) ndarray
        Of births and loss hazards at fold 1 [1/day].
    transition : (direction, K, K) ndarray
        Of switching hazards at fold 1 [1/day]; the diagonal is not looked at.
    formation, maturation, elimination : (direction, cell) ndarray
        Of the folds on cells.
    """

    births: Array
    loss: Array
    transition: Array
    formation: Array
    maturation: Array
    elimination: Array

    @classmethod
    def none(cls, n: int, n_class: int, n_cell: int) -> "Directions":
        """``n`` directions in which nothing changes yet."""
        k = n_class
        return cls(np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k, k)), *np.zeros((3, n, n_cell)))


class PropagationSlopes(NamedTuple):
    """Slopes of a :class:`~synmodel.turnover.Propagation`.

    Attributes
    ----------
    survival : (direction, interval, K, K) ndarray
    newborn, lost : (direction, interval, K) ndarray
    """

    survival: Array
    newborn: Array
    lost: Array


def compose_slopes(
    model: TurnoverModel,
    folds: Folds,
    times: Array,
    directions: Directions,
    protected: Sequence[bool] | None = None,
) -> PropagationSlopes:
    """Slopes of :func:`synmodel.turnover.propagation.compose`.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    model, folds, times, protected
        As there.
    directions : Directions
        On the cells of the folds.
    """
    k, n, q = model.n_class, len(times) - 1, len(directions.births)
    acts = np.ones(k, bool) if protected is None else np.asarray(protected)[-k:]
    found = PropagationSlopes(np.empty((q, n, k, k)), np.empty((q, n, k)), np.empty((q, n, k)))
    cross_slopes(
        np.diff(folds.edges),
        folds.formation,
        np.stack([folds.maturation, folds.elimination]),
        acts,
        model.formation_rates,
        np.asarray(model.transition, float),
        np.asarray(model.elimination, float),
        np.searchsorted(folds.edges, times),
        tuple(directions),
        tuple(found),
    )
    return found


def stationary_slopes(model: TurnoverModel, directions: Directions) -> Array:
    """(direction, K) slopes of :meth:`TurnoverModel.stationary`; folds are not looked at.

    Raises
    ------
    SimulationError
        If there is no balance.
    """
    numbers = model.stationary()
    switches = directions.transition.copy()
    diagonal = np.arange(model.n_class)
    switches[:, diagonal, diagonal] = 0.0
    switches[:, diagonal, diagonal] = -switches.sum(axis=2) - directions.loss
    inflow = directions.births + np.einsum("i,qij->qj", numbers, switches)
    return np.asarray(np.linalg.solve(model.generator().T, -inflow.T).T, float)


def trend_slope(model: TurnoverModel, cells: Cells, formation: Array) -> Array:
    """(cell,) slope of the folds of births in the model's age trend.

    Parameters
    ----------
    cells : Cells
        That break at every half-day.
    formation : (cell,) ndarray
        Folds of births with the trend.
    """
    step = model.formation_trend * _TREND_STEP_DAY
    half_day = np.floor(cells.edges[:-1] / _TREND_STEP_DAY) * _TREND_STEP_DAY
    # Of ln(expm1(s) / s); its series where the difference would lose digits.
    within = 0.5 + step / 12 - step**3 / 720 if abs(step) < _SMALL else np.exp(step) / np.expm1(step) - 1.0 / step
    return np.asarray(formation * (half_day + _TREND_STEP_DAY * within))


def width_shift_slopes(
    times: Array, knots: Array, fold: Array, response: float, d_fold: Array, d_response: Array
) -> Array:
    """(direction, n_time) slopes of :func:`synmodel.turnover.size.log_width_shift`.

    Parameters
    ----------
    times, knots, fold, response
        As there.
    d_fold : (direction, n_knot) ndarray
        Changes of the fold.
    d_response : (direction,) ndarray
        Changes of the response [1/day].
    """
    if len(knots) == 0:
        return np.zeros((len(d_response), len(times)))
    edges = np.unique(np.concatenate([knots, times]))
    cell = np.searchsorted(knots, edges[:-1], side="right") - 1
    before, at = cell < 0, np.maximum(cell, 0)
    held = np.where(before, 0.0, np.log(fold)[at])
    d_held = np.where(before, 0.0, (d_fold / fold)[:, at])
    slopes = np.zeros((len(d_response), len(edges)))
    relax_slopes(np.diff(edges), held, response, d_held, d_response, np.zeros(len(edges)), slopes)
    return slopes[:, np.searchsorted(edges, times)]
