"""Compiled reductions over groups of rows."""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["add_rows", "less_the_highest"]


@allocating_nothing
def less_the_highest(values, first, relative, highest):  # type: ignore[no-untyped-def]
    """Fill ``highest`` (group, column) with the largest of each group, and ``relative`` with what values exceed it by.

    ``values`` are (row, column), ``first`` (group,) the first rows of groups. Where the largest is infinite, 0 is in
    its place.
    """
    for group in range(len(first)):
        stop = first[group + 1] if group + 1 < len(first) else len(values)
        top = highest[group]
        for k in range(len(top)):
            top[k] = values[first[group], k]
        for row in range(first[group] + 1, stop):
            for k in range(len(top)):
                top[k] = max(top[k], values[row, k])
        for k in range(len(top)):
            if math.isinf(top[k]):
                top[k] = 0.0
        for row in range(first[group], stop):
            for k in range(len(top)):
                relative[row, k] = values[row, k] - top[k]


@allocating_nothing
def add_rows(values, group, total):  # type: ignore[no-untyped-def]
    """Add values (row, column) to ``total`` (group, column); ``group`` (row,) may be in any order."""
    for row in range(len(values)):
        of = total[group[row]]
        for k in range(len(of)):
            of[k] += values[row, k]
