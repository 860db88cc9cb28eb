"""The compiled loop behind :func:`synmodel.core.randomness.uniform_array`."""

from synmodel.core.compiled import compiled
from synmodel.core.randomness.philox import uniform

__all__ = ["fill_uniform"]


@compiled
def fill_uniform(begin, end, key, c0, c1, c2, c3, out):
    """Write the uniform of counter i to ``out[i]``."""
    k0, k1 = key[0], key[1]
    # Rows as arrays of their own: a place that might be negative is no vector.
    a, b, c, d, u = c0[begin:end], c1[begin:end], c2[begin:end], c3[begin:end], out[begin:end]
    for i in range(u.size):
        u[i] = uniform(k0, k1, a[i], b[i], c[i], d[i])
