"""Clocks that run by a fold: the time at which the integral of a piecewise constant fold has grown by so much.

A fold is constant on cells, so its integral is a broken line: the wait for a loss with hazard delta f(t) ends where the
line has grown by an exponential variate over delta. Cells in which the fold stays the same are one cell, and a fold
that never changes needs no search. Otherwise a coarse, even ruler says between which cells to look.

Marks and values lie in two arrays, ``real`` and ``whole``, and the tuples here hold places in them: a tuple of arrays
would cost a compiled loop a count of references for each of its members, at every use.
"""

import math
from typing import NamedTuple

from synmodel.core.compiled import allocating_nothing, inlined

__all__ = ["FOLD_SIZE", "RULER_SIZE", "Fold", "Ruler", "cell_of", "fold_at", "ruler_at", "waiting_end"]

RULER_SIZE, FOLD_SIZE = 7, 15


class Ruler(NamedTuple):
    """``size`` rising marks at ``real[marks]`` with an even ruler along them.

    Its ``bins`` begin at ``first``; bin b holds cells ``whole[low + b]`` to ``whole[high + b]``, and a hair more.
    """

    marks: int
    size: int
    low: int
    high: int
    bins: int
    first: float
    per_unit: float


class Fold(NamedTuple):
    """A fold: values at ``real[value]`` on cells, with rulers along the cells' borders and its integral up to them."""

    value: int
    day: Ruler
    integral: Ruler


@inlined
def ruler_at(real, k):  # type: ignore[no-untyped-def]
    """A ruler from its seven numbers."""
    return Ruler(
        int(real[k]), int(real[k + 1]), int(real[k + 2]), int(real[k + 3]), int(real[k + 4]), real[k + 5], real[k + 6]
    )


@inlined
def fold_at(real, k):  # type: ignore[no-untyped-def]
    """A fold from its fifteen numbers."""
    return Fold(int(real[k]), ruler_at(real, k + 1), ruler_at(real, k + 8))


@inlined
def cell_of(real, whole, ruler, x):  # type: ignore[no-untyped-def]
    """Last cell that begins at x or before."""
    b = min(max(int((x - ruler.first) * ruler.per_unit), 0), ruler.bins - 1)
    least, most = whole[ruler.low + b], whole[ruler.high + b]
    while most - least > 1:
        middle = (least + most + 1) // 2
        if real[ruler.marks + middle] <= x:
            least = middle
        else:
            most = middle - 1
    # Often one of two, without a branch: which could not be predicted.
    return most if real[ruler.marks + most] <= x else least


@allocating_nothing
def waiting_end(real, whole, fold, t, need):  # type: ignore[no-untyped-def]
    """Time at which the integral of the fold has grown by ``need`` since t; infinity if not by the last mark."""
    end = math.inf
    last = fold.day.size - 1
    if last == 1:
        at = t + need / real[fold.value]
        if at < real[fold.day.marks + 1]:
            end = at
    else:
        cell = cell_of(real, whole, fold.day, t)
        since = t - real[fold.day.marks + cell]
        target = real[fold.integral.marks + cell] + real[fold.value + cell] * since + need
        if target < real[fold.integral.marks + last]:
            cell = cell_of(real, whole, fold.integral, target)
            end = real[fold.day.marks + cell] + (target - real[fold.integral.marks + cell]) / real[fold.value + cell]
    return end
