"""Runs that are asked about at many parameters: what none of these changes is computed once."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from synmodel.inference.likelihood.runs import Runs

__all__ = ["Prepared"]

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


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
    def of_open(self) -> Runs:
        """Those in which something was not recorded."""
        return self.runs.take(self.open_)

    @cached_property
    def inside(self) -> Array:
        """(run, interval) 1 where an interval belongs to the run."""
        return self.runs.inside.astype(float)

    @cached_property
    def gained(self) -> Array:
        """(run, interval) gains that were recorded; what was not stands in the terms of the run."""
        return np.maximum(self.runs.gained, 0).astype(float)

    @cached_property
    def number(self) -> Array:
        """(run, 1, 1) all gains of a run."""
        return self.gained.sum(axis=1)[:, None, None]

    @cached_property
    def start(self) -> Array:
        """(run, 1, 1) spines at the start."""
        return self.runs.n[:, None, None].astype(float)

    @cached_property
    def log_weight(self) -> Array:
        """(run, 1) sum of G log(scale) - log(G!) over gains G."""
        gained = np.maximum(self.runs.gained, 0)
        most = int(gained.max(initial=0))
        # Of each number once, where there are fewer than entries.
        log_factorial = gammaln(np.arange(1.0, most + 2.0))[gained] if most < gained.size else gammaln(gained + 1.0)
        return xlogy(self.number[:, 0], self.scale[:, None]) - log_factorial.sum(axis=1)[:, None]
