"""Compiled reductions over groups of rows."""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["add_rows", "log_sums"]


@allocating_nothing
def log_sums(values, first, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (group, column) with the logarithms of the sums of exp(values) (row, column) over each group.

    ``first`` (group,) are the first rows of groups, which follow each other.
    """
    for group in range(len(first)):
        start, stop = first[group], first[group + 1] if group + 1 < len(first) else len(values)
        to, of = out[group], values[start]
        for k in range(len(to)):
            to[k] = of[k]
        if stop == start + 1:
            continue
        for row in range(start + 1, stop):
            of = values[row]
            for k in range(len(to)):
                to[k] = max(to[k], of[k])
        for k in range(len(to)):
            top, total = to[k], 0.0
            if math.isinf(top):
                for row in range(start, stop):
                    to[k] = to[k] if not math.isnan(values[row, k]) else values[row, k]
                continue
            for row in range(start, stop):
                total += math.exp(values[row, k] - top)
            to[k] = top + math.log(total)


@allocating_nothing
def add_rows(values, group, total):  # type: ignore[no-untyped-def]
    """Add values (row, column) to ``total`` (group, column); ``group`` (row,) may be in any order."""
    for row in range(len(values)):
        of = total[group[row]]
        for k in range(len(of)):
            of[k] += values[row, k]
