r"""Compiled log-probabilities of gains at many multipliers of the births, and of gains that nobody recorded.

With a multiplier z beside one of the law Gamma(a, b) that is not known, n gains of exposure x have the probability

    const z^n b^-n (1 + z x / b)^-(a + n)

(:mod:`synmodel.inference.likelihood.gains`). Where m more were not recorded, and these have the coefficient a_m
(:mod:`synmodel.inference.likelihood.hidden`), that is to be multiplied by the polynomial

    sum_m a_m (a + n) (a + n + 1) ... (a + n + m - 1) y^m,    y = z / (b + z x),

whose terms are all positive. Where births do not differ these are const z^n exp(-z x), sum_m a_m y^m and y = z. All
is written in z over kappa: then products of shapes, kappa (kappa + 1) ..., become those of (1 + k / kappa), which are
1 where births hardly differ.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, compiled
from synmodel.inference.likelihood.polynomials import add_log_polynomial

__all__ = ["add_unrecorded", "log_gains"]


@allocating_nothing
def log_one_more(v):  # type: ignore[no-untyped-def]
    """Logarithm of 1 + v, v >= 0; by a logarithm, which takes half as long as the library's function for this."""
    w = 1.0 + v
    rest = (v - (w - 1.0)) / w if v < 1.0 else 0.0  # what 1 + v is rounded by
    return math.log(w) + rest


@allocating_nothing
def log_gains(base, of, law, points, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (run, node, point) with ``base`` (run, node) and what the multipliers add to it.

    ``of`` are gains (run,), exposures (run, node), spines at the start (run,) and their means (run, node); ``law`` is
    kappa, infinite where births do not differ, and whether the start tells of them; ``points`` are the row of each
    run, and log z and z (row, point).
    """
    number, exposure, start, mean = of
    kappa, lasting = law
    row, log_z, z = points
    for r in range(len(number)):
        n, u, t = number[r], log_z[row[r]], z[row[r]]
        for j in range(exposure.shape[1]):
            b, x, to = base[r, j], exposure[r, j], out[r, j]
            if math.isinf(kappa):
                for p in range(len(to)):
                    to[p] = b + n * u[p] - t[p] * x
            elif lasting:
                m, a = mean[r, j], kappa + start[r] + n
                for p in range(len(to)):
                    of_start, of_gains = log_one_more(t[p] * m / kappa), log_one_more(t[p] * x / (kappa + t[p] * m))
                    to[p] = b + n * (u[p] - of_start) - a * of_gains
            else:
                each, a = x / kappa, kappa + n
                for p in range(len(to)):
                    to[p] = b + n * u[p] - a * log_one_more(t[p] * each)


@compiled
def add_unrecorded(log_a, run, rising, of, law, points, out):  # type: ignore[no-untyped-def]
    """Add to ``out`` (run, node, point) the logarithms of the polynomials of unrecorded gains.

    ``log_a`` (open, node, m) are the logarithms of their coefficients in the runs ``run`` (open,), ``rising`` (k,)
    those of 1, 1 (1 + 1 / kappa) and so on; the rest as in :func:`log_gains`.
    """
    number, exposure, start, mean = of
    kappa, lasting = law
    row, _, z = points
    y, total = np.empty(z.shape[1]), np.empty(z.shape[1])
    log_c, terms = np.empty(log_a.shape[2]), np.empty(log_a.shape[2])
    for i in range(len(run)):
        r = run[i]
        t, first = z[row[r]], int(number[r] + start[r]) if lasting else int(number[r])
        for j in range(exposure.shape[1]):
            x = (exposure[r, j] + (mean[r, j] if lasting else 0.0)) / kappa
            for m in range(len(log_c)):
                log_c[m] = log_a[i, j, m] + rising[first + m] - rising[first]
            for p in range(len(y)):
                y[p] = t[p] / (1.0 + t[p] * x)
            add_log_polynomial(log_c, y, (terms, total), out[r, j])
