r"""Head width of a spine, and elimination that falls with it.

Head width w is log-normal; ln w is an Ornstein-Uhlenbeck process whose mean follows the drive::

    d ln w = theta (mu + s(t) - ln w) dt + ds + sqrt(2 theta) sigma dW,   ds/dt = theta_s (ln f_size(t) - s)

so that without selection ln w ~ Normal(mu + s(t), sigma^2) at any time, for old and newborn spines alike, and the
deviation of a spine from the mean decays with correlation exp(-theta dt). Under :class:`EliminationBySize` the hazard
of a spine is that of its class times a function of its width, so large spines outlive small ones.

References
----------
Loewenstein, Kuras and Rumpel 2011, J Neurosci 31:9481 (log-normal sizes, multiplicative change).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from synmodel.core.errors import SimulationError
from synmodel.core.renamed import class_of_before
from synmodel.turnover.arguments import one_number
from synmodel.turnover.kernels.cells import relax

__all__ = ["EliminationBySize", "HeadWidth", "head_size_of", "log_width_shift", "log_width_shifts"]

Array = NDArray[np.float64]
_LARGEST_MULTIPLIER = 1e4


@dataclass(frozen=True)
class HeadWidth:
    """Law of spine head width.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    median_um : float
        Median width without drug [um].
    log_sd : float
        Standard deviation of ln w between spines.
    reversion : float
        theta, rate at which a spine forgets its deviation [1/day].
    response : float
        theta_s, rate at which the mean follows the drive [1/day].

    Raises
    ------
    SimulationError
        For numbers that are not positive.
    """

    median_um: float
    log_sd: float
    reversion: float
    response: float

    def __post_init__(self) -> None:
        for name in ("median_um", "log_sd", "reversion", "response"):
            value = one_number(f"head_width.{name}", getattr(self, name), "a positive number")
            if value <= 0:
                message = f"head_width.{name} is {value:g}; give a positive number"
                raise SimulationError(message)
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class EliminationBySize:
    r"""Elimination hazard times M / (1 + (M - 1) (w / median)^kappa), which is 1 at the median width and never above M.

    The multiplier is bounded, so an elimination is a candidate of M times the hazard that is taken with the rest of the
    probability, at the width that the spine has at that very time: exact, without a step of time. At the first session
    spines have the widths of new ones; begin some weeks before the first session of interest to let selection settle.

    Equation and evidence: :doc:`/model/turnover`.

    Parameters
    ----------
    head_width : HeadWidth
        Law of widths; a drive of ``head_size`` moves them, and the elimination with them.
    steepness : float
        kappa, 0 or more: power of the width with which elimination falls where they are small.
    most : float
        M, above 1: multiplier of the smallest spines.

    Raises
    ------
    SimulationError
        For numbers outside of these ranges.

    Examples
    --------
    >>> width = HeadWidth(median_um=0.5, log_sd=0.3, reversion=0.1, response=2.0)
    >>> law = EliminationBySize(width, steepness=4.0, most=5.0)
    >>> law.multiplier([0.05, 0.5, 1.0]).round(3).tolist()
    [4.998, 1.0, 0.077]
    """

    head_width: HeadWidth
    steepness: float
    most: float

    def __post_init__(self) -> None:
        if not isinstance(self.head_width, HeadWidth):
            message = f"elimination_by_size.head_width is {self.head_width!r}; give a HeadWidth"
            raise SimulationError(message)
        steepness = one_number("elimination_by_size.steepness", self.steepness, "a number of 0 or more")
        if steepness < 0:
            message = f"elimination_by_size.steepness is {self.steepness!r}; give a number of 0 or more"
            raise SimulationError(message)
        most = one_number("elimination_by_size.most", self.most, "a number above 1")
        if not 1 < most <= _LARGEST_MULTIPLIER:
            message = (
                f"elimination_by_size.most is {self.most!r}; give a number above 1, the multiplier of the smallest "
                f"spines, up to {_LARGEST_MULTIPLIER:.0e}: so many times is each elimination drawn"
            )
            raise SimulationError(message)
        object.__setattr__(self, "steepness", steepness)
        object.__setattr__(self, "most", most)

    def multiplier(self, width_um: ArrayLike) -> Array:
        """Factor of the elimination hazard at head widths [um], same shape."""
        relative = np.asarray(width_um, float) / self.head_width.median_um
        return self.most / (1.0 + (self.most - 1.0) * relative**self.steepness)


def log_width_shift(times: Array, knots: Array, fold: Array, response: float) -> Array:
    """(n_time,) shift s of the mean of ln w at sessions, exact for a fold that is constant between knots."""
    return log_width_shifts(times, knots, fold[None], [response])[0]


def log_width_shifts(times: Array, knots: Array, folds: Array, responses: Sequence[float]) -> Array:
    """(row, n_time) :func:`log_width_shift` for rows of folds (row, n_knot), each with a response of its own."""
    if len(knots) == 0:
        return np.zeros((len(responses), len(times)))
    targets = np.log(folds)
    edges = np.unique(np.concatenate([knots, times]))
    cell = np.searchsorted(knots, edges[:-1], side="right") - 1
    held = np.where(cell >= 0, targets[:, np.maximum(cell, 0)], 0.0)
    lengths, shifts = np.diff(edges), np.zeros((len(responses), len(edges)))
    for row, response in enumerate(responses):
        relax(lengths, held[row], response, shifts[row])
    return shifts[:, np.searchsorted(edges, times)]


def head_size_of(drive: xr.Dataset | None) -> tuple[Array, Array]:
    """Knots [day] and folds of the drive of head size; empty where there is none."""
    if drive is None or "head_size" not in drive.data_vars:
        return np.empty(0), np.empty(0)
    return drive["time"].to_numpy(), drive["head_size"].to_numpy()


if not TYPE_CHECKING:  # which knows the words of today alone
    __getattr__ = class_of_before(__name__)
