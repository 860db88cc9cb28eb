"""Matrix exponentials of linear systems whose parts only pass on what they hold: hazards of spines, rates of a drug."""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled, inlined

__all__ = ["exponential", "exponentials", "multiply"]

_MOST = 0.5  # norm of what the series is summed for
_STIFF = 12  # squarings, each of which doubles a relative error, after which rows are held to their sums
_FOUR = 4
_NEGLIGIBLE = 1e-20  # norm of the first term that is left out; entries that are small by nature keep their digits


@compiled
def exponentials(matrices, result, conserved):
    """Fill ``result`` (n, m, m) with exp of ``matrices`` (n, m, m) whose entries off the diagonal are 0 or more.

    If ``conserved`` is not 0, the first so many rows sum to 0, and what follows is never left: these rows of the
    exponential sum to 1, and behind them it has 1 on its diagonal.

    exp(A) = e^-s exp(A + s I) with s the largest of -A_ii: all terms of the series and all products of squaring are
    0 or more, so every entry, however small, is right to a few rounding units, and one that must be 0 is 0.
    """
    m = matrices.shape[1]
    scaled, term, other = np.empty((m, m)), np.empty((m, m)), np.empty((m, m))
    for cell in range(matrices.shape[0]):
        exponential(matrices[cell], result[cell], scaled, term, other, conserved)


@allocating_nothing
def exponential(matrix, total, scaled, term, other, conserved):
    """Fill ``total`` (m, m) with the exponential of one matrix; the next three are work space.

    Where hazards are very fast beside the time, rounding would grow with every squaring and eat the slow ones. What
    is known to be 1 is kept at 1, which takes most of it away.
    """
    m = matrix.shape[0]
    shift = 0.0
    for i in range(m):
        shift = max(shift, -matrix[i, i])
    norm = shift + max_row_sum(matrix)
    halvings = 0
    while norm > _MOST:
        norm *= 0.5
        halvings += 1
    factor = 0.5**halvings
    for i in range(m):
        for j in range(m):
            scaled[i, j] = term[i, j] = factor * (matrix[i, j] + (shift if i == j else 0.0))
            total[i, j] = (1.0 if i == j else 0.0) + scaled[i, j]
    bound, k = norm, 1
    while bound > _NEGLIGIBLE:
        k += 1
        bound *= norm / k
        add_term(term, scaled, total, other, 1.0 / k)
    scale(total, math.exp(-factor * shift))  # before squaring, so that nothing overflows
    for _ in range(halvings):
        multiply(total, total, other, 1.0)
        copy(other, total)
        if halvings > _STIFF and conserved > 0:
            keep_sums(total, conserved)


@inlined
def row_of_four(a, i, b):
    """Row i of the product of two matrices 4 x 4, the size of two classes with birth and death, and so of nearly all.

    Written out, it becomes vector instructions.
    """
    w, x, y, z = a[i, 0], a[i, 1], a[i, 2], a[i, 3]
    return (
        w * b[0, 0] + x * b[1, 0] + y * b[2, 0] + z * b[3, 0],
        w * b[0, 1] + x * b[1, 1] + y * b[2, 1] + z * b[3, 1],
        w * b[0, 2] + x * b[1, 2] + y * b[2, 2] + z * b[3, 2],
        w * b[0, 3] + x * b[1, 3] + y * b[2, 3] + z * b[3, 3],
    )


@inlined
def add_term(term, scaled, total, other, factor):
    """Multiply ``term`` by ``scaled`` and a factor, in place, and add it to ``total``; ``other`` is work space."""
    m = term.shape[0]
    if m == _FOUR:
        for i in range(_FOUR):
            w, x, y, z = row_of_four(term, i, scaled)
            w, x, y, z = factor * w, factor * x, factor * y, factor * z
            term[i, 0], term[i, 1], term[i, 2], term[i, 3] = w, x, y, z
            total[i, 0] += w
            total[i, 1] += x
            total[i, 2] += y
            total[i, 3] += z
        return
    multiply(term, scaled, other, factor)
    for i in range(m):
        for j in range(m):
            term[i, j] = other[i, j]
            total[i, j] += other[i, j]


@inlined
def scale(total, factor):
    """Multiply a matrix, in place."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] *= factor


@inlined
def copy(matrix, to):
    """Copy a matrix."""
    for i in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[i, j] = matrix[i, j]


@inlined
def keep_sums(total, conserved):
    """Divide the first rows by their sums, and put 1 on the diagonal behind them."""
    m = total.shape[0]
    for i in range(conserved):
        row = 0.0
        for j in range(m):
            row += total[i, j]
        for j in range(m):
            total[i, j] /= row
    for i in range(conserved, m):
        total[i, i] = 1.0


@inlined
def max_row_sum(matrix):
    """Largest sum of a row."""
    largest = -math.inf
    for i in range(matrix.shape[0]):
        row = 0.0
        for j in range(matrix.shape[1]):
            row += matrix[i, j]
        largest = max(largest, row)
    return largest


@allocating_nothing
def multiply(a, b, product, factor):
    """Fill ``product`` with the matrix product of ``a`` and ``b``, times ``factor``."""
    m = a.shape[0]
    if m == _FOUR:
        for i in range(_FOUR):
            w, x, y, z = row_of_four(a, i, b)
            product[i, 0], product[i, 1], product[i, 2], product[i, 3] = factor * w, factor * x, factor * y, factor * z
        return
    for i in range(m):
        for j in range(m):
            entry = 0.0
            for k in range(m):
                entry += a[i, k] * b[k, j]
            product[i, j] = factor * entry
