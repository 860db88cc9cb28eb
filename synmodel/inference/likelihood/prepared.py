"""Runs that are asked about at many parameters: what none of these changes is computed once."""

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from synmodel.inference.likelihood.adding_up import gains_at_all
from synmodel.inference.likelihood.runs import NOT_RECORDED, Runs

__all__ = ["Open", "Prepared"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Open(NamedTuple):
    """Runs in which something was not recorded.

    Attributes
    ----------
    runs : Runs
    at_end, density : (run, interval), (run, session) ndarray
        Of the runs, negative or NaN where they were not recorded.
    gains : (run, interval) ndarray of bool
        Where gains were not recorded.
    both : (run, interval) ndarray of bool
        Where neither gains nor numbers were.
    at_the_end : (run,) ndarray of bool
        Whether gains and losses were recorded but for the last two intervals.
    """

    runs: Runs
    at_end: Integers
    density: Array
    gains: NDArray[np.bool_]
    both: NDArray[np.bool_]
    at_the_end: NDArray[np.bool_]


_LARGEST_TABLE = 1 << 16
"""Gains up to which the logarithms of all factorials are kept."""


@cache
def _log_factorials(most: int) -> Array:
    """(most + 1,) logarithms of 0!, 1!, and so on."""
    return np.asarray(gammaln(np.arange(1.0, most + 2.0)))


@dataclass(frozen=True, eq=False)
class Prepared:
    """Runs, and what follows from them alone.

    Attributes
    ----------
    runs : Runs
    scale : (run,) ndarray
        Multiplies births.
    explains : (run,) ndarray of int, optional
        Record that each run explains, in ascending order from 0; by default each is a record of its own.
    answers : dict
        What the filters said last, by what they were asked with (:mod:`synmodel.inference.likelihood.evidence`).
    """

    runs: Runs
    scale: Array
    explains: Integers | None = None
    answers: dict[bytes, Any] = field(default_factory=dict, repr=False, init=False)

    @cached_property
    def record(self) -> Integers:
        """(run,) record that each run explains."""
        return np.arange(len(self.runs.n)) if self.explains is None else self.explains

    @cached_property
    def one_start(self) -> bool:
        """Whether all runs of a record start from the same number: several of one record are several numbers there."""
        return self.explains is None or bool((np.diff(self.explains) > 0).all())

    @cached_property
    def _partial(self) -> NDArray[np.bool_]:
        return self.runs.partial

    @cached_property
    def whole(self) -> Integers:
        """Runs of which everything was recorded."""
        return np.flatnonzero(~self._partial)

    @cached_property
    def open_(self) -> Integers:
        """Runs in which something was not recorded."""
        return np.flatnonzero(self._partial)

    @cached_property
    def of_whole(self) -> Runs:
        """Those of which everything was recorded."""
        return self.runs.take(self.whole) if len(self.open_) else self.runs

    @cached_property
    def of_open(self) -> Open:
        """Those in which something was not recorded."""
        runs = self.runs.take(self.open_)
        n_run, n_interval = runs.gained.shape
        at_end = np.full((n_run, n_interval), NOT_RECORDED) if runs.at_end is None else runs.at_end
        density = np.full((n_run, n_interval + 1), np.nan) if runs.density is None else runs.density
        gains = runs.inside & (runs.gained < 0)
        late = np.arange(n_interval) >= runs.stop[:, None] - 2
        at_the_end = np.asarray((late | ~runs.inside | ((runs.gained >= 0) & (runs.lost >= 0))).all(axis=1))
        return Open(runs, at_end, density, gains, gains & (at_end < 0), at_the_end)

    @cached_property
    def starts(self) -> Integers:
        """Sessions at which runs start, each once."""
        return np.unique(self.runs.first)

    @cached_property
    def number(self) -> Array:
        """(run, 1, 1) all gains of a run that were recorded; what was not stands in the terms of the run."""
        return self._gains[0][:, None, None]

    @cached_property
    def start(self) -> Array:
        """(run, 1, 1) spines at the start."""
        return self.runs.n[:, None, None].astype(float)

    @cached_property
    def log_weight(self) -> Array:
        """(run, 1) sum of G log(scale) - log(G!) over gains G."""
        number, log_factorial = self._gains
        return (xlogy(number, self.scale) - log_factorial)[:, None]

    @cached_property
    def _gains(self) -> tuple[Array, Array]:
        """(run,) all gains, and the sum of log(G!)."""
        gained = self.runs.gained
        most = int(gained.max(initial=0))
        if most > _LARGEST_TABLE:
            recorded = np.maximum(gained, 0)
            return recorded.sum(axis=1, dtype=float), gammaln(recorded + 1.0).sum(axis=1)
        number, log_factorial = np.empty(len(gained)), np.empty(len(gained))
        gains_at_all(gained, _log_factorials(1 << most.bit_length()), number, log_factorial)
        return number, log_factorial
