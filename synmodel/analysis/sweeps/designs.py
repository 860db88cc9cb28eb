"""Which values the cells of a sweep have: a grid, a sample that fills ranges evenly, or a table.

A grid crosses all levels. A sample of n points is a Latin hypercube, a scrambled Sobol sequence, or the matrices A,
B and AB_i of Saltelli et al. for Sobol indices: n (d + 2) cells for d factors, where AB_i is A with column i of B.
u in [0, 1) becomes low + u (high - low), low (high / low)^u, or a whole number, each equally likely.

References
----------
Saltelli et al. 2010, Comput Phys Commun 181:259, doi:10.1016/j.cpc.2009.09.018.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from synmodel.analysis.sweeps.factors import Factor, factors_of
from synmodel.core.documents import Document, Number, Whole
from synmodel.core.errors import SweepError
from synmodel.core.plain import Json
from synmodel.core.randomness import generator_of
from synmodel.scenario import Scenario

__all__ = ["Design", "Range", "RangeSample", "grid_design", "sample_design", "table_design"]

Method = Literal["latin-hypercube", "sobol", "saltelli"]


class Range(Document):
    """Where a factor is sampled."""

    error = SweepError

    low: Number
    high: Number
    scale: Literal["linear", "log", "whole"] = "linear"

    @model_validator(mode="after")
    def _rising(self) -> "Range":
        if not self.low < self.high:
            message = f"low is {self.low:g} and high {self.high:g}; low must be below high"
            raise ValueError(message)
        if self.scale == "log" and self.low <= 0:
            message = f"low is {self.low:g}; on a log scale it must be above 0"
            raise ValueError(message)
        if self.scale == "whole" and not (float(self.low).is_integer() and float(self.high).is_integer()):
            message = f"low is {self.low:g} and high {self.high:g}; on the scale whole both are whole numbers"
            raise ValueError(message)
        return self

    def at(self, u: NDArray[np.float64]) -> list[float] | list[int]:
        """Values at places u in [0, 1)."""
        if self.scale == "log":
            return [self.low * math.exp(each * math.log(self.high / self.low)) for each in u.tolist()]
        if self.scale == "whole":
            low, high = int(self.low), int(self.high)
            return [min(low + math.floor(each * (high - low + 1)), high) for each in u.tolist()]
        return [self.low + each * (self.high - self.low) for each in u.tolist()]


class RangeSample(Document):
    """A sample of n points over ranges of factors."""

    error = SweepError

    method: Method = "sobol"
    points: Annotated[Whole, Field(ge=2, le=2**20)]
    ranges: Mapping[str, Range] = Field(
        min_length=1, description='name the factors in quotes: "shao2021.loss_nascent" = { low = 0.5, high = 2.0 }'
    )

    @model_validator(mode="after")
    def _balanced(self) -> "RangeSample":
        if self.method != "latin-hypercube" and self.points & (self.points - 1):
            below = 2 ** (self.points.bit_length() - 1)
            message = f"points is {self.points}; a Sobol sequence is balanced at powers of two: {below} or {2 * below}"
            raise ValueError(message)
        return self


@dataclass(frozen=True)
class Design:
    """The factors and how their values make cells.

    Attributes
    ----------
    kind : str
        ``grid``, ``table`` or the method of a sample.
    factors : tuple of Factor
    dims : tuple of str
        Dims of the cells in the result, in C order.
    shape : tuple of int
    """

    kind: str
    factors: tuple[Factor, ...]
    dims: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def settings(self, cell: int) -> Json:
        """Value by path of one cell."""
        if self.kind != "grid":
            return {factor.path: factor.levels[cell] for factor in self.factors}
        places = np.unravel_index(cell, self.shape)
        return {factor.path: factor.levels[int(k)] for factor, k in zip(self.factors, places, strict=True)}


def grid_design(levels: Mapping[str, Sequence[Any] | NDArray[Any]], scenarios: Sequence[Scenario]) -> Design:
    """All combinations of levels; those of a factor are a list or an array of one dimension."""
    if not levels:
        message = "sweep: grid is empty; give at least one factor with its levels"
        raise SweepError(message)
    factors = factors_of(levels, scenarios)
    for factor in factors:
        if len(set(map(str, factor.labels))) < len(factor.levels):
            message = f"sweep: {factor.path} has a level twice: {list(factor.levels)}; give each once"
            raise SweepError(message)
    return Design("grid", factors, tuple(f.name for f in factors), tuple(len(f.levels) for f in factors))


def table_design(rows: Sequence[Mapping[str, Any]], scenarios: Sequence[Scenario]) -> Design:
    """Cells as they are given, one mapping of path to value each."""
    if isinstance(rows, Mapping | str) or not len(rows) or not all(isinstance(row, Mapping) for row in rows):
        message = "sweep: parameters must be a list of at least one mapping of names to values"
        raise SweepError(message)
    for number, row in enumerate(rows):
        if set(row) != set(rows[0]):
            message = f"sweep: cell {number} sets {sorted(row)}, cell 0 {sorted(rows[0])}; all set the same names"
            raise SweepError(message)
    factors = factors_of({path: [row[path] for row in rows] for path in rows[0]}, scenarios)
    return Design("table", factors, ("sample",), (len(rows),))


def sample_design(sample: RangeSample, seed: int, scenarios: Sequence[Scenario]) -> Design:
    """Points of a sample; its own stream of the sweep's seed scrambles them."""
    from scipy.stats import qmc

    d = len(sample.ranges)
    generator = generator_of(seed, f"sweep {sample.method}")
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    if sample.method == "latin-hypercube":
        u, dims, shape = qmc.LatinHypercube(d, rng=generator).random(sample.points), ("sample",), (sample.points,)
    elif sample.method == "sobol":
        u, dims, shape = qmc.Sobol(d, rng=generator).random(sample.points), ("sample",), (sample.points,)
    else:
        both = qmc.Sobol(2 * d, rng=generator).random(sample.points)
        a, b = both[:, :d], both[:, d:]
        mixed = [np.where(np.arange(d) == i, b, a) for i in range(d)]
        u, dims, shape = np.concatenate([a, b, *mixed]), ("matrix", "sample"), (d + 2, sample.points)
    levels = {path: span.at(u[:, i]) for i, (path, span) in enumerate(sample.ranges.items())}
    return Design(sample.method, factors_of(levels, scenarios), dims, shape)
