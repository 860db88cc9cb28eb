"""The compiled loop behind :func:`synmodel.core.randomness.uniform_array`."""

import numba

from synmodel.core.compiled import compiled_parallel
from synmodel.core.randomness.philox import uniform

__all__ = ["fill_uniform"]


@compiled_parallel
def fill_uniform(key, c0, c1, c2, c3, out):
    """Write the uniform of counter i to ``out[i]``."""
    k0, k1 = key[0], key[1]
    for i in numba.prange(out.size):
        out[i] = uniform(k0, k1, c0[i], c1[i], c2[i], c3[i])
