r"""Gains that nobody recorded: a run's probability as a polynomial in the multiplier of births.

With a_m for m unrecorded gains (:mod:`synmodel.inference.likelihood.hidden`), beside G recorded ones of exposure x, and
a multiplier z times a gamma law of shape a and rate b (:mod:`synmodel.inference.likelihood.gains`)::

    E[sum_m a_m z^(G + m) exp(-z x)] = E[z^G exp(-z x)] sum_m a_m (a + G) (a + G + 1) ... (a + G + m - 1) y^m

with y = z / (b + z x), or y = z and a_m alone where births do not differ. All terms are positive. Horner's scheme for
many z at once costs less than one logarithm for each of them.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from synmodel.inference.likelihood.gains import Gains, births_law
from synmodel.inference.likelihood.polynomials import log_polynomials

__all__ = ["coefficients", "log_more"]

Array = NDArray[np.float64]


def coefficients(log_a: Array, gains: Gains, cv: float, *, lasting: bool) -> Array:
    """(run, node, m) logarithms of the coefficients of y^m.

    Parameters
    ----------
    log_a : (run, node, m) ndarray
        Logarithms of a_m.
    gains, cv, lasting
        As in :func:`log_more`.
    """
    if cv == 0:
        return log_a
    # a + G is 1 / cv^2 and a number, so that the factors of all runs are parts of one product.
    numbers = (gains.number + gains.start if lasting else gains.number)[:, 0, 0].astype(np.int64)
    factors = np.log(cv**-2 + np.arange(numbers.max(initial=0) + log_a.shape[2] - 1))
    products = sliding_window_view(np.append(0.0, np.cumsum(factors)), log_a.shape[2])[numbers]
    return log_a + (products - products[:, :1])[:, None, :]


def log_more(log_c: Array, gains: Gains, log_z: Array, cv: float, *, lasting: bool) -> Array:
    """(run, node, ...) logarithm of the sum over unrecorded gains, relative to the recorded ones alone.

    Parameters
    ----------
    log_c : (run, node, m) ndarray
        From :func:`coefficients`.
    gains : Gains
        Those recorded.
    log_z, cv, lasting
        As in :meth:`.gains.Gains.log_probability`.
    """
    y = np.exp(log_z)
    if cv > 0:
        _, rate = births_law(gains, y, cv, lasting=lasting)
        y = y / (rate + y * gains.exposure)
    y = np.broadcast_to(y, (*log_c.shape[:2], log_z.shape[-1])).copy()
    out = np.empty_like(y)
    log_polynomials(log_c, y, np.empty(log_c.shape[2]), out)
    return out
