"""The published measures of spine turnover, one function each.

All take arrays (or DataArrays) of counts per dendrite and return fractions of the same shape; where the
denominator is 0 the fraction is NaN, as the dendrite cannot be scored.

References
----------
Holtmaat et al. 2009, Nat Protoc 4:1128, doi:10.1038/nprot.2009.89 (turnover ratio, survival).
Shao et al. 2021, doi:10.1016/j.neuron.2021.06.008 (formation and elimination rates).
"""

from typing import TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

__all__ = [
    "density",
    "elimination_fraction",
    "formation_fraction",
    "persistence",
    "relative_change",
    "survival_fraction",
    "turnover_ratio",
]

Counts = TypeVar("Counts", xr.DataArray, NDArray[np.float64])


def _over(numerator: Counts, denominator: Counts) -> Counts:
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = numerator / denominator
    if isinstance(fraction, xr.DataArray):
        return fraction.where(denominator > 0)
    kept: Counts = np.where(denominator > 0, fraction, np.nan)
    return kept


def density(count: Counts, length_um: Counts) -> Counts:
    """Spines per um."""
    return _over(count, length_um)


def formation_fraction(gained: Counts, previous: Counts) -> Counts:
    """Spines gained over the spines scored at the session before."""
    return _over(gained, previous)


def elimination_fraction(lost: Counts, previous: Counts) -> Counts:
    """Spines lost over the spines scored at the session before."""
    return _over(lost, previous)


def turnover_ratio(gained: Counts, lost: Counts, previous: Counts, current: Counts) -> Counts:
    """(gained + lost) / (previous + current): 0 if nothing changed, 1 if everything did."""
    return _over(gained + lost, previous + current)


def survival_fraction(present: Counts, first: Counts) -> Counts:
    """Of the spines of the first session, those present at a later one."""
    return _over(present, first)


def persistence(present: Counts, new: Counts) -> Counts:
    """Of the spines new at a session, those present at a later one."""
    return _over(present, new)


def relative_change(value: Counts, baseline: Counts) -> Counts:
    """Value / baseline - 1."""
    return _over(value - baseline, baseline)
