"""What happens to the law of hidden classes, under one name for two classes and one for three.

See :mod:`synmodel.inference.likelihood.kernel`, which does it; :mod:`synmodel.inference.likelihood.hidden`
makes its filters of these.
"""

import math

from synmodel.core.compiled import compiled, inlined
from synmodel.inference.likelihood.kernel import (
    join_three,
    join_two,
    lose_three,
    lose_two,
    move_three,
    move_two,
    survive_three,
    survive_two,
)

__all__ = [
    "add_two",
    "copy_three",
    "copy_two",
    "divide_three",
    "divide_two",
    "one_joins_three",
    "one_joins_two",
    "one_lost_three",
    "one_lost_two",
    "settle_three",
    "settle_two",
]


@compiled
def one_lost_two(f, n, d):  # type: ignore[no-untyped-def]
    """Derive once; returns the logarithm of the sum."""
    return lose_two(f, n, 1, d, 0.0)


@compiled
def settle_two(f, n, log_s, move, out, work):  # type: ignore[no-untyped-def]
    """Let n spines survive and, with ``out`` of some size, move; returns the logarithm of their probability."""
    log_p = survive_two(f, n, log_s, 0.0)
    if len(out) > 0 and log_p > -math.inf:
        move_two(f, n, move, out, work[0])
    return log_p


@compiled
def one_joins_two(f, n, fresh):  # type: ignore[no-untyped-def]
    """One newcomer."""
    join_two(f, n, fresh[0], fresh[1])


@compiled
def add_two(f, n, weight, other):  # type: ignore[no-untyped-def]
    """Add ``weight`` times another form of degree n."""
    for x in range(n + 1):
        f[x] += weight * other[x]


@inlined
def copy_two(f, to):  # type: ignore[no-untyped-def]
    """Copy a form. A loop, as where an array is assigned to another, the words of an error are compiled too."""
    for x in range(len(f)):
        to[x] = f[x]


@inlined
def divide_two(f, by):  # type: ignore[no-untyped-def]
    """Divide a form by a number."""
    for x in range(len(f)):
        f[x] /= by


@compiled
def one_lost_three(f, n, d):  # type: ignore[no-untyped-def]
    """As :func:`one_lost_two`."""
    return lose_three(f, n, 1, d, 0.0)


@compiled
def settle_three(f, n, log_s, move, out, work):  # type: ignore[no-untyped-def]
    """As :func:`settle_two`."""
    log_p = survive_three(f, n, log_s, 0.0, work[0])
    if len(out) > 0 and log_p > -math.inf:
        move_three(f, n, move, out, work[0], work[1])
    return log_p


@compiled
def one_joins_three(f, n, fresh):  # type: ignore[no-untyped-def]
    """As :func:`one_joins_two`."""
    join_three(f, n, fresh[0], fresh[1], fresh[2])


@inlined
def copy_three(f, to):  # type: ignore[no-untyped-def]
    """As :func:`copy_two`."""
    for x in range(f.shape[0]):
        for y in range(f.shape[1]):
            to[x, y] = f[x, y]


@inlined
def divide_three(f, by):  # type: ignore[no-untyped-def]
    """As :func:`divide_two`."""
    for x in range(f.shape[0]):
        for y in range(f.shape[1]):
            f[x, y] /= by
