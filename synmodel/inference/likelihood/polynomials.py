"""Compiled logarithms of a polynomial with positive coefficients, at many points at once."""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["add_log_polynomial"]

_NEGLIGIBLE = math.log(1e-18)  # of the largest term at the largest point
_UNDERFLOWS = 1e-280  # terms of a smaller sum may be no numbers


@allocating_nothing
def log_polynomial(log_c, y):  # type: ignore[no-untyped-def]
    """Logarithm of sum_m c_m y^m, relative to its own largest term."""
    log_y, top, total = math.log(y) if y > 0.0 else -math.inf, log_c[0], 0.0
    for m in range(1, len(log_c)):
        top = max(top, log_c[m] + m * log_y)
    if top == -math.inf:
        return top
    for m in range(len(log_c)):
        total += math.exp(log_c[m] + (m * log_y if m > 0 else 0.0) - top)
    return top + math.log(total)


@allocating_nothing
def terms_at(log_c, y, work):  # type: ignore[no-untyped-def]
    """Fill ``work`` with the terms c_m y^m over the largest; returns its logarithm and the last that matters."""
    log_y, top, last = math.log(y), -math.inf, 0
    for m in range(len(work)):
        work[m] = log_c[m] + m * log_y
        top = max(top, work[m])
    if top == -math.inf:
        return top, 0
    for m in range(len(work)):
        if work[m] - top > _NEGLIGIBLE:
            last = m
    for m in range(last + 1):
        work[m] = math.exp(work[m] - top)
    return top, last


@allocating_nothing
def add_log_polynomial(log_c, y, work, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (point,) the logarithm of sum_m c_m y^m with ``log_c`` (m,) at each of ``y``, which is changed.

    ``work`` has a place for each coefficient, and one for each point.
    """
    terms, total = work
    largest = y[0]
    for p in range(1, len(y)):
        largest = max(largest, y[p])
    if not largest > 0.0:
        for p in range(len(y)):
            out[p] += log_c[0]
        return
    top, last = terms_at(log_c, largest, terms)
    if top == -math.inf:
        out[:] = -math.inf
        return
    for p in range(len(y)):
        y[p] /= largest
        total[p] = terms[last]
    for k in range(last):
        c = terms[last - 1 - k]
        for p in range(len(y)):
            total[p] = total[p] * y[p] + c
    for p in range(len(y)):
        if total[p] > _UNDERFLOWS:
            out[p] += top + math.log(total[p])
        else:
            out[p] += log_polynomial(log_c, y[p] * largest)
