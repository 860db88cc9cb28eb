"""Effects as a planner states them: a fold of formation or of elimination after the dose, and how long it lasts.

::

    fold(t) = 1 + (fold - 1) exp(-t / decay)   for 0 < t < lasts,   1 otherwise

Values on cells are exact averages. The drive of the treated arm is that of its control times this fold; whatever the
model itself expects of the drug is not in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from synmodel.core.errors import DesignError, did_you_mean
from synmodel.core.grid import time_grid
from synmodel.core.schema import DRIVE, stamped

__all__ = ["QUANTITIES", "StatedEffect", "parse_effect", "stated_drive"]

Array = NDArray[np.float64]
QUANTITIES = ("formation", "elimination")
"""What an effect may act on, and what a study measures of it."""
_LEAST, _MOST = 0.01, 100.0
_FIRST_STEP_DAY, _PER_DECADE, _LARGEST_STEP_DAY = 0.02, 24, 0.25


@dataclass(frozen=True)
class StatedEffect:
    """One effect of one dose on day 0.

    Parameters
    ----------
    quantity : {"formation", "elimination"}
        Formation of spines, or elimination.
    fold : float
        Of the rate, right after the dose.
    lasts : float
        Days after which it is gone.
    decay : float
        Time constant with which it falls [day]; infinite for a constant fold.

    Raises
    ------
    DesignError
        If the fold is no number between 0.01 and 100 other than 1, or a duration is not positive.
    """

    quantity: str
    fold: float
    lasts: float = math.inf
    decay: float = math.inf

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            message = f"--effect names {self.quantity!r}; {did_you_mean(self.quantity, QUANTITIES)}"
            raise DesignError(message)
        if not _LEAST <= self.fold <= _MOST:
            message = (
                f"--effect {self.quantity}={self.fold:g}: a fold of the rate is {_LEAST:g} to {_MOST:g}, for instance "
                "1.3 for 30 % more or 0.8 for 20 % less"
            )
            raise DesignError(message)
        if self.fold == 1.0:
            message = f"--effect {self.quantity}=1: no study finds an effect that is none; give a fold other than 1"
            raise DesignError(message)
        for name in ("lasts", "decay"):
            if not getattr(self, name) > 0:
                message = f"--{name} is {getattr(self, name):g}; give a number of days above 0"
                raise DesignError(message)

    def averages(self, edges: Array) -> Array:
        """(n,) mean fold over the cells between (n + 1,) rising edges [day after the dose]."""
        return 1.0 + (self.fold - 1.0) * self.shape(edges)

    def shape(self, edges: Array) -> Array:
        """(n,) mean share of the full effect over cells, in [0, 1]."""
        inside = np.clip(edges, 0.0, self.lasts)
        full = inside if math.isinf(self.decay) else -self.decay * np.expm1(-inside / self.decay)
        return np.diff(full) / np.diff(edges)


def parse_effect(text: str, *, lasts: float = math.inf, decay: float = math.inf) -> StatedEffect:
    """An effect from ``formation=1.3``.

    Raises
    ------
    DesignError
        One line, if it is not of this form.

    Examples
    --------
    >>> parse_effect("formation=1.3").fold
    1.3
    """
    quantity, equals, number = text.partition("=")
    try:
        fold = float(number)
    except ValueError:
        fold = math.nan
    if not equals or not math.isfinite(fold):
        message = f"--effect is {text!r}; write it as formation=1.3 or elimination=0.8, the fold of the rate"
        raise DesignError(message)
    return StatedEffect(quantity.strip(), fold, lasts, decay)


def stated_drive(control: xr.Dataset, effects: Sequence[StatedEffect], last_day: float) -> xr.Dataset:
    """Drive of an arm with stated effects on day 0, over that of its control.

    Parameters
    ----------
    control : Dataset
        A Drive; each value holds from its time to the next.
    effects : sequence of StatedEffect
    last_day : float
        Last session [day].
    """
    own = control["time"].to_numpy()
    ends = [each.lasts for each in effects if math.isfinite(each.lasts) and each.lasts < last_day]
    grid = time_grid(
        [min(0.0, own[0]), 0.0, *ends, last_day], [0.0, *ends],
        first_step=_FIRST_STEP_DAY, per_decade=_PER_DECADE, largest_step=_LARGEST_STEP_DAY,
    )  # fmt: skip
    times = np.union1d(own, grid)
    edges = np.append(times, times[-1] + 1.0)
    at = np.searchsorted(own, times, side="right") - 1
    folds = {str(name): np.where(at < 0, 1.0, each.to_numpy()[at]) for name, each in control.data_vars.items()}
    for effect in effects:
        folds[effect.quantity] = folds[effect.quantity] * effect.averages(edges)
    return stamped(xr.Dataset({name: ("time", fold) for name, fold in folds.items()}, {"time": times}), DRIVE)
