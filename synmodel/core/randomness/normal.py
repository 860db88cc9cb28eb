"""Standard normal variates from keyed uniforms: the inverse of the normal distribution, many at a time.

Rational approximations of the Cephes library (Moshier 1989, ``ndtri``). scipy has the same, operation by operation, so
the bits are those of :func:`scipy.special.ndtri` where its build fuses no operations. A kernel that has them at hand
need not go through its arrays once more, and most uniforms, those between the tails, become vectors.
"""

import math

import numpy as np

from synmodel.core.compiled import allocating_nothing, inlined

__all__ = ["fill_normal"]

_TAIL = 0.13533528323661269189
"""exp(-2), from which on a tail has an approximation of its own."""
_ROOT_2_PI = 2.50662827463100050242
_FAR = 8.0


@inlined
def middle(u):
    """Quantile of a uniform between the tails."""
    y = u - 0.5
    z = y * y
    above = -5.99633501014107895267e1
    above = above * z + 9.80010754185999661536e1
    above = above * z - 5.66762857469070293439e1
    above = above * z + 1.39312609387279679503e1
    above = above * z - 1.23916583867381258016e0
    below = z + 1.95448858338141759834e0
    below = below * z + 4.67627912898881538453e0
    below = below * z + 8.63602421390890590575e1
    below = below * z - 2.25462687854119370527e2
    below = below * z + 2.00260212380060660359e2
    below = below * z - 8.20372256168333339912e1
    below = below * z + 1.59056225126211695515e1
    below = below * z - 1.18331621121330003142e0
    return (y + y * (z * above / below)) * _ROOT_2_PI


@inlined
def near_tail(z):
    """What is taken off a quantile up to 8, of z = 1 / sqrt(-2 ln u)."""
    above = 4.05544892305962419923e0
    above = above * z + 3.15251094599893866154e1
    above = above * z + 5.71628192246421288162e1
    above = above * z + 4.40805073893200834700e1
    above = above * z + 1.46849561928858024014e1
    above = above * z + 2.18663306850790267539e0
    above = above * z - 1.40256079171354495875e-1
    above = above * z - 3.50424626827848203418e-2
    above = above * z - 8.57456785154685413611e-4
    below = z + 1.57799883256466749731e1
    below = below * z + 4.53907635128879210584e1
    below = below * z + 4.13172038254672030440e1
    below = below * z + 1.50425385692907503408e1
    below = below * z + 2.50464946208309415979e0
    below = below * z - 1.42182922854787788574e-1
    below = below * z - 3.80806407691578277194e-2
    below = below * z - 9.33259480895457427372e-4
    return z * above / below


@inlined
def far_tail(z):
    """The same beyond 8."""
    above = 3.23774891776946035970e0
    above = above * z + 6.91522889068984211695e0
    above = above * z + 3.93881025292474443415e0
    above = above * z + 1.33303460815807542389e0
    above = above * z + 2.01485389549179081538e-1
    above = above * z + 1.23716634817820021358e-2
    above = above * z + 3.01581553508235416007e-4
    above = above * z + 2.65806974686737550832e-6
    above = above * z + 6.23974539184983293730e-9
    below = z + 6.02427039364742014255e0
    below = below * z + 3.67983563856160859403e0
    below = below * z + 1.37702099489081330271e0
    below = below * z + 2.16236993594496635890e-1
    below = below * z + 1.34204006088543189037e-2
    below = below * z + 3.28014464682127739104e-4
    below = below * z + 2.89247864745380683936e-6
    below = below * z + 6.79019408009981274425e-9
    return z * above / below


@allocating_nothing
def fill_normal(n, u, room, places, out):
    """Fill ``out`` with the normal quantiles of the first n uniforms.

    Tails are put together in ``u``, which is spent; ``room`` and ``places`` (unsigned) have space for n and one more.
    """
    for i in range(n):
        out[i] = middle(u[i])
    tails = np.uint64(0)
    for i in range(np.uint64(n)):
        # Written in any case and kept if it is needed: a branch could not be predicted. Upper tails are negative.
        y = u[i]
        places[tails], u[tails] = i, y - 1.0 if y > 0.5 else y
        tails += np.uint64(1) if y <= _TAIL or y > 1.0 - _TAIL else np.uint64(0)
    # The logarithms are calls that keep a loop from becoming vectors, so they have a loop of their own.
    for j in range(tails):
        x = math.sqrt(-2.0 * math.log(abs(u[j])))
        room[j], u[j] = math.log(x), math.copysign(x, -u[j])
    for j in range(tails):
        x = abs(u[j])
        z = 1.0 / x
        quantile = x - room[j] / x - near_tail(z)
        room[j] = quantile if u[j] > 0.0 else -quantile
    for j in range(tails):
        x = abs(u[j])
        if x >= _FAR:
            quantile = x - math.log(x) / x - far_tail(1.0 / x)
            room[j] = quantile if u[j] > 0.0 else -quantile
        out[places[j]] = room[j]
