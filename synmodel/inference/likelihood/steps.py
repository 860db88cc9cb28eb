"""Compiled parts of courses: mean class numbers from session to session, and where survivors and newcomers go.

Also what courses say of the gains of runs.
"""

import math

from synmodel.core.compiled import allocating_nothing

__all__ = ["advance", "fill_most", "meet", "share_out"]

_MOST = 1e9  # spines that can be told from infinitely many


@allocating_nothing
def advance(survival, newborn, mean):  # type: ignore[no-untyped-def]
    """Fill ``mean`` (node, session, K) from that at the first session: mean P + gamma, interval by interval."""
    n_class = mean.shape[2]
    for node in range(len(mean)):
        for i in range(mean.shape[1] - 1):
            for j in range(n_class):
                total = 0.0
                for c in range(n_class):
                    total += mean[node, i, c] * survival[node, i, c, j]
                mean[node, i + 1, j] = total + newborn[node, i, j]


@allocating_nothing
def share_out(survival, newborn, move, alive, log_alive, fresh, gamma):  # type: ignore[no-untyped-def]
    """Part P (node, interval, K, K) and gamma (node, interval, K) into sums over classes and shares in these.

    Where a sum is 0 all is in the first class.
    """
    n_class = newborn.shape[2]
    for node in range(len(newborn)):
        for i in range(newborn.shape[1]):
            for c in range(n_class):
                alive[node, i, c] = share(survival[node, i, c], move[node, i, c])
                here = alive[node, i, c]
                log_alive[node, i, c] = math.log(here) if here > 0.0 else -math.inf
            gamma[node, i] = share(newborn[node, i], fresh[node, i])


@allocating_nothing
def share(values, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with values over their sum, which is returned."""
    total = 0.0
    for c in range(len(values)):
        total += values[c]
    for c in range(len(values)):
        if total > 0.0:
            out[c] = values[c] / total
        else:
            out[c] = 1.0 if c == 0 else 0.0
    return total


@allocating_nothing
def meet(gained, first, stop, births, log_births, poisson, exposure):  # type: ignore[no-untyped-def]
    """Add to ``poisson`` (run, node) the sum of gains times logarithms of their means, to ``exposure`` that of means.

    ``gained`` is (run, interval), negative where it was not recorded; a run has the intervals ``first`` up to, not
    including, ``stop`` (run,); ``births`` and ``log_births`` (node, interval), with -inf where there are none.
    """
    for r in range(len(gained)):
        for node in range(len(births)):
            for k in range(gained.shape[1]):
                if gained[r, k] > 0:
                    poisson[r, node] += gained[r, k] * log_births[node, k]
            for k in range(first[r], stop[r]):
                exposure[r, node] += births[node, k]


@allocating_nothing
def fill_most(gained, count, inside, mean, largest_means, drop, most):  # type: ignore[no-untyped-def]
    """Fill ``most`` (run, interval) with the most spines that may be gained; it is 0 where no interval is.

    What was recorded, the ``count`` at the end, or where neither is known the number beyond which a Poisson number is
    with a probability of exp(-drop): by ``largest_means``, of which a number is the first that is not below its mean,
    or of a larger mean by Bernstein's bound.
    """
    for r in range(len(most)):
        for k in range(most.shape[1]):
            if gained[r, k] >= 0:
                most[r, k] = gained[r, k]
            elif count[r, k] >= 0:
                most[r, k] = count[r, k]
            elif inside[r, k]:
                number = 0
                while number < len(largest_means) and largest_means[number] < mean[r, k]:
                    number += 1
                if number < len(largest_means):
                    most[r, k] = number + 1
                else:
                    width = drop / 3 + math.sqrt((drop / 3) ** 2 + 2 * drop * mean[r, k])
                    most[r, k] = math.ceil(min(mean[r, k] + width, _MOST))
