"""Poisson and binomial draws by inversion of one keyed uniform.

Inversion costs about as many steps as the mean, and buys what a rejection method cannot give: the draw is a
monotone function of its uniform, so two scenarios that share the uniform stay as close as their probabilities
allow. Means above 64 are split into independent parts, each with its own counter; sums of independent Poisson
(or binomial) variables with the same probability are Poisson (binomial) again, so the split is exact.

Two draws share a Philox block: draw 2 b takes the first uniform of block b and draw 2 b + 1 the second. The fourth
counter word holds the block (low 16 bits) and the part (high 16 bits).

The rows are the cumulated probabilities that the inversions pass through, for kernels that make the same draw often.
"""

import math

from synmodel.core.compiled import compiled, inlined
from synmodel.core.randomness.philox import uniform_pair

__all__ = [
    "LARGEST_PART",
    "binomial",
    "binomial_row",
    "invert_binomial",
    "invert_poisson",
    "poisson",
    "poisson_row",
]

LARGEST_PART = 64.0
_NEXT_PART = 1 << 16
_NEVER = 2.0  # no uniform exceeds it


@compiled
def invert_poisson(mean, u):
    """Smallest k with P(X <= k) >= u for X ~ Poisson(mean), mean at most 64."""
    probability = math.exp(-mean)
    cumulative = probability
    k = 0
    while u > cumulative:
        k += 1
        probability *= mean / k
        if k > mean and probability < 1e-18:
            break  # the rest of the tail is below the resolution of u
        cumulative += probability
    return k


@compiled
def poisson_row(mean, row):
    """Write P(X <= k) for X ~ Poisson(mean) to ``row[k]``, as :func:`invert_poisson` meets it."""
    probability = math.exp(-mean)
    cumulative = probability
    row[:] = _NEVER
    row[0] = cumulative
    for k in range(1, row.size):
        probability *= mean / k
        if k > mean and probability < 1e-18:
            break
        cumulative += probability
        row[k] = cumulative


@compiled
def invert_binomial(n, p, u):
    """Smallest k with P(X <= k) >= u for X ~ Binomial(n, p), n p at most 64."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    odds = p / (1.0 - p)
    probability = math.exp(n * math.log1p(-p))
    cumulative = probability
    k = 0
    while u > cumulative and k < n:
        probability *= odds * (n - k) / (k + 1)
        k += 1
        cumulative += probability
    return k


@compiled
def binomial_row(n, p, row):
    """Write P(X <= k) for X ~ Binomial(n, p), p below 1, to ``row[k]``, as :func:`invert_binomial` meets it."""
    odds = p / (1.0 - p)
    probability = math.exp(n * math.log1p(-p))
    cumulative = probability
    row[:] = _NEVER
    for k in range(min(n, row.size)):
        row[k] = cumulative
        probability *= odds * (n - k) / (k + 1)
        cumulative += probability


@inlined
def uniform_of(k0, k1, c0, c1, c2, draw, part):
    """Uniform of a part of a draw."""
    first, second = uniform_pair(k0, k1, c0, c1, c2, (draw >> 1) + part * _NEXT_PART)
    return second if draw & 1 else first


@compiled
def poisson(mean, k0, k1, c0, c1, c2, draw):
    """Poisson(mean), the draw of this number at (c0, c1, c2)."""
    total, part = 0, 0
    while mean > LARGEST_PART:
        total += invert_poisson(LARGEST_PART, uniform_of(k0, k1, c0, c1, c2, draw, part))
        mean -= LARGEST_PART
        part += 1
    if mean <= 0.0:
        return total
    return total + invert_poisson(mean, uniform_of(k0, k1, c0, c1, c2, draw, part))


@compiled
def binomial(n, p, k0, k1, c0, c1, c2, draw):
    """Binomial(n, p), the draw of this number at (c0, c1, c2)."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    # Counting the rarer outcome keeps the search short; 1 - u keeps the draw monotone in u across p = 1/2.
    rare = min(p, 1.0 - p)
    size = n
    if n * rare > LARGEST_PART:
        size = int(LARGEST_PART / rare)
    total, part = 0, 0
    left = n
    while left > 0:
        here = min(size, left)
        u = uniform_of(k0, k1, c0, c1, c2, draw, part)
        if p <= 0.5:
            total += invert_binomial(here, p, u)
        else:
            total += here - invert_binomial(here, 1.0 - p, 1.0 - u)
        left -= here
        part += 1
    return total
