"""Poisson and binomial draws by inversion of one keyed uniform.

Inversion costs about as many steps as the mean, and buys what a rejection method cannot give: the draw is a
monotone function of its uniform, so two scenarios that share the uniform stay as close as their probabilities
allow. Means above 64 are split into independent parts, each with its own counter; sums of independent Poisson
(or binomial) variables with the same probability are Poisson (binomial) again, so the split is exact.

The fourth counter word holds the slot of the decision (low 16 bits) and the part (high 16 bits).
"""

import math

from synmodel.compiled import compiled
from synmodel.randomness.philox import uniform

__all__ = ["binomial", "invert_binomial", "invert_poisson", "poisson"]

_LARGEST_PART = 64.0
_NEXT_PART = 1 << 16


@compiled
def invert_poisson(mean, u):  # type: ignore[no-untyped-def]
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
def invert_binomial(n, p, u):  # type: ignore[no-untyped-def]
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
def poisson(mean, k0, k1, c0, c1, c2, slot):  # type: ignore[no-untyped-def]
    """Poisson(mean) draw of the decision (c0, c1, c2, slot)."""
    total = 0
    counter = slot
    while mean > _LARGEST_PART:
        total += invert_poisson(_LARGEST_PART, uniform(k0, k1, c0, c1, c2, counter))
        mean -= _LARGEST_PART
        counter += _NEXT_PART
    if mean <= 0.0:
        return total
    return total + invert_poisson(mean, uniform(k0, k1, c0, c1, c2, counter))


@compiled
def binomial(n, p, k0, k1, c0, c1, c2, slot):  # type: ignore[no-untyped-def]
    """Binomial(n, p) draw of the decision (c0, c1, c2, slot)."""
    if n <= 0 or p <= 0.0:
        return 0
    if p >= 1.0:
        return n
    # Counting the rarer outcome keeps the search short; 1 - u keeps the draw monotone in u across p = 1/2.
    rare = min(p, 1.0 - p)
    part = n
    if n * rare > _LARGEST_PART:
        part = int(_LARGEST_PART / rare)
    total = 0
    left = n
    counter = slot
    while left > 0:
        size = min(part, left)
        u = uniform(k0, k1, c0, c1, c2, counter)
        if p <= 0.5:
            total += invert_binomial(size, p, u)
        else:
            total += size - invert_binomial(size, 1.0 - p, 1.0 - u)
        left -= size
        counter += _NEXT_PART
    return total
