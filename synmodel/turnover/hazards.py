"""Hazards in time: the folds of a Drive and the age trend as piecewise constants between sessions."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.schema import DRIVE, conform
from synmodel.turnover.arguments import number_array
from synmodel.turnover.model import TurnoverModel

__all__ = [
    "Cells",
    "Folds",
    "Knots",
    "cells_of",
    "checked_folds",
    "checked_times",
    "folds_between",
    "folds_of",
    "folds_on_cells",
    "knots_of",
]

_TREND_STEP_DAY = 0.5


class Folds(NamedTuple):
    """Folds on cells: ``edges`` has one entry more than each of the others."""

    edges: NDArray[np.float64]
    formation: NDArray[np.float64]
    maturation: NDArray[np.float64]
    elimination: NDArray[np.float64]
    head_size: NDArray[np.float64]

    def formation_between(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_interval,) folds of formation, added up over the days between sessions, at which cells break."""
        return np.add.reduceat(self.formation * np.diff(self.edges), np.searchsorted(self.edges, times[:-1]))


class Knots(NamedTuple):
    """A Drive as arrays: rising ``days`` (n_time,), and ``folds`` by effect, each (n_time,); empty without a drive."""

    days: NDArray[np.float64]
    folds: Mapping[str, NDArray[np.float64]]

    @property
    def head_size(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Days and folds of head size; empty where the drive has none."""
        return (self.days, self.folds["head_size"]) if "head_size" in self.folds else (np.empty(0), np.empty(0))


def checked_times(times: object) -> NDArray[np.float64]:
    """Sessions as an array.

    Raises
    ------
    SimulationError
        If there are fewer than two, or they do not rise.
    """
    array = np.atleast_1d(number_array("times", times, "at least two days in rising order"))
    rises = array.ndim == 1 and len(array) >= 2 and (array[1:] > array[:-1]).all()
    if not (rises and np.isfinite(array[[0, -1]]).all()):
        message = f"times is {array.tolist()}; give at least two days in rising order"
        raise SimulationError(message)
    return array


def folds_between(model: TurnoverModel, times: NDArray[np.float64], drive: xr.Dataset | None) -> Folds:
    """Folds on cells that cover the sessions and break at every session.

    Parameters
    ----------
    model : TurnoverModel
        Its age trend multiplies the formation.
    times : (n_time,) ndarray
        Sessions [day].
    drive : Dataset or None
        A Drive. Each value holds from its time to the next, the last one for ever; before the first time, and
        for a variable that is not there, the fold is 1.

    Raises
    ------
    SimulationError
        If a fold is negative or not finite, or the Drive's times do not rise.
    """
    return folds_on_cells(model, times, *knots_of(drive))


def knots_of(drive: xr.Dataset | None) -> Knots:
    """A Drive as arrays.

    Raises
    ------
    SimulationError
        As of :func:`folds_between`.
    """
    if drive is None:
        return Knots(np.empty(0), {})
    conform(drive, DRIVE)
    variables = drive.variables
    knots = number_array("drive.time", variables["time"].data, "days in rising order")
    if not ((knots[1:] > knots[:-1]).all() and np.isfinite(knots).all()):
        message = "drive.time does not rise; give each day once, in rising order"
        raise SimulationError(message)
    folds = {
        str(name): number_array(f"drive.{name}", variables[name].data, "folds that are finite and 0 or more")
        for name in drive.data_vars
    }
    return Knots(knots, checked_folds(folds))


def checked_folds(folds: Mapping[str, NDArray[np.float64]]) -> Mapping[str, NDArray[np.float64]]:
    """Folds by name, as they are.

    Raises
    ------
    SimulationError
        If one is negative or not finite.
    """
    for name, values in folds.items():
        if not ((values >= 0) & (values < np.inf)).all():
            message = f"drive.{name} has a value of {values.min():g}; a fold is finite and 0 or more"
            raise SimulationError(message)
    return folds


def folds_on_cells(
    model: TurnoverModel,
    times: NDArray[np.float64],
    knots: NDArray[np.float64],
    folds: Mapping[str, NDArray[np.float64]],
) -> Folds:
    """The array layer of :func:`folds_between`: folds by name on rising knots, unchecked."""
    days = (np.asarray(each, float).tobytes() for each in (times, knots))
    return folds_of(model, _cells(*days, model.formation_trend != 0), folds)


class Cells(NamedTuple):
    """Cells that cover the sessions: ``edges`` (n + 1,), and which ``knot`` (n,) begins last before each, or -1."""

    edges: NDArray[np.float64]
    knot: NDArray[np.int64]


def cells_of(times: NDArray[np.float64], knots: NDArray[np.float64], *, trend: bool) -> Cells:
    """Cells that break at every session and knot, and at every half-day where there is a trend."""
    start, end = times[0], times[-1]
    pieces = [times, knots[(knots > start) & (knots < end)]]
    if trend:
        steps = np.arange(np.ceil(start / _TREND_STEP_DAY), np.floor(end / _TREND_STEP_DAY) + 1) * _TREND_STEP_DAY
        pieces.append(steps[(steps > start) & (steps < end)])
    edges = np.unique(np.concatenate(pieces))
    return Cells(edges, np.searchsorted(knots, edges[:-1], side="right") - 1)


@lru_cache(maxsize=32)
def _cells(times: bytes, knots: bytes, trend: bool) -> Cells:
    """:func:`cells_of`, which many models share."""
    cells = cells_of(np.frombuffer(times), np.frombuffer(knots), trend=trend)
    for each in cells:
        each.setflags(write=False)
    return cells


def folds_of(model: TurnoverModel, cells: Cells, folds: Mapping[str, NDArray[np.float64]]) -> Folds:
    """Folds on cells, those of formation with the model's age trend."""
    edges, knot = cells
    before, none = knot < 0, np.ones(len(knot))

    def fold(name: str) -> NDArray[np.float64]:
        if name not in folds or len(folds[name]) == 0:
            return none
        on_cells = folds[name][knot]
        on_cells[before] = 1.0
        return on_cells

    formation = fold("formation")
    if model.formation_trend != 0:
        # Averages over fixed half-days, so that finer cells of a drive leave the trend as it is.
        step = model.formation_trend * _TREND_STEP_DAY
        half_day = np.floor(edges[:-1] / _TREND_STEP_DAY) * _TREND_STEP_DAY
        with np.errstate(over="ignore", invalid="ignore"):  # formation without end is refused where it is simulated
            formation = formation * np.exp(model.formation_trend * half_day) * np.expm1(step) / step
    return Folds(edges, formation, fold("maturation"), fold("elimination"), fold("head_size"))
